package updates

import (
	"net/http"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// fault is one thing that may be wrong with a message, as a record of one of its two sections.
type fault struct {
	name         string
	prerequisite bool
	record       dns.RR
}

// faults are of every kind for which RFC 2136 section 3 has an answer of its own, and a record with which nothing is wrong. Not among them
// is where BIND stands alone: SERVFAIL for any NSEC3, NOERROR for the type 0.
func faults() []fault {
	a := parsed("a." + apex + " 60 IN A 192.0.2.1")
	rr := func(owner string, typ, class uint16, ttl uint32) dns.RR { return bare(owner, typ, class, ttl) }
	at := "a." + apex
	out := []fault{{"nothing", false, a}, {"nothing", true, rr("gone."+apex, dns.TypeA, dns.ClassNONE, 0)}}
	for _, prerequisite := range []bool{true, false} {
		out = append(out,
			fault{"another zone", prerequisite, rr("a.example.org.", dns.TypeA, dns.ClassANY, 0)},
			fault{"another zone's record", prerequisite, parsed("a.example.org. 0 IN A 192.0.2.1")},
			fault{"class CH", prerequisite, chaos(a)},
			fault{"class CH without data", prerequisite, rr(at, dns.TypeA, dns.ClassCHAOS, 0)},
			fault{"unknown class", prerequisite, with(a, 4711, 0)},
			fault{"class 0", prerequisite, with(a, 0, 0)},
			fault{"all data, and some", prerequisite, with(a, dns.ClassANY, 0)},
			fault{"AXFR", prerequisite, rr(at, dns.TypeAXFR, dns.ClassANY, 0)},
			fault{"AXFR of class IN", prerequisite, rr(at, dns.TypeAXFR, dns.ClassINET, 0)},
			fault{"AXFR of class NONE", prerequisite, rr(at, dns.TypeAXFR, dns.ClassNONE, 0)},
			fault{"MAILB", prerequisite, rr(at, dns.TypeMAILB, dns.ClassANY, 0)},
			fault{"OPT", prerequisite, rr(".", dns.TypeOPT, 1232, 0)},
			fault{"ANY of class IN", prerequisite, rr(at, dns.TypeANY, dns.ClassINET, 0)},
			fault{"A of class IN without data", prerequisite, rr(at, dns.TypeA, dns.ClassINET, 0)},
			fault{"A of class NONE without data", prerequisite, rr(at, dns.TypeA, dns.ClassNONE, 0)},
			fault{"TTL of class ANY", prerequisite, rr(at, dns.TypeA, dns.ClassANY, 60)},
			fault{"TTL of class NONE", prerequisite, with(a, dns.ClassNONE, 60)},
			fault{"TTL of class IN", prerequisite, a},
			fault{"NSEC", prerequisite, rr(at, dns.TypeNSEC, dns.ClassANY, 0)},
			fault{"RRSIG", prerequisite, rr(at, dns.TypeRRSIG, dns.ClassANY, 0)},
		)
	}
	return append(out,
		fault{"a name that is there", true, rr("here."+apex, dns.TypeANY, dns.ClassNONE, 0)},
		fault{"a name that is not", true, rr("gone."+apex, dns.TypeANY, dns.ClassANY, 0)},
		fault{"an RRset that is there", true, rr("here."+apex, dns.TypeA, dns.ClassNONE, 0)},
		fault{"an RRset that is not", true, rr("here."+apex, dns.TypeMX, dns.ClassANY, 0)},
		fault{"other data than is there", true, parsed("here." + apex + " 0 IN A 192.0.2.77")},
	)
}

// TestTwoFaultsAsBIND: of a message with two things wrong we name the one that BIND names, whichever comes first; and of one thing wrong with
// a message whose key may do nothing. There are more of them in a second than one key may send, and BIND has no such bound.
func TestTwoFaultsAsBIND(t *testing.T) {
	t.Parallel()
	w := begin(t, "--update-rate", "0")
	w.Call(t, http.MethodPatch, w.path("/dns_settings"), map[string]any{"multi_provider": true}, nil)
	if code := send(t, w.DNS, "tcp", keyName, update("here."+apex+" 60 IN A 192.0.2.1")); code != dns.RcodeSuccess {
		t.Fatal(dns.RcodeToString[code])
	}
	theirs := bind(t, transfer(t, w.DNS))
	for _, first := range faults() {
		for _, second := range faults() {
			m := new(dns.Msg)
			m.SetUpdate(apex)
			for _, f := range []fault{first, second} {
				if f.prerequisite {
					m.Answer = append(m.Answer, f.record)
				} else {
					m.Ns = append(m.Ns, f.record)
				}
			}
			keys := []string{keyName}
			if first.name == "nothing" || second.name == "nothing" {
				keys = append(keys, other)
			}
			for _, key := range keys {
				got, want := send(t, w.DNS, "tcp", key, m), send(t, theirs, "tcp", key, m)
				if got != want {
					t.Errorf("%s (%t), %s (%t), by %s: we answer %s, BIND %s", first.name, first.prerequisite, second.name, second.prerequisite,
						strings.TrimSuffix(key, "."+apex), dns.RcodeToString[got], dns.RcodeToString[want])
				}
			}
		}
	}
}
