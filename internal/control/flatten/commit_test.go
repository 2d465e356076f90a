package flatten_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/controltest"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/flatten"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// TestWithPrimary has real sockets, rendering and memory together: what is answered follows the target within its TTL and
// a second, survives the resolver, and comes back from the store before anything has been looked up.
func TestWithPrimary(t *testing.T) {
	t.Parallel()
	var addr atomic.Value
	addr.Store("192.0.2.1")
	s := startResolver(t, func(_ string, n wire.Name, typ wire.Type) reply {
		if typ == wire.TypeAAAA {
			return none()
		}
		a := addr.Load().(string)
		if a == "" {
			return reply{}
		}
		return say(rec(n.Host(), 2, typ, a), rec("forged.test", 2, typ, "203.0.113.66"))
	})
	store := controltest.NewStore()
	n := startNode(t, store, s)
	n.must(t, model.Change{Edits: []model.Edit{model.CreateAccount{Account: model.Account{ID: "acc"}}}})
	id := n.must(t, model.Change{Account: "acc", Edits: []model.Edit{
		model.CreateZone{Zone: model.Zone{Name: wire.MustName("example"), Mode: model.ModeEdge}},
		model.AddRecord{Record: model.Record{Name: wire.MustName("example"), Type: wire.TypeCNAME, RData: []byte(wire.MustName("cdn.test"))}},
		model.AddRecord{Record: model.Record{
			Name: wire.MustName("www.example"), Type: wire.TypeCNAME, RData: []byte(wire.MustName("cdn.test")),
			Settings: model.RecordSettings{FlattenCNAME: true},
		}},
	}}).Outcomes[0].Zone.ID
	n.until(t, id, "192.0.2.1 192.0.2.1 192.0.2.1")
	best := time.Hour // of three: the machine may be somebody else's at any moment
	for _, a := range []string{"192.0.2.4", "192.0.2.3", "192.0.2.2"} {
		addr.Store(a)
		changed := time.Now()
		n.until(t, id, strings.Join([]string{a, a, a}, " "))
		best = min(best, time.Since(changed))
	}
	if best > 3*time.Second { // the TTL and a second
		t.Errorf("changes took %v and more", best)
	}
	addr.Store("") // dies
	again := startNode(t, store, s)
	again.until(t, id, "192.0.2.2 192.0.2.2 192.0.2.2")
}

// node is a careful half with a Flattener.
type node struct {
	store *controltest.Store
	db    *zone.DB
	p     *commit.Committer
}

var lastID atomic.Uint64

func startNode(t *testing.T, store *controltest.Store, s *resolver) *node {
	t.Helper()
	n := &node{store: store, db: zone.NewDB(0)}
	fd := feed.New(feed.Config{Source: store, DB: n.db})
	r := &flatten.Resolver{Client: &ask.Client{Recurse: true, Addr: s.addr, Timeout: time.Second}}
	f := flatten.New(flatten.Config{
		Resolve: r.Resolve, Clock: time.Now, Damping: -1,
		Change: func(ctx context.Context, c model.Change) (model.Result, error) { return n.p.Change(ctx, c) },
		Zones: func(_ context.Context, yield func(model.ID) error) (err error) {
			n.db.All(func(z *zone.Zone) bool { err = yield(model.ID(z.ID)); return err == nil })
			return err
		},
	})
	var err error
	n.p, err = commit.New(commit.Config{
		Begin: func(ctx context.Context) (commit.Tx, error) { return store.Begin(ctx) },
		DB:    n.db, Feed: fd, Flattened: f, Clock: time.Now, NameServers: []string{"ns1.test"},
		Quotas: model.Quotas{model.QuotaFlattened: 3},
		NewID:  func() model.ID { return model.ID(fmt.Sprintf("%032x", lastID.Add(1))) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	wg.Go(func() { fd.Run(ctx) })
	<-fd.Loaded()
	wg.Go(func() { n.p.Run(ctx) })
	wg.Go(func() { f.Run(ctx) })
	return n
}

func (n *node) must(t *testing.T, c model.Change) model.Result {
	t.Helper()
	r, err := n.p.Change(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// until waits for commits until the apex and www are answered, and the apex transferred, as wanted.
func (n *node) until(t *testing.T, id model.ID, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	for {
		st := n.db.ByID(string(id)).State()
		got := address(st.Served.Sets(wire.MustName("example"))) + " " + address(st.Served.Sets(wire.MustName("www.example"))) +
			" " + address(st.Transfer.Sets(wire.MustName("example")))
		if got == want {
			return
		}
		if err := n.store.Wait(ctx, func() model.Seq { return model.Seq(st.Seq) }); err != nil {
			t.Fatalf("answered %q, want %q", got, want)
		}
	}
}

func address(sets []rr.Set) string {
	for _, s := range sets {
		if s.Type == wire.TypeA {
			a, _ := netip.AddrFromSlice(s.Data[0])
			return a.String()
		}
	}
	return "none"
}

// TestQuota bounds the targets of an account, however they come: by a record, a batch, an edit, or a setting.
func TestQuota(t *testing.T) {
	t.Parallel()
	s := startResolver(t, func(string, wire.Name, wire.Type) reply { return none() })
	n := startNode(t, controltest.NewStore(), s)
	for _, a := range []model.ID{"acc", "other"} {
		n.must(t, model.Change{Edits: []model.Edit{model.CreateAccount{Account: model.Account{ID: a}}}})
	}
	record := func(host, target string, flat bool) model.AddRecord {
		return model.AddRecord{Record: model.Record{
			Name: wire.MustName(host), Type: wire.TypeCNAME, RData: []byte(wire.MustName(target)),
			Settings: model.RecordSettings{FlattenCNAME: flat},
		}}
	}
	made := n.must(t, model.Change{Account: "acc", Edits: []model.Edit{
		model.CreateZone{Zone: model.Zone{Name: wire.MustName("example")}, Anywhere: true},
		record("a.example", "one.test", true), record("b.example", "two.test", true), record("c.example", "two.test", true),
		record("plain1.example", "p1.test", false), record("plain2.example", "p2.test", false),
	}})
	id := made.Outcomes[0].Zone.ID
	try := func(edits ...model.Edit) error {
		_, err := n.p.Change(t.Context(), model.Change{Account: "acc", Zone: id, Edits: edits})
		return err
	}
	refused := func(what string, err error) {
		t.Helper()
		if bad, ok := errors.AsType[*model.Invalid](err); !ok || bad.Code != model.CodeQuotaExceeded {
			t.Errorf("%s: %v", what, err)
		}
	}
	fine := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	edit := func(at int, target string) model.Edit {
		return model.EditRecord{ID: made.Outcomes[at].Record.ID, Apply: func(r model.Record) (model.Record, error) {
			r.RData = []byte(wire.MustName(target))
			return r, nil
		}}
	}
	flattenAll := model.EditZone{Apply: func(z model.Zone) (model.Zone, error) {
		z.Settings.FlattenAll = true
		return z, nil
	}}
	refused("two in a batch", try(record("d.example", "three.test", true), record("e.example", "four.test", true)))
	refused("all by a setting", try(flattenAll))
	fine("the third", try(record("d.example", "three.test", true)))
	refused("a fourth", try(record("e.example", "four.test", true)))
	refused("the apex", try(record("example", "four.test", false)))
	fine("a known one", try(record("f.example", "one.test", true)))
	fine("one that is not flattened", try(record("g.example", "four.test", false)))
	refused("an edit of one of two names", try(edit(2, "four.test")))
	fine("an edit to a known one", try(edit(1, "two.test")))
	n.must(t, model.Change{Account: "other", Edits: []model.Edit{
		model.CreateZone{Zone: model.Zone{Name: wire.MustName("other")}, Anywhere: true}, record("e.other", "four.test", true),
	}})
	for _, at := range []int{1, 3} {
		fine("deletion", try(model.DeleteRecord{ID: made.Outcomes[at].Record.ID}))
	}
	fine("another in the place of a target that nobody else wants", retry(t, func() error { return try(edit(2, "four.test")) }))
}

// retry gives names that are flattened no longer the moment that it takes to see so.
func retry(t *testing.T, f func() error) (err error) {
	t.Helper()
	for end := time.Now().Add(testkit.Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = f(); err == nil {
			return nil
		}
	}
	return err
}
