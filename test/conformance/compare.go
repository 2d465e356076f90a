package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Disagree tells in what two servers' responses to a question differ where the standards leave no choice; "" if in
// nothing. Left to a server are: the apex NS RRset beside an answer, additional records other than the glue that a
// referral cannot do without, what a truncated response still holds, EDNS options, and the spelling of names.
func Disagree(ours, theirs *dns.Msg) string {
	if a, b := rcode(ours), rcode(theirs); a != b {
		return fmt.Sprintf("response code %s, theirs %s", a, b)
	}
	if ours.Truncated != theirs.Truncated {
		return fmt.Sprintf("truncated: %v, theirs %v", ours.Truncated, theirs.Truncated)
	}
	if ours.Truncated {
		return ""
	}
	if ours.Authoritative != theirs.Authoritative {
		return fmt.Sprintf("authoritative: %v, theirs %v", ours.Authoritative, theirs.Authoritative)
	}
	if d := unlike("answer", answers(ours), answers(theirs)); d != "" {
		return d
	}
	if len(ours.Ns) == 0 {
		return "" // what they have there is the apex NS RRset
	}
	if d := unlike("authority", sorted(ours.Ns), sorted(theirs.Ns)); d != "" {
		return d
	}
	return unlike("glue", glue(ours), glue(theirs))
}

func unlike(section string, a, b []string) string {
	a, b = folded(a), folded(b)
	if slices.Equal(a, b) {
		return ""
	}
	return fmt.Sprintf("%s:\n\t%s\ntheirs:\n\t%s", section, strings.Join(a, "\n\t"), strings.Join(b, "\n\t"))
}

func folded(lines []string) []string {
	out := slices.Clone(lines)
	for i, l := range out {
		out[i] = strings.ToLower(l)
	}
	return out
}

// glue lists the addresses of servers that are at or below the cut of a referral.
func glue(m *dns.Msg) []string {
	var out []dns.RR
	for _, ns := range m.Ns {
		s, ok := ns.(*dns.NS)
		if !ok || !dns.IsSubDomain(s.Hdr.Name, s.Ns) {
			continue
		}
		for _, r := range m.Extra {
			if t := r.Header().Rrtype; strings.EqualFold(r.Header().Name, s.Ns) && (t == dns.TypeA || t == dns.TypeAAAA) {
				out = append(out, r)
			}
		}
	}
	return sorted(out)
}
