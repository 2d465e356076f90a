package answer_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// hosts is how many names the large zone has of each kind; it has a million records and some 100,000 empty names.
const hosts = 160_000

// large makes a zone of a million records: addresses, aliases, mail, services under deep names, delegations, wildcards.
func large(tb testing.TB) *zone.DB {
	tb.Helper()
	apex := wire.MustName("example.org")
	sets := []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 3600, Data: [][]byte{append([]byte("\x02ns\x07example\x03org\x00\x01h\x00"), make([]byte, 20)...)}}}
	add := func(owner string, t wire.Type, data ...[]byte) {
		n := wire.MustName(owner + ".example.org")
		sets = append(sets, rr.Set{Owner: n, Type: t, TTL: 300, Data: data})
	}
	for i := range hosts {
		host := []byte(wire.MustName(fmt.Sprintf("host%06d.example.org", i)))
		ip := []byte{10, byte(i >> 16), byte(i >> 8), byte(i)}
		add(fmt.Sprintf("host%06d", i), wire.TypeA, ip)
		add(fmt.Sprintf("host%06d", i), wire.TypeAAAA, append(make([]byte, 12), ip...))
		add(fmt.Sprintf("alias%06d", i), wire.TypeCNAME, host)
		add(fmt.Sprintf("_sip._tcp.host%06d", i), wire.TypeSRV, append([]byte{0, 1, 0, 1, 19, 196}, host...))
		switch i % 8 {
		case 0:
			add(fmt.Sprintf("sub%06d", i), wire.TypeNS, []byte(wire.MustName(fmt.Sprintf("ns1.sub%06d.example.org", i))), host)
			add(fmt.Sprintf("ns1.sub%06d", i), wire.TypeA, ip)
		case 1:
			add(fmt.Sprintf("*.wild%06d", i), wire.TypeA, ip)
		case 2:
			add(fmt.Sprintf("mail%06d", i), wire.TypeMX, append([]byte{0, 10}, host...))
		case 3:
			add(fmt.Sprintf("old%06d", i), wire.TypeDNAME, []byte(wire.MustName("example.org")))
		default:
			add(fmt.Sprintf("text%06d.deep.ent", i), wire.TypeTXT, []byte("\x0bhello world"))
		}
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		tb.Fatal(err)
	}
	db := zone.NewDB(0)
	db.Reset("1", "a", 1, v, v, zone.Links{}, nil)
	return db
}

// questions makes n queries of a pattern in which %06d is one of the zone's numbers that is c modulo 8.
func questions(n, c int, pattern string, t wire.Type) [][]byte {
	r := rand.New(rand.NewPCG(1, uint64(c)))
	out := make([][]byte, n)
	for i := range out {
		var b wire.Builder
		b.Start(nil, 512, uint16(i), 0)
		b.Question([]byte(wire.MustName(fmt.Sprintf(pattern, r.IntN(hosts/8)*8+c)+".example.org")), t, wire.ClassIN)
		b.OPT(&wire.OPT{UDPSize: 1232})
		out[i] = b.Finish()
	}
	return out
}

// BenchmarkAnswer measures parse, lookup and writing, for each kind of answer: "wide" over many names, whose pages are
// in no cache, "hot" over a few.
func BenchmarkAnswer(b *testing.B) {
	r := answer.New(large(b), answer.Config{UDPSize: 1232})
	kinds := []struct {
		name, pattern string
		c             int
		t             wire.Type
	}{
		{"hit", "host%06d", 0, wire.TypeA},
		{"nodata", "host%06d", 0, wire.TypeTXT},
		{"nxdomain", "host%06dx", 0, wire.TypeA},
		{"wildcard", "any.wild%06d", 1, wire.TypeA},
		{"referral", "www.sub%06d", 0, wire.TypeA},
		{"cname", "alias%06d", 0, wire.TypeA},
		{"dname", "host000000.old%06d", 3, wire.TypeA},
		{"mx", "mail%06d", 2, wire.TypeMX},
		{"srv", "_sip._tcp.host%06d", 0, wire.TypeSRV},
	}
	for _, k := range kinds {
		for _, spread := range []struct {
			name string
			n    int
		}{{"wide", 1 << 14}, {"hot", 64}} {
			b.Run(k.name+"/"+spread.name, func(b *testing.B) {
				qs := questions(spread.n, k.c, k.pattern, k.t)
				buf := make([]byte, 0, 4096)
				q := wire.Request{Size: 1232}
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					q.Parse(qs[i&(spread.n-1)])
					buf = r.Respond(buf[:0], &q)
					i++
				}
			})
		}
	}
}
