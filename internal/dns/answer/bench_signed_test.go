package answer_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// signedHosts is how many names with an address the signed zone has, a quarter of them under empty names.
const signedHosts = 400_000

func signedHost(i int) string {
	if i%4 == 0 {
		return fmt.Sprintf("h%d.d%d.sub%d", i, i%977, i%31)
	}
	return fmt.Sprintf("h%07d", i)
}

// largeSigned makes a zone with a chain of NSEC and signatures of the length that ECDSA has; nobody checks them here.
func largeSigned(tb testing.TB) *zone.DB {
	tb.Helper()
	apex := wire.MustName("bench.example")
	soa := slices.Concat([]byte(wire.MustName("ns1.bench.example")), []byte(wire.MustName("hostmaster.bench.example")), make([]byte, 16), []byte{0, 0, 7, 8})
	sets := []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 3600, Data: [][]byte{soa}}}
	for i := range signedHosts {
		sets = append(sets, rr.Set{
			Owner: wire.MustName(signedHost(i) + ".bench.example"), Type: wire.TypeA, TTL: 300,
			Data: [][]byte{{10, byte(i >> 16), byte(i >> 8), byte(i)}},
		})
	}
	slices.SortFunc(sets, func(a, b rr.Set) int { return wire.Compare(a.Owner, b.Owner) })
	sig := func(s rr.Set) []byte {
		b := make([]byte, wire.SigFixed)
		binary.BigEndian.PutUint16(b, uint16(s.Type))
		binary.BigEndian.PutUint32(b[4:], s.TTL)
		binary.BigEndian.PutUint32(b[8:], 1<<31)
		return slices.Concat(b, []byte(apex), bytes.Repeat([]byte{7}, 64))
	}
	for i, s := range slices.Clip(sets) {
		next := sets[(i+1)%(signedHosts+1)].Owner
		nsec := rr.Set{Owner: s.Owner, Type: wire.TypeNSEC, TTL: 1800, Data: [][]byte{append([]byte(next), 0, 6, 0x40, 0, 0, 0, 0, 3)}}
		sets = append(sets, nsec, rr.Set{Owner: s.Owner, Type: wire.TypeRRSIG, Data: [][]byte{sig(s), sig(nsec)}})
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		tb.Fatal(err)
	}
	db := zone.NewDB(0)
	db.Reset("1", "a", 1, v, v, zone.Links{}, nil)
	return db
}

// BenchmarkSigned measures answers with signatures and proofs, over names whose pages are in no cache.
func BenchmarkSigned(b *testing.B) {
	r := answer.New(largeSigned(b), answer.Config{UDPSize: 1232})
	for _, k := range []struct {
		name, suffix string
		t            wire.Type
	}{{"hit", "", wire.TypeA}, {"nodata", "", wire.TypeTXT}, {"nxdomain", "x", wire.TypeA}, {"below", "", wire.TypeA}} {
		b.Run(k.name, func(b *testing.B) {
			const n = 1 << 16
			random := rand.New(rand.NewPCG(1, 1))
			qs := make([][]byte, n)
			for i := range qs {
				name := signedHost(random.IntN(signedHosts)) + k.suffix
				if k.name == "below" {
					name = "no." + name
				}
				var m wire.Builder
				m.Start(nil, 512, uint16(i), 0)
				m.Question([]byte(wire.MustName(name+".bench.example")), k.t, wire.ClassIN)
				m.OPT(&wire.OPT{UDPSize: 1232, DO: true})
				qs[i] = m.Finish()
			}
			buf := make([]byte, 0, 4096)
			q := wire.Request{Size: 1232}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				q.Parse(qs[i&(n-1)])
				buf = r.Respond(buf[:0], &q)
				i++
			}
		})
	}
}
