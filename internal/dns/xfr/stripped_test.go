package xfr_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// signedHistory is a random history of a signed zone: every other version changes nothing but signatures, by another key now and
// then, and with NSEC3 in between.
func signedHistory(t *testing.T, seed uint64, n int) (h *history, plain []*zone.Version) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 9))
	h = &history{}
	var sets []rr.Set
	var keys dnssec.Signers
	for i := range n {
		if i%4 == 0 {
			k, err := dnssec.Generate(dnssec.ED25519, 257, nil)
			if err != nil {
				t.Fatal(err)
			}
			keys = dnssec.Signers{Keys: []*dnssec.Key{k}, Zone: []*dnssec.Key{k}}
		}
		if i%2 == 0 {
			sets = randomSets(r, 40)
		}
		serial := uint32(i + 1)
		bare := append(slices.Clone(sets), soa(serial))
		v, err := zone.Build(apex, bare)
		if err != nil {
			t.Fatal(err)
		}
		plain = append(plain, v)
		k := keys.Keys[0]
		if i%6 > 3 { // a piece of another chain, on its way
			hash, _ := apex.Child(strings.Repeat("0v", 16))
			bare = append(bare, rr.Set{Owner: hash, Type: wire.TypeNSEC3, TTL: 60, Data: [][]byte{append(append([]byte{1, 0, 0, 0, 0, 20}, make([]byte, 20)...), 0, 1, 0x40)}})
		}
		v, err = zone.Build(apex, append(bare,
			rr.Set{Owner: apex, Type: wire.TypeDNSKEY, TTL: 300, Data: [][]byte{k.RData()}},
			rr.Set{Owner: apex, Type: wire.TypeCDNSKEY, TTL: 300, Data: [][]byte{k.RData()}},
			rr.Set{Owner: apex, Type: wire.TypeCDS, TTL: 300, Data: [][]byte{k.DS(apex, dnssec.SHA256)}}))
		if err != nil {
			t.Fatal(err)
		}
		job := dnssec.Job{New: v, Signers: keys, Timing: dnssec.TimingOf(time.Unix(int64(1e9+86400*i), 0), 604800, 86400)}
		d, err := job.Sign()
		if err == nil {
			v, err = v.Apply(&zone.Delta{From: serial, To: serial, Removed: d.Removed, Added: d.Added})
		}
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			h.deltas = append(h.deltas, zone.Diff(h.versions[i-1], v))
		}
		h.versions = append(h.versions, v)
	}
	return h, plain
}

// TestStripped: what a peer gets that signs zones itself is the zone as it would be if nobody had signed it, whole and by steps,
// and each step tells its serial even where there is nothing else to tell.
func TestStripped(t *testing.T) {
	t.Parallel()
	steps := 0
	for seed := range uint64(4) {
		p := serve(t, nil)
		p.db.SetAccount(&zone.Account{ID: "acc", Peers: map[string]zone.Peer{
			"p": {ID: "p", Name: "peer", Addr: netip.MustParseAddrPort("127.0.0.1:53"), Stripped: true},
		}})
		h, plain := signedHistory(t, seed, 12)
		newest := plain[len(plain)-1]
		p.put(h.versions[len(plain)-1], h.deltas)
		full, err := xfr.Fetch(t.Context(), xfr.Source{Server: p.addr, Zone: apex})
		if err != nil {
			t.Fatal(err)
		}
		p.last()
		if diff := testkit.Diff(records(newest), split(t, full.Records)); diff != "" {
			t.Fatalf("seed %d: AXFR is not the zone before it was signed: %s", seed, diff)
		}
		for i, v := range plain {
			serial := v.Serial()
			got, err := xfr.Fetch(t.Context(), xfr.Source{Server: p.addr, Zone: apex, Serial: &serial})
			if err != nil {
				t.Fatal(err)
			}
			p.last()
			checkIncrement(t, v, newest, got, i == len(plain)-1)
			if got.Kind == xfr.IXFR {
				steps++
			}
		}
	}
	if steps == 0 {
		t.Errorf("%d answers by IXFR", steps)
	}
}

// Who may be one of several peers gets signatures unless all of them do without; and so does who is no peer.
func TestStrippedBySeveral(t *testing.T) {
	t.Parallel()
	h, _ := signedHistory(t, 5, 1)
	whole, bare := len(records(h.versions[0])), 0
	here, there := netip.MustParseAddrPort("127.0.0.1:53"), netip.MustParseAddrPort("127.0.0.1:5353")
	for _, tt := range []struct {
		name  string
		peers map[string]zone.Peer
		strip bool
	}{
		{"one", map[string]zone.Peer{"p": {ID: "p", Addr: here, Stripped: true}}, true},
		{"both", map[string]zone.Peer{"p": {ID: "p", Addr: here, Stripped: true}, "q": {ID: "q", Addr: there, Stripped: true}}, true},
		{"either", map[string]zone.Peer{"p": {ID: "p", Addr: here, Stripped: true}, "q": {ID: "q", Addr: there}}, false},
		{"nobody", map[string]zone.Peer{"p": {ID: "p", Addr: netip.MustParseAddrPort("192.0.2.1:53"), Stripped: true}}, false},
	} {
		p := serve(t, nil)
		p.db.SetAccount(&zone.Account{ID: "acc", Peers: tt.peers, ACL: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
		v := h.versions[0]
		p.db.Reset("z", "acc", 1, v, v, zone.Links{Enabled: true, Peers: []string{"p", "q"}}, nil)
		got, err := xfr.Fetch(t.Context(), xfr.Source{Server: p.addr, Zone: apex})
		if err != nil {
			t.Fatal(err)
		}
		n := len(split(t, got.Records))
		if tt.strip && bare == 0 {
			bare = n
		}
		if tt.strip && (n != bare || n == whole) || !tt.strip && n != whole {
			t.Errorf("%s: %d of %d records", tt.name, n, whole)
		}
	}
}
