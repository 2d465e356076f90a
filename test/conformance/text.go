package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Text writes a response as case files have it.
func Text(m *dns.Msg) string {
	var b strings.Builder
	b.WriteString(rcode(m))
	for _, f := range []struct {
		name string
		set  bool
	}{{"aa", m.Authoritative}, {"tc", m.Truncated}, {"rd", m.RecursionDesired}, {"ra", m.RecursionAvailable}} {
		if f.set {
			b.WriteString(" " + f.name)
		}
	}
	b.WriteString("\n")
	section(&b, "answer", answers(m))
	section(&b, "authority", sorted(m.Ns))
	section(&b, "additional", sorted(m.Extra))
	if opt := m.IsEdns0(); opt != nil {
		b.WriteString(edns(opt) + "\n")
	}
	return b.String()
}

// rcode names the response code. The library takes the upper bits from OPT; 16 is BADVERS where no TSIG is about.
func rcode(m *dns.Msg) string {
	if m.Rcode == dns.RcodeBadVers {
		return "BADVERS"
	}
	return dns.RcodeToString[m.Rcode]
}

func section(b *strings.Builder, name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	b.WriteString(name + "\n")
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
}

// record is one line: owner, ttl, type, data; and the class where it is not IN.
func record(r dns.RR) string {
	h := r.Header()
	class := ""
	if h.Class != dns.ClassINET {
		class = dns.ClassToString[h.Class] + " "
	}
	return strings.TrimRight(fmt.Sprintf("%s %d %s%s %s", h.Name, h.Ttl, class, dns.Type(h.Rrtype),
		strings.TrimPrefix(r.String(), h.String())), " ")
}

// answers keeps the order of RRsets, which tells a chain, and sorts the records in each.
func answers(m *dns.Msg) []string {
	var out []string
	for i := 0; i < len(m.Answer); {
		n := i + 1
		for n < len(m.Answer) && sameSet(m.Answer[i], m.Answer[n]) {
			n++
		}
		out = append(out, sorted(m.Answer[i:n])...)
		i = n
	}
	return out
}

func sameSet(a, b dns.RR) bool {
	return a.Header().Rrtype == b.Header().Rrtype && strings.EqualFold(a.Header().Name, b.Header().Name)
}

func sorted(rrs []dns.RR) []string {
	var out []string
	for _, r := range rrs {
		if r.Header().Rrtype != dns.TypeOPT {
			out = append(out, record(r))
		}
	}
	slices.Sort(out)
	return out
}

func edns(opt *dns.OPT) string {
	var b strings.Builder
	fmt.Fprintf(&b, "edns size=%d", opt.UDPSize())
	if opt.Version() != 0 {
		fmt.Fprintf(&b, " version=%d", opt.Version())
	}
	if opt.Do() {
		b.WriteString(" do")
	}
	for _, o := range opt.Option {
		switch o := o.(type) {
		case *dns.EDNS0_NSID:
			b.WriteString(" nsid=" + o.Nsid)
		case *dns.EDNS0_EDE:
			fmt.Fprintf(&b, " ede=%d", o.InfoCode)
		default:
			fmt.Fprintf(&b, " option=%d", o.Option())
		}
	}
	return b.String()
}
