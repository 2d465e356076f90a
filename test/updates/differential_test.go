package updates

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// generator makes messages. What we and BIND are known to do differently (docs/updates.md) it does not make: delegations are at names of
// their own, TTLs are within our bounds, DS comes with NS, nobody removes the name servers that the zone was assigned.
type generator struct {
	*rand.Rand
	soa *dns.SOA // as it is now
}

func (g *generator) of(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) owner() string {
	return g.of("a.", "b.", "c.", "*.w.", "x.y.", "_acme-challenge.a.", "") + apex
}

func (g *generator) ttl() uint32 { return []uint32{60, 300, 300, 300, 3600}[g.IntN(5)] }

// record is one of a name that is no delegation.
func (g *generator) record() string {
	owner := g.owner()
	data := g.of(
		"A 192.0.2.1", "A 192.0.2.2", "A 192.0.2.3", "AAAA 2001:db8::1", "AAAA 2001:db8::2", `TXT "one"`, `TXT "two" "parts"`, `TXT "ünïcode"`,
		"MX 10 mail.example.net.", "MX 20 Mail.Example.NET.", "CNAME a.example.net.", "CNAME B.example.net.", "SRV 1 2 53 host.example.net.",
		`CAA 0 issue "ca.example.net"`, "PTR host.example.net.", `TYPE65280 \# 3 010203`, "HTTPS 1 svc.example.net. alpn=h2", "SSHFP 4 2 "+strings.Repeat("ab", 32),
		"TLSA 3 1 1 "+strings.Repeat("cd", 32), "DNAME elsewhere.example.net.",
	)
	if strings.HasPrefix(data, "DNAME") { // which goes with nothing below it, and with no other
		owner = "dn." + apex
	}
	if strings.HasPrefix(owner, "*") && strings.HasPrefix(data, "DNAME") {
		data = "A 192.0.2.1"
	}
	return fmt.Sprintf("%s %d IN %s", owner, g.ttl(), data)
}

// cut is a record of a delegation.
func (g *generator) cut() string {
	return fmt.Sprintf("%s%s %d IN NS ns%d.example.net.", g.of("d1.", "d2."), apex, g.ttl(), g.IntN(3))
}

func (g *generator) any() dns.RR {
	switch g.IntN(12) {
	case 0:
		return parsed(g.cut())
	case 1:
		return parsed(fmt.Sprintf("%s 86400 IN NS more%d.example.net.", apex, g.IntN(2)))
	}
	return parsed(g.record())
}

func with(r dns.RR, class uint16, ttl uint32) dns.RR {
	r = dns.Copy(r)
	r.Header().Class, r.Header().Ttl = class, ttl
	return r
}

// chaos is a record as one of the class CH. Addresses are a name and 16 bits there; 192.0.2.1 would be read as a compressed name whose
// labels begin at the message's ID, so that it were right now and then.
func chaos(r dns.RR) dns.RR {
	r = with(r, dns.ClassCHAOS, 60)
	if a, ok := r.(*dns.A); ok {
		a.A = net.IPv4(10, 0, 2, 1)
	}
	return r
}

// bare is a record without data.
func bare(owner string, typ, class uint16, ttl uint32) dns.RR {
	return &dns.ANY{Hdr: dns.RR_Header{Name: owner, Rrtype: typ, Class: class, Ttl: ttl}}
}

// prerequisite is one of every kind, met or not, and now and then malformed.
func (g *generator) prerequisite() dns.RR {
	r := g.any()
	h := r.Header()
	switch g.IntN(14) {
	case 0, 1:
		return bare(h.Name, dns.TypeANY, dns.ClassANY, 0)
	case 2, 3:
		return bare(h.Name, h.Rrtype, dns.ClassANY, 0)
	case 4, 5:
		return bare(h.Name, dns.TypeANY, dns.ClassNONE, 0)
	case 6, 7, 8:
		return bare(h.Name, h.Rrtype, dns.ClassNONE, 0)
	case 9:
		return with(r, dns.ClassINET, 0)
	case 10:
		return with(r, dns.ClassINET, 60) // a TTL
	case 11:
		return bare("a.example.org.", h.Rrtype, dns.ClassANY, 0) // another zone
	case 12:
		return with(r, dns.ClassANY, 0) // data
	}
	soa := dns.Copy(g.soa)
	soa.Header().Ttl = 0
	return soa
}

// change is an update of every kind, and now and then one that is malformed or forbidden.
func (g *generator) change() []dns.RR {
	r := g.any()
	h := r.Header()
	switch g.IntN(30) {
	case 0, 1, 2:
		return []dns.RR{bare(h.Name, h.Rrtype, dns.ClassANY, 0)}
	case 3, 4:
		return []dns.RR{bare(h.Name, dns.TypeANY, dns.ClassANY, 0)}
	case 5, 6, 7, 8, 9:
		return []dns.RR{with(r, dns.ClassNONE, 0)}
	case 10, 11:
		soa := dns.Copy(g.soa).(*dns.SOA)
		soa.Serial += uint32(g.IntN(4)) - 1
		soa.Refresh = uint32([]int{10000, 7200}[g.IntN(2)])
		soa.Ns = g.of(soa.Ns, "ns1.test.example.", "hidden.example.net.")
		return []dns.RR{soa}
	case 12:
		ns := parsed(g.cut())
		ds := parsed(fmt.Sprintf("%s %d IN DS %d 13 2 %s", ns.Header().Name, g.ttl(), g.IntN(3), strings.Repeat("ef", 32)))
		return []dns.RR{ns, ds}
	case 13:
		return []dns.RR{bare(g.of("d1.", "d2.")+apex, dns.TypeNS, dns.ClassANY, 0)}
	}
	if g.IntN(12) > 0 {
		return []dns.RR{r}
	}
	switch g.IntN(9) {
	case 0:
		return []dns.RR{parsed("a.example.org. 60 IN A 192.0.2.1")}
	case 1:
		return []dns.RR{bare(h.Name, dns.TypeANY, dns.ClassINET, 60)}
	case 2:
		return []dns.RR{bare(h.Name, dns.TypeAXFR, dns.ClassANY, 0)}
	case 3:
		return []dns.RR{bare(h.Name, dns.TypeANY, dns.ClassNONE, 0)}
	case 4:
		return []dns.RR{bare(h.Name, h.Rrtype, dns.ClassANY, 60)}
	case 5:
		return []dns.RR{with(r, dns.ClassNONE, 60)}
	case 6:
		return []dns.RR{with(r, dns.ClassANY, 0)}
	case 7:
		return []dns.RR{chaos(r)}
	}
	return []dns.RR{bare(h.Name, dns.TypeNSEC, dns.ClassANY, 0)}
}

func (g *generator) message() *dns.Msg {
	m := new(dns.Msg)
	m.SetUpdate(apex)
	for range max(0, g.IntN(4)-1) {
		// BIND takes a record that stands twice for two.
		if p := g.prerequisite(); !slices.ContainsFunc(m.Answer, func(o dns.RR) bool { return o.String() == p.String() }) {
			m.Answer = append(m.Answer, p)
		}
	}
	for range g.IntN(5) {
		m.Ns = append(m.Ns, g.change()...)
	}
	switch g.IntN(40) {
	case 0:
		m.Question[0].Qtype = dns.TypeA
	case 1:
		m.Question[0].Name = g.of("example.org.", "sub."+apex)
	}
	return m
}

// wellFormed leaves out what no reader of messages takes.
func wellFormed(m *dns.Msg) {
	for _, list := range []*[]dns.RR{&m.Answer, &m.Ns} {
		*list = slices.DeleteFunc(*list, func(r dns.RR) bool {
			_, bare := r.(*dns.ANY)
			h := r.Header()
			return h.Class == dns.ClassANY && !bare || h.Class == dns.ClassCHAOS && h.Rrtype == dns.TypeA
		})
	}
}

// rounds is how many messages are sent; `make updates` sends more.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("UPDATE_ROUNDS")); err == nil {
		return n
	}
	return 400
}

// TestAsBIND sends random messages to us and to BIND: both answer with the same response code, and both have the same zone then, under
// the same serial.
func TestAsBIND(t *testing.T) {
	t.Parallel()
	g := &generator{Rand: seed(t)}
	w := begin(t, "--update-rate", "0")
	w.Call(t, http.MethodPatch, w.path("/dns_settings"), map[string]any{"multi_provider": true}, nil)
	theirs := bind(t, transfer(t, w.DNS))
	codes := map[string]int{}
	for round := range rounds() {
		before := transfer(t, w.DNS)
		soa, ok := parsed(before[0]).(*dns.SOA)
		if !ok {
			t.Fatal(before[0])
		}
		g.soa = soa
		m := g.message()
		key := keyName
		if g.IntN(25) == 0 {
			key = g.of(other, "")
		}
		if key == "" || m.Question[0].Name != apex { // which we refuse without a look at what is in the message
			wellFormed(m)
		}
		network := g.of("tcp", "udp")
		got, want := send(t, w.DNS, network, key, m), send(t, theirs, network, key, m)
		codes[dns.RcodeToString[want]]++
		if got != want {
			t.Fatalf("round %d: we answer %s, BIND %s to\n%s\nwith the zone\n%s", round, dns.RcodeToString[got], dns.RcodeToString[want], m, strings.Join(before, "\n"))
		}
		ours, bind := transfer(t, w.DNS), transfer(t, theirs)
		if slices.Equal(ours, before) && slices.Equal(ours[1:], bind[1:]) {
			ours = w.catchUp(t, ours, bind)
		}
		if !slices.Equal(ours, bind) {
			t.Fatalf("round %d: after\n%s\n(%s) with the zone\n%s\nwe have\n%s\nand BIND\n%s", round, m, dns.RcodeToString[got], strings.Join(before, "\n"),
				strings.Join(less(ours, bind), "\n"), strings.Join(less(bind, ours), "\n"))
		}
	}
	t.Logf("answers: %v", codes)
	for _, name := range []string{"NOERROR", "FORMERR", "REFUSED", "NXRRSET", "YXRRSET", "NXDOMAIN", "YXDOMAIN", "NOTZONE", "NOTAUTH"} {
		if codes[name] == 0 && rounds() >= 400 {
			t.Errorf("no message was answered with %s", name)
		}
	}
}

// catchUp raises our serial to BIND's where a message came to nothing: to us that is no change, and BIND counts what it took away again
// (a DS that was added together with the delegation that was then removed).
func (w *world) catchUp(t *testing.T, ours, bind []string) []string {
	t.Helper()
	was, _ := parsed(ours[0]).(*dns.SOA)
	now, _ := parsed(bind[0]).(*dns.SOA)
	if was == nil || now == nil || now.Serial != was.Serial+1 {
		return ours
	}
	w.Call(t, http.MethodPost, "/headwater/v1/zones/"+w.zone+"/serial", map[string]any{"at_least": now.Serial}, nil)
	return transfer(t, w.DNS)
}

func less(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(l string) bool { return slices.Contains(b, l) })
}
