package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func TestJournal(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account := newAccount()
		z := w.addZone(t, account, "a.test")
		list := []model.Entry{
			{Kind: model.EntryDelta, Account: account, Zone: z.ID, Serial: 4294967295, At: at(9), Body: bytes.Repeat([]byte{0, 255}, 70000)},
			{Kind: model.EntryAccess, Account: account, At: at(10), Body: []byte("b"), Secret: []byte("swordfish")},
			{Kind: model.EntryAccess, Account: account, Zone: z.ID, Serial: 4294967295, At: at(10), Body: []byte("z1"), Secret: []byte("zs")},
			{Kind: model.EntryNotify, Account: account, Zone: z.ID, Serial: 4294967295, At: at(11)},
		}
		seq := w.change(t, func(*store.Tx) []model.Entry { return list })
		for i, e := range list {
			if e.Seq != z.Seq+model.Seq(i)+1 {
				t.Errorf("entry %d stands at %d after %d", i, e.Seq, z.Seq)
			}
		}
		equal(t, "entries", w.entries(t, z.Seq), list)
		equal(t, "no entries", w.entries(t, seq), []model.Entry(nil))
		got, err := w.Zone(t.Context(), z.ID)
		must(t, err)
		if got.Seq != seq || got.Serial != 4294967295 {
			t.Errorf("zone at %d with serial %d", got.Seq, got.Serial)
		}
		if err := w.Entries(t.Context(), seq+1, nil); !errors.Is(err, model.ErrDiverged) {
			t.Errorf("after the end: %v", err)
		}
		stop := errors.New("stop")
		if err := w.Entries(t.Context(), 0, func(model.Entry) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("error of yield: %v", err)
		}
		if s := w.Stats(); s.Commits != 2 || s.JournalRows != 5 || s.JournalBytes == 0 || s.CommitNanos == 0 {
			t.Errorf("stats: %+v", s)
		}
	})
}

func TestRollback(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		tx := w.begin(t)
		must(t, tx.PutRecords(t.Context(), []model.Record{testRecord(z.ID, "a.test", wire.TypeA, "x")}))
		must(t, tx.MarkChange(t.Context(), newID()))
		tx.Rollback()
		tx.Rollback()
		if _, err := tx.Commit(t.Context(), nil); err == nil {
			t.Error("committed after rollback")
		}
		if n, err := w.CountRecords(t.Context(), z.ID, model.RecordQuery{}); n != 0 || err != nil {
			t.Errorf("%d records: %v", n, err)
		}
		if seq := w.change(t, func(*store.Tx) []model.Entry { return nil }); seq != z.Seq {
			t.Errorf("the journal moved from %d to %d", z.Seq, seq)
		}
	})
}

func TestSeenChange(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		first := newID()
		seq := w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.MarkChange(t.Context(), first))
			must(t, tx.MarkChange(t.Context(), newID()))
			return []model.Entry{{Kind: model.EntryNotify, Zone: z.ID}}
		})
		check := func(id model.ID, want model.Seq) {
			t.Helper()
			w.change(t, func(tx *store.Tx) []model.Entry {
				got, seen, err := tx.SeenChange(t.Context(), id)
				must(t, err)
				if seen != (want != 0) || got != want {
					t.Errorf("change %s: %v at %d", id, seen, got)
				}
				return nil
			})
		}
		check(first, seq)
		check(newID(), 0)
		w.now = w.now.Add(2 * time.Hour)
		w.change(t, func(tx *store.Tx) []model.Entry {
			for range 600 {
				must(t, tx.MarkChange(t.Context(), newID()))
			}
			return nil
		})
		check(first, 0)
	})
}

// dump is what Load yields, in order.
func (w *world) load(t *testing.T) (images map[string]model.Image, order []string, seq model.Seq) {
	t.Helper()
	images = map[string]model.Image{}
	seq, _, err := w.Load(t.Context(), func(img model.Image) error {
		images[wire.Name(img.Name).Host()] = img
		order = append(order, "image "+wire.Name(img.Name).Host())
		return nil
	}, func(e model.Entry) error {
		if e.Kind != model.EntryAccess {
			t.Errorf("kind %d", e.Kind)
		}
		order = append(order, fmt.Sprintf("access %s %s %d %s %s", e.Account[28:], e.Zone, e.Serial, e.Body, e.Secret))
		return nil
	})
	must(t, err)
	return images, order, seq
}

func TestLoad(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account := newAccount()
		small, large := w.addZone(t, account, "small.test"), w.addZone(t, account, "large.test")
		img := model.Image{
			Zone: large.ID, Account: account, Name: string(large.Name), Serial: 2, Served: noise(3<<20 + 5), Transfer: noise(1<<20 + 1),
		}
		key := model.TSIG{ID: newID(), Account: account, Name: "k.", Algo: "hmac-sha256.", Secret: "c3dvcmRmaXNo"}
		peer := model.Peer{ID: newID(), Account: account, Name: "p", TSIG: key.ID}
		acl := model.ACL{ID: newID(), Account: account, Prefix: netip.MustParsePrefix("192.0.2.0/24")}
		whole := model.AccessChange{Whole: true, Ranges: []model.AccessRange{acl.Access()}, Peers: []model.AccessPeer{peer.Access()}}
		k, err := key.Access()
		must(t, err)
		whole.Keys = append(whole.Keys, k)
		body, secret := whole.Append()
		access := func(zone model.ID, body string) model.Entry {
			return model.Entry{Kind: model.EntryAccess, Account: account, Zone: zone, Serial: 2, Body: []byte(body), Secret: []byte("s")}
		}
		seq := w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.PutImage(t.Context(), img))
			must(t, tx.PutTSIG(t.Context(), key))
			must(t, tx.PutPeer(t.Context(), peer))
			must(t, tx.PutACL(t.Context(), acl))
			return []model.Entry{
				{Kind: model.EntryReset, Account: account, Zone: large.ID, Serial: 2},
				access(small.ID, "old"), access(small.ID, "new"),
			}
		})
		images, order, at := w.load(t)
		img.Seq = seq - 2
		equal(t, "image", images["large.test"], img)
		if got := images["small.test"]; got.Seq != small.Seq || string(got.Served) != "image of small.test" || got.Transfer != nil {
			t.Errorf("small image: %+v", got)
		}
		equal(t, "order", order, []string{
			fmt.Sprintf("access %s  0 %s %s", account[28:], body, secret),
			"image small.test", "access " + string(account[28:]) + " " + string(small.ID) + " 2 new s",
			"image large.test",
		})
		if at != seq {
			t.Errorf("loaded at %d of %d", at, seq)
		}
		one, err := w.Image(t.Context(), large.ID)
		must(t, err)
		equal(t, "one image", one, img)
		if _, err := w.Image(t.Context(), newID()); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("no image: %v", err)
		}
	})
}

func noise(n int) []byte {
	b := make([]byte, n)
	d := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = d.Read(b)
	return b
}

func TestCheckpoint(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account := newAccount()
		a, b := w.addZone(t, account, "a.test"), w.addZone(t, account, "b.test")
		var seqs []model.Seq
		for i := range 6 {
			z := []model.Zone{a, b}[i%2]
			seqs = append(seqs, w.change(t, func(*store.Tx) []model.Entry {
				return []model.Entry{{Kind: model.EntryDelta, Account: account, Zone: z.ID, Serial: uint32(i) + 2}}
			}))
		}
		img := model.Image{Zone: a.ID, Account: account, Name: string(a.Name), Seq: seqs[4], Serial: 6, Served: noise(2 << 20)}
		must(t, w.Checkpoint(t.Context(), img, seqs[2]))
		got, err := w.Image(t.Context(), a.ID)
		must(t, err)
		equal(t, "image", got, img)
		if n := len(w.entries(t, a.Seq)); n != 7 {
			t.Errorf("a node that loads the replaced image finds %d entries after it", n)
		}
		must(t, w.Checkpoint(t.Context(), img, seqs[2]))
		equal(t, "journal", w.remaining(t, 0, seqs[5]), []model.Seq{b.Seq, seqs[1], seqs[3], seqs[4], seqs[5]})
		equal(t, "part of the journal", w.remaining(t, b.Seq, seqs[4]), []model.Seq{seqs[1], seqs[3], seqs[4]})
		if err := w.Entries(t.Context(), seqs[2]-1, func(model.Entry) error { return nil }); !errors.Is(err, model.ErrStale) {
			t.Errorf("before what was pruned: %v", err)
		}
		if n := len(w.entries(t, seqs[2])); n != 3 {
			t.Errorf("%d entries after what was pruned", n)
		}

		older := img
		older.Seq, older.Served = seqs[2], []byte("older")
		must(t, w.Checkpoint(t.Context(), older, seqs[2]))
		got, err = w.Image(t.Context(), a.ID)
		must(t, err)
		equal(t, "image after an older one", got, img)
		newer := img
		newer.Seq = seqs[5]
		if err := w.Checkpoint(t.Context(), newer, seqs[2]); !errors.Is(err, model.ErrStale) {
			t.Errorf("an image of the future: %v", err)
		}
		img.Zone = newID()
		if err := w.Checkpoint(t.Context(), img, 0); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("an image of no zone: %v", err)
		}
	})
}

func TestRenewImages(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		whole := func() model.Seq {
			nothing := func(model.Entry) error { return nil }
			_, at, err := w.Load(t.Context(), func(model.Image) error { return nil }, nothing)
			must(t, err)
			return at
		}
		account := newAccount()
		a, b := w.addZone(t, account, "a.test"), w.addZone(t, account, "b.test")
		if at := whole(); at != b.Seq {
			t.Errorf("images hold all up to %d, not %d", at, b.Seq)
		}
		var seqs []model.Seq
		for _, z := range []model.Zone{a, b, a} {
			seqs = append(seqs, w.change(t, func(*store.Tx) []model.Entry {
				return []model.Entry{{Kind: model.EntryDelta, Account: account, Zone: z.ID, Serial: 2}}
			}))
		}
		if at := whole(); at != a.Seq {
			t.Errorf("images hold all up to %d, not %d", at, a.Seq)
		}
		img := func(z model.Zone, seq model.Seq, size int) model.Image {
			return model.Image{
				Zone: z.ID, Account: account, Name: string(z.Name), Seq: seq, Serial: 2, Served: noise(size), Transfer: noise(10),
			}
		}
		newest := []model.Image{img(a, seqs[2], 100), img(b, seqs[1], 100)}
		gone := img(model.Zone{ID: newID()}, 1, 100)
		must(t, w.RenewImages(t.Context(), []model.Image{newest[0], gone, newest[1]}))
		must(t, w.RenewImages(t.Context(), []model.Image{img(a, seqs[0], 50), img(b, seqs[1]+1, 2<<20)})) // older, too large
		for _, want := range newest {
			got, err := w.Image(t.Context(), want.Zone)
			must(t, err)
			equal(t, "image", got, want)
		}
		if at := whole(); at != seqs[2] {
			t.Errorf("images hold all up to %d, not %d", at, seqs[2])
		}
		if n := len(w.remaining(t, 0, seqs[2])); n != 5 {
			t.Errorf("the journal has %d entries", n)
		}
	})
}

func TestWait(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		must(t, w.Wait(t.Context(), func() model.Seq { return z.Seq - 1 }))
		short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := w.Wait(short, func() model.Seq { return z.Seq }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waited for nothing: %v", err)
		}
		done := make(chan error, 1)
		go func() { done <- w.Wait(t.Context(), func() model.Seq { return z.Seq }) }()
		w.change(t, func(*store.Tx) []model.Entry { return []model.Entry{{Kind: model.EntryNotify, Zone: z.ID}} })
		must(t, <-done)
	})
}

// TestOrder has writers on two nodes (on SQLite: of one) while readers follow: each reader sees every position once, in
// order, and without gaps, though it never waits for a gap to close.
func TestOrder(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		const writers, rounds = 6, 25
		account := newAccount()
		zones := make([]model.Zone, writers)
		for i := range zones {
			zones[i] = w.addZone(t, account, fmt.Sprintf("z%d.test", i))
		}
		nodes := []*store.Store{w.Store, w.Store}
		if w.Shared() {
			nodes[1] = w.open(t)
		}
		start := zones[writers-1].Seq
		end := start + writers*rounds*2
		var readers, writing sync.WaitGroup
		for _, s := range nodes {
			readers.Go(func() { follow(t, s, start, end) })
		}
		for i, z := range zones {
			writing.Go(func() {
				for n := range rounds {
					commitOne(t, nodes[(i+n)%2], z.ID, zones[(i+1)%writers].ID)
				}
			})
		}
		writing.Wait()
		readers.Wait()
		for _, z := range zones {
			n, err := w.CountRecords(t.Context(), z.ID, model.RecordQuery{})
			must(t, err)
			if n != rounds {
				t.Errorf("%s has %d records", z.Name, n)
			}
		}
	})
}

// commitOne adds a record to a zone and touches another, so that transactions that named them in both orders meet.
func commitOne(t *testing.T, s *store.Store, zone, other model.ID) {
	for {
		err := tryOne(t, s, zone, other)
		if err == nil {
			return
		}
		if !errors.Is(err, model.ErrStale) {
			t.Error(err)
			return
		}
	}
}

func tryOne(t *testing.T, s *store.Store, zone, other model.ID) error {
	tx, err := s.Begin(t.Context())
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.Lock(t.Context(), model.Locks{Zones: []model.ID{zone, other}}); err != nil {
		return err
	}
	if err := tx.PutRecords(t.Context(), []model.Record{testRecord(zone, "r.test", wire.TypeA, string(newID()))}); err != nil {
		return err
	}
	_, err = tx.Commit(t.Context(), []model.Entry{{Kind: model.EntryDelta, Zone: zone}, {Kind: model.EntryDelta, Zone: other}})
	return err
}

func follow(t *testing.T, s *store.Store, at, end model.Seq) {
	for at < end {
		if err := s.Wait(t.Context(), func() model.Seq { return at }); err != nil {
			t.Error(err)
			return
		}
		err := s.Entries(t.Context(), at, func(e model.Entry) error {
			if e.Seq != at+1 {
				return fmt.Errorf("position %d after %d", e.Seq, at)
			}
			at = e.Seq
			return nil
		})
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// TestSameRow has two nodes change one record: none of the changes may be lost.
func TestSameRow(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		r := testRecord(z.ID, "a.test", wire.TypeTXT, "")
		w.addRecords(t, r)
		nodes := []*store.Store{w.Store, w.Store}
		if w.Shared() {
			nodes[1] = w.open(t)
		}
		var group sync.WaitGroup
		const rounds = 20
		for _, s := range nodes {
			group.Go(func() {
				for range rounds {
					appendOne(t, s, z.ID, r.ID)
				}
			})
		}
		group.Wait()
		got, err := w.Record(t.Context(), z.ID, r.ID)
		must(t, err)
		if len(got.Content) != 2*rounds {
			t.Errorf("%d changes came through", len(got.Content))
		}
	})
}

func appendOne(t *testing.T, s *store.Store, zone, id model.ID) {
	for {
		tx, err := s.Begin(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		err = tx.Lock(t.Context(), model.Locks{Zones: []model.ID{zone}})
		if err == nil {
			var r model.Record
			if r, err = tx.Record(t.Context(), zone, id); err == nil {
				r.Content += "x"
				err = tx.PutRecords(t.Context(), []model.Record{r})
			}
		}
		if err == nil {
			_, err = tx.Commit(t.Context(), []model.Entry{{Kind: model.EntryDelta, Zone: zone}})
		}
		tx.Rollback()
		if err == nil {
			return
		}
		if !errors.Is(err, model.ErrStale) {
			t.Error(err)
			return
		}
	}
}

func TestBeginWaits(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[0].fresh(t)}
	w.Store = w.open(t)
	tx, err := w.Begin(t.Context())
	must(t, err)
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := w.Begin(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("two writers: %v", err)
	}
	tx.Rollback()
	tx, err = w.Begin(t.Context())
	must(t, err)
	tx.Rollback()
}

// The journal's head stays what it is when its last entries are pruned, their zone is deleted, or the program starts again
// after either: no position is given out twice.
func TestHeadOutlivesItsEntries(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		var last model.Seq
		check := func(what string) {
			t.Helper()
			s := w.reopen(t)
			if head, err := s.Head(ctx); err != nil || head != last {
				t.Fatalf("%s: the journal ends at %d instead of %d: %v", what, head, last, err)
			}
			next := w.change(t, func(*store.Tx) []model.Entry {
				return []model.Entry{{Kind: model.EntryNotify, Account: newID(), At: w.now}}
			})
			if next != last+1 {
				t.Fatalf("%s: position %d after %d", what, next, last)
			}
		}
		z := w.addZone(t, newAccount(), "a.test")
		last = w.change(t, func(*store.Tx) []model.Entry {
			return []model.Entry{{Kind: model.EntryDelta, Zone: z.ID, Serial: 2, Body: []byte("delta")}}
		})
		for range 2 { // an image is pruned up to the one before it
			must(t, w.Checkpoint(ctx, model.Image{Zone: z.ID, Account: z.Account, Name: string(z.Name), Seq: last, Serial: 2, Served: []byte("x")}, last))
		}
		if left := w.remaining(t, 0, last); len(left) > 0 {
			t.Fatalf("%v are left", left)
		}
		check("pruned")

		w.now = w.now.Add(100 * time.Hour)
		last, _ = w.Head(ctx)
		must(t, w.PruneNotices(ctx))
		if left := w.remaining(t, 0, last); len(left) > 0 {
			t.Fatalf("%v are left", left)
		}
		check("notices pruned")

		last = w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.DeleteZone(ctx, z.ID))
			return nil
		})
		check("zone deleted")
	})
}
