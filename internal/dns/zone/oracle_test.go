package zone_test

import (
	"slices"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// oracle answers as RFC 1034 section 4.3.2 reads, label by label over a plain map: what Find is compared with.
type oracle struct {
	model
	exists map[wire.Name]bool
}

func (m model) oracle() oracle {
	o := oracle{model: m, exists: map[wire.Name]bool{}}
	for n := range m {
		for ; n != apex; n = n.Parent() {
			o.exists[n] = true
		}
	}
	o.exists[apex] = true
	return o
}

// found is what a question leads to; owner is the cut, the DNAME's owner, or, for what a wildcard made or could have
// made, the closest encloser.
type found struct {
	kind  zone.Kind
	owner wire.Name
	wild  bool
	set   rr.Set
}

func (o oracle) find(q wire.Name, t wire.Type) found {
	line := []wire.Name{q} // from the apex down to q
	for n := q; n != apex; n = n.Parent() {
		line = append(line, n.Parent())
	}
	slices.Reverse(line)
	encloser := apex
	for _, n := range line {
		if !o.exists[n] {
			break
		}
		encloser = n
		if s, ok := o.model[n][wire.TypeNS]; ok && n != apex && (n != q || t != wire.TypeDS) {
			return found{kind: zone.Delegation, owner: n, set: s}
		}
		if s, ok := o.model[n][wire.TypeDNAME]; ok && n != q {
			return found{kind: zone.DNAME, owner: n, set: s}
		}
	}
	if encloser == q {
		return o.typed(q, t)
	}
	star, err := encloser.Child("*")
	if err != nil || !o.exists[star] {
		return found{kind: zone.NXDomain, owner: encloser}
	}
	f := o.typed(star, t)
	f.owner, f.wild = encloser, true
	return f
}

func (o oracle) typed(n wire.Name, t wire.Type) found {
	sets := o.model[n]
	if s, ok := sets[t]; ok {
		return found{kind: zone.Hit, set: s}
	}
	if s, ok := sets[wire.TypeCNAME]; ok && t != wire.TypeANY {
		return found{kind: zone.CNAME, set: s}
	}
	if t != wire.TypeANY || len(sets) == 0 {
		return found{kind: zone.NoData}
	}
	first := wire.Type(0xffff)
	for t := range sets {
		first = min(first, t)
	}
	return found{kind: zone.Hit, set: sets[first]}
}

// check asks a version about a name and compares.
func (o oracle) check(t *testing.T, v *zone.Version, q wire.Name, typ wire.Type) {
	t.Helper()
	var m zone.Match
	v.Find([]byte(q), typ, &m)
	want := o.find(q, typ)
	if m.Kind != want.kind || m.Wildcard != want.wild || m.Set.Type != want.set.Type || m.Set.Len() != len(want.set.Data) {
		t.Fatalf("%s %s: kind %d, wildcard %v, %d of %s; want kind %d, wildcard %v, %d of %s", q, typ,
			m.Kind, m.Wildcard, m.Set.Len(), m.Set.Type, want.kind, want.wild, len(want.set.Data), want.set.Type)
	}
	if want.owner != "" && q[m.Owner:] != want.owner {
		t.Fatalf("%s %s: owner %s, want %s", q, typ, q[m.Owner:], want.owner)
	}
	i := 0
	for it := m.Set.Iter(); it.Next(); i++ {
		if string(it.AppendFull(nil)) != string(want.set.Data[i]) {
			t.Fatalf("%s %s: record %d is %x, want %x", q, typ, i, it.AppendFull(nil), want.set.Data[i])
		}
	}
}
