package zone_test

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

func TestDB(t *testing.T) {
	db := zone.NewDB(0)
	at := func(s string) *zone.Version {
		n := wire.MustName(s)
		v, err := zone.Build(n, []rr.Set{{Owner: n, Type: wire.TypeSOA, TTL: 1, Data: soa(1).Data}})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for i := range 500 {
		v := at(fmt.Sprintf("z%d.example", i))
		db.Reset(fmt.Sprint(i), "acc", 1, v, v, zone.Links{}, nil)
	}
	v := at("example")
	db.Reset("top", "acc", 1, v, v, zone.Links{}, nil)
	find := func(s string) string {
		if z := db.Find([]byte(wire.MustName(s))); z != nil {
			return z.Name.Host()
		}
		return ""
	}
	for q, want := range map[string]string{"www.z7.example": "z7.example", "z499.example": "z499.example", "z500.example": "example", "other.test": "", "example": "example"} {
		if got := find(q); got != want {
			t.Errorf("%s is in %q, want %q", q, got, want)
		}
	}
	if z := db.FindParent([]byte(wire.MustName("z7.example"))); z == nil || z.Name.Host() != "example" {
		t.Error("no parent")
	}
	for i := range 500 {
		db.Remove(fmt.Sprint(i))
	}
	if db.Len() != 1 || find("www.z7.example") != "example" || db.ByID("3") != nil {
		t.Errorf("%d zones after removal", db.Len())
	}
	q := []byte(wire.MustName("a.b.example"))
	if n := testing.AllocsPerRun(100, func() { db.Find(q) }); n != 0 {
		t.Errorf("Find allocates %v", n)
	}
}

func TestDBSteps(t *testing.T) {
	t.Parallel()
	db := zone.NewDB(0)
	m := model{}
	m.put(soa(1))
	v := m.build(t)
	db.Reset("z", "acc", 5, v, v, zone.Links{Enabled: true, Peers: []string{"p"}}, nil)
	d := m.change(1, []rr.Set{{Owner: apex, Type: wire.TypeA, TTL: 300, Data: [][]byte{{1, 2, 3, 4}}}})
	enc := (&zone.Step{Transfer: *d}).Append(nil)
	step, err := zone.DecodeStep(enc)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is passed over
		if _, err := db.Step("z", 6, step); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Step("z", 7, step); err == nil {
		t.Error("a step from an old serial was applied")
	}
	st := db.ByID("z").State()
	if st.Seq != 6 || st.Served != st.Transfer || st.Transfer.Serial() != 2 {
		t.Errorf("%+v", st)
	}
	if chain, ok := st.History.Since(1); !ok || len(chain) != 1 {
		t.Error("history")
	}
	if chain, ok := st.History.Since(2); !ok || len(chain) != 0 {
		t.Error("history of now")
	}
	if _, ok := st.History.Since(0); ok {
		t.Error("history reaches too far")
	}
	served := &zone.Delta{From: 2, To: 2, Added: wire.AppendRR(nil, apex, wire.TypeAAAA, wire.ClassIN, 300, make([]byte, 16))}
	if _, err := db.Step("z", 8, &zone.Step{Transfer: zone.Delta{From: 2, To: 2}, Served: served}); err != nil {
		t.Fatal(err)
	}
	st = db.ByID("z").State()
	if st.Served == st.Transfer || st.Transfer.Serial() != 2 || st.Served.Records() != st.Transfer.Records()+1 {
		t.Error("the faces did not part")
	}
}

// A step that does not fit leaves the zone as it was.
func TestDBStepFailsWhole(t *testing.T) {
	t.Parallel()
	db := zone.NewDB(0)
	m := model{}
	m.put(soa(1))
	v := m.build(t)
	z := db.Reset("z", "acc", 5, v, v, zone.Links{}, nil)
	before := z.State()
	good := m.change(1, []rr.Set{{Owner: apex, Type: wire.TypeA, TTL: 300, Data: [][]byte{{1, 2, 3, 4}}}})
	bad := &zone.Delta{From: 1, To: 1, Removed: wire.AppendRR(nil, apex, wire.TypeAAAA, wire.ClassIN, 300, make([]byte, 16))}
	for name, s := range map[string]*zone.Step{
		"served":   {Transfer: *good, Served: bad},
		"transfer": {Transfer: *bad},
		"serial":   {Transfer: zone.Delta{From: 3, To: 4, Removed: good.Removed, Added: good.Added}},
	} {
		if _, err := db.Step("z", 6, s); err == nil {
			t.Errorf("%s: no error", name)
		}
		if z.State() != before {
			t.Errorf("%s: the state changed", name)
		}
	}
	if _, err := db.Step("other", 6, &zone.Step{}); !errors.Is(err, zone.ErrUnknown) {
		t.Errorf("unknown zone: %v", err)
	}
}

// While nobody may transfer a zone its history is not kept, and what is kept later never pretends to reach back.
func TestHistoryWhileTransfersAreOff(t *testing.T) {
	t.Parallel()
	db := zone.NewDB(0)
	m := model{}
	m.put(soa(1))
	v := m.build(t)
	z := db.Reset("z", "acc", 1, v, v, zone.Links{}, nil)
	since := func(serial uint32, want int) {
		t.Helper()
		chain, ok := z.State().History.Since(serial)
		if ok != (want >= 0) || ok && len(chain) != want {
			t.Errorf("since %d: %d deltas, %v", serial, len(chain), ok)
		}
	}
	step := func(serial uint32) *zone.Delta {
		t.Helper()
		d := m.change(serial, []rr.Set{{Owner: apex, Type: wire.TypeA, TTL: 300, Data: [][]byte{{1, 2, 3, byte(serial)}}}})
		if _, err := db.Step("z", uint64(serial+1), &zone.Step{Transfer: *d}); err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := step(1)
	since(1, -1)
	since(2, 0)
	db.Remember("z", []*zone.Delta{d})
	since(1, -1)
	db.SetLinks("z", 2, zone.Links{Enabled: true})
	db.Remember("z", []*zone.Delta{d})
	since(1, 1)
	later := step(2)
	since(1, 2)
	db.Reset("z", "acc", 3, z.State().Served, z.State().Transfer, z.State().Links, []*zone.Delta{later})
	since(2, 1)
	since(1, -1)
	db.Remember("z", []*zone.Delta{d}) // in front of what is there
	since(1, 2)
	db.SetLinks("z", 3, zone.Links{})
	since(1, 2) // nothing has changed: it may be of use when they are on again
	step(3)
	since(3, -1)
	db.SetLinks("z", 4, zone.Links{Enabled: true})
	step(4)
	since(3, -1)
	since(4, 1)
	since(5, 0)
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	const limit = 20_000
	db := zone.NewDB(limit)
	m := model{}
	m.put(soa(1))
	v := m.build(t)
	z := db.Reset("z", "acc", 1, v, v, zone.Links{Enabled: true}, nil)
	var kept *zone.State
	for serial := uint32(1); serial < 300; serial++ {
		s := rr.Set{Owner: apex, Type: wire.TypeTXT, TTL: 300, Data: [][]byte{append([]byte{99}, make([]byte, 99)...)}}
		s.Data[0][1] = byte(serial)
		if _, err := db.Step("z", uint64(serial+1), &zone.Step{Transfer: *m.change(serial, []rr.Set{s})}); err != nil {
			t.Fatal(err)
		}
		h := z.State().History
		if h.Size() > limit || h.Len() == 0 {
			t.Fatalf("serial %d: %d deltas of %d octets", serial, h.Len(), h.Size())
		}
		if serial == 150 {
			kept = z.State()
		}
	}
	chain, ok := z.State().History.Since(290)
	if !ok || len(chain) != 10 || chain[0].From != 290 || chain[9].To != 300 {
		t.Errorf("%d deltas since 290", len(chain))
	}
	if _, ok := z.State().History.Since(2); ok {
		t.Error("the history reaches back for ever")
	}
	// Who holds an older state has the history of then.
	if chain, ok := kept.History.Since(145); !ok || len(chain) != 6 || chain[5].To != 151 {
		t.Errorf("an older history changed: %d deltas", len(chain))
	}
	// A step too large to be remembered is not, and the chain starts anew.
	big := rr.Set{Owner: apex, Type: wire.TypeTXT, TTL: 300}
	for i := range 200 {
		big.Data = append(big.Data, append([]byte{250, byte(i)}, make([]byte, 249)...))
	}
	if _, err := db.Step("z", 301, &zone.Step{Transfer: *m.change(300, []rr.Set{big})}); err != nil {
		t.Fatal(err)
	}
	if chain, ok := z.State().History.Since(301); !ok || len(chain) != 0 {
		t.Error("no history of the newest serial")
	}
	if _, ok := z.State().History.Since(300); ok {
		t.Error("a delta over the limit was kept")
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	db := zone.NewDB(0)
	v := sample(t)
	z := db.Reset("z", "acc", 1, v, v, zone.Links{Enabled: true, Peers: []string{"p1", "gone", "p2"}}, nil)
	if a := z.Access(); !a.Enabled || len(a.Peers) != 0 {
		t.Errorf("without an account: %+v", a)
	}
	key := &tsig.Key{Name: "\x01k\x00"}
	db.SetAccount(&zone.Account{
		ID: "acc", ACL: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Keys: []*tsig.Key{key},
		Peers: map[string]zone.Peer{"p1": {ID: "p1"}, "p2": {ID: "p2", Key: key}, "p3": {ID: "p3"}},
	})
	if a := z.Access(); len(a.Peers) != 2 || a.Peers[1].ID != "p2" || a.Peers[1].Key != key || len(a.Keys) != 1 || len(a.ACL) != 1 {
		t.Errorf("%+v", a)
	}
	db.SetLinks("z", 2, zone.Links{Peers: []string{"p3"}})
	if a := z.Access(); a.Enabled || len(a.Peers) != 1 || a.Peers[0].Key != nil {
		t.Errorf("after a change of links: %+v", a)
	}
	if st := z.State(); st.Seq != 2 || st.Served != v {
		t.Errorf("%+v", st)
	}
	if db.SetLinks("other", 3, zone.Links{}) != nil {
		t.Error("links of no zone")
	}
}

// A zone that takes another's name takes its place.
func TestDBReplaces(t *testing.T) {
	t.Parallel()
	db := zone.NewDB(0)
	v := sample(t)
	db.Reset("old", "a1", 1, v, v, zone.Links{}, nil)
	z := db.Reset("new", "a2", 2, v, v, zone.Links{}, nil)
	if db.Len() != 1 || db.Get(apex) != z || db.ByID("old") != nil || db.ByID("new") != z {
		t.Error("two zones of one name")
	}
	if moved := db.Reset("new", "a3", 3, v, v, zone.Links{}, nil); moved.AccountID() != "a3" || db.Get(apex) != moved {
		t.Error("the zone did not move to its new account")
	}
	other, err := zone.Build("\x01x\x00", []rr.Set{{Owner: "\x01x\x00", Type: wire.TypeSOA, Data: soa(1).Data}})
	if err != nil {
		t.Fatal(err)
	}
	db.Reset("new", "a3", 4, other, other, zone.Links{}, nil)
	if db.Len() != 1 || db.Get(apex) != nil || db.ByID("new").Name != "\x01x\x00" {
		t.Error("the zone did not take its new name")
	}
}

// Readers see every zone that stays, whatever the writer does to the others.
func TestDBReadersAndWriter(t *testing.T) {
	t.Parallel()
	db := zone.NewDB(0)
	at := func(s string) *zone.Version {
		n := wire.MustName(s)
		v, err := zone.Build(n, []rr.Set{{Owner: n, Type: wire.TypeSOA, Data: soa(1).Data}})
		if err != nil {
			t.Error(err)
		}
		return v
	}
	v := at("stays.example")
	db.Reset("stays", "acc", 1, v, v, zone.Links{}, nil)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			q := []byte(wire.MustName("www.stays.example"))
			for {
				select {
				case <-done:
					return
				default:
				}
				if z := db.Find(q); z == nil || z.State().Served.Serial() != 1 || db.ByID("stays") == nil {
					t.Error("the zone was not there")
					return
				}
			}
		})
	}
	for i := range 3000 {
		v := at(fmt.Sprintf("z%d.example", i))
		db.Reset(fmt.Sprint(i), "acc", 1, v, v, zone.Links{}, nil)
		if i >= 100 {
			db.Remove(fmt.Sprint(i - 100))
		}
	}
	close(done)
	readers.Wait()
	if db.Len() != 101 {
		t.Errorf("%d zones", db.Len())
	}
}

// TestZonesAreCheap weighs zones of five records beside their data.
func TestZonesAreCheap(t *testing.T) {
	const zones = 20_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	db := zone.NewDB(0)
	pages := 0
	for i := range zones {
		n, _ := wire.MustName("test").Child(fmt.Sprintf("zone%06d", i))
		www, _ := n.Child("www")
		v, err := zone.Build(n, []rr.Set{
			{Owner: n, Type: wire.TypeSOA, TTL: 3600, Data: soa(1).Data},
			{Owner: n, Type: wire.TypeNS, TTL: 3600, Data: [][]byte{[]byte("\x03ns1\x04host\x04test\x00"), []byte("\x03ns2\x04host\x04test\x00")}},
			{Owner: n, Type: wire.TypeA, TTL: 300, Data: [][]byte{{1, 2, 3, 4}}},
			{Owner: www, Type: wire.TypeA, TTL: 300, Data: [][]byte{{1, 2, 3, 4}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		pages += v.Size()
		db.Reset(fmt.Sprintf("%032x", i), "acc", 1, v, v, zone.Links{}, nil)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (int(after.HeapAlloc) - int(before.HeapAlloc) - pages) / zones
	t.Logf("%d octets a zone beside %d of pages", each, pages/zones)
	if each > 350 {
		t.Errorf("a zone weighs %d octets beside its data", each)
	}
	runtime.KeepAlive(db)
}
