package answer_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// signed serves the zone of an RFC's appendix A.
func signed(t testing.TB, file string) *answer.Responder {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	db := zone.NewDB(0)
	v := build(t, "example", string(text))
	db.Reset("1", "a", 1, v, v, zone.Links{}, nil)
	return responder(db)
}

// owners writes what an answer has in its first two sections: owner and type of each RRset, with a + for each of its signatures.
func owners(t *testing.T, m *dns.Msg) string {
	t.Helper()
	var out []string
	for _, sec := range [][]dns.RR{m.Answer, m.Ns} {
		seen := map[string]int{}
		var list []string
		for _, r := range sec {
			typ := r.Header().Rrtype
			s, isSig := r.(*dns.RRSIG)
			if isSig {
				typ = s.TypeCovered
			}
			owner := strings.TrimSuffix(r.Header().Name, ".example.")
			if typ == dns.TypeNSEC3 {
				owner = owner[:6]
			}
			key := owner + " " + dns.TypeToString[typ]
			if _, there := seen[key]; !there {
				list = append(list, key)
				seen[key] = 0
			}
			if isSig {
				seen[key]++
			}
		}
		for i, key := range list {
			list[i] = key + strings.Repeat("+", seen[key])
		}
		slices.Sort(list)
		out = append(out, strings.Join(list, ", "))
	}
	return fmt.Sprintf("%s aa=%v | %s", dns.RcodeToString[m.Rcode], m.Authoritative, strings.Join(out, " | "))
}

// What RFC 4035 appendix B and RFC 5155 appendix B answer, and what they leave out: the NS records of the zone are not added to
// answers, and so not their signatures.
func TestAppendixB(t *testing.T) {
	t.Parallel()
	for file, list := range map[string][]struct {
		name, q string
		typ     uint16
		want    string
	}{
		"nsec.zone": {
			{"B.1", "x.w.example.", dns.TypeMX, "NOERROR aa=true | x.w MX+ | "},
			{"B.2 name error", "ml.example.", dns.TypeA, "NXDOMAIN aa=true |  | b NSEC+, example. NSEC+, example. SOA+"},
			{"B.3 no data", "ns1.example.", dns.TypeMX, "NOERROR aa=true |  | example. SOA+, ns1 NSEC+"},
			{"B.4 referral to signed", "mc.a.example.", dns.TypeMX, "NOERROR aa=false |  | a DS+, a NS"},
			{"B.5 referral to unsigned", "mc.b.example.", dns.TypeMX, "NOERROR aa=false |  | b NS, b NSEC+"},
			{"B.6 wildcard", "a.z.w.example.", dns.TypeMX, "NOERROR aa=true | a.z.w MX+ | x.y.w NSEC+"},
			{"B.7 wildcard without", "a.z.w.example.", dns.TypeAAAA, "NOERROR aa=true |  | *.w NSEC+, example. SOA+, x.y.w NSEC+"},
			{"B.8 DS of the apex", "example.", dns.TypeDS, "NOERROR aa=true |  | example. NSEC+, example. SOA+"},
			{"empty non-terminal", "y.w.example.", dns.TypeA, "NOERROR aa=true |  | example. SOA+, x.w NSEC+"},
			{"no DS", "b.example.", dns.TypeDS, "NOERROR aa=true |  | b NSEC+, example. SOA+"},
			{"behind glue", "bb.example.", dns.TypeA, "NXDOMAIN aa=true |  | b NSEC+, example. NSEC+, example. SOA+"},
			{"one proof for both", "w.w.example.", dns.TypeA, "NOERROR aa=true |  | *.w NSEC+, example. SOA+"},
			{"ANY", "xx.example.", dns.TypeANY, "NOERROR aa=true | xx A+ | "},
			{"RRSIG", "xx.example.", dns.TypeRRSIG, "NOERROR aa=true | xx A+ | "},
			{"NSEC", "xx.example.", dns.TypeNSEC, "NOERROR aa=true | xx NSEC+ | "},
			{"NXNAME", "xx.example.", 128, "FORMERR aa=false |  | "},
		},
		"nsec3.zone": {
			{"B.1 name error", "a.c.x.w.example.", dns.TypeA, "NXDOMAIN aa=true |  | 0p9mha NSEC3+, 35mthg NSEC3+, b4um86 NSEC3+, example. SOA+"},
			{"B.2 no data", "ns1.example.", dns.TypeMX, "NOERROR aa=true |  | 2t7b4g NSEC3+, example. SOA+"},
			{"B.2.1 empty non-terminal", "y.w.example.", dns.TypeA, "NOERROR aa=true |  | example. SOA+, ji6neo NSEC3+"},
			{"B.3 referral to an opt-out zone", "mc.c.example.", dns.TypeMX, "NOERROR aa=false |  | 0p9mha NSEC3+, 35mthg NSEC3+, c NS"},
			{"B.4 wildcard", "a.z.w.example.", dns.TypeMX, "NOERROR aa=true | a.z.w MX+ | q04jkc NSEC3+"},
			{"B.5 wildcard without", "a.z.w.example.", dns.TypeAAAA, "NOERROR aa=true |  | example. SOA+, k8udem NSEC3+, q04jkc NSEC3+, r53bq7 NSEC3+"},
			{"B.6 DS of the apex", "example.", dns.TypeDS, "NOERROR aa=true |  | 0p9mha NSEC3+, example. SOA+"},
			{"DS of an opt-out delegation", "c.example.", dns.TypeDS, "NOERROR aa=true |  | 0p9mha NSEC3+, 35mthg NSEC3+, example. SOA+"},
			{"referral to signed", "mc.a.example.", dns.TypeMX, "NOERROR aa=false |  | a DS+, a NS"},
			{"a name spelled like a hash", "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.", dns.TypeA, "NOERROR aa=true | 2t7b4g4vsa5smi47k61mv5bv1a22bojr A+ | "},
			{"its NSEC3 is not its own", "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.", dns.TypeNSEC3, "NOERROR aa=true |  | example. SOA+, kohar7 NSEC3+"},
			{"a hash is no name", "b4um86eghhds6nea196smvmlo4ors995.example.", dns.TypeNSEC3, "NXDOMAIN aa=true |  | 0p9mha NSEC3+, example. SOA+, gjeqe5 NSEC3+"},
			{"covered by the last, for the chain is a ring", "r114.example.", dns.TypeA, "NXDOMAIN aa=true |  | 0p9mha NSEC3+, example. SOA+, gjeqe5 NSEC3+, t644eb NSEC3+"},
			{"covered by it before the first", "r96.example.", dns.TypeA, "NXDOMAIN aa=true |  | 0p9mha NSEC3+, example. SOA+, gjeqe5 NSEC3+, t644eb NSEC3+"},
			{"ANY at the apex", "example.", dns.TypeANY, "NOERROR aa=true | example. NS+ | "},
		},
	} {
		r := signed(t, file)
		for _, tt := range list {
			m := new(dns.Msg).SetQuestion(tt.q, tt.typ)
			m.SetEdns0(1232, true)
			m.CheckingDisabled, m.AuthenticatedData = true, true
			got := ask(t, r, m, 65535)
			if s := owners(t, got); s != tt.want {
				t.Errorf("%s, %s:\n%s\nwant\n%s", file, tt.name, s, tt.want)
			}
			if !got.IsEdns0().Do() || got.AuthenticatedData || !got.CheckingDisabled {
				t.Errorf("%s: flags of %v", tt.name, got.MsgHdr)
			}
			m.IsEdns0().SetDo(false)
			for _, rr := range slices.Concat(ask(t, r, m, 65535).Answer, ask(t, r, m, 65535).Ns) {
				if h := rr.Header().Rrtype; h != tt.typ && (h == dns.TypeRRSIG || h == dns.TypeNSEC || h == dns.TypeNSEC3 || h == dns.TypeDS) {
					t.Errorf("%s, without DO: %s", tt.name, rr)
				}
			}
		}
	}
}

// A question for NXNAME says why it is refused.
func TestNXNAMEIsNotAsked(t *testing.T) {
	t.Parallel()
	m := new(dns.Msg).SetQuestion("xx.example.", 128)
	m.SetEdns0(1232, true)
	got := ask(t, signed(t, "nsec.zone"), m, 1232)
	for _, o := range got.IsEdns0().Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok && e.InfoCode == 30 {
			return
		}
	}
	t.Errorf("%v", got)
}

// Negative answers have one time to live for the SOA and its signature (RFC 9077).
func TestNegativeTTL(t *testing.T) {
	t.Parallel()
	db := zone.NewDB(0)
	text, err := os.ReadFile("testdata/nsec.zone")
	if err != nil {
		t.Fatal(err)
	}
	v := build(t, "example", strings.Replace(string(text), "300 3600000 3600", "300 3600000 77", 1))
	db.Reset("1", "a", 1, v, v, zone.Links{}, nil)
	m := new(dns.Msg).SetQuestion("ml.example.", dns.TypeA)
	m.SetEdns0(1232, true)
	n := 0
	for _, r := range ask(t, responder(db), m, 65535).Ns {
		s, isSig := r.(*dns.RRSIG)
		if _, isSOA := r.(*dns.SOA); isSOA || isSig && s.TypeCovered == dns.TypeSOA {
			if n++; r.Header().Ttl != 77 {
				t.Errorf("%s", r)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d records", n)
	}
}

// A signed answer that does not fit is cut short and says so: what an answer that is whole has, it has as well.
func TestEverySignedSize(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"nsec.zone", "nsec3.zone"} {
		r := signed(t, file)
		for _, q := range []string{"x.w.example.", "ml.example.", "mc.a.example.", "a.z.w.example.", "example."} {
			m := new(dns.Msg).SetQuestion(q, dns.TypeMX)
			m.SetEdns0(1232, true)
			full := ask(t, r, m, 65535)
			for size := 60; size < 1500; size += 13 {
				got := ask(t, r, m, size)
				if !got.Truncated && owners(t, got) != owners(t, full) {
					t.Errorf("%s %s at %d octets: %s", file, q, size, owners(t, got))
				}
			}
		}
	}
}

// With DO as without, an answer costs no allocation: hits, referrals and all denials.
func TestSignedAnswersAllocateNothing(t *testing.T) {
	buf := make([]byte, 0, 8192)
	for _, file := range []string{"nsec.zone", "nsec3.zone"} {
		r := signed(t, file)
		for _, name := range []string{"xx.example.", "ml.example.", "a.c.x.w.example.", "y.w.example.", "mc.a.example.", "mc.c.example.", "mc.b.example.", "a.z.w.example.", "example."} {
			for _, typ := range []uint16{dns.TypeA, dns.TypeMX, dns.TypeDS, dns.TypeANY, dns.TypeRRSIG} {
				m := new(dns.Msg).SetQuestion(name, typ)
				m.SetEdns0(1232, true)
				raw, _ := m.Pack()
				q := wire.Request{Size: 4096}
				if n := testing.AllocsPerRun(20, func() {
					q.Parse(raw)
					buf = r.Respond(buf[:0], &q)
				}); n != 0 {
					t.Errorf("%s, %s %s: %v allocations", file, name, dns.TypeToString[typ], n)
				}
			}
		}
	}
}
