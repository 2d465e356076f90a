package zone_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

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
		{"broken.example", wire.TypeAAAA, zone.Fail, 0, "", false},
		{"broken.example", wire.TypeANY, zone.Fail, 0, "", false},
		{"broken.example", wire.TypeMX, zone.Hit, wire.TypeMX, "", false},
		{"broken.example", wire.TypeTXT, zone.NoData, 0, "", false},
		{"broken.example", wire.TypeCNAME, zone.NoData, 0, "", false},
		{"broken.example", wire.TypeCAA, zone.NoData, 0, "", false},
		{"lost.example", wire.TypeAAAA, zone.Fail, 0, "", false},
		{"lost.example", wire.TypeTXT, zone.NoData, 0, "", false},
		{"none.example", wire.TypeA, zone.NoData, 0, "", false},
		{"none.example", wire.TypeANY, zone.NoData, 0, "", false},
		{"any.none.example", wire.TypeA, zone.NoData, 0, "none.example", true},
		{"noted.example", wire.TypeAAAA, zone.NoData, 0, "", false},
		{"noted.example", wire.TypeTXT, zone.Hit, wire.TypeTXT, "", false},
		{"noted.example", wire.TypeANY, zone.Hit, wire.TypeTXT, "", false},
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
	if !v.At([]byte(wire.MustName("ns.sub.example")), &m) {
		t.Error("no glue")
	}
	if s, ok := m.RRset(wire.TypeA); !ok || s.Len() != 1 {
		t.Error("no address")
	}
	if _, ok := m.RRset(wire.TypeAAAA); ok || v.At([]byte(wire.MustName("ns.www.example")), &m) {
		t.Error("an address from nowhere")
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
