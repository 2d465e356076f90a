package peers_test

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

const questionSecret = "cXVlc3Rpb25zIG9ubHkgd2hlcmUgdGhleSBtdXN0IGI="

// TestQuestionsOnlyWhereTheyMustBe: all four take answers of many messages of which the first one alone has a question, signed and not:
// AXFR, and all of a zone in answer to IXFR. So does dnspython, which refuses the latter if a later message has one.
func TestQuestionsOnlyWhereTheyMustBe(t *testing.T) {
	t.Parallel()
	apex := wire.MustName("large.example")
	version := func(serial uint32) *zone.Version {
		sets := []rr.Set{soa(t, apex, serial), {Owner: apex, Type: wire.TypeNS, TTL: 60, Data: [][]byte{[]byte(wire.MustName("ns1.example.net"))}}}
		for i := range 3000 {
			owner := wire.MustName(fmt.Sprintf("h%d.v%d.large.example", i, serial))
			sets = append(sets, rr.Set{Owner: owner, Type: wire.TypeMX, TTL: 60, Data: [][]byte{append([]byte{0, 1}, owner...)}})
		}
		v, err := zone.Build(apex, sets)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	key, err := tsig.NewKey("question.key", "hmac-sha256", questionSecret, false)
	if err != nil {
		t.Fatal(err)
	}
	p := startPrimary(t)
	var servers []*peers.Secondary
	listen := map[peers.Program]netip.AddrPort{}
	for _, prog := range peers.Programs() {
		a, err := peers.Free(prog)
		if err != nil {
			t.Fatal(err)
		}
		listen[prog] = a
		p.link(string(prog), a, key)
		p.linked[apex.String()] = append(p.linked[apex.String()], string(prog))
	}
	p.put(t, version(1))
	for _, prog := range peers.Programs() {
		servers = append(servers, peers.Run(t, peers.Config{
			Program: prog, Listen: listen[prog], Primary: p.addr, Zones: []wire.Name{apex}, Refresh: 5 * time.Second, Key: key,
		}))
	}
	arrived(t, servers, version(1))
	// Nothing is known of what was before: who asks by IXFR gets all of it.
	v := version(2)
	p.seq++
	p.db.Remove(apex.String())
	z := p.db.Reset(apex.String(), "acc", p.seq, v, v, zone.Links{Enabled: true, Peers: p.linked[apex.String()]}, nil)
	p.sender.Wake(z)
	arrived(t, servers, v)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	for _, srv := range servers {
		got, err := srv.TransferAt(ctx, apex, 2)
		if err != nil {
			t.Fatal(err)
		}
		if diff, err := peers.Diff(p.fetch(t, apex, key).Records, got.Records); err != nil || diff != "" {
			t.Errorf("%s: %v %s", srv.Program(), err, diff)
		}
		if kinds := p.kinds(apex, srv.Addr().Addr()); srv.Program() != peers.PowerDNS && kinds[xfr.Full] == 0 {
			t.Errorf("%s: %v", srv.Program(), kinds)
		}
	}
	const python = `
import sys, dns.query, dns.zone, dns.tsigkeyring, dns.xfr, dns.versioned
zone = dns.versioned.Zone("large.example.")
with zone.writer() as txn:
    txn.add("@", dns.rdataset.from_text("IN", "SOA", 60, "ns h 1 2 3 4 5"))
    txn.add("@", dns.rdataset.from_text("IN", "NS", 60, "ns"))
key = dns.tsigkeyring.from_text({sys.argv[3]: (sys.argv[5], sys.argv[4])})
query, serial = dns.xfr.make_query(zone, keyring=key)
dns.query.inbound_xfr(sys.argv[1], zone, query, port=int(sys.argv[2]), source="127.1.1.1")
print(len(zone.nodes))
`
	out, err := exec.CommandContext(ctx, "/usr/bin/python3", "-c", python,
		p.addr.Addr().String(), fmt.Sprint(p.addr.Port()), "question.key.", questionSecret, "hmac-sha256.").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "3001" {
		t.Errorf("dnspython: %v\n%s", err, out)
	}
}
