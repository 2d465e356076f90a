package zone_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// differ tells the first record in which two versions differ.
func differ(a, b *zone.Version) string {
	x, y := dump(a), dump(b)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("record %d: %.200q, other %.200q", i, x[i], y[i])
		}
	}
	if len(x) != len(y) {
		return fmt.Sprintf("%d records, other %d", len(x), len(y))
	}
	return ""
}

var types = []wire.Type{wire.TypeA, wire.TypeNS, wire.TypeTXT, wire.TypeDS, wire.TypeANY, wire.TypeCNAME, wire.TypeDNAME}

// A version that many deltas led to is the one that Build makes of the same records: in its records, in what it finds,
// as an image, and as a difference.
func TestApplyEqualsBuild(t *testing.T) {
	t.Parallel()
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			history(t, seed, 25)
		})
	}
}

func history(t *testing.T, seed uint64, length uint32) {
	t.Helper()
	r := random{rand.New(rand.NewPCG(seed, 1))}
	m := model{}
	m.put(soa(1))
	v := m.build(t)
	first := v
	var chain []*zone.Delta
	for serial := uint32(1); serial < length; serial++ {
		var sets []rr.Set
		for range 1 + r.IntN(12) {
			sets = append(sets, r.set())
		}
		next, err := v.Apply(m.change(serial, sets))
		if err != nil {
			t.Fatalf("serial %d: %v", serial, err)
		}
		fresh := m.build(t)
		if d := differ(fresh, next); d != "" {
			t.Fatalf("serial %d: built and applied differ: %s", serial, d)
		}
		if next.Records() != fresh.Records() || next.Records() != len(dump(next)) || next.Serial() != serial+1 {
			t.Fatalf("%d records, want %d", next.Records(), fresh.Records())
		}
		o := m.oracle()
		for range 60 {
			q, typ := r.name(), types[r.IntN(len(types))]
			o.check(t, next, q, typ)
			o.check(t, fresh, q, typ)
			if len(next.Sets(q)) != len(m[q]) {
				t.Fatalf("%s: %d sets, want %d", q, len(next.Sets(q)), len(m[q]))
			}
		}
		again, err := zone.Decode(next.Append(nil))
		if err != nil || again.Size() != next.Size() || differ(again, next) != "" {
			t.Fatalf("image: %v", err)
		}
		chain = append(chain, zone.Diff(v, next))
		if back, err := v.Apply(chain[len(chain)-1]); err != nil || differ(back, next) != "" {
			t.Fatalf("difference: %v", err)
		}
		v = next
	}
	one, err := zone.Condense(chain)
	if err != nil {
		t.Fatal(err)
	}
	if last, err := first.Apply(one); err != nil || differ(last, v) != "" {
		t.Fatalf("condensed: %v", err)
	}
	if straight := zone.Diff(first, v); len(straight.Added) != len(one.Added) || len(straight.Removed) != len(one.Removed) {
		t.Errorf("condensed: +%d -%d octets, the difference has +%d -%d", len(one.Added), len(one.Removed),
			len(straight.Added), len(straight.Removed))
	}
}

// Names come and go by the thousand: pages split, join and vanish, and the tree under them too.
func TestApplyInBulk(t *testing.T) {
	t.Parallel()
	const names = 30_000
	set := func(i int) rr.Set {
		n, _ := apex.Child(fmt.Sprintf("h%05d", i))
		n, _ = n.Child([]string{"a", "b", "*"}[i%3])
		s := rr.Set{Owner: n, Type: wire.TypeA, TTL: 300, Data: [][]byte{{10, 0, byte(i >> 8), byte(i)}}}
		if i%50 == 0 {
			s.Type, s.Data = wire.TypeNS, [][]byte{[]byte(apex)}
		}
		return s
	}
	m := model{}
	m.put(soa(1))
	v := m.build(t)
	serial := uint32(1)
	step := func(sets []rr.Set) {
		t.Helper()
		next, err := v.Apply(m.change(serial, sets))
		if err != nil {
			t.Fatal(err)
		}
		fresh := m.build(t)
		if d := differ(fresh, next); d != "" {
			t.Fatal(d)
		}
		if next.Size() > 2*fresh.Size()+1<<14 {
			t.Errorf("pages of %d octets, built anew %d", next.Size(), fresh.Size())
		}
		if again, err := zone.Decode(next.Append(nil)); err != nil || again.Size() != next.Size() {
			t.Fatalf("image: %v", err)
		}
		v, serial = next, serial+1
		o := m.oracle()
		for i := 0; i < names; i += 7 {
			q := set(i).Owner
			o.check(t, v, q, wire.TypeA)
			for _, l := range []string{"q", "\xff", "\x01"} { // names between those that are there, and behind the last
				below, _ := q.Parent().Child(l)
				o.check(t, v, below, wire.TypeA)
				beside, _ := apex.Child(fmt.Sprintf("h%05d%s", i, l))
				o.check(t, v, beside, wire.TypeA)
			}
		}
	}
	var all, most []rr.Set
	for i := range names {
		s := set(i)
		all = append(all, s)
		if i%100 != 0 {
			s.Data = nil
			most = append(most, s)
		}
	}
	step(all)
	step(most)
	for i := range all {
		all[i].Data = nil
	}
	for part := range slices.Chunk(all, 997) { // in parts, so that neighbours join
		next, err := v.Apply(m.change(serial, part))
		if err != nil {
			t.Fatal(err)
		}
		v, serial = next, serial+1
	}
	if v.Records() != 1 || v.Size() > 200 {
		t.Errorf("an empty zone has %d records in %d octets", v.Records(), v.Size())
	}
}

// Names go one by one, from the beginnings and ends of pages too, and come back.
func TestApplyOneByOne(t *testing.T) {
	t.Parallel()
	const names = 400
	m := model{}
	m.put(soa(1))
	owner := func(i int, label string) wire.Name {
		n, _ := apex.Child(fmt.Sprintf("n%03d", i))
		n, _ = n.Child(label)
		return n
	}
	for i := range names {
		for _, l := range []string{"*", "a", "c"} {
			m.put(rr.Set{Owner: owner(i, l), Type: wire.TypeTXT, TTL: 300, Data: [][]byte{append([]byte{40}, make([]byte, 40)...)}})
		}
	}
	v, serial := m.build(t), uint32(1)
	one := func(i int, label string, data ...[]byte) {
		t.Helper()
		q := owner(i, label)
		next, err := v.Apply(m.change(serial, []rr.Set{{Owner: q, Type: wire.TypeTXT, TTL: 300, Data: data}}))
		if err != nil {
			t.Fatal(err)
		}
		v, serial = next, serial+1
		o := oracle{model: m, exists: map[wire.Name]bool{apex: true, q.Parent(): true}}
		for _, l := range []string{"*", "a", "c"} {
			_, o.exists[owner(i, l)] = m[owner(i, l)]
		}
		for _, l := range []string{"a", "b", "c", "d"} {
			o.check(t, v, owner(i, l), wire.TypeTXT)
		}
	}
	for i := range names {
		one(i, "c")
	}
	for i := range names {
		one(i, "c", []byte("\x01c"))
		one(i, "a")
	}
	if d := differ(m.build(t), v); d != "" {
		t.Fatal(d)
	}
}

// A cut hides what is below it as soon as it is there, and no longer.
func TestCutsComeAndGo(t *testing.T) {
	t.Parallel()
	m := model{}
	m.put(soa(1))
	sub, deep := wire.MustName("sub.example"), wire.MustName("a.deep.sub.example")
	m.put(rr.Set{Owner: deep, Type: wire.TypeA, TTL: 300, Data: [][]byte{{1, 2, 3, 4}}})
	m.put(rr.Set{Owner: wire.MustName("deep.sub.example"), Type: wire.TypeNS, TTL: 300, Data: [][]byte{[]byte(apex)}})
	v := m.build(t)
	serial := uint32(1)
	change := func(sets ...rr.Set) {
		t.Helper()
		next, err := v.Apply(m.change(serial, sets))
		if err != nil {
			t.Fatal(err)
		}
		v, serial = next, serial+1
	}
	var match zone.Match
	want := func(kind zone.Kind, owner string) {
		t.Helper()
		v.Find([]byte(deep), wire.TypeA, &match)
		if match.Kind != kind || kind != zone.Hit && deep[match.Owner:] != wire.MustName(owner) {
			t.Errorf("serial %d: kind %d at %s, want %d at %s", serial, match.Kind, deep[match.Owner:], kind, owner)
		}
	}
	want(zone.Delegation, "deep.sub.example")
	change(rr.Set{Owner: sub, Type: wire.TypeNS, TTL: 300, Data: [][]byte{[]byte(apex)}})
	want(zone.Delegation, "sub.example")
	change(rr.Set{Owner: sub, Type: wire.TypeNS}, rr.Set{Owner: sub, Type: wire.TypeDNAME, TTL: 1, Data: [][]byte{[]byte(apex)}})
	want(zone.DNAME, "sub.example")
	change(rr.Set{Owner: sub, Type: wire.TypeDNAME})
	want(zone.Delegation, "deep.sub.example")
	change(rr.Set{Owner: wire.MustName("deep.sub.example"), Type: wire.TypeNS})
	want(zone.Hit, "")
	change(rr.Set{Owner: apex, Type: wire.TypeDNAME, TTL: 1, Data: [][]byte{[]byte(wire.MustName("other.test"))}})
	want(zone.DNAME, "example")
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
		"other class":      frame(nil, wire.AppendRR(nil, www, wire.TypeTXT, wire.ClassCH, 300, []byte("\x01x"))),
		"shapeless NS":     frame(nil, wire.AppendRR(nil, www, wire.TypeNS, wire.ClassIN, 300, []byte("\x09x"))),
		"shapeless SRV":    frame(nil, wire.AppendRR(nil, www, wire.TypeSRV, wire.ClassIN, 300, []byte("\x00\x00\x00\x00\x00\x00"))),
	}
	before := v.Append(nil)
	for name, d := range tests {
		if _, err := v.Apply(d); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if !bytes.Equal(before, v.Append(nil)) {
		t.Error("a refused delta changed the version")
	}
}

// The same owner spelled in two ways is one owner.
func TestApplyFoldsOwners(t *testing.T) {
	t.Parallel()
	v := sample(t)
	old, now := soa(7), soa(8)
	d := &zone.Delta{From: 7, To: 8, Removed: old.AppendWire(nil), Added: now.AppendWire(nil)}
	for i, owner := range []wire.Name{"\x03WwW\x07example\x00", "\x03www\x07example\x00"} {
		d.Added = wire.AppendRR(d.Added, owner, wire.TypeA, wire.ClassIN, 300, []byte{9, 9, 9, byte(i)})
	}
	next, err := v.Apply(d)
	if err != nil {
		t.Fatal(err)
	}
	if sets := next.Sets(wire.MustName("www.example")); len(sets) != 1 || len(sets[0].Data) != 3 || next.Records() != v.Records()+2 {
		t.Errorf("%v", sets)
	}
}

// oneName changes one name of a large version: it adds, replaces and removes it.
func oneName(t testing.TB, v *zone.Version) (add, remove *zone.Delta) {
	t.Helper()
	n, _ := apex.Child("h0500000x")
	one, two, three := soa(1), soa(2), soa(3)
	rec := wire.AppendRR(nil, n, wire.TypeA, wire.ClassIN, 300, []byte{1, 2, 3, 4})
	add = &zone.Delta{From: 1, To: 2, Removed: one.AppendWire(nil), Added: append(two.AppendWire(nil), rec...)}
	remove = &zone.Delta{From: 2, To: 3, Removed: append(two.AppendWire(nil), rec...), Added: three.AppendWire(nil)}
	return add, remove
}

func TestOneNameChangeSharesTheRest(t *testing.T) {
	v := million(t)
	add, remove := oneName(t, v)
	for _, d := range []*zone.Delta{add, remove} {
		var before, after runtime.MemStats
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
		v = next
	}
}

func BenchmarkApply(b *testing.B) {
	v := million(b)
	add, remove := oneName(b, v)
	b.Run("add", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Apply(add); err != nil {
				b.Fatal(err)
			}
		}
	})
	with, err := v.Apply(add)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("remove", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := with.Apply(remove); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("diff", func(b *testing.B) {
		for b.Loop() {
			zone.Diff(v, with)
		}
	})
}
