package zone_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

var apex = wire.MustName("example")

func soa(serial uint32) rr.Set {
	data := append([]byte("\x02ns\x07example\x00\x01h\x07example\x00"), make([]byte, 20)...)
	binary.BigEndian.PutUint32(data[len(data)-20:], serial)
	binary.BigEndian.PutUint32(data[len(data)-4:], 300)
	return rr.Set{Owner: apex, Type: wire.TypeSOA, TTL: 3600, Data: [][]byte{data}}
}

// model is a zone as a plain map: what versions are compared with.
type model map[wire.Name]map[wire.Type]rr.Set

func (m model) put(s rr.Set) {
	if m[s.Owner] == nil {
		m[s.Owner] = map[wire.Type]rr.Set{}
	}
	if len(s.Data) == 0 {
		delete(m[s.Owner], s.Type)
		if len(m[s.Owner]) == 0 {
			delete(m, s.Owner)
		}
		return
	}
	s.Normalize()
	m[s.Owner][s.Type] = s
}

func (m model) sets() []rr.Set {
	var out []rr.Set
	for _, types := range m {
		for _, s := range types {
			out = append(out, s)
		}
	}
	return out
}

func (m model) build(t testing.TB) *zone.Version {
	t.Helper()
	v, err := zone.Build(apex, m.sets())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// random draws names from a small and nasty pool, so that ancestors, cuts and empty non-terminals meet.
type random struct{ *rand.Rand }

var labels = []string{"a", "b", "c", "*", "a\x00", "a\x01", "\x00", "\x01\x01", "long-label-of-a-name", "ns"}

func (r random) name() wire.Name {
	n := apex
	for range r.IntN(4) {
		n, _ = n.Child(labels[r.IntN(len(labels))])
	}
	return n
}

func (r random) set() rr.Set {
	types := []wire.Type{wire.TypeA, wire.TypeNS, wire.TypeMX, wire.TypeTXT, wire.TypeCNAME, wire.TypeDNAME, wire.TypeDS}
	s := rr.Set{Owner: r.name(), Type: types[r.IntN(len(types))], TTL: uint32(300 + 60*r.IntN(2))}
	if s.Owner == apex && (s.Type == wire.TypeDNAME || s.Type == wire.TypeCNAME) {
		s.Type = wire.TypeA
	}
	n := r.IntN(4)
	if s.Type == wire.TypeTXT && r.IntN(20) == 0 {
		n = 400 // some 60 KiB
	}
	for range n {
		s.Data = append(s.Data, r.data(s.Type))
	}
	return s
}

func (r random) data(t wire.Type) []byte {
	host := r.name()
	if r.IntN(3) == 0 {
		host = wire.MustName("elsewhere.test")
	}
	switch t {
	case wire.TypeA:
		return []byte{192, 0, 2, byte(r.IntN(200))}
	case wire.TypeMX:
		return append([]byte{0, byte(r.IntN(9))}, host...)
	case wire.TypeNS, wire.TypeCNAME, wire.TypeDNAME:
		return []byte(host)
	}
	b := make([]byte, 150)
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	b[0] = byte(len(b) - 1)
	return b
}

// change makes a delta of some sets from m, and does it to m.
func (m model) change(serial uint32, sets []rr.Set) *zone.Delta {
	old := soa(serial)
	now := soa(serial + 1)
	d := &zone.Delta{From: serial, To: serial + 1, Removed: old.AppendWire(nil), Added: now.AppendWire(nil)}
	seen := map[string]bool{}
	for _, s := range sets {
		if k := string(s.Owner) + s.Type.String(); seen[k] {
			continue
		} else {
			seen[k] = true
		}
		s.Normalize()
		was := m[s.Owner][s.Type]
		for _, data := range was.Data {
			if s.TTL != was.TTL || !slices.ContainsFunc(s.Data, func(b []byte) bool { return bytes.Equal(b, data) }) {
				d.Removed = wire.AppendRR(d.Removed, s.Owner, s.Type, wire.ClassIN, was.TTL, data)
			}
		}
		for _, data := range s.Data {
			if s.TTL != was.TTL || !slices.ContainsFunc(was.Data, func(b []byte) bool { return bytes.Equal(b, data) }) {
				d.Added = wire.AppendRR(d.Added, s.Owner, s.Type, wire.ClassIN, s.TTL, data)
			}
		}
		m.put(s)
	}
	m.put(now)
	return d
}

// dump lists a version's records as Walk gives them.
func dump(v *zone.Version) []string {
	var out []string
	v.Walk(func(owner []byte, s zone.RRset) bool {
		for it := s.Iter(); it.Next(); {
			out = append(out, fmt.Sprintf("%s %d %s %x", wire.Name(owner), s.TTL, s.Type, it.AppendFull(nil)))
		}
		return true
	})
	return out
}

func TestApplyEqualsBuild(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := random{rand.New(rand.NewPCG(seed, 1))}
		m := model{}
		m.put(soa(1))
		v := m.build(t)
		var chain []*zone.Delta
		first := v
		for serial := uint32(1); serial < 40; serial++ {
			var sets []rr.Set
			for range 1 + r.IntN(12) {
				sets = append(sets, r.set())
			}
			d := m.change(serial, sets)
			next, err := v.Apply(d)
			if err != nil {
				t.Fatalf("seed %d serial %d: %v", seed, serial, err)
			}
			fresh := m.build(t)
			if diff := cmp.Diff(dump(fresh), dump(next)); diff != "" {
				t.Fatalf("seed %d serial %d: %s", seed, serial, diff)
			}
			if next.Records() != fresh.Records() || next.Serial() != serial+1 {
				t.Fatalf("seed %d: %d records, want %d", seed, next.Records(), fresh.Records())
			}
			compareFind(t, r, fresh, next, seed)
			size := 0
			for range dump(next) {
				size++
			}
			if size != next.Records() {
				t.Fatalf("walked %d of %d records", size, next.Records())
			}
			again, err := zone.Decode(next.Append(nil))
			if err != nil || !cmp.Equal(dump(again), dump(next)) || again.Size() != next.Size() {
				t.Fatalf("image: %v, size %d and %d", err, again.Size(), next.Size())
			}
			chain = append(chain, zone.Diff(v, next))
			if back, err := v.Apply(chain[len(chain)-1]); err != nil || !cmp.Equal(dump(back), dump(next)) {
				t.Fatalf("seed %d: diff: %v", seed, err)
			}
			v = next
		}
		one, err := zone.Condense(chain)
		if err != nil {
			t.Fatal(err)
		}
		if last, err := first.Apply(one); err != nil || !cmp.Equal(dump(last), dump(v)) {
			t.Fatalf("seed %d: condensed: %v", seed, err)
		}
	}
}

// compareFind asks two versions, one applied and one built, the same questions.
func compareFind(t *testing.T, r random, a, b *zone.Version, seed uint64) {
	t.Helper()
	var x, y zone.Match
	for range 60 {
		q := r.name()
		typ := []wire.Type{wire.TypeA, wire.TypeNS, wire.TypeTXT, wire.TypeDS, wire.TypeANY, wire.TypeCNAME}[r.IntN(6)]
		a.Find([]byte(q), typ, &x)
		b.Find([]byte(q), typ, &y)
		if x.Kind != y.Kind || x.Owner != y.Owner || x.Wildcard != y.Wildcard || x.Set.Type != y.Set.Type || x.Set.Len() != y.Set.Len() {
			t.Fatalf("seed %d: %s %s: built %d %d %v %s, applied %d %d %v %s", seed, q, typ,
				x.Kind, x.Owner, x.Wildcard, x.Set.Type, y.Kind, y.Owner, y.Wildcard, y.Set.Type)
		}
	}
}

func sample(t testing.TB) *zone.Version {
	t.Helper()
	m := model{}
	m.put(soa(7))
	add := func(owner string, typ wire.Type, data ...string) {
		n, err := wire.ParseName(owner)
		if err != nil {
			t.Fatal(err)
		}
		s := rr.Set{Owner: n, Type: typ, TTL: 300}
		for _, d := range data {
			s.Data = append(s.Data, []byte(d))
		}
		m.put(s)
	}
	add("example", wire.TypeNS, "\x02ns\x07example\x00")
	add("www.example", wire.TypeA, "\x01\x02\x03\x04")
	add("alias.example", wire.TypeCNAME, "\x03www\x07example\x00")
	add("a.b.ent.example", wire.TypeA, "\x01\x02\x03\x05")
	add("*.wild.example", wire.TypeTXT, "\x01x")
	add("x.y.wild.example", wire.TypeA, "\x01\x02\x03\x06")
	add("sub.example", wire.TypeNS, "\x02ns\x03sub\x07example\x00")
	add("sub.example", wire.TypeDS, "\x00\x01\x08\x02xx")
	add("ns.sub.example", wire.TypeA, "\x01\x02\x03\x07")
	add("moved.example", wire.TypeDNAME, "\x05there\x00")
	add("moved.example", wire.TypeA, "\x01\x02\x03\x08")
	add("broken.example", zone.TypeFail, "")
	return m.build(t)
}

func TestFind(t *testing.T) {
	t.Parallel()
	v := sample(t)
	tests := []struct {
		name  string
		typ   wire.Type
		kind  zone.Kind
		set   wire.Type
		owner string // suffix of the name where Owner points, where it matters
		wild  bool
	}{
		{"example", wire.TypeSOA, zone.Hit, wire.TypeSOA, "", false},
		{"www.example", wire.TypeA, zone.Hit, wire.TypeA, "", false},
		{"www.example", wire.TypeAAAA, zone.NoData, 0, "", false},
		{"nope.example", wire.TypeA, zone.NXDomain, 0, "example", false},
		{"x.www.example", wire.TypeA, zone.NXDomain, 0, "www.example", false},
		{"alias.example", wire.TypeA, zone.CNAME, wire.TypeCNAME, "", false},
		{"alias.example", wire.TypeCNAME, zone.Hit, wire.TypeCNAME, "", false},
		{"ent.example", wire.TypeA, zone.NoData, 0, "", false},
		{"b.ent.example", wire.TypeA, zone.NoData, 0, "", false},
		{"z.b.ent.example", wire.TypeA, zone.NXDomain, 0, "b.ent.example", false},
		{"any.wild.example", wire.TypeTXT, zone.Hit, wire.TypeTXT, "wild.example", true},
		{"deep.any.wild.example", wire.TypeA, zone.NoData, 0, "wild.example", true},
		{"y.wild.example", wire.TypeTXT, zone.NoData, 0, "", false},
		{"z.y.wild.example", wire.TypeTXT, zone.NXDomain, 0, "y.wild.example", false},
		{"*.wild.example", wire.TypeTXT, zone.Hit, wire.TypeTXT, "", false},
		{"sub.example", wire.TypeA, zone.Delegation, wire.TypeNS, "sub.example", false},
		{"sub.example", wire.TypeDS, zone.Hit, wire.TypeDS, "", false},
		{"ns.sub.example", wire.TypeA, zone.Delegation, wire.TypeNS, "sub.example", false},
		{"any.sub.example", wire.TypeA, zone.Delegation, wire.TypeNS, "sub.example", false},
		{"a.z.sub.example", wire.TypeDS, zone.Delegation, wire.TypeNS, "sub.example", false},
		{"moved.example", wire.TypeA, zone.Hit, wire.TypeA, "", false},
		{"x.moved.example", wire.TypeA, zone.DNAME, wire.TypeDNAME, "moved.example", false},
		{"broken.example", wire.TypeA, zone.Fail, 0, "", false},
		{"www.example", wire.TypeANY, zone.Hit, wire.TypeA, "", false},
	}
	var m zone.Match
	for _, tt := range tests {
		q := wire.MustName(tt.name)
		v.Find([]byte(q), tt.typ, &m)
		if m.Kind != tt.kind || m.Set.Type != tt.set || m.Wildcard != tt.wild {
			t.Errorf("%s %s: kind %d set %s wild %v, want %d %s %v", tt.name, tt.typ, m.Kind, m.Set.Type, m.Wildcard, tt.kind, tt.set, tt.wild)
		}
		if tt.owner != "" && q[m.Owner:] != wire.MustName(tt.owner) {
			t.Errorf("%s %s: owner %s, want %s", tt.name, tt.typ, q[m.Owner:], tt.owner)
		}
	}
	if s, ok := v.Lookup([]byte(wire.MustName("ns.sub.example")), wire.TypeA, &m); !ok || s.Len() != 1 {
		t.Error("no glue")
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	v := sample(t)
	var m zone.Match
	for _, s := range []string{"www.example", "nope.example", "alias.example", "any.wild.example", "any.sub.example", "x.moved.example"} {
		q := []byte(wire.MustName(s))
		if n := testing.AllocsPerRun(100, func() { v.Find(q, wire.TypeA, &m) }); n != 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	v := sample(t)
	old, now := soa(7), soa(8)
	frame := func(removed, added []byte) *zone.Delta {
		return &zone.Delta{From: 7, To: 8, Removed: append(old.AppendWire(nil), removed...), Added: append(now.AppendWire(nil), added...)}
	}
	www := wire.MustName("www.example")
	a := func(ttl uint32, d string) []byte {
		return wire.AppendRR(nil, www, wire.TypeA, wire.ClassIN, ttl, []byte(d))
	}
	tests := map[string]*zone.Delta{
		"wrong serial":     {From: 6, To: 8},
		"lies about to":    {From: 7, To: 9, Removed: old.AppendWire(nil), Added: now.AppendWire(nil)},
		"removes no one":   frame(a(300, "\x09\x09\x09\x09"), nil),
		"removes ttl":      frame(a(301, "\x01\x02\x03\x04"), nil),
		"adds twice":       frame(nil, a(300, "\x01\x02\x03\x04")),
		"adds other ttl":   frame(nil, a(60, "\x01\x02\x03\x09")),
		"outside":          frame(nil, wire.AppendRR(nil, wire.MustName("other.test"), wire.TypeA, wire.ClassIN, 1, []byte("\x01\x02\x03\x04"))),
		"no SOA left":      {From: 7, To: 7, Removed: old.AppendWire(nil)},
		"cut short":        frame(nil, a(300, "\x01\x02\x03\x09")[:9]),
		"second SOA added": {From: 7, To: 8, Added: now.AppendWire(nil)},
	}
	before := dump(v)
	for name, d := range tests {
		if _, err := v.Apply(d); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if !cmp.Equal(before, dump(v)) {
		t.Error("a refused delta changed the version")
	}
}

// million is a version of 1,000,000 records and more.
func million(t testing.TB) *zone.Version {
	t.Helper()
	sets := make([]rr.Set, 0, 1_000_001)
	sets = append(sets, soa(1))
	for i := range 1_000_000 {
		n, _ := apex.Child(fmt.Sprintf("h%07d", i))
		sets = append(sets, rr.Set{Owner: n, Type: wire.TypeA, TTL: 300, Data: [][]byte{{10, byte(i >> 16), byte(i >> 8), byte(i)}}})
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOneNameChangeSharesTheRest(t *testing.T) {
	v := million(t)
	n, _ := apex.Child("h0500000x")
	old, now := soa(1), soa(2)
	d := &zone.Delta{From: 1, To: 2, Removed: old.AppendWire(nil)}
	d.Added = wire.AppendRR(now.AppendWire(nil), n, wire.TypeA, wire.ClassIN, 300, []byte{1, 2, 3, 4})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	next, err := v.Apply(d)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	got := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d octets allocated for one name of %d records; %d octets of pages", got, next.Records(), next.Size())
	if got > 64<<10 {
		t.Errorf("a one-name change allocates %d octets", got)
	}
}

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

func FuzzDecode(f *testing.F) {
	f.Add(sample(f).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := zone.DecodeUnsummed(b)
		if err != nil {
			return
		}
		dump(v)
		var m zone.Match
		v.Find([]byte("\x01a"+string(v.Apex())), wire.TypeA, &m)
	})
}

func FuzzDecodeStep(f *testing.F) {
	m := model{}
	m.put(soa(1))
	d := m.change(1, []rr.Set{{Owner: apex, Type: wire.TypeA, TTL: 300, Data: [][]byte{{1, 2, 3, 4}}}})
	f.Add((&zone.Step{Transfer: *d}).Append(nil))
	f.Add((&zone.Step{Transfer: *d, Served: d}).Append(nil))
	base := model{}
	base.put(soa(1))
	v := base.build(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := zone.DecodeStep(b)
		if err != nil {
			return
		}
		if !bytes.Equal(s.Append(nil), b) {
			t.Fatal("does not encode to itself")
		}
		if next, err := v.Apply(&s.Transfer); err == nil {
			dump(next)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	v := million(b)
	r := rand.New(rand.NewPCG(1, 1))
	names := make([][]byte, 4096)
	for i := range names {
		n, _ := apex.Child(fmt.Sprintf("h%07d", r.IntN(1_000_000)))
		names[i] = []byte(n)
	}
	var m zone.Match
	i := 0
	for b.Loop() {
		v.Find(names[i&4095], wire.TypeA, &m)
		i++
	}
}
