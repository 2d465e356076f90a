package commit_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/controltest"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

const account model.ID = "acc00000000000000000000000000000"

// bench is a whole careful half over a store, mostly the one in memory.
type bench struct {
	base  base
	store *controltest.Store // the base, where it is that one
	db    *zone.DB
	feed  *feed.Feed
	p     *commit.Committer
	keep  *journal.Upkeep
	flat  *targets

	mu     sync.Mutex
	now    time.Time
	forced map[string]int // NOTIFYs asked for, by zone
}

// targets is a table of flattened targets.
type targets struct {
	mu    sync.Mutex
	known map[wire.Name]model.Flattened
	wants map[wire.Name]wire.Name
}

func newTargets() *targets {
	return &targets{known: map[wire.Name]model.Flattened{}, wants: map[wire.Name]wire.Name{}}
}

// testEdge is the server's pool.
func testEdge() []netip.Addr {
	return []netip.Addr{
		netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("2001:db8:e::1"),
	}
}

func (f *targets) Lookup(_ model.ID, target model.FlattenTarget) model.Flattened {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.known[target.Name]
}

func (f *targets) Want(_ model.ID, owner wire.Name, target model.FlattenTarget) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wants[owner] = target.Name
}

func (f *targets) Doubt(model.ID, []wire.Name) {}

func (f *targets) Targets(model.FlattenTarget, wire.Name) (int, bool) { return 0, true }

func (f *targets) set(target string, addrs ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := model.Flattened{State: model.FlattenKnown, TTL: 30, HeldTTL: 30}
	for _, a := range addrs {
		k.Addrs = append(k.Addrs, netip.MustParseAddr(a))
	}
	k.Held = k.Addrs
	f.known[wire.MustName(target)] = k
}

var ids atomic.Uint64

// newID makes ids that sort in the order in which they were made, and leave room for the lines of the audit log.
func newID() model.ID { return model.ID(fmt.Sprintf("%024x00000000", ids.Add(1))) }

func start(t *testing.T, edit func(*commit.Config)) *bench {
	t.Helper()
	return startWith(t, edit, nil)
}

// startKept is start with another configuration of the upkeep.
func startKept(t *testing.T, edit func(*journal.Config)) *bench {
	t.Helper()
	return startWith(t, nil, edit)
}

func startWith(t *testing.T, edit func(*commit.Config), upkeep func(*journal.Config)) *bench {
	t.Helper()
	b := &bench{
		store: controltest.NewStore(), now: time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC), forced: map[string]int{}, flat: newTargets(),
	}
	b.base = inMemory{b.store}
	b.open(t, edit, upkeep)
	b.makeAccount(t)
	return b
}

func (b *bench) makeAccount(t *testing.T) {
	t.Helper()
	b.must(t, model.Change{Edits: []model.Edit{model.CreateAccount{Account: model.Account{
		ID: account, Name: "Test", OutgoingTransfers: true,
	}}}})
}

// open starts a node on the store: memory, feed and commit.
func (b *bench) open(t *testing.T, edit func(*commit.Config), upkeep func(*journal.Config)) {
	t.Helper()
	b.db = zone.NewDB(0)
	cfg := commit.Config{
		Begin: b.base.begin,
		DB:    b.db, Flattened: b.flat, Clock: b.clock, NewID: newID,
		NameServers: []string{"ns1.hw.test", "ns2.hw.test"},
		Edge:        testEdge(),
	}
	if s, ok := b.base.(onEngine); ok {
		cfg.Beside = func(ctx context.Context, img *model.Image) (commit.Beside, error) { return s.PutBeside(ctx, img) }
	}
	if edit != nil {
		edit(&cfg)
	}
	keep := journal.Config{Checkpoint: b.base.Checkpoint, RenewImages: b.base.RenewImages, DB: b.db}
	if upkeep != nil {
		upkeep(&keep)
	}
	b.keep = journal.New(keep)
	b.feed = feed.New(feed.Config{
		Source: b.base, DB: b.db,
		Published: func(z *zone.Zone, forced bool) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if forced {
				b.forced[z.ID]++
			}
		},
		Seen: b.keep.Observe,
	})
	cfg.Feed = b.feed
	var err error
	if b.p, err = commit.New(cfg); err != nil {
		t.Fatal(err)
	}
	b.run(t, b.feed.Run, b.p.Run, b.keep.Run)
	select {
	case <-b.feed.Loaded():
	case <-time.After(10 * time.Second):
		t.Fatal("not loaded")
	}
}

// follow loads another memory from the store and stops it at the end of the test.
func (b *bench) follow(t *testing.T, f *feed.Feed) {
	t.Helper()
	b.run(t, f.Run)
	select {
	case <-f.Loaded():
	case <-time.After(10 * time.Second):
		t.Fatal("not loaded")
	}
}

// run starts loops and returns what stops them, which the test's end does at the latest.
func (b *bench) run(t *testing.T, loops ...func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range loops {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) change(t *testing.T, c model.Change) (model.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if c.Account == "" {
		c.Account = account
	}
	return b.p.Change(ctx, c)
}

func (b *bench) must(t *testing.T, c model.Change) model.Result {
	t.Helper()
	r, err := b.change(t, c)
	if err != nil {
		t.Fatalf("change: %v", err)
	}
	return r
}

// zone creates a zone.
func (b *bench) zone(t *testing.T, name string) model.Zone {
	t.Helper()
	return *b.must(t, model.Change{Edits: []model.Edit{
		model.CreateZone{Zone: model.Zone{Name: wire.MustName(name)}},
	}}).Outcomes[0].Zone
}

// add adds records to a zone and returns them.
func (b *bench) add(t *testing.T, zone model.ID, list ...model.Record) []model.Record {
	t.Helper()
	c := model.Change{Zone: zone}
	for _, r := range list {
		c.Edits = append(c.Edits, model.AddRecord{Record: r})
	}
	var out []model.Record
	for _, o := range b.must(t, c).Outcomes {
		out = append(out, *o.Record)
	}
	return out
}

func (b *bench) edit(t *testing.T, id model.ID, action string, f func(*model.Zone)) (model.Zone, error) {
	t.Helper()
	r, err := b.change(t, model.Change{Zone: id, Edits: []model.Edit{model.EditZone{
		Action: action, Apply: func(z model.Zone) (model.Zone, error) { f(&z); return z, nil },
	}}})
	if err != nil {
		return model.Zone{}, err
	}
	return *r.Outcomes[0].Zone, nil
}

func (b *bench) state(t *testing.T, id model.ID) *zone.State {
	t.Helper()
	z := b.db.ByID(string(id))
	if z == nil {
		t.Fatalf("zone %s is not in memory", id)
	}
	return z.State()
}

// text lists a version in canonical order: owner, ttl, type, rdata in hexadecimal.
func text(v *zone.Version) string {
	var b strings.Builder
	v.Walk(func(owner []byte, s zone.RRset) bool {
		for i := range s.Len() {
			fmt.Fprintf(&b, "%s %d %s %s\n", wire.Name(owner), s.TTL, s.Type, hex.EncodeToString(s.AppendRData(nil, i, 0)[2:]))
		}
		return true
	})
	return b.String()
}

func rec(owner, typ, data string, edit ...func(*model.Record)) model.Record {
	r := model.Record{Name: wire.MustName(owner), Content: data, TTL: 600}
	switch typ {
	case "A", "AAAA":
		r.Type = map[string]wire.Type{"A": wire.TypeA, "AAAA": wire.TypeAAAA}[typ]
		r.RData = netip.MustParseAddr(data).AsSlice()
	case "CNAME", "DNAME", "NS":
		r.Type = map[string]wire.Type{"CNAME": wire.TypeCNAME, "DNAME": wire.TypeDNAME, "NS": wire.TypeNS}[typ]
		r.RData = []byte(wire.MustName(data))
	case "MX":
		r.Type, r.RData = wire.TypeMX, append([]byte{0, 10}, wire.MustName(data)...)
	case "DS":
		r.Type, r.RData = wire.TypeDS, append([]byte{0, 1, 13, 2}, data...)
	case "TXT":
		r.Type = wire.TypeTXT
		for s := data; ; {
			n := min(len(s), 255)
			r.RData = append(append(r.RData, byte(n)), s[:n]...)
			if s = s[n:]; s == "" {
				break
			}
		}
	default:
		panic("rec: type " + typ)
	}
	for _, f := range edit {
		f(&r)
	}
	return r
}

func proxied(r *model.Record) { r.Proxied = true }

func flattened(r *model.Record) { r.Settings.FlattenCNAME = true }

// dice is a seeded source for random tests; the seed is printed when a test fails.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}
