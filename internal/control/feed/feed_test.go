package feed_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/controltest"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) { testkit.VerifyTestMain(m) }

// writer writes zones with one TXT record at the apex, which tells the serial, straight into a store.
type writer struct {
	store *controltest.Store
	t     *testing.T
}

func set(z string, serial uint32) []rr.Set {
	apex := wire.MustName(z)
	soa := append([]byte(wire.MustName("ns.test")), wire.MustName("h.test")...)
	soa = append(soa, make([]byte, 20)...)
	wire.SetSOASerial(soa, serial)
	text := fmt.Sprint(serial)
	return []rr.Set{
		{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa}},
		{Owner: apex, Type: wire.TypeTXT, TTL: 60, Data: [][]byte{append([]byte{byte(len(text))}, text...)}},
	}
}

func (w writer) version(z string, serial uint32) *zone.Version {
	w.t.Helper()
	v, err := zone.Build(wire.MustName(z), set(z, serial))
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

func (w writer) commit(f func(*controltest.Tx) []model.Entry) []model.Entry {
	w.t.Helper()
	tx, err := w.store.Begin(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	entries := f(tx)
	if _, err := tx.Commit(w.t.Context(), entries); err != nil {
		w.t.Fatal(err)
	}
	return entries
}

func image(z string, v *zone.Version) model.Image {
	return model.Image{Zone: model.ID(z), Account: "acc", Name: string(wire.MustName(z)), Serial: v.Serial(), Served: v.Append(nil)}
}

// create makes a zone at a serial; its name is its id.
func (w writer) create(z string, serial uint32) []model.Entry {
	return w.commit(func(tx *controltest.Tx) []model.Entry {
		tx.PutZone(w.t.Context(), model.Zone{ID: model.ID(z), Account: "acc", Name: wire.MustName(z)})
		tx.PutImage(w.t.Context(), image(z, w.version(z, serial)))
		return []model.Entry{{Kind: model.EntryReset, Zone: model.ID(z), Account: "acc", Serial: serial}}
	})
}

func delta(z string, from, to uint32) model.Entry {
	var d zone.Delta
	d.From, d.To = from, to
	for i, serial := range []uint32{from, to} {
		for _, s := range set(z, serial) {
			b := &d.Removed
			if i == 1 {
				b = &d.Added
			}
			*b = wire.AppendRR(*b, s.Owner, s.Type, wire.ClassIN, s.TTL, s.Data[0])
		}
	}
	step := zone.Step{Transfer: d}
	return model.Entry{Kind: model.EntryDelta, Zone: model.ID(z), Account: "acc", Serial: to, Body: step.Append(nil)}
}

func (w writer) step(z string, from, to uint32) []model.Entry {
	return w.commit(func(*controltest.Tx) []model.Entry { return []model.Entry{delta(z, from, to)} })
}

// enable switches a zone's transfers on: others keep no history.
func (w writer) enable(z string) {
	w.commit(func(*controltest.Tx) []model.Entry {
		return []model.Entry{{
			Kind: model.EntryAccess, Account: "acc", Zone: model.ID(z), Body: model.ZoneAccess{Enabled: true}.Append(nil),
		}}
	})
}

// node is a memory that follows the store.
type node struct {
	*feed.Feed
	db *zone.DB

	mu        sync.Mutex
	published []string
	removed   []string
}

func (n *node) told() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := n.published
	n.published = nil
	return out
}

func start(t *testing.T, s *controltest.Store) *node {
	t.Helper()
	n := &node{db: zone.NewDB(0)}
	n.Feed = feed.New(feed.Config{
		Source: s, DB: n.db, Log: slog.New(slog.DiscardHandler), Workers: 3,
		Published: func(z *zone.Zone, forced bool) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.published = append(n.published, fmt.Sprintf("%s %d %v", z.ID, z.State().Transfer.Serial(), forced))
		},
		Removed: func(z *zone.Zone) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.removed = append(n.removed, z.ID)
		},
	})
	n.run(t)
	return n
}

func (n *node) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (n *node) wait(t *testing.T, seq model.Seq) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := n.Wait(ctx, seq); err != nil {
		t.Fatalf("position %d: %v (%+v)", seq, err, n.Health())
	}
}

func (n *node) serial(t *testing.T, z string) uint32 {
	t.Helper()
	m := n.db.ByID(z)
	if m == nil {
		return 0
	}
	return m.State().Transfer.Serial()
}

func TestLoadAndFollow(t *testing.T) {
	t.Parallel()
	w := writer{controltest.NewStore(), t}
	w.create("one", 10)
	w.enable("one")
	w.step("one", 10, 11)
	w.create("two", 20)
	last := w.step("one", 11, 12)
	n := start(t, w.store)
	n.wait(t, last[0].Seq)
	if n.serial(t, "one") != 12 || n.serial(t, "two") != 20 || !n.Health().Loaded {
		t.Errorf("got %d and %d, %+v", n.serial(t, "one"), n.serial(t, "two"), n.Health())
	}
	if chain, ok := n.db.ByID("one").State().History.Since(10); !ok || len(chain) != 2 {
		t.Errorf("history of %d deltas, %v", len(chain), ok)
	}
	if got := n.told(); len(got) != 0 {
		t.Errorf("what was loaded was published: %v", got)
	}
	e := w.step("two", 20, 21)
	n.wait(t, e[0].Seq)
	if got := fmt.Sprint(n.told()); n.serial(t, "two") != 21 || got != "[two 21 false]" {
		t.Errorf("serial %d, published %s", n.serial(t, "two"), got)
	}
	gone := w.commit(func(tx *controltest.Tx) []model.Entry {
		tx.DeleteZone(t.Context(), "two")
		return []model.Entry{{Kind: model.EntryGone, Zone: "two", Account: "acc"}}
	})
	n.wait(t, gone[0].Seq)
	if n.db.ByID("two") != nil || fmt.Sprint(n.removed) != "[two]" {
		t.Errorf("removed %v", n.removed)
	}
}

// ahead is a store with a zone at serial 12, and an image of it that is not stored yet: 10 and 11 are history then.
func ahead(t *testing.T) (writer, model.Image) {
	t.Helper()
	w := writer{controltest.NewStore(), t}
	w.create("one", 10)
	w.enable("one")
	w.step("one", 10, 11)
	e := w.step("one", 11, 12)
	img := image("one", w.version("one", 12))
	img.Seq = e[0].Seq
	return w, img
}

// TestHistoryFromTheJournal has an image that is ahead of older journal entries: they are history for IXFR.
func TestHistoryFromTheJournal(t *testing.T) {
	t.Parallel()
	w, img := ahead(t)
	if err := w.store.Checkpoint(t.Context(), img, 0); err != nil {
		t.Fatal(err)
	}
	last := w.step("one", 12, 13)
	n := start(t, w.store)
	n.wait(t, last[0].Seq)
	<-n.Recalled()
	chain, ok := n.db.ByID("one").State().History.Since(10)
	if !ok || len(chain) != 3 || n.serial(t, "one") != 13 {
		t.Errorf("history of %d deltas, %v, serial %d", len(chain), ok, n.serial(t, "one"))
	}
}

// TestHistoryIsRecalled has images that are up to date, so that the whole journal is left for later: it comes in front of
// what has happened since.
func TestHistoryIsRecalled(t *testing.T) {
	t.Parallel()
	w, img := ahead(t)
	if err := w.store.RenewImages(t.Context(), []model.Image{img}); err != nil {
		t.Fatal(err)
	}
	hold, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var mu sync.Mutex
	seen := map[model.Seq]bool{}
	n := &node{db: zone.NewDB(0)}
	n.Feed = feed.New(feed.Config{Source: w.store, DB: n.db, Seen: func(e model.Entry, inImage bool) {
		mu.Lock()
		seen[e.Seq] = inImage
		mu.Unlock()
		if inImage {
			once.Do(func() { close(held) })
			<-hold
		}
	}})
	n.run(t)
	<-held // the journal is being read, while the node follows
	last := w.step("one", 12, 13)
	n.wait(t, last[0].Seq)
	since := func(want int) {
		t.Helper()
		if chain, ok := n.db.ByID("one").State().History.Since(10); ok != (want > 0) || len(chain) != want {
			t.Errorf("history of %d deltas, %v", len(chain), ok)
		}
	}
	since(0)
	select {
	case <-n.Recalled():
		t.Error("history is said to be there")
	default:
	}
	close(hold)
	<-n.Recalled()
	since(3)
	if n.serial(t, "one") != 13 || len(seen) != 5 || seen[last[0].Seq] || !seen[img.Seq] {
		t.Errorf("serial %d, seen %v", n.serial(t, "one"), seen)
	}
}

func TestOffer(t *testing.T) {
	t.Parallel()
	w := writer{controltest.NewStore(), t}
	n := start(t, w.store)
	<-n.Loaded()
	synced := w.create("one", 10)
	if n.Offer(synced, nil, nil); n.serial(t, "one") != 10 {
		n.wait(t, synced[0].Seq)
	}
	ahead := []model.Entry{delta("one", 11, 12)}
	ahead[0].Seq = synced[0].Seq + 2
	if n.Offer(ahead, nil, nil) {
		t.Error("an entry behind a gap was taken")
	}
	e := w.step("one", 10, 11)
	if !n.Offer(e, nil, nil) && n.serial(t, "one") != 11 {
		t.Error("a fitting entry was not taken")
	}
	if !n.Offer(e, nil, nil) {
		t.Error("what is there already is not told as there")
	}
	n.wait(t, e[0].Seq)
	if n.serial(t, "one") != 11 {
		t.Errorf("got %d", n.serial(t, "one"))
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	w := writer{controltest.NewStore(), t}
	w.create("one", 10)
	a := model.AccessChange{
		Whole:  true,
		Ranges: []model.AccessRange{{ID: "r", Prefix: netip.MustParsePrefix("192.0.2.0/24")}},
		Keys:   []model.AccessKey{{ID: "k", Name: wire.MustName("k"), Algorithm: wire.MustName("hmac-sha256"), Secret: []byte("s")}},
		Peers:  []model.AccessPeer{{ID: "p", Name: "peer", Addr: netip.MustParseAddrPort("192.0.2.1:53"), Key: "k"}},
	}
	account := model.Entry{Kind: model.EntryAccess, Account: "acc"}
	account.Body, account.Secret = a.Append()
	links := model.Entry{
		Kind: model.EntryAccess, Account: "acc", Zone: "one", Serial: 10,
		Body: model.ZoneAccess{Enabled: true, Peers: []model.ID{"p"}}.Append(nil),
	}
	check := func(n *node) {
		t.Helper()
		got := n.db.ByID("one").Access()
		if !got.Enabled || len(got.Peers) != 1 || got.Peers[0].Key == nil || string(got.Peers[0].Key.Secret) != "s" || len(got.ACL) != 1 {
			t.Errorf("got %+v", got)
		}
	}
	n := start(t, w.store)
	<-n.Loaded()
	e := w.commit(func(*controltest.Tx) []model.Entry {
		return []model.Entry{account, links, {Kind: model.EntryNotify, Account: "acc", Zone: "one", Serial: 10}}
	})
	n.wait(t, e[2].Seq)
	check(n)
	if got := fmt.Sprint(n.told()); got != "[one 10 false one 10 true]" {
		t.Errorf("published %s", got)
	}
	if got := n.db.ByID("one").State().Seq; got != uint64(e[2].Seq) {
		t.Errorf("the zone stands at %d, its newest entry at %d", got, e[2].Seq)
	}
	again := start(t, w.store)
	again.wait(t, e[2].Seq)
	check(again)
	if got := again.db.ByID("one").State().Seq; got != uint64(e[2].Seq) {
		t.Errorf("after a restart the zone stands at %d, its newest entry at %d", got, e[2].Seq)
	}
	bad := links
	bad.Body = []byte("nonsense")
	e = w.commit(func(*controltest.Tx) []model.Entry { return []model.Entry{bad} })
	n.wait(t, e[0].Seq)
	if n.db.ByID("one").Access().Enabled {
		t.Error("transfers are on by an entry that cannot be read")
	}
	third := start(t, w.store)
	third.wait(t, e[0].Seq)
	if got := third.db.ByID("one").State().Seq; got != uint64(e[0].Seq) || third.db.ByID("one").Access().Enabled {
		t.Errorf("after a restart the zone stands at %d, its newest entry at %d", got, e[0].Seq)
	}
}

func TestEntryThatDoesNotFit(t *testing.T) {
	t.Parallel()
	w := writer{controltest.NewStore(), t}
	w.create("one", 10)
	w.create("two", 10)
	n := start(t, w.store)
	<-n.Loaded()
	// Another node has put a new image in place, and the journal goes on from there.
	img := image("one", w.version("one", 50))
	e := w.commit(func(tx *controltest.Tx) []model.Entry {
		tx.PutImage(t.Context(), img)
		return []model.Entry{delta("one", 49, 50)}
	})
	n.wait(t, e[0].Seq)
	if got := n.serial(t, "one"); got != 50 || n.Health().Resyncs != 1 {
		t.Errorf("got %d, %+v", got, n.Health())
	}
	// And one that fits nothing at all harms no other zone.
	e = w.commit(func(*controltest.Tx) []model.Entry { return []model.Entry{delta("one", 70, 71), delta("two", 10, 11)} })
	n.wait(t, e[1].Seq)
	if n.serial(t, "one") != 50 || n.serial(t, "two") != 11 || n.Health().Damaged == 0 {
		t.Errorf("got %d and %d, %+v", n.serial(t, "one"), n.serial(t, "two"), n.Health())
	}
}

// TestTailThatDoesNotFit starts with changes after the images, of which those of one zone break off: it stands where they
// still fit, and no other zone is harmed.
func TestTailThatDoesNotFit(t *testing.T) {
	t.Parallel()
	w := writer{controltest.NewStore(), t}
	w.create("one", 10)
	w.create("two", 10)
	w.step("one", 10, 11)
	w.step("two", 10, 11)
	w.step("one", 11, 12)
	w.step("one", 49, 50)
	last := w.step("two", 11, 12)
	n := start(t, w.store)
	n.wait(t, last[0].Seq)
	if n.serial(t, "one") != 12 || n.serial(t, "two") != 12 || n.Health().Damaged == 0 {
		t.Errorf("serials %d and %d, %+v", n.serial(t, "one"), n.serial(t, "two"), n.Health())
	}
}

// TestTailOfOtherEntries has entries of other kinds between a zone's changes at the start: all come in their order.
func TestTailOfOtherEntries(t *testing.T) {
	t.Parallel()
	w := writer{controltest.NewStore(), t}
	w.create("one", 10)
	w.create("two", 10)
	w.step("one", 10, 11)
	w.enable("one")
	w.step("one", 11, 12)
	w.step("two", 10, 11)
	w.commit(func(tx *controltest.Tx) []model.Entry {
		tx.DeleteZone(t.Context(), "two")
		return []model.Entry{{Kind: model.EntryGone, Zone: "two", Account: "acc"}}
	})
	w.create("two", 30)
	w.step("two", 30, 31)
	last := w.step("one", 12, 13)
	n := start(t, w.store)
	n.wait(t, last[0].Seq)
	if n.serial(t, "one") != 13 || n.serial(t, "two") != 31 || n.Health().Damaged != 0 || n.Health().Resyncs != 0 {
		t.Errorf("serials %d and %d, %+v", n.serial(t, "one"), n.serial(t, "two"), n.Health())
	}
	if seq := n.db.ByID("one").State().Seq; seq != uint64(last[0].Seq) {
		t.Errorf("position %d, want %d", seq, last[0].Seq)
	}
	if told := n.told(); len(told) != 0 {
		t.Errorf("what was loaded was published: %v", told)
	}
}

func TestDamagedImage(t *testing.T) {
	t.Parallel()
	w := writer{controltest.NewStore(), t}
	w.create("one", 10)
	last := w.commit(func(tx *controltest.Tx) []model.Entry {
		tx.PutImage(t.Context(), model.Image{Zone: "bad", Account: "acc", Name: string(wire.MustName("bad")), Served: []byte("nonsense")})
		return []model.Entry{{Kind: model.EntryReset, Zone: "bad", Account: "acc"}}
	})
	n := start(t, w.store)
	n.wait(t, last[0].Seq)
	if n.serial(t, "one") != 10 || n.db.ByID("bad") != nil || n.Health().Damaged != 1 {
		t.Errorf("got %+v", n.Health())
	}
}

func TestAwayTooLong(t *testing.T) {
	t.Parallel()
	w := writer{controltest.NewStore(), t}
	for _, z := range []string{"one", "two", "three"} {
		w.create(z, 10)
	}
	n := start(t, w.store)
	<-n.Loaded()
	away := true
	w.store.SetFail(func(op string) error {
		if op == "entries" && away {
			return errors.New("no route to host")
		}
		return nil
	})
	w.step("one", 10, 11)
	e := w.step("one", 11, 12)
	img := image("one", w.version("one", 12))
	img.Seq = e[0].Seq
	if err := w.store.Checkpoint(t.Context(), img, img.Seq); err != nil {
		t.Fatal(err)
	}
	w.commit(func(tx *controltest.Tx) []model.Entry {
		tx.DeleteZone(t.Context(), "three")
		return []model.Entry{{Kind: model.EntryGone, Zone: "three", Account: "acc"}}
	})
	last := w.step("two", 10, 11)
	w.store.SetFail(nil)
	n.wait(t, last[0].Seq)
	if n.serial(t, "one") != 12 || n.serial(t, "two") != 11 || n.db.ByID("three") != nil {
		t.Errorf("got %d and %d", n.serial(t, "one"), n.serial(t, "two"))
	}
}

func TestStoreOutOfReach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := writer{controltest.NewStore(), t}
		w.create("one", 10)
		w.store.SetFail(func(op string) error {
			if op == "load" {
				return errors.New("connection refused")
			}
			return nil
		})
		n := start(t, w.store)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if h := n.Health(); h.Loaded || h.Err == "" || h.Failing.IsZero() {
			t.Errorf("got %+v", h)
		}
		if ctx, cancel := context.WithTimeout(t.Context(), time.Second); !errors.Is(n.Wait(ctx, 0), context.DeadlineExceeded) {
			t.Error("waited for nothing")
			cancel()
		} else {
			cancel()
		}
		w.store.SetFail(nil)
		<-n.Loaded()
		synctest.Wait()
		if h := n.Health(); !h.Loaded || h.Err != "" || n.serial(t, "one") != 10 {
			t.Errorf("got %+v", h)
		}
	})
}
