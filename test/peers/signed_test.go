package peers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

// denials are the ways to prove absence, as arguments of dnssec-signzone.
func denials() map[string][]string {
	return map[string][]string{
		"nsec":   nil,
		"nsec3":  {"-3", "-", "-H", "0"},
		"salted": {"-3", "aabbccdd", "-H", "3"},
		"optout": {"-3", "-", "-H", "0", "-A"},
	}
}

// randomZone writes a zone file of names that have everything that denial depends on: empty non-terminals, wildcards,
// delegations with and without DS and with glue, DNAMEs, aliases in and out of the zone.
func randomZone(r *rand.Rand, apex string, serial int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$ORIGIN %s\n$TTL 3600\n@ SOA ns1 h %d 7200 3600 1209600 300\n@ NS ns1\n@ NS ns.elsewhere.test.\nns1 A 192.0.2.1\n", apex, serial)
	label := func() string { return string(rune('a' + r.IntN(6))) }
	name := func() string {
		n := label()
		for r.IntN(2) == 0 {
			n = label() + "." + n
		}
		if r.IntN(6) == 0 {
			n = "*." + n
		}
		return n
	}
	used := map[string]bool{"ns1": true}
	alone := []string{}
	below := func(n string) bool {
		return slices.ContainsFunc(alone, func(c string) bool { return strings.HasSuffix(n, "."+c) || n == c })
	}
	for range 6 {
		n := "z" + label() + label()
		if below(n) || used[n] {
			continue
		}
		used[n], alone = true, append(alone, n)
		switch r.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "%s DNAME %s.elsewhere.test.\n", n, label())
		case 1:
			fmt.Fprintf(&b, "%s NS ns.%s\nns.%s A 192.0.2.9\nx.y.%s A 192.0.2.10\n", n, n, n, n)
			fmt.Fprintf(&b, "%s DS 12345 13 2 %064x\n", n, r.Uint64())
		case 2:
			fmt.Fprintf(&b, "%s DNAME %s\n", n, label())
		default:
			fmt.Fprintf(&b, "%s NS ns.%s\nns.%s A 192.0.2.9\nin.%s NS ns1\n", n, n, n, label()+"."+n)
		}
	}
	for range 40 {
		n := name()
		if used[n] {
			continue
		}
		used[n] = true
		switch r.IntN(6) {
		case 0:
			fmt.Fprintf(&b, "%s CNAME %s\n", n, name())
		case 1:
			fmt.Fprintf(&b, "%s 60 MX 10 %s\n%s 120 TXT \"t\"\n%s A 192.0.2.7\n", n, label(), n, n)
		case 2:
			if strings.HasPrefix(n, "*.") {
				fmt.Fprintf(&b, "%s TXT \"w\"\n", n)
				continue
			}
			fmt.Fprintf(&b, "d%s NS ns.elsewhere.test.\n", strings.ReplaceAll(n, ".", ".d"))
		default:
			fmt.Fprintf(&b, "%s %d A 192.0.2.%d\n", n, 60*(1+r.IntN(3)), r.IntN(200))
		}
	}
	return b.String()
}

// signer makes keys once and signs zone files of one apex by BIND's dnssec-signzone.
type signer struct {
	dir, apex string
	args      []string
}

func newSigner(t testing.TB, apex string, args []string) *signer {
	t.Helper()
	s := &signer{dir: t.TempDir(), apex: apex, args: args}
	for _, flags := range [][]string{{"-f", "KSK"}, nil} {
		s.run(t, "dnssec-keygen", append(append([]string{"-q", "-a", "ECDSAP256SHA256", "-K", s.dir}, flags...), apex)...)
	}
	return s
}

func (s *signer) run(t testing.TB, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// change takes names out of what was signed last and puts others in; the signatures of the rest stay.
func (s *signer) change(t testing.TB, r *rand.Rand) *zone.Version {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "zone.signed"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for range 3 {
		gone := strings.Fields(lines[r.IntN(len(lines)-1)])[0]
		if strings.HasPrefix(gone, "ns1.") || gone == s.apex+"." || gone == ";" {
			continue
		}
		lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, gone+"\t") })
	}
	for range 3 {
		n := r.IntN(1000)
		lines = append(lines, fmt.Sprintf("n%d.e%d.%s. 60 IN A 192.0.2.1", n, n%7, s.apex))
	}
	return s.sign(t, strings.Join(lines, "\n")+"\n", "-N", "increment")
}

// sign gives the version of a zone file, signed.
func (s *signer) sign(t testing.TB, text string, args ...string) *zone.Version {
	t.Helper()
	in, out := filepath.Join(s.dir, "zone"), filepath.Join(s.dir, "zone.signed")
	if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t, "dnssec-signzone", append(append([]string{"-q", "-S", "-K", s.dir, "-o", s.apex, "-f", out, "-O", "full"}, slices.Concat(s.args, args)...), in)...)
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	apex := wire.MustName(s.apex)
	var sets []rr.Set
	for rd := rr.NewReader(f, apex); ; {
		e, err := rd.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := e.Data()
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, rr.Set{Owner: e.Owner, Type: e.Type, TTL: e.TTL, Data: [][]byte{data}})
	}
	v, err := zone.Build(apex, sets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// questions asks for the names of a version, names beside, above and below them, and for many types of each.
func questions(r *rand.Rand, v *zone.Version, n int) []dns.Question {
	var names []string
	v.Walk(func(owner []byte, s zone.RRset) bool {
		if s.Type != wire.TypeNSEC3 && s.Type != wire.TypeRRSIG {
			names = append(names, wire.Name(owner).String())
		}
		return true
	})
	types := []uint16{dns.TypeA, dns.TypeA, dns.TypeTXT, dns.TypeMX, dns.TypeDS, dns.TypeNS, dns.TypeCNAME, dns.TypeSOA, dns.TypeDNSKEY, dns.TypeNSEC3PARAM, dns.TypeAAAA, dns.TypeDNAME}
	out := make([]dns.Question, n)
	for i := range out {
		name := names[r.IntN(len(names))]
		switch r.IntN(5) {
		case 0:
			name = "x." + name
		case 1:
			name = "q.b." + name
		case 2:
			if labels := dns.SplitDomainName(name); len(labels) > dns.CountLabel(v.Apex().String())+1 {
				name = dns.Fqdn(strings.Join(labels[1:], "."))
			}
		}
		if r.IntN(12) == 0 {
			name = "*." + name
		}
		out[i] = dns.Question{Name: dns.Fqdn(name), Qtype: types[r.IntN(len(types))], Qclass: dns.ClassINET}
	}
	return out
}

// said is what an answer says, in one form for all servers: what some add by courtesy is left out, the NS records of the apex in
// the authority section, and addresses.
func said(apex string, m *dns.Msg) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s aa=%v tc=%v ad=%v", dns.RcodeToString[m.Rcode], m.Authoritative, m.Truncated, m.AuthenticatedData)
	for i, sec := range [][]dns.RR{m.Answer, m.Ns} {
		var lines []string
		for _, r := range sec {
			covers := r.Header().Rrtype
			if s, ok := r.(*dns.RRSIG); ok {
				covers = s.TypeCovered
			}
			if i == 1 && covers == dns.TypeNS && strings.EqualFold(r.Header().Name, dns.Fqdn(apex)) {
				continue
			}
			lines = append(lines, strings.ToLower(strings.Join(strings.Fields(r.String()), " ")))
		}
		slices.Sort(lines)
		for _, l := range slices.Compact(lines) {
			fmt.Fprintf(&b, "\n%s %s", []string{"an", "ns"}[i], l)
		}
	}
	return b.String()
}

func askDO(t testing.TB, at netip.AddrPort, q dns.Question) *dns.Msg {
	t.Helper()
	m := &dns.Msg{MsgHdr: dns.MsgHdr{Id: dns.Id(), RecursionDesired: true}, Question: []dns.Question{q}}
	m.SetEdns0(4096, true)
	c := &dns.Client{Net: "tcp", Timeout: 20 * time.Second}
	a, _, err := c.ExchangeContext(t.Context(), m, at.String())
	if err != nil {
		t.Fatalf("%s, %s: %v", at, q.String(), err)
	}
	return a
}

// Signed zones are transferred, whole and by IXFR, and every answer with DO is the one that NSD, Knot and BIND give from what
// they fetched. Knot validates each version before it takes it.
func TestSignedAnswers(t *testing.T) {
	t.Parallel()
	s := seedOr(t, 1)
	p := startPrimary(t)
	listen := map[peers.Program]netip.AddrPort{}
	var ids []string
	programs := []peers.Program{peers.BIND, peers.NSD, peers.Knot}
	for _, prog := range programs {
		a, err := peers.Free(prog)
		if err != nil {
			t.Fatal(err)
		}
		listen[prog] = a
		p.link(string(prog), a, nil)
		ids = append(ids, string(prog))
	}
	signers := map[string]*signer{}
	var names []wire.Name
	r := rand.New(rand.NewPCG(s, 7))
	for kind, args := range denials() {
		signers[kind] = newSigner(t, kind+".example", args)
		v := signers[kind].sign(t, randomZone(r, kind+".example.", 1))
		p.linked[v.Apex().String()] = ids
		p.put(t, v)
		names = append(names, v.Apex())
	}
	var servers []*peers.Secondary
	for _, prog := range programs {
		servers = append(servers, peers.Run(t, peers.Config{
			Program: prog, Listen: listen[prog], Primary: p.addr, Zones: names, Refresh: 5 * time.Second, Validate: true,
		}))
	}
	for step := range 4 {
		for kind, signer := range signers {
			v := p.db.ByID(kind + ".example.").State().Transfer
			if step > 0 {
				v = signer.change(t, r)
				p.put(t, v)
			}
			arrived(t, servers, v)
			compareAnswers(t, p.addr, servers, v, questions(r, v, 40))
		}
	}
	for _, name := range names {
		if kinds := p.kinds(name, listen[peers.Knot].Addr()); kinds[xfr.IXFR] < 2 {
			t.Errorf("%s to Knot: %v", name, kinds)
		}
	}
}

func arrived(t *testing.T, servers []*peers.Secondary, v *zone.Version) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	for _, srv := range servers {
		if err := srv.WaitSerial(ctx, v.Apex(), v.Serial()); err != nil {
			t.Fatalf("%s: %v\n%s", srv.Program(), err, srv.Log())
		}
	}
}

// compareAnswers wants each answer to be that of two others at least. Where a name with an asterisk is asked for, programs
// prove more than they must, each in its own way: there one other is enough.
func compareAnswers(t *testing.T, ours netip.AddrPort, servers []*peers.Secondary, v *zone.Version, list []dns.Question) {
	t.Helper()
	apex := v.Apex().String()
	for _, q := range list {
		got, agree := said(apex, askDO(t, ours, q)), 0
		var others strings.Builder
		for _, srv := range servers {
			theirs := said(apex, askDO(t, srv.Addr(), q))
			if theirs == got || srv.Program() == peers.BIND && q.Qtype == dns.TypeSOA && soaTTL(theirs) == soaTTL(got) {
				agree++
				continue
			}
			fmt.Fprintf(&others, "\n%s:\n%s", srv.Program(), theirs)
		}
		if agree < 2 && (agree == 0 || !strings.Contains(q.Name, "*")) {
			t.Errorf("%s %s: %d of %d agree\nours:\n%s%s", q.Name, dns.TypeToString[q.Qtype], agree, len(servers), got, others.String())
		}
	}
}

// soaTTL leaves out the TTL of an SOA and of its signature, which BIND sets to 0 where the SOA is asked for and not there.
func soaTTL(text string) string {
	lines := strings.Split(regexp.MustCompile(` \d+ in (soa|rrsig soa)`).ReplaceAllString(text, " in $1"), "\n")
	slices.Sort(lines) // they stood in an order that the TTLs had a part in
	return strings.Join(lines, "\n")
}

// unbound starts a validating resolver that trusts each zone's key and asks us for it.
func unbound(t *testing.T, ours netip.AddrPort, signers map[string]*signer) netip.AddrPort {
	t.Helper()
	listen, err := peers.Free(peers.NSD)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var b strings.Builder
	fmt.Fprintf(&b, "server:\n username: \"\"\n chroot: \"\"\n directory: %q\n pidfile: \"\"\n use-syslog: no\n interface: %s@%d\n", dir, listen.Addr(), listen.Port())
	b.WriteString(" do-not-query-localhost: no\n access-control: 127.0.0.0/8 allow\n module-config: \"validator iterator\"\n num-threads: 1\n")
	b.WriteString(" local-zone: \"example.\" nodefault\n qname-minimisation: no\n so-reuseport: no\nremote-control:\n control-enable: no\n")
	for kind, s := range signers {
		keys, err := filepath.Glob(filepath.Join(s.dir, "K*.key"))
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if text, _ := os.ReadFile(k); strings.Contains(string(text), " 257 ") {
				fmt.Fprintf(&b, "server:\n trust-anchor-file: %q\n", k)
			}
		}
		fmt.Fprintf(&b, "stub-zone:\n name: \"%s.example.\"\n stub-addr: %s@%d\n", kind, ours.Addr(), ours.Port())
	}
	conf := filepath.Join(dir, "conf")
	if err := os.WriteFile(conf, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "/usr/sbin/unbound", "-d", "-c", conf)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	return listen
}

// Whatever we answer of a signed zone, by whichever denial, a validator that trusts its key finds it secure.
func TestValidatorsAgree(t *testing.T) {
	t.Parallel()
	s := seedOr(t, 1)
	r := rand.New(rand.NewPCG(s, 17))
	p := startPrimary(t)
	signers, versions := map[string]*signer{}, map[string]*zone.Version{}
	for kind, args := range denials() {
		signers[kind] = newSigner(t, kind+".example", args)
		versions[kind] = signers[kind].sign(t, randomZone(r, kind+".example.", 1))
		p.put(t, versions[kind])
	}
	resolver := unbound(t, p.addr, signers)
	deadline := time.Now().Add(testkit.Patience)
	for {
		c := &dns.Client{Net: "tcp", Timeout: time.Second}
		if _, _, err := c.ExchangeContext(t.Context(), new(dns.Msg).SetQuestion("nsec.example.", dns.TypeSOA), resolver.String()); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // it does not say when it listens
	}
	kinds := map[string]int{}
	for kind, v := range versions {
		for _, q := range questions(r, v, 120) {
			ours := askDO(t, p.addr, q)
			switch {
			case !ours.Authoritative || leaves(ours, v.Apex().String()):
				continue // the rest is another server's
			case q.Qtype == dns.TypeDS && dns.Fqdn(q.Name) == dns.Fqdn(v.Apex().String()):
				continue // the parent's
			case slices.ContainsFunc(ours.Answer, func(r dns.RR) bool { return strings.HasPrefix(r.Header().Name, "*") }):
				continue // it does not know whether a wildcard made an owner with an asterisk
			case loops(ours):
				continue
			case (q.Qtype == dns.TypeCNAME || q.Qtype == dns.TypeDNAME) && len(ours.Answer) > 1:
				continue // it takes a CNAME that a DNAME made for no answer
			}
			got := askDO(t, resolver, q)
			// What an opt-out covers is not proved.
			if got.Rcode != ours.Rcode || !got.AuthenticatedData && kind != "optout" {
				t.Errorf("%s, %s %s: unbound says %s, ad=%v, of\n%s", kind, q.Name, dns.TypeToString[q.Qtype], dns.RcodeToString[got.Rcode], got.AuthenticatedData, said("", ours))
			}
			kinds[fmt.Sprintf("%s %s %d", kind, dns.RcodeToString[got.Rcode], min(1, len(got.Answer)))]++
		}
	}
	t.Log(kinds)
}

// loops says whether an answer's aliases lead to no end.
func loops(m *dns.Msg) bool {
	of := func(t uint16) func(dns.RR) bool { return func(r dns.RR) bool { return r.Header().Rrtype == t } }
	return m.Rcode == dns.RcodeSuccess && len(m.Answer) > 0 && !slices.ContainsFunc(m.Answer, of(m.Question[0].Qtype)) &&
		!slices.ContainsFunc(m.Ns, of(dns.TypeSOA))
}

// leaves says whether an answer's aliases lead out of the zone.
func leaves(m *dns.Msg, apex string) bool {
	return slices.ContainsFunc(m.Answer, func(r dns.RR) bool {
		switch r := r.(type) {
		case *dns.CNAME:
			return !dns.IsSubDomain(apex, r.Target)
		case *dns.DNAME:
			return !dns.IsSubDomain(apex, r.Target)
		}
		return false
	}) || m.Rcode == dns.RcodeSuccess && slices.ContainsFunc(m.Ns, func(r dns.RR) bool { return r.Header().Rrtype == dns.TypeNS })
}
