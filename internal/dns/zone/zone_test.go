package zone_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
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
	v.Walk(func(owner []byte, s page.RRset) bool {
		for it := s.Iter(); it.Next(); {
			out = append(out, fmt.Sprintf("%s %d %s %x", wire.Name(owner), s.TTL, s.Type, it.AppendFull(nil)))
		}
		return true
	})
	return out
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
	add("broken.example", page.TypeMark, page.MarkFail)
	add("broken.example", wire.TypeMX, "\x00\x0a\x00")
	add("lost.example", page.TypeMark, page.MarkFail)
	add("none.example", page.TypeMark, page.MarkNone)
	add("*.none.example", page.TypeMark, page.MarkNone)
	add("noted.example", page.TypeMark, page.MarkNone)
	add("noted.example", wire.TypeTXT, "\x01n")
	return m.build(t)
}

// million is a version of 1,000,000 records and more, made once.
func million(t testing.TB) *zone.Version {
	t.Helper()
	v, err := aMillion()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var aMillion = sync.OnceValues(func() (*zone.Version, error) {
	sets := make([]rr.Set, 0, 1_000_001)
	sets = append(sets, soa(1))
	for i := range 1_000_000 {
		n, _ := apex.Child(fmt.Sprintf("h%07d", i))
		sets = append(sets, rr.Set{Owner: n, Type: wire.TypeA, TTL: 300, Data: [][]byte{{10, byte(i >> 16), byte(i >> 8), byte(i)}}})
	}
	return zone.Build(apex, sets)
})
