package peers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/review"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

// claim is what the review says of other servers about a zone, and what each of them does with it.
type claim struct {
	title   string
	sets    []rr.Set
	finding model.Reason // what the review finds in the zone; empty for nothing
	grave   bool         // and whether it is critical
	refuse  map[peers.Program]string
	// answer is what a program that loads the zone answers: for "name type" the types in the answer section.
	answer map[peers.Program]map[string]string
}

func claimSet(t *testing.T, owner string, typ wire.Type, data ...string) rr.Set {
	t.Helper()
	s := rr.Set{Owner: wire.MustName(owner), Type: typ, TTL: 300}
	for _, d := range data {
		b, err := rr.ParseData(typ, d, wire.MustName("example.org"))
		if err != nil {
			t.Fatal(err)
		}
		s.Data = append(s.Data, b)
	}
	slices.SortFunc(s.Data, bytes.Compare)
	return s
}

// longTXT is a TXT RRset whose one record has n octets of RDATA.
func longTXT(n int) rr.Set {
	var d []byte
	for n > 0 {
		k := min(n-1, 255)
		d = append(append(d, byte(k)), make([]byte, k)...)
		n -= k + 1
	}
	return rr.Set{Owner: wire.MustName("www.example.org"), Type: wire.TypeTXT, TTL: 300, Data: [][]byte{d}}
}

func claims(t *testing.T) []claim {
	t.Helper()
	var hosts []string
	for i := range 101 {
		hosts = append(hosts, fmt.Sprintf("192.0.2.%d", i))
	}
	www := claimSet(t, "www.example.org", wire.TypeA, hosts[0])
	mx := claimSet(t, "example.org", wire.TypeMX, "10 mail.example.net.")
	refusal := map[peers.Program]string{peers.BIND: "CNAME and other data", peers.Knot: "another record exists beside CNAME"}
	only := func(answer map[string]string, programs ...peers.Program) map[peers.Program]map[string]string {
		out := map[peers.Program]map[string]string{}
		for _, p := range programs {
			out[p] = answer
		}
		return out
	}
	return []claim{
		{
			title:   "CNAME at the apex",
			sets:    []rr.Set{claimSet(t, "example.org", wire.TypeCNAME, "target.example.net."), mx, www},
			finding: model.ReasonApexCNAME, grave: true, refuse: refusal,
			answer: map[peers.Program]map[string]string{
				peers.NSD: {
					"example.org SOA": "SOA", "example.org NS": "NS", "example.org MX": "MX", "example.org A": "CNAME",
					"example.org TXT": "CNAME", "www.example.org A": "A",
				},
				peers.PowerDNS: {
					"example.org SOA": "SOA", "example.org NS": "CNAME", "example.org MX": "CNAME", "example.org A": "CNAME",
					"example.org TXT": "CNAME", "www.example.org A": "A",
				},
			},
		},
		{
			title: "CNAME beside others",
			sets: []rr.Set{
				claimSet(t, "www.example.org", wire.TypeCNAME, "target.example.net."), claimSet(t, "www.example.org", wire.TypeTXT, "x"),
			},
			finding: model.ReasonNeighbours, grave: true, refuse: refusal,
			answer: map[peers.Program]map[string]string{
				peers.NSD:      {"www.example.org A": "CNAME", "www.example.org TXT": "TXT"},
				peers.PowerDNS: {"www.example.org A": "CNAME", "www.example.org TXT": "CNAME"},
			},
		},
		{
			title: "two DNAMEs", sets: []rr.Set{claimSet(t, "d.example.org", wire.TypeDNAME, "a.example.net.", "b.example.net."), www},
			finding: model.ReasonForbidden, grave: true,
			refuse: map[peers.Program]string{peers.BIND: "multiple RRs of singleton type", peers.Knot: "multiple DNAME records"},
			answer: only(map[string]string{"www.example.org A": "A"}, peers.NSD, peers.PowerDNS),
		},
		{
			title:   "data below a DNAME",
			sets:    []rr.Set{claimSet(t, "d.example.org", wire.TypeDNAME, "a.example.net."), claimSet(t, "x.d.example.org", wire.TypeA, hosts[0]), www},
			finding: model.ReasonForbidden, grave: true,
			refuse: map[peers.Program]string{peers.Knot: "child record exists under DNAME"},
			answer: only(map[string]string{"www.example.org A": "A"}, peers.BIND, peers.NSD, peers.PowerDNS),
		},
		{
			title:   "DNAME beside NS",
			sets:    []rr.Set{claimSet(t, "d.example.org", wire.TypeDNAME, "a.example.net."), claimSet(t, "d.example.org", wire.TypeNS, "ns.example.net."), www},
			finding: model.ReasonForbidden, grave: true,
			refuse: map[peers.Program]string{peers.Knot: "NS record exists beside DNAME"},
			answer: only(map[string]string{"www.example.org A": "A"}, peers.BIND, peers.NSD, peers.PowerDNS),
		},
		{
			title:   "DS at the apex",
			sets:    []rr.Set{claimSet(t, "example.org", wire.TypeDS, "1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"), www},
			finding: model.ReasonForbidden, grave: true,
			answer: only(map[string]string{"www.example.org A": "A"}, peers.Programs()...),
		},
		{
			title: "NS at a wildcard", sets: []rr.Set{claimSet(t, "*.w.example.org", wire.TypeNS, "ns.example.net."), www},
			finding: model.ReasonRefused, grave: true, refuse: map[peers.Program]string{peers.BIND: "invalid NS owner name (wildcard)"},
			answer: only(map[string]string{"www.example.org A": "A"}, peers.NSD, peers.Knot, peers.PowerDNS),
		},
		{
			title: "parameters in AliasMode", sets: []rr.Set{claimSet(t, "s.example.org", wire.TypeHTTPS, "0 a.example.net. alpn=h2"), www},
			finding: model.ReasonRefused, grave: true, refuse: map[peers.Program]string{peers.PowerDNS: "unable to"},
			answer: only(map[string]string{"www.example.org A": "A", "s.example.org HTTPS": "HTTPS"}, peers.BIND, peers.NSD, peers.Knot),
		},
		{
			title: "ALPN of other octets", sets: []rr.Set{claimSet(t, "s.example.org", wire.TypeHTTPS, `1 a.example.net. alpn="\2102"`), www},
			finding: model.ReasonRefused, grave: true,
			answer: map[peers.Program]map[string]string{
				peers.BIND: {"s.example.org HTTPS": "HTTPS"}, peers.NSD: {"s.example.org HTTPS": "HTTPS"},
				peers.Knot: {"s.example.org HTTPS": "HTTPS"}, peers.PowerDNS: {"s.example.org HTTPS": "", "www.example.org A": "A"},
			},
		},
		{
			title: "KEY without a key", sets: []rr.Set{claimSet(t, "k.example.org", wire.TypeKEY, `\# 4 c000030d`), www},
			finding: model.ReasonRefused, grave: true,
			answer: map[peers.Program]map[string]string{
				peers.BIND: {"k.example.org KEY": "KEY"}, peers.NSD: {"k.example.org KEY": "KEY"},
				peers.Knot: {"k.example.org KEY": "KEY"}, peers.PowerDNS: {"k.example.org KEY": "", "www.example.org A": "A"},
			},
		},
		{
			title: "IPSECKEY without a key", sets: []rr.Set{claimSet(t, "k.example.org", 45, `\# 3 0a0000`), www},
			finding: model.ReasonRefused, grave: true, refuse: map[peers.Program]string{peers.BIND: "unexpected end of input"},
			answer: only(map[string]string{"k.example.org IPSECKEY": "IPSECKEY"}, peers.NSD, peers.Knot, peers.PowerDNS),
		},
		{
			title: "IPSECKEY of algorithm 3", sets: []rr.Set{claimSet(t, "k.example.org", 45, `\# 4 0a000301`), www},
			finding: model.ReasonRefused, grave: true, refuse: map[peers.Program]string{peers.PowerDNS: "invalid algorithm type"},
			answer: only(map[string]string{"k.example.org IPSECKEY": "IPSECKEY"}, peers.BIND, peers.NSD, peers.Knot),
		},
		{
			title:  "100 addresses",
			sets:   []rr.Set{claimSet(t, "www.example.org", wire.TypeA, hosts[:100]...)},
			answer: only(map[string]string{"www.example.org A": "100 A"}, peers.Programs()...),
		},
		{
			title: "101 addresses", sets: []rr.Set{claimSet(t, "www.example.org", wire.TypeA, hosts...)},
			finding: model.ReasonTooLarge, grave: true, refuse: map[peers.Program]string{peers.BIND: "too many records"},
			answer: only(map[string]string{"www.example.org A": "101 A"}, peers.NSD, peers.Knot, peers.PowerDNS),
		},
		{
			title: "record that NSD hands on", sets: []rr.Set{longTXT(16300)},
			answer: only(map[string]string{"www.example.org TXT": "TXT"}, peers.Programs()...),
		},
		{
			title: "record that NSD cannot hand on", sets: []rr.Set{longTXT(16400)}, finding: model.ReasonTooLarge,
			answer: only(map[string]string{"www.example.org TXT": "TXT"}, peers.Programs()...),
		},
		{
			title: "longest record", sets: []rr.Set{longTXT(65460)}, finding: model.ReasonTooLarge,
			answer: only(map[string]string{"www.example.org TXT": "TXT"}, peers.Programs()...),
		},
	}
}

// TestReviewClaims holds what the review says of BIND, NSD, Knot and PowerDNS against them.
func TestReviewClaims(t *testing.T) {
	t.Parallel()
	apex := wire.MustName("example.org")
	for _, c := range claims(t) {
		sets := append([]rr.Set{soa(t, apex, 1), claimSet(t, "example.org", wire.TypeNS, "ns1.example.net.")}, c.sets...)
		v, err := zone.Build(apex, sets)
		if err != nil {
			t.Fatal(err)
		}
		var reason model.Reason
		grave := false
		review.Loads(v, 0, nil, func(f model.Finding) { reason, grave = f.Reason, f.Severity == model.SeverityCritical })
		if reason != c.finding || grave != c.grave {
			t.Errorf("%s: the review finds %q, critical %v", c.title, reason, grave)
		}
		for _, prog := range peers.Programs() {
			t.Run(c.title+"/"+string(prog), func(t *testing.T) {
				t.Parallel()
				p := startPrimary(t)
				listen, err := peers.Free(prog)
				if err != nil {
					t.Fatal(err)
				}
				p.link("a", listen, nil)
				p.linked[apex.String()] = []string{"a"}
				p.put(t, v)
				sec := peers.Run(t, peers.Config{
					Program: prog, Listen: listen, Primary: p.addr, Zones: []wire.Name{apex}, NoIXFR: !prog.AnswersAfterIXFR(), AsShipped: true,
				})
				ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
				defer cancel()
				if words := c.refuse[prog]; words != "" {
					if err := sec.WaitLog(ctx, words); err != nil {
						t.Fatal(err)
					}
					if _, err := sec.Serial(ctx, apex); err == nil {
						t.Errorf("%s answers a zone that it refused", sec.Version())
					}
					t.Logf("%s refuses it: %s", sec.Version(), words)
					return
				}
				if err := sec.WaitSerial(ctx, apex, 1); err != nil {
					t.Fatal(err)
				}
				for _, q := range slices.Sorted(maps.Keys(c.answer[prog])) {
					name, typ, _ := strings.Cut(q, " ")
					ty, err := wire.ParseType(typ)
					if err != nil {
						t.Fatal(err)
					}
					want, got := c.answer[prog][q], answered(ctx, t, sec, wire.MustName(name), ty)
					// While NSD changes over, a process without the zone may still take connections.
					for end := time.Now().Add(testkit.Patience); got != want && time.Now().Before(end); {
						got = answered(ctx, t, sec, wire.MustName(name), ty)
					}
					if got != want {
						t.Errorf("%s answers %s with %q, want %q", sec.Version(), q, got, want)
					}
				}
				if len(c.answer[prog]) == 0 {
					t.Error("nothing is known of what it answers")
				}
			})
		}
	}
}

// answered tells the types in an answer section: "CNAME", or "101 A".
func answered(ctx context.Context, t *testing.T, s *peers.Secondary, name wire.Name, typ wire.Type) string {
	t.Helper()
	msg, err := peers.Ask(ctx, "tcp", s.Addr(), name, typ)
	if err != nil {
		t.Fatal(err)
	}
	r, err := wire.NewReader(msg)
	if err != nil {
		t.Fatal(err)
	}
	n, out := 0, ""
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Section != wire.SectionAnswer {
			continue
		}
		n++
		out = rec.Type.String()
	}
	if n > 1 {
		return fmt.Sprint(n, " ", out)
	}
	return out
}

// TestNSDHandsOn shows up to which length NSD hands a record on: with a longer one its AXFR does not end.
func TestNSDHandsOn(t *testing.T) {
	t.Parallel()
	apex := wire.MustName("example.org")
	for _, size := range []int{16300, 16400} {
		p := startPrimary(t)
		listen, err := peers.Free(peers.NSD)
		if err != nil {
			t.Fatal(err)
		}
		p.link("a", listen, nil)
		p.linked[apex.String()] = []string{"a"}
		v, err := zone.Build(apex, []rr.Set{soa(t, apex, 1), claimSet(t, "example.org", wire.TypeNS, "ns1.example.net."), longTXT(size)})
		if err != nil {
			t.Fatal(err)
		}
		p.put(t, v)
		sec := peers.Run(t, peers.Config{Program: peers.NSD, Listen: listen, Primary: p.addr, Zones: []wire.Name{apex}})
		ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
		defer cancel()
		if err := sec.WaitSerial(ctx, apex, 1); err != nil {
			t.Fatal(err)
		}
		whole := size+len("www.example.org") < review.NSDRecord
		soon, stop := ctx, func() {}
		if !whole {
			soon, stop = context.WithTimeout(ctx, 2*time.Second) // what never ends
		}
		defer stop()
		_, err = sec.Transfer(soon, apex)
		for errors.Is(err, syscall.ECONNRESET) && soon.Err() == nil { // NSD changes over to the version that it has just got
			_, err = sec.Transfer(soon, apex)
		}
		if ok := err == nil; ok != whole {
			t.Errorf("%s hands a record of %d octets on: %v", sec.Version(), size, err)
		}
		sec.Close()
	}
}

// TestSignedRecordTooLong shows that a record can fit a message of a transfer, and not with a TSIG, and that the review
// knows which.
func TestSignedRecordTooLong(t *testing.T) {
	t.Parallel()
	apex, key := wire.MustName("example.org"), testKey(t)
	overhead := review.Overhead(key.Name, wire.Name(key.Algorithm))
	for _, k := range []*tsig.Key{nil, key} {
		for _, size := range []int{65200, 65350, 65460} {
			p := startPrimary(t)
			v, err := zone.Build(apex, []rr.Set{soa(t, apex, 1), claimSet(t, "example.org", wire.TypeNS, "ns1.example.net."), longTXT(size)})
			if err != nil {
				t.Fatal(err)
			}
			p.link("a", p.addr, k)
			p.linked[apex.String()] = []string{"a"}
			p.put(t, v)
			o := 0
			if k != nil {
				o = overhead
			}
			grave := false
			review.Loads(v, o, nil, func(f model.Finding) { grave = grave || f.Severity == model.SeverityCritical })
			_, err = fetchAs(t, p, apex, k)
			t.Logf("%d octets, signed %v: %v", size, k != nil, err)
			if (err != nil) != grave {
				t.Errorf("a record of %d octets, signed %v: transferred with %v, critical to the review %v", size, k != nil, err, grave)
			}
		}
	}
}

func fetchAs(t *testing.T, p *primary, apex wire.Name, key *tsig.Key) (*xfr.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	return xfr.Fetch(ctx, xfr.Source{Server: p.addr, Zone: apex, Key: key, Local: p.acc.ACL[0].Addr()})
}
