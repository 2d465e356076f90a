package face_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// large is a zone of so many names, and keys for it.
func large(b *testing.B, names int) (*zone.Version, *face.Signing) {
	b.Helper()
	apex := wire.MustName("example")
	soa := append([]byte(wire.MustName("ns.example")), wire.MustName("h.example")...)
	soa = append(soa, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 9, 58, 128, 0, 0, 1, 44)
	sets := []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 300, Data: [][]byte{soa}}, {Owner: apex, Type: wire.TypeNS, TTL: 300, Data: [][]byte{[]byte(wire.MustName("ns.other"))}}}
	for i := range names {
		sets = append(sets, rr.Set{Owner: wire.MustName(fmt.Sprintf("host-%d.d%d.example", i, i%(names/3+1))), Type: wire.TypeA, TTL: 300, Data: [][]byte{{192, 0, 2, 1}}})
	}
	g := &face.Signing{Timing: dnssec.TimingOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 604800, 86400)}
	for _, flags := range []uint16{257, 256} {
		k, err := dnssec.Generate(dnssec.ECDSAP256SHA256, flags, nil)
		if err != nil {
			b.Fatal(err)
		}
		if flags == 257 {
			g.Keys = []*dnssec.Key{k}
		} else {
			g.Zone = []*dnssec.Key{k}
		}
		sets = append(sets, rr.Set{Owner: apex, Type: wire.TypeDNSKEY, TTL: 3600, Data: [][]byte{k.RData()}})
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		b.Fatal(err)
	}
	return v, g
}

// BenchmarkSignAll is what a name costs of a zone that is signed for the first time: two signatures and all around them.
func BenchmarkSignAll(b *testing.B) {
	const names = 20_000
	v, g := large(b, names)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.All(face.Versions{Served: v, Transfer: v}, face.Versions{Served: v, Transfer: v}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*names), "ns/name")
}

// BenchmarkSignOne is what signing adds to a change of one name in a large zone.
func BenchmarkSignOne(b *testing.B) {
	v, g := large(b, 20_000)
	signed, err := g.All(face.Versions{Served: v, Transfer: v}, face.Versions{Served: v, Transfer: v})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		name := wire.MustName(fmt.Sprintf("new-%d.d7.example", n))
		add := wire.AppendRR(nil, name, wire.TypeA, wire.ClassIN, 300, []byte{192, 0, 2, 1})
		old, err := signed.SOA()
		if err != nil {
			b.Fatal(err)
		}
		soa := face.WithSerial(old.Data[0], uint32(n+1))
		head := func(d []byte) []byte { return wire.AppendRR(nil, v.Apex(), wire.TypeSOA, wire.ClassIN, 300, d) }
		step := &zone.Step{Transfer: zone.Delta{From: uint32(n), To: uint32(n + 1), Removed: head(old.Data[0]), Added: append(head(soa), add...)}}
		if signed, err = g.Extend(signed, step, []wire.Name{name}); err != nil {
			b.Fatal(err)
		}
	}
}
