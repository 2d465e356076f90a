package peers

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// kind is a record type with the names it may stand at and a maker of its data.
type kind struct {
	typ   wire.Type
	names []string // relative to the apex; empty for the apex
	most  int      // records in an RRset; 0: any number
	make  func(r *rand.Rand, apex string) string
}

// hostNames can hold addresses and much else; cuts are delegated, with glue below; aliases hold a CNAME or addresses.
func hostNames() []string {
	return []string{
		"", "www", "a", "b.a", "c.b.a", "*", "*.wild", "x.wild", "deep.down.in.the.tree", "under_score", "xn--bcher-kva",
		strings.Repeat("l", 63), strings.Repeat("m", 63) + "." + strings.Repeat("n", 63), "0", "-", "a-b-c",
	}
}

func cuts() []string    { return []string{"sub1", "sub2", "child.sub.tree", "*.cut"} }
func aliases() []string { return []string{"alias1", "alias2", "flip.a", "*.aliases", "alias.wild"} }
func glue() []string    { return []string{"ns1.sub1", "ns2.sub1", "ns.sub2", "ns.child.sub.tree"} }

func kinds() []kind {
	hosts := hostNames()
	addresses := append(append(hostNames(), glue()...), aliases()...)
	return []kind{
		{wire.TypeA, addresses, 0, func(r *rand.Rand, _ string) string { return fmt.Sprintf("192.0.2.%d", r.IntN(256)) }},
		{wire.TypeAAAA, addresses, 0, func(r *rand.Rand, _ string) string {
			return fmt.Sprintf("2001:db8::%x:%x", r.IntN(1<<16), r.IntN(1<<16))
		}},
		{wire.TypeTXT, hosts, 0, makeTXT},
		{wire.TypeTXT, []string{"octets"}, 4, everyOctet},
		{wire.TypeMX, hosts, 0, func(r *rand.Rand, apex string) string { return fmt.Sprintf("%d %s", r.IntN(1<<16), host(r, apex)) }},
		{wire.TypeNS, cuts()[:3], 4, nameServer},
		{wire.TypeDS, cuts()[:3], 3, func(r *rand.Rand, _ string) string { return fmt.Sprintf("%d 13 2 %x", r.IntN(1<<16), octets(r, 32)) }},
		{wire.TypeCNAME, aliases(), 1, host},
		{wire.TypeSRV, []string{"_sip._tcp", "_sip._udp", "_xmpp-client._tcp.a"}, 0, func(r *rand.Rand, apex string) string {
			return fmt.Sprintf("%d %d %d %s", r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<16), host(r, apex))
		}},
		{wire.TypeCAA, hosts[:4], 0, func(r *rand.Rand, _ string) string {
			return fmt.Sprintf("%d issue \"ca%d.example.net\"", 128*r.IntN(2), r.IntN(99))
		}},
		{wire.TypePTR, []string{"1.ptr", "2.ptr"}, 0, host},
		{wire.TypeLOC, []string{"loc"}, 0, makeLOC},
		{wire.TypeNAPTR, []string{"enum"}, 0, func(r *rand.Rand, _ string) string {
			return fmt.Sprintf("%d %d \"u\" \"E2U+sip\" \"!^.*$!sip:u%d@example.net!\" .", r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<16))
		}},
		{wire.TypeCERT, []string{"cert"}, 0, func(r *rand.Rand, _ string) string { return fmt.Sprintf("1 %d 8 %s", r.IntN(1<<16), base64Of(r, 60)) }},
		{wire.TypeDNSKEY, []string{"keys"}, 0, func(r *rand.Rand, _ string) string { return "257 3 13 " + base64Of(r, 64) }},
		{wire.TypeHTTPS, []string{"www", "a"}, 0, makeSVCB},
		{wire.TypeSVCB, []string{"_dns.svc"}, 0, makeSVCB},
		{wire.TypeOPENPGPKEY, []string{"c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._openpgpkey"}, 0, func(r *rand.Rand, _ string) string { return base64Of(r, 100+r.IntN(100)) }},
		{wire.TypeSMIMEA, []string{"c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert"}, 0, makeTLSA},
		{wire.TypeTLSA, []string{"_443._tcp.www", "_25._tcp.mail"}, 0, makeTLSA},
		{wire.TypeSSHFP, []string{"www", "a"}, 0, func(r *rand.Rand, _ string) string { return fmt.Sprintf("4 2 %x", octets(r, 32)) }},
		{wire.TypeURI, []string{"_ftp._tcp"}, 0, func(r *rand.Rand, _ string) string {
			return fmt.Sprintf("%d %d \"ftp://ftp%d.example.net/public\"", r.IntN(1<<16), r.IntN(1<<16), r.IntN(99))
		}},
	}
}

func kindOf(t wire.Type) *kind {
	for _, k := range kinds() {
		if k.typ == t {
			return &k
		}
	}
	return nil
}

// host is a name inside or outside of the zone.
func host(r *rand.Rand, apex string) string {
	hosts := []string{"www." + apex, "a." + apex, "b.a." + apex, apex, "mail.example.net.", fmt.Sprintf("h%d.example.net.", r.IntN(1000)), "x.wild." + apex}
	return hosts[r.IntN(len(hosts))]
}

func nameServer(r *rand.Rand, apex string) string {
	names := append(glue(), fmt.Sprintf("ns%d", r.IntN(100)), "")
	n := names[r.IntN(len(names))]
	if n == "" {
		return fmt.Sprintf("ns%d.example.net.", r.IntN(100))
	}
	return n + "." + apex
}

func octets(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return b
}

func base64Of(r *rand.Rand, n int) string { return base64.StdEncoding.EncodeToString(octets(r, n)) }

// quote writes one string of a TXT record.
func quote(b []byte) string {
	var s strings.Builder
	s.WriteByte('"')
	for _, c := range b {
		switch {
		case c == '"' || c == '\\':
			s.WriteByte('\\')
			s.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&s, "\\%03d", c)
		default:
			s.WriteByte(c)
		}
	}
	s.WriteByte('"')
	return s.String()
}

func makeTXT(r *rand.Rand, _ string) string {
	parts := []string{quote(octets(r, 1+r.IntN(255)))}
	for range r.IntN(3) {
		parts = append(parts, quote(octets(r, r.IntN(256))))
	}
	return strings.Join(parts, " ")
}

// everyOctet is a TXT record that holds each octet value once, in random order.
func everyOctet(r *rand.Rand, _ string) string {
	b := make([]byte, 256)
	for i, v := range r.Perm(256) {
		b[i] = byte(v)
	}
	return quote(b[:128]) + " " + quote(b[128:])
}

func makeLOC(r *rand.Rand, _ string) string {
	return fmt.Sprintf("%d %d %d.%03d N %d %d %d.%03d W %d.00m 1m 100m 10m", r.IntN(90), r.IntN(60), r.IntN(60), r.IntN(1000),
		r.IntN(180), r.IntN(60), r.IntN(60), r.IntN(1000), r.IntN(9000)-1000)
}

func makeSVCB(r *rand.Rand, apex string) string {
	return fmt.Sprintf("%d %s alpn=\"h2,h3\" port=%d ipv4hint=192.0.2.%d", 1+r.IntN(1<<16-1), host(r, apex), r.IntN(1<<16), r.IntN(256))
}

func makeTLSA(r *rand.Rand, _ string) string {
	return fmt.Sprintf("%d %d 1 %x", r.IntN(4), r.IntN(2), octets(r, 32))
}
