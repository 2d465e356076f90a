package zone_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// TestMissing holds the proofs that begin where Find ended against those that are searched by name, in zones of few labels with
// empty names, wildcards, and delegations with names below, of one page and of many.
func TestMissing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 9))
	labels := []string{"*", "!", "a", "b", "c", "d", "_x"}
	for i := range 9 {
		labels = append(labels, strings.Repeat("n", 1+i%3)+strconv.Itoa(i))
	}
	long := strings.Repeat("l", 20)
	labels = append(labels, long+strings.Repeat("z", 9))
	draw := func() wire.Name {
		var parts []string
		for range 1 + r.IntN(4) {
			parts = append(parts, labels[r.IntN(len(labels))])
		}
		if r.IntN(2) == 0 { // pages whose names have more in common than a wildcard and what is beside it
			parts = append(parts, long)
		}
		return wire.MustName(strings.Join(append(parts, "example.org"), "."))
	}
	apex := wire.MustName("example.org")
	var nodata, nxdomain, wildcards int
	for i := range 60 {
		size := 1 + r.IntN(40)
		if i%4 == 0 {
			size *= 40 // many pages
		}
		v := chained(t, r, apex, size, draw)
		var byFind, byName zone.Proof
		var m zone.Match
		same := func(what string, n wire.Name, found bool, other wire.Name) {
			want := byName.Before(v, []byte(other))
			if found != want || found && (byFind.ID() != byName.ID() || string(byFind.AppendOwner(nil)) != string(byName.AppendOwner(nil))) {
				t.Fatalf("%s of %s: %v %s, want %v %s", what, n, found, byFind.AppendOwner(nil), want, byName.AppendOwner(nil))
			}
		}
		for range 400 {
			n := draw()
			q := append([]byte(n), make([]byte, 8)...)[:len(n)]
			v.Find(q, []wire.Type{wire.TypeTXT, wire.TypeDS}[r.IntN(2)], &m)
			if m.Kind != zone.NoData && m.Kind != zone.NXDomain {
				continue
			}
			same("the name", n, byFind.Missing(v, &m), n)
			nodata++
			if m.Kind == zone.NXDomain || m.Wildcard {
				star := wire.Name("\x01*") + n[m.Owner:]
				same("the wildcard", n, byFind.MissingWildcard(v, &m), star)
				nxdomain++
			}
			if m.Wildcard {
				wildcards++
			}
		}
	}
	if nodata < 1000 || nxdomain < 1000 || wildcards < 100 {
		t.Errorf("only %d names, %d of them not there, %d by wildcards", nodata, nxdomain, wildcards)
	}
}

// chained builds a zone with an NSEC record at each of its own names.
func chained(t *testing.T, r *rand.Rand, apex wire.Name, size int, draw func() wire.Name) *zone.Version {
	t.Helper()
	own := func(n wire.Name) []rr.Set {
		return []rr.Set{
			{Owner: n, Type: wire.TypeNSEC, TTL: 60, Data: [][]byte{append([]byte(n), 0, 1, 0x40)}},
			{Owner: n, Type: wire.TypeRRSIG, Data: [][]byte{sig(wire.TypeNSEC, 60, 1<<31, apex, 1)}},
		}
	}
	soa := append([]byte("\x00\x00"), make([]byte, 20)...)
	sets := append(own(apex), rr.Set{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa}})
	cuts := map[wire.Name]bool{}
	names := map[wire.Name]bool{}
	for range size {
		n := draw()
		names[n] = true
		if r.IntN(6) == 0 {
			cuts[n] = true
		}
	}
	for n := range names {
		below := false
		for cut := range cuts {
			below = below || n != cut && n.Within(cut)
		}
		data := rr.Set{Owner: n, Type: wire.TypeA, TTL: 60, Data: [][]byte{{192, 0, 2, 1}}}
		if cuts[n] && !below {
			data = rr.Set{Owner: n, Type: wire.TypeNS, TTL: 60, Data: [][]byte{[]byte(wire.MustName("ns.elsewhere"))}}
		}
		sets = append(sets, data)
		if !below {
			sets = append(sets, own(n)...)
		}
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
