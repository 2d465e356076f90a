package keeper_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/controltest"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/keeper"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/parent"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

const (
	account = "acc"
	day     = 24 * time.Hour
	// margin is what every signature has left that is handed out: the SOA's expire and the longest TTL.
	margin = 7*day + day
)

// world is a store with a zone, and a parent that does as it is told. Its clock is the bubble's.
type world struct {
	store *controltest.Store
	ids   atomic.Uint64
	zone  model.ID
	name  wire.Name
	small int               // records up to which a zone is signed in a change; 0: as usual
	skew  atomic.Int64      // by how much the clock is ahead of the bubble's
	shown func(*zone.State) // hears of every version

	mu     sync.Mutex
	behind []string
	parent func() [][]byte // the DS RRset; nil: nobody answers
	looks  atomic.Int32
}

// node is a careful half with a keeper.
type node struct {
	*world
	db     *zone.DB
	commit *commit.Committer
	keeper *keeper.Keeper
	stop   func()
}

func (w *world) clock() time.Time { return time.Now().Add(time.Duration(w.skew.Load())) }

// start starts a node; asleep keepers do nothing before anybody wakes them.
func (w *world) start(t *testing.T, keeps bool, edit ...func(*keeper.Config)) *node {
	t.Helper()
	n := &node{world: w, db: zone.NewDB(0)}
	published := func(*zone.Zone, bool) {}
	fd := feed.New(feed.Config{Source: w.store, DB: n.db, Published: func(z *zone.Zone, forced bool) {
		if w.shown != nil {
			w.shown(z.State())
		}
		published(z, forced)
	}})
	var err error
	n.commit, err = commit.New(commit.Config{
		Begin: func(ctx context.Context) (commit.Tx, error) { return w.store.Begin(ctx) },
		DB:    n.db, Feed: fd, Clock: w.clock, NameServers: []string{"ns1.test"}, Limits: commit.Limits{SignRecords: w.small},
		NewID: func() model.ID { return model.ID(fmt.Sprintf("%032x", w.ids.Add(1))) },
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := keeper.Config{
		DB: n.db, Change: n.commit.Change, Clock: w.clock, Parents: w, Names: 7, Sign: n.commit.Sign,
		Zones: func(_ context.Context, yield func(model.ID) error) error { return yield(w.zone) },
		Behind: func(*zone.Zone, uint32, bool) []string {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.behind
		},
	}
	for _, e := range edit {
		e(&cfg)
	}
	n.keeper = keeper.New(cfg)
	published = func(z *zone.Zone, forced bool) {
		if n.keeper.Touched(z); forced {
			n.keeper.Look(model.ID(z.ID))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	n.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(n.stop)
	wg.Go(func() { _ = fd.Run(ctx) })
	<-fd.Loaded()
	wg.Go(func() { _ = n.commit.Run(ctx) })
	if keeps {
		wg.Go(func() { _ = n.keeper.Run(ctx) })
	}
	return n
}

// DS is what the parent says.
func (w *world) DS(context.Context, wire.Name) (parent.Answer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks.Add(1)
	if w.parent == nil {
		return parent.Answer{}, errors.New("nobody answers")
	}
	return parent.Answer{Zone: w.name, Seen: []parent.Seen{{DS: w.parent(), TTL: 3600}}}, nil
}

func (n *node) must(t *testing.T, c model.Change) model.Result {
	t.Helper()
	r, err := n.commit.Change(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// signed makes a world whose zone has so many names and is signed.
func signed(t *testing.T, names int) *world {
	t.Helper()
	return signedIn(t, &world{store: controltest.NewStore(), name: wire.MustName("example")}, names)
}

// signedIn is signed in a world that is made already.
func signedIn(t *testing.T, w *world, names int) *world {
	t.Helper()
	n := w.start(t, false)
	n.must(t, model.Change{Edits: []model.Edit{model.CreateAccount{Account: model.Account{ID: account}}}})
	edits := []model.Edit{model.CreateZone{Zone: model.Zone{Name: w.name}}}
	for i := range names {
		edits = append(edits, model.AddRecord{Record: model.Record{
			Name: wire.MustName(fmt.Sprintf("n%d.%s", i, w.name.Host())), Type: wire.TypeA, TTL: 300, RData: []byte{192, 0, 2, 1},
		}})
	}
	w.zone = n.must(t, model.Change{Account: account, Edits: edits}).Outcomes[0].Zone.ID
	n.must(t, model.Change{Zone: w.zone, Edits: []model.Edit{model.EditZone{Apply: func(z model.Zone) (model.Zone, error) {
		z.DNSSEC.Status = model.DNSSECActive
		return z, nil
	}}}})
	n.stop()
	return w
}

func (n *node) version() *zone.Version { return n.db.ByID(string(n.zone)).State().Transfer }

// left is how long the signature that ends first is good.
func (n *node) left() time.Duration {
	return time.Duration(int32(n.db.ByID(string(n.zone)).State().Expires()-uint32(time.Now().Unix()))) * time.Second
}

func (w *world) keys() []model.ZoneKey { return w.store.ZoneKeysOf(w.zone) }

// follow has the parent do what CDS records ask for.
func (n *node) follow() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.parent = func() (ds [][]byte) {
		for _, s := range n.version().Sets(n.name) {
			if s.Type == wire.TypeCDS {
				ds = s.Data
			}
		}
		return ds
	}
}

// Nothing that is handed out ever has less left than secondaries and caches need, renewals are spread and small, and a keeper that
// has slept for two weeks lets nothing out that has ended.
func TestSignaturesNeverEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := signed(t, 150)
		n := w.start(t, true)
		serial := n.version().Serial()
		days := map[uint32]int{}
		for range 60 * 24 {
			time.Sleep(time.Hour)
			synctest.Wait()
			if left := n.left(); left < margin {
				t.Fatalf("a signature has %v left", left)
			}
			days[n.version().Serial()]++
		}
		if n.version().Serial() == serial {
			t.Fatal("nothing was renewed")
		}
		if len(days) > 400 {
			t.Errorf("%d versions in 60 days", len(days))
		}
		n.stop()
		time.Sleep(14 * day)
		n = w.start(t, false)
		if n.left() > 0 {
			t.Fatalf("%v left after two weeks: the test shows nothing", n.left())
		}
		n.keeper.Freshen(t.Context())
		if n.left() <= 0 {
			t.Errorf("%v left when the first query is answered", n.left())
		}
		n.stop()
		n = w.start(t, true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n.left() < margin {
			t.Errorf("%v left a minute after the start", n.left())
		}
	})
}

// The keeper gets a zone through all states, however often it, its node, or the store fail in between; every key is made once.
func TestKeeperIsKilled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		w := signed(t, 20)
		w.store.SetFail(func(op string) error {
			if rand.IntN(10) == 0 && (op == "commit" || op == "begin") {
				return errors.New("the store fails")
			}
			return nil
		})
		made := map[model.ID]bool{}
		var rolled bool
		for i := range 120 {
			n := w.start(t, true)
			n.follow()
			if i == 40 {
				for rolled = false; !rolled; {
					_, err := n.commit.Change(t.Context(), model.Change{Zone: w.zone, Edits: []model.Edit{model.RollKeys{Role: dnssec.KSK}}})
					rolled = err == nil
					time.Sleep(time.Hour)
				}
			}
			time.Sleep(time.Duration(r.Int64N(int64(6 * time.Hour))))
			for _, k := range w.keys() {
				made[k.ID] = true
			}
			n.stop()
		}
		keys := w.keys()
		if len(made) != 3 || len(keys) != 2 {
			t.Errorf("%d keys were made, %d are left", len(made), len(keys))
		}
		for _, k := range keys {
			if k.State.Leaving || k.Wait != nil || k.State.Role == dnssec.KSK && !k.DS.Everywhere {
				t.Errorf("key %d: %+v waits for %+v", k.Public.Tag(), k.State, k.Wait)
			}
		}
	})
}

// Two that hold the same zone make no more versions and keys than one.
func TestTwoHolders(t *testing.T) {
	t.Parallel()
	versions := func(holders int) (out int) {
		synctest.Test(t, func(t *testing.T) {
			w := signed(t, 100)
			var nodes []*node
			for range holders {
				n := w.start(t, true)
				n.follow()
				nodes = append(nodes, n)
			}
			time.Sleep(40 * day)
			synctest.Wait()
			if a, b := nodes[0].version(), nodes[len(nodes)-1].version(); a.Serial() != b.Serial() || len(w.keys()) != 2 {
				t.Errorf("serials %d and %d, %d keys", a.Serial(), b.Serial(), len(w.keys()))
			}
			out = len(w.store.Journal())
		})
		return out
	}
	one, two := versions(1), versions(2)
	if diff := two - one; diff < -one/10 || diff > one/10 {
		t.Errorf("one keeper makes %d versions, two make %d", one, two)
	}
}

// Keys wait for servers by name, and go on within seconds of the last; the parent is asked at once, then by and by.
func TestWhatKeysWaitFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := signed(t, 3)
		w.behind = []string{"ns2.test"}
		n := w.start(t, true)
		time.Sleep(time.Minute)
		waits := func(what dnssec.WaitFor) bool {
			return slices.ContainsFunc(w.keys(), func(k model.ZoneKey) bool { return k.Wait != nil && k.Wait.For == what })
		}
		for _, k := range w.keys() {
			if k.Wait == nil || k.Wait.For != dnssec.Servers || !slices.Equal(k.Wait.Who, w.behind) {
				t.Errorf("key %d waits for %+v", k.Public.Tag(), k.Wait)
			}
		}
		w.mu.Lock()
		w.behind = nil
		w.mu.Unlock()
		n.keeper.Seen(w.zone)
		time.Sleep(15 * time.Second)
		if !waits(dnssec.Caches) {
			t.Error("all servers have it, and nobody noticed")
		}
		time.Sleep(25 * time.Hour)
		synctest.Wait()
		if !waits(dnssec.DSAdded) {
			t.Fatal("the key does not wait for its DS record")
		}
		n.follow()
		time.Sleep(time.Hour + time.Minute)
		if waits(dnssec.DSAdded) {
			t.Error("the parent has the DS record for an hour, and nobody noticed")
		}
		before := w.looks.Load()
		time.Sleep(10 * day)
		if got := w.looks.Load() - before; got > 12 {
			t.Errorf("%d looks at the parent in ten days of quiet", got)
		}
	})
}

// A parent zone that is here gets the DS records by itself: the first, those of a roll, and in the end none.
func TestParentIsHere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := signedIn(t, &world{store: controltest.NewStore(), name: wire.MustName("sub.example")}, 3)
		n := w.start(t, true)
		above := n.must(t, model.Change{Account: account, Edits: []model.Edit{
			model.CreateZone{Zone: model.Zone{Name: wire.MustName("example")}},
			model.AddRecord{Record: model.Record{Name: w.name, Type: wire.TypeNS, TTL: 300, RData: []byte(wire.MustName("ns1.test"))}},
		}}).Outcomes[0].Zone.ID
		set := func(zone model.ID, typ wire.Type) (data [][]byte) {
			for _, s := range n.db.ByID(string(zone)).State().Transfer.Sets(w.name) {
				if s.Type == typ {
					data = s.Data
				}
			}
			return data
		}
		w.mu.Lock()
		w.parent = func() [][]byte { return set(above, wire.TypeDS) }
		w.mu.Unlock()
		named := func(what string) {
			t.Helper()
			time.Sleep(5 * day)
			ds := set(above, wire.TypeDS)
			if len(ds) != 1 || !slices.EqualFunc(ds, set(w.zone, wire.TypeCDS), bytes.Equal) {
				t.Errorf("%s: the parent has %x", what, ds)
			}
			for _, k := range w.keys() {
				if k.Wait != nil {
					t.Errorf("%s: key %d waits for %+v", what, k.Public.Tag(), k.Wait)
				}
			}
		}
		named("signed")
		first := set(above, wire.TypeDS)
		n.must(t, model.Change{Zone: w.zone, Edits: []model.Edit{model.RollKeys{Role: dnssec.KSK}}})
		named("rolled")
		if slices.EqualFunc(first, set(above, wire.TypeDS), bytes.Equal) {
			t.Error("the parent has the old key's record")
		}
		n.must(t, model.Change{Zone: w.zone, Edits: []model.Edit{model.EditZone{Apply: func(z model.Zone) (model.Zone, error) {
			z.DNSSEC.Status = model.DNSSECDisabled
			return z, nil
		}}}})
		time.Sleep(2 * day)
		if ds := set(above, wire.TypeDS); len(ds) != 0 {
			t.Errorf("disabled: the parent has %x", ds)
		}
	})
}

// A large zone is signed by the keeper that hears of it, however often the store fails while it is at it, with one set of keys.
func TestLargeZone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := signedIn(t, &world{store: controltest.NewStore(), name: wire.MustName("example"), small: 10}, 120)
		var failures atomic.Int32
		w.store.SetFail(func(op string) error {
			if op == "put image" && failures.Add(1) < 4 {
				return errors.New("the store fails")
			}
			return nil
		})
		for range 3 {
			n := w.start(t, true)
			time.Sleep(time.Minute)
			synctest.Wait()
			n.stop()
		}
		n := w.start(t, true)
		time.Sleep(time.Hour)
		synctest.Wait()
		if !n.version().Proves() || len(w.keys()) != 2 || n.left() < margin {
			t.Errorf("signed %v with %d keys, %v left", n.version().Proves(), len(w.keys()), n.left())
		}
		if failures.Load() < 4 {
			t.Error("nothing has failed: the test shows nothing")
		}
		serial := n.version().Serial()
		n.must(t, model.Change{Zone: w.zone, Edits: []model.Edit{model.EditZone{Apply: func(z model.Zone) (model.Zone, error) {
			z.DNSSEC.NSEC3 = model.SwitchOn
			return z, nil
		}}}})
		time.Sleep(time.Minute)
		synctest.Wait()
		if v := n.version(); !v.Hashes() || v.Serial() != serial+1 {
			t.Errorf("asked for NSEC3 a minute ago: by hash %v, serial %d and now %d", v.Hashes(), serial, v.Serial())
		}
		for range 30 {
			time.Sleep(day)
			synctest.Wait()
			if left := n.left(); left < margin {
				t.Fatalf("a signature has %v left", left)
			}
		}
	})
}

// Keys follow one another by themselves where that is asked for, one roll after the other, and every version in between
// proves that it is the zone's.
func TestKeysRollByThemselves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := signed(t, 10)
		n := w.start(t, true)
		n.follow()
		n.must(t, model.Change{Zone: w.zone, Edits: []model.Edit{model.EditZone{Apply: func(z model.Zone) (model.Zone, error) {
			z.DNSSEC.ZSKDays, z.DNSSEC.KSKDays = 30, 60
			return z, nil
		}}}})
		made := map[dnssec.Role]map[model.ID]bool{dnssec.KSK: {}, dnssec.ZSK: {}}
		for range 200 {
			time.Sleep(day)
			synctest.Wait()
			leaving := dnssec.Role(0)
			for _, k := range w.keys() {
				made[k.State.Role][k.ID] = true
				if k.State.Leaving {
					leaving |= k.State.Role
				}
			}
			if leaving == dnssec.KSK|dnssec.ZSK {
				t.Fatal("two rolls at once")
			}
			if left := n.left(); left < margin {
				t.Fatalf("a signature has %v left", left)
			}
		}
		if k, z := len(made[dnssec.KSK]), len(made[dnssec.ZSK]); k < 3 || k > 5 || z < 5 || z > 8 {
			t.Errorf("%d KSKs and %d ZSKs in 200 days", k, z)
		}
	})
}
