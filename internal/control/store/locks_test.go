package store_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestNothingWithoutLock: what a transaction has not locked it can neither read to rely on nor write, and is told what it lacks.
func TestNothingWithoutLock(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		account := newAccount()
		z, other := w.addZone(t, account, "a.test"), w.addZone(t, account, "b.test")
		zone, owner := model.Locks{Zones: []model.ID{z.ID}}, model.Locks{Accounts: []model.ID{account}}
		for name, tt := range map[string]struct {
			do   func(tx *store.Tx) error
			need model.Locks
		}{
			"read zone": {func(tx *store.Tx) error { _, err := tx.Zone(ctx, z.ID); return err }, zone},
			"write records": {func(tx *store.Tx) error {
				return tx.PutRecords(ctx, []model.Record{testRecord(z.ID, "a.test", wire.TypeA, "x")})
			}, zone},
			"delete records": {func(tx *store.Tx) error { return tx.DeleteRecords(ctx, z.ID, []model.ID{newID()}) }, zone},
			"write image":    {func(tx *store.Tx) error { return tx.PutImage(ctx, model.Image{Zone: z.ID}) }, zone},
			"delete zone":    {func(tx *store.Tx) error { return tx.DeleteZone(ctx, z.ID) }, zone},
			"journal": {func(tx *store.Tx) error {
				_, err := tx.Commit(ctx, []model.Entry{{Kind: model.EntryNotify, Zone: z.ID}})
				return err
			}, zone},
			"new zone":   {func(tx *store.Tx) error { return tx.PutZone(ctx, testZone(account, "c.test")) }, owner},
			"read keys":  {func(tx *store.Tx) error { _, err := tx.TSIGs(ctx, account); return err }, owner},
			"read peers": {func(tx *store.Tx) error { _, err := tx.Peers(ctx, account); return err }, owner},
			"read ACLs":  {func(tx *store.Tx) error { _, err := tx.ACLs(ctx, account); return err }, owner},
			"write key":  {func(tx *store.Tx) error { return tx.PutTSIG(ctx, model.TSIG{ID: newID(), Account: account}) }, owner},
			"write peer": {func(tx *store.Tx) error { return tx.PutPeer(ctx, model.Peer{ID: newID(), Account: account}) }, owner},
			"write ACL":  {func(tx *store.Tx) error { return tx.PutACL(ctx, model.ACL{ID: newID(), Account: account}) }, owner},
		} {
			tx, err := w.Begin(ctx)
			must(t, err)
			must(t, tx.Lock(ctx, model.Locks{Zones: []model.ID{other.ID}}))
			var lacks *model.UnlockedError
			if err := tt.do(tx); !errors.As(err, &lacks) {
				t.Errorf("%s: %v", name, err)
			} else {
				equal(t, name+" needs", lacks.Missing, tt.need)
			}
			if err := tx.Lock(ctx, tt.need); err == nil {
				t.Errorf("%s: locked twice", name)
			}
			tx.Rollback()
		}
	})
}

// TestLocksOfMany has transactions, on two nodes, that touch many zones and accounts, named in any order, beside what else
// writes: images, prunings, what is known of peers, the last use of tokens, marks of a restore. That there is no deadlock is
// seen at the end of all tests.
func TestLocksOfMany(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[1].fresh(t)}
	w.Store = w.open(t)
	nodes := []*store.Store{w.Store, w.open(t)}
	ctx, account, peers := t.Context(), newAccount(), []model.ID{newAccount(), newAccount(), newAccount()}
	w.change(t, func(tx *store.Tx) []model.Entry { must(t, tx.PutAccount(ctx, model.Account{ID: account})); return nil })
	var zones, tokens []model.ID
	for i := range 12 {
		zones = append(zones, w.addZone(t, account, "z"+string(rune('a'+i))+".test").ID)
		token := model.Token{ID: newID(), User: account, Hash: []byte{byte(i)}}
		w.people(t, func(tx model.PeopleTx) error { return tx.AddToken(ctx, token) })
		tokens = append(tokens, token.ID)
	}
	var all sync.WaitGroup
	for n := range 4 {
		s := nodes[n%2]
		shuffled := func() []model.ID {
			out := slices.Clone(zones)
			rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
			return out
		}
		all.Go(func() {
			for range 20 {
				some := shuffled()[:5]
				tx, err := s.Begin(ctx)
				must(t, err)
				must(t, tx.Lock(ctx, model.Locks{Accounts: []model.ID{account}, Zones: some}))
				var entries []model.Entry
				for _, z := range some {
					must(t, tx.PutRecords(ctx, []model.Record{testRecord(z, "a.test", wire.TypeA, "x")}))
					must(t, tx.PutImage(ctx, model.Image{Zone: z, Served: []byte("new")}))
					entries = append(entries, model.Entry{Kind: model.EntryDelta, Zone: z})
				}
				if _, err := tx.Commit(ctx, entries); err != nil && !errors.Is(err, model.ErrStale) {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for i := range 20 {
				var images []model.Image
				var states []store.PeerState
				for _, z := range shuffled() {
					images = append(images, model.Image{Zone: z, Seq: 1 << 40, Served: []byte("renewed")})
					for _, p := range peers {
						states = append(states, store.PeerState{Zone: z, Peer: p, Serial: uint32(i), Known: true})
					}
				}
				if err := errors.Join(s.RenewImages(ctx, images), s.PutPeerStates(ctx, states)); err != nil {
					t.Error(err)
				}
				for _, token := range tokens {
					s.TouchToken(token, at(i))
				}
			}
		})
		all.Go(func() {
			for i := range 10 {
				z := testZone(account, "gone"+string(rune('a'+n))+".test")
				tx, err := s.Begin(ctx)
				must(t, err)
				must(t, tx.Lock(ctx, model.Locks{Accounts: []model.ID{account}}))
				must(t, tx.PutZone(ctx, z))
				must(t, tx.DeleteZone(ctx, z.ID))
				if _, err := tx.Commit(ctx, []model.Entry{{Kind: model.EntryGone, Zone: z.ID}}); err != nil {
					t.Error(err)
				}
				if i%3 == 0 {
					must(t, s.MarkRestored(ctx))
				}
			}
		})
	}
	all.Wait()
}
