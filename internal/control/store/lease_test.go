package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

func circle(epoch uint64, nodes ...model.CircleNode) model.Circle {
	return model.Circle{Epoch: epoch, Nodes: nodes}
}

// TestCircle has nodes come, renew, leave and end.
func TestCircle(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		a, b := newID(), newID()
		renew := func(node model.ID, seen uint64, life time.Duration, want model.Circle) {
			t.Helper()
			got, err := w.RenewLease(t.Context(), node, seen, life)
			must(t, err)
			equal(t, "circle", got, want)
		}
		renew(a, 0, time.Hour, circle(1, model.CircleNode{ID: a}))
		renew(a, 1, time.Hour, circle(1, model.CircleNode{ID: a, Seen: 1}))
		renew(b, 0, time.Hour, circle(2, model.CircleNode{ID: a, Seen: 1}, model.CircleNode{ID: b}))
		renew(b, 2, time.Hour, circle(2, model.CircleNode{ID: a, Seen: 1}, model.CircleNode{ID: b, Seen: 2}))
		must(t, w.LeaveCircle(t.Context(), a))
		must(t, w.LeaveCircle(t.Context(), a))
		renew(b, 2, -time.Hour, circle(3, model.CircleNode{ID: b, Seen: 2}))
		// The lease of b is over: whoever comes next takes it away, and b itself has to join anew.
		renew(a, 3, time.Hour, circle(4, model.CircleNode{ID: a, Seen: 3}))
		renew(b, 3, time.Hour, circle(5, model.CircleNode{ID: a, Seen: 3}, model.CircleNode{ID: b, Seen: 3}))
	})
}

// TestCircleOfMany has many nodes renew at once: each epoch stands for one set of nodes.
func TestCircleOfMany(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		var mu sync.Mutex
		sets := map[uint64]string{}
		var nodes sync.WaitGroup
		for range 8 {
			node := newID()
			nodes.Go(func() {
				for range 10 {
					c, err := w.RenewLease(t.Context(), node, 0, time.Hour)
					if err != nil {
						t.Error(err)
						return
					}
					var set strings.Builder
					for _, n := range c.Nodes {
						set.WriteString(string(n.ID))
					}
					mu.Lock()
					if old, ok := sets[c.Epoch]; ok && old != set.String() {
						t.Errorf("epoch %d is two circles", c.Epoch)
					}
					sets[c.Epoch] = set.String()
					mu.Unlock()
				}
			})
		}
		nodes.Wait()
		if len(sets) != 8 {
			t.Errorf("%d circles", len(sets))
		}
	})
}

// TestAlone: of many callers one is inside at a time, and an error lets the next one in.
func TestAlone(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[1].fresh(t)}
	nodes := []*store.Store{w.open(t), w.open(t)}
	var inside, ran atomic.Int32
	var all sync.WaitGroup
	fail := errors.New("fail")
	for n := range 12 {
		all.Go(func() {
			err := nodes[n%2].Alone(t.Context(), "test", func(ctx context.Context) error {
				if inside.Add(1) > 1 {
					t.Error("two are alone")
				}
				_, _, err := nodes[n%2].Accounts(ctx, nil, "", false, 0, 0)
				return errors.Join(err, fail, func() error { ran.Add(1); inside.Add(-1); return nil }())
			})
			if !errors.Is(err, fail) {
				t.Errorf("error %v", err)
			}
		})
	}
	all.Wait()
	if ran.Load() != 12 {
		t.Errorf("%d ran", ran.Load())
	}
}

// readOnly makes a database user who may SELECT and nothing else, and returns the address for it.
func readOnly(t *testing.T, url string) string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer c.Close(context.WithoutCancel(t.Context()))
	for _, text := range []string{
		"DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
		"GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
	} {
		_, err := c.Exec(t.Context(), text)
		must(t, err)
	}
	return strings.Replace(url, "headwater@", "reader@", 1)
}

// TestReadOnly opens a store as a user who may only SELECT, without the key: it follows, opens no secret, and writes nothing.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[1].fresh(t)}
	w.Store = w.open(t)
	account := newAccount()
	z := w.addZone(t, account, "a.test")
	seq := w.change(t, func(tx *store.Tx) []model.Entry {
		must(t, tx.PutTSIG(t.Context(), model.TSIG{ID: newID(), Account: account, Name: "k.", Algo: "hmac-sha256.", Secret: "c3dvcmRmaXNo"}))
		return []model.Entry{{Kind: model.EntryAccess, Account: account, Body: []byte("open"), Secret: []byte("swordfish")}}
	})
	r, err := store.Open(t.Context(), store.Config{URL: readOnly(t, w.url), ReadOnly: true, Keyless: true})
	must(t, err)
	defer func() { must(t, r.Close()) }()
	images := 0
	var access []model.Entry
	head, _, err := r.Load(t.Context(), func(model.Image) error { images++; return nil }, func(e model.Entry) error {
		access = append(access, e)
		return nil
	})
	must(t, err)
	if head != seq || images != 1 || len(access) != 1 || !access[0].Sealed || access[0].Secret != nil {
		t.Errorf("loaded %d images and %+v at %d, want %d", images, access, head, seq)
	}
	must(t, r.Entries(t.Context(), seq-1, func(e model.Entry) error {
		if !e.Sealed || string(e.Body) != "open" {
			t.Errorf("entry %+v", e)
		}
		return nil
	}))
	next := w.change(t, func(*store.Tx) []model.Entry { return []model.Entry{{Kind: model.EntryNotify, Zone: z.ID}} })
	must(t, r.Wait(t.Context(), func() model.Seq { return seq }))
	if next != seq+1 {
		t.Errorf("seq %d after %d", next, seq)
	}
	if _, err := r.Begin(t.Context()); !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("begin: %v", err)
	}
	if err := r.PutMeta(t.Context(), "a", nil); !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("write: %v", err)
	}
	if _, err := store.Open(t.Context(), store.Config{URL: readOnly(t, w.url), ReadOnly: true, SecretKey: [32]byte{9}}); !errors.Is(err, store.ErrSecretKey) {
		t.Errorf("opened with another key: %v", err)
	}
}

// TestReadOnlyWaits: a reader that is first on an empty database waits for who may make the tables.
func TestReadOnlyWaits(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[1].fresh(t)}
	opened := make(chan error, 1)
	go func() {
		r, err := store.Open(t.Context(), store.Config{URL: w.url, ReadOnly: true, SecretKey: testKey})
		if err == nil {
			err = r.Close()
		}
		opened <- err
	}()
	w.open(t)
	must(t, <-opened)
}

// TestReadOnlyNeedsServer: what makes no sense is refused.
func TestReadOnlyNeedsServer(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]store.Config{
		"keyless write": {URL: engines[1].fresh(t), Keyless: true},
	} {
		if s, err := store.Open(t.Context(), cfg); err == nil {
			t.Errorf("%s opened: %v", name, s.Close())
		}
	}
}

// TestSerialsOfPeersRise: what a node saves late does not take back what another one has saved since.
func TestSerialsOfPeersRise(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		peer := newID()
		for _, step := range []struct{ put, want uint32 }{
			{5, 5}, {9, 9}, {5, 9}, {9, 9}, {1<<32 - 2, 9}, {1<<31 + 1, 1<<31 + 1}, {1<<32 - 2, 1<<32 - 2}, {3, 3}, {1<<32 - 1, 3},
		} {
			must(t, w.PutPeerStates(t.Context(), []store.PeerState{{Zone: z.ID, Peer: peer, Serial: step.put, Known: true}}))
			must(t, w.PeerStates(t.Context(), z.ID, func(p store.PeerState) error {
				if p.Serial != step.want {
					t.Errorf("after %d there is %d, want %d", step.put, p.Serial, step.want)
				}
				return nil
			}))
		}
	})
}

// TestSerializationFailures provokes SQLSTATE 40001: under the strictest isolation whoever waited for a row is refused. A Tx
// tells of a lost race, and what is one call here is tried again by itself.
func TestSerializationFailures(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[1].fresh(t)}
	w.Store = w.open(t)
	a, b := w.addZone(t, newAccount(), "a.test"), w.addZone(t, newAccount(), "b.test")
	strict := &world{url: w.url + "&default_transaction_isolation=serializable"}
	nodes := []*store.Store{strict.open(t), strict.open(t)}
	late, err := nodes[1].Begin(t.Context())
	must(t, err)
	_, _, err = late.SeenChange(t.Context(), newID()) // from here on it sees the tables as they are now
	must(t, err)
	must(t, tryOne(t, nodes[0], a.ID, a.ID))
	if err := late.Lock(t.Context(), model.Locks{Zones: []model.ID{a.ID}}); !errors.Is(err, model.ErrStale) {
		t.Errorf("a row that another transaction has written since: %v", err)
	}
	late.Rollback()
	var all sync.WaitGroup
	var lost atomic.Int32
	const rounds = 10
	for i, zones := range [][2]model.ID{{a.ID, b.ID}, {b.ID, a.ID}} {
		all.Go(func() {
			for n := 0; n < rounds; {
				switch err := tryOne(t, nodes[i], zones[0], zones[1]); {
				case err == nil:
					n++
				case errors.Is(err, model.ErrStale):
					lost.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		})
		node := newID()
		all.Go(func() {
			for range rounds {
				if _, err := nodes[i].RenewLease(t.Context(), node, 0, time.Hour); err != nil {
					t.Error(err)
				}
				if err := nodes[i].PutPeerStates(t.Context(), []store.PeerState{{Zone: a.ID, Peer: a.ID, Serial: 1, Known: true}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, z := range []model.ID{a.ID, b.ID} {
		want := rounds
		if z == a.ID {
			want++
		}
		if n, err := w.CountRecords(t.Context(), z, model.RecordQuery{}); err != nil || n != want {
			t.Errorf("%d records, want %d: %v", n, want, err)
		}
	}
	t.Logf("%d transactions refused beside each other", lost.Load())
}

// TestNodesStartTogether has nodes open an empty database at once, under the strictest isolation: each makes the tables, or finds them
// made, whoever is quicker.
func TestNodesStartTogether(t *testing.T) {
	t.Parallel()
	for range 3 {
		w := &world{url: engines[1].fresh(t) + "&default_transaction_isolation=serializable", now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				s, err := store.Open(t.Context(), store.Config{URL: w.url, SecretKey: testKey, Clock: func() time.Time { return w.now }})
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}
