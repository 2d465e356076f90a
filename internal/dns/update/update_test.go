package update_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/update"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

const origin = "example.com"

// rec reads "owner ttl class type [data]".
func rec(t *testing.T, line string) update.RR {
	t.Helper()
	f := strings.SplitN(line, " ", 5)
	if len(f) == 4 {
		f = append(f, "")
	}
	var ttl uint32
	if _, err := fmt.Sscan(f[1], &ttl); err != nil {
		t.Fatal(err)
	}
	class := map[string]wire.Class{"IN": wire.ClassIN, "ANY": wire.ClassANY, "NONE": wire.ClassNONE, "CH": wire.ClassCH}[f[2]]
	typ, err := wire.ParseType(f[3])
	if f[3] == "ANY" {
		typ, err = wire.TypeANY, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	r := update.RR{Owner: wire.MustName(f[0]), TTL: ttl, Class: class, Type: typ}
	if f[4] != "" {
		if r.Data, err = rr.ParseData(typ, f[4], wire.Root); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// zoneOf is a zone of records.
func zoneOf(t *testing.T, lines ...string) *update.Zone {
	t.Helper()
	nodes := map[wire.Name]update.Node{}
	for _, line := range lines {
		r := rec(t, strings.TrimPrefix(line, "own "))
		n := nodes[r.Owner]
		if n == nil {
			n = update.Node{}
			nodes[r.Owner] = n
		}
		s := n[r.Type]
		if s == nil {
			s = &update.Set{TTL: r.TTL}
			n[r.Type] = s
		}
		s.Data = append(s.Data, r.Data)
		if strings.HasPrefix(line, "own ") {
			s.Own = append(s.Own, r.Data)
		}
	}
	return &update.Zone{
		Apex: wire.MustName(origin), LeastTTL: 30, MostTTL: 86400,
		Read: func(n wire.Name) (update.Node, error) { return nodes[n], nil },
	}
}

// show lists a zone at the names that a test is about.
func show(t *testing.T, z *update.Zone) []string {
	t.Helper()
	var out []string
	for _, owner := range []string{origin, "a." + origin, "b." + origin, "sub." + origin} {
		n, err := z.At(wire.MustName(owner))
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range slices.Sorted(maps.Keys(n)) {
			var lines []string
			for _, d := range n[typ].Data {
				lines = append(lines, fmt.Sprintf("%s %d IN %s %s", owner, n[typ].TTL, typ, rr.FormatData(typ, d)))
			}
			slices.Sort(lines)
			out = append(out, lines...)
		}
	}
	return out
}

func base() []string {
	return []string{
		"own example.com 3600 IN SOA ns1.example.net. hostmaster.example.com. 100 10000 2400 604800 1800",
		"own example.com 3600 IN NS ns1.example.net.",
		"example.com 300 IN TXT \"apex\"",
		"a.example.com 300 IN A 192.0.2.1",
		"a.example.com 300 IN A 192.0.2.2",
		"a.example.com 300 IN TXT \"one\"",
		"b.example.com 300 IN CNAME a.example.com.",
		"sub.example.com 300 IN NS ns.sub.example.com.",
		"sub.example.com 300 IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000",
	}
}

func codeOf(err error) wire.Rcode {
	if f, ok := errors.AsType[*update.Failure](err); ok {
		return f.Code
	}
	if err != nil {
		return wire.RcodeServFail
	}
	return wire.RcodeNoError
}

func message(t *testing.T, prerequisites, updates []string) *update.Message {
	t.Helper()
	m := &update.Message{Zone: wire.Question{Name: wire.MustName(origin), Type: wire.TypeSOA, Class: wire.ClassIN}}
	for _, line := range prerequisites {
		m.Prerequisites = append(m.Prerequisites, rec(t, line))
	}
	for _, line := range updates {
		m.Updates = append(m.Updates, rec(t, line))
	}
	return m
}

func all(wire.Name, wire.Type) bool { return true }

// TestPrerequisites is the table of RFC 2136 sections 2.4 and 3.2.
func TestPrerequisites(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want wire.Rcode
		pre  []string
	}{
		{wire.RcodeNoError, nil},
		// 2.4.1: an RRset exists, whatever its data.
		{wire.RcodeNoError, []string{"a.example.com 0 ANY A"}},
		{wire.RcodeNXRRSet, []string{"a.example.com 0 ANY AAAA"}},
		{wire.RcodeNXRRSet, []string{"nobody.example.com 0 ANY A"}},
		{wire.RcodeNoError, []string{"example.com 0 ANY SOA", "example.com 0 ANY NS"}},
		// 2.4.2: with just these data.
		{wire.RcodeNoError, []string{"a.example.com 0 IN A 192.0.2.2", "a.example.com 0 IN A 192.0.2.1"}},
		{wire.RcodeNoError, []string{"a.example.com 0 IN A 192.0.2.2", "a.example.com 0 IN A 192.0.2.1", "a.example.com 0 IN A 192.0.2.2"}},
		{wire.RcodeNXRRSet, []string{"a.example.com 0 IN A 192.0.2.1"}},
		{wire.RcodeNXRRSet, []string{"a.example.com 0 IN A 192.0.2.1", "a.example.com 0 IN A 192.0.2.2", "a.example.com 0 IN A 192.0.2.3"}},
		{wire.RcodeNXRRSet, []string{"nobody.example.com 0 IN A 192.0.2.1"}},
		{wire.RcodeNoError, []string{"example.com 0 IN SOA ns1.example.net. hostmaster.example.com. 100 10000 2400 604800 1800"}},
		{wire.RcodeNXRRSet, []string{"example.com 0 IN SOA ns1.example.net. hostmaster.example.com. 101 10000 2400 604800 1800"}},
		// 2.4.3: an RRset does not exist.
		{wire.RcodeNoError, []string{"a.example.com 0 NONE AAAA"}},
		{wire.RcodeYXRRSet, []string{"a.example.com 0 NONE A"}},
		// 2.4.4 and 2.4.5: a name is in use, or is not.
		{wire.RcodeNoError, []string{"a.example.com 0 ANY ANY"}},
		{wire.RcodeNXDomain, []string{"nobody.example.com 0 ANY ANY"}},
		{wire.RcodeNoError, []string{"nobody.example.com 0 NONE ANY"}},
		{wire.RcodeYXDomain, []string{"a.example.com 0 NONE ANY"}},
		{wire.RcodeYXDomain, []string{"example.com 0 NONE ANY"}},
		// 3.2: what is malformed, or of another zone.
		{wire.RcodeFormErr, []string{"a.example.com 1 ANY A"}},
		{wire.RcodeFormErr, []string{"a.example.com 0 CH A 192.0.2.1"}},
		{wire.RcodeFormErr, []string{"a.example.com 1 NONE A"}},
		{wire.RcodeFormErr, []string{"a.example.com 1 IN A 192.0.2.1"}},
		{wire.RcodeFormErr, []string{"a.example.com 0 ANY A 192.0.2.1"}},
		{wire.RcodeFormErr, []string{"a.example.com 0 NONE A 192.0.2.1"}},
		{wire.RcodeNotZone, []string{"a.example.org 0 ANY A"}},
		{wire.RcodeNotZone, []string{"a.example.org 0 NONE ANY"}},
		{wire.RcodeNotZone, []string{"a.example.org 0 IN A 192.0.2.1"}},
		// One after the other; those with data last.
		{wire.RcodeNXDomain, []string{"nobody.example.com 0 ANY ANY", "a.example.com 1 ANY A"}},
		{wire.RcodeYXRRSet, []string{"a.example.com 0 IN A 192.0.2.9", "a.example.com 0 NONE A"}},
	} {
		if got := codeOf(message(t, c.pre, nil).Check(zoneOf(t, base()...))); got != c.want {
			t.Errorf("%q: %s, want %s", c.pre, got, c.want)
		}
	}
}

// TestPrescan is the table of RFC 2136 section 3.4.1.
func TestPrescan(t *testing.T) {
	t.Parallel()
	notTXT := func(_ wire.Name, typ wire.Type) bool { return typ != wire.TypeTXT }
	for _, c := range []struct {
		want wire.Rcode
		may  update.Policy
		up   []string
	}{
		{wire.RcodeNoError, all, []string{"a.example.com 300 IN A 192.0.2.9", "a.example.com 0 ANY A", "a.example.com 0 ANY ANY", "a.example.com 0 NONE A 192.0.2.9"}},
		{wire.RcodeNotZone, all, []string{"a.example.org 300 IN A 192.0.2.9"}},
		{wire.RcodeNotZone, all, []string{"com 0 ANY ANY"}},
		{wire.RcodeFormErr, all, []string{"a.example.com 300 IN ANY"}},
		{wire.RcodeFormErr, all, []string{"a.example.com 300 CH A 192.0.2.9"}},
		{wire.RcodeFormErr, all, []string{"a.example.com 300 IN TYPE252"}},
		{wire.RcodeFormErr, all, []string{"a.example.com 0 ANY TYPE252"}},
		{wire.RcodeFormErr, all, []string{"a.example.com 0 NONE ANY"}},
		{wire.RcodeFormErr, all, []string{"a.example.com 300 ANY A"}},
		{wire.RcodeFormErr, all, []string{"a.example.com 300 NONE A 192.0.2.9"}},
		{wire.RcodeRefused, all, []string{"a.example.com 0 ANY NSEC"}},
		{wire.RcodeRefused, all, []string{"a.example.com 0 ANY RRSIG"}},
		{wire.RcodeRefused, nil, nil},
		{wire.RcodeRefused, notTXT, []string{"a.example.com 300 IN A 192.0.2.9", "a.example.com 300 IN TXT \"x\""}},
		{wire.RcodeNoError, notTXT, []string{"a.example.com 0 ANY ANY"}}, // what there is, Apply sees
		// In order.
		{wire.RcodeRefused, notTXT, []string{"a.example.com 300 IN TXT \"x\"", "a.example.org 300 IN A 192.0.2.9"}},
		{wire.RcodeNotZone, notTXT, []string{"a.example.org 300 IN A 192.0.2.9", "a.example.com 300 IN TXT \"x\""}},
	} {
		if got := codeOf(message(t, nil, c.up).Prescan(c.may)); got != c.want {
			t.Errorf("%q: %s, want %s", c.up, got, c.want)
		}
	}
}

// TestApply is the table of RFC 2136 section 3.4.2: what a zone lacks and has afterwards.
func TestApply(t *testing.T) {
	t.Parallel()
	const soa = "example.com %d IN SOA ns1.example.net. hostmaster.example.com. %d 10000 2400 604800 1800"
	for _, c := range []struct {
		what      string
		up        []string
		less, add []string
		code      wire.Rcode
	}{
		{what: "another record", up: []string{"a.example.com 300 IN A 192.0.2.3"}, add: []string{"a.example.com 300 IN A 192.0.2.3"}},
		{what: "one that is there", up: []string{"a.example.com 300 IN A 192.0.2.1"}},
		{
			what: "the TTL is the RRset's", up: []string{"a.example.com 600 IN A 192.0.2.1"},
			less: []string{"a.example.com 300 IN A 192.0.2.1", "a.example.com 300 IN A 192.0.2.2"},
			add:  []string{"a.example.com 600 IN A 192.0.2.1", "a.example.com 600 IN A 192.0.2.2"},
		},
		{
			what: "a TTL below the least", up: []string{"a.example.com 0 IN TXT \"one\""},
			less: []string{"a.example.com 300 IN TXT \"one\""}, add: []string{"a.example.com 30 IN TXT \"one\""},
		},
		{what: "a CNAME beside others", up: []string{"a.example.com 300 IN CNAME b.example.com."}},
		{what: "another beside a CNAME", up: []string{"b.example.com 300 IN A 192.0.2.3"}},
		{
			what: "a CNAME in a CNAME's place", up: []string{"b.example.com 300 IN CNAME x.example.net."},
			less: []string{"b.example.com 300 IN CNAME a.example.com."}, add: []string{"b.example.com 300 IN CNAME x.example.net."},
		},
		{
			what: "a CNAME goes, an address comes", up: []string{"b.example.com 0 ANY CNAME", "b.example.com 300 IN A 192.0.2.3"},
			less: []string{"b.example.com 300 IN CNAME a.example.com."}, add: []string{"b.example.com 300 IN A 192.0.2.3"},
		},
		{what: "a CNAME at the apex", up: []string{"example.com 300 IN CNAME x.example.net."}},
		{
			what: "a later SOA", up: []string{fmt.Sprintf(soa, 3600, 101)},
			less: []string{fmt.Sprintf(soa, 3600, 100)}, add: []string{fmt.Sprintf(soa, 3600, 101)},
		},
		{what: "the same SOA", up: []string{fmt.Sprintf(soa, 60, 100)}},
		{what: "an older SOA", up: []string{fmt.Sprintf(soa, 60, 99)}},
		{what: "an SOA half the space ahead", up: []string{fmt.Sprintf(soa, 60, uint32(100+1<<31))}},
		{what: "an SOA elsewhere", up: []string{strings.Replace(fmt.Sprintf(soa, 60, 200), "example.com", "a.example.com", 1)}},
		{what: "an RRset goes", up: []string{"a.example.com 0 ANY A"}, less: []string{"a.example.com 300 IN A 192.0.2.1", "a.example.com 300 IN A 192.0.2.2"}},
		{what: "an RRset that is not there", up: []string{"a.example.com 0 ANY MX"}},
		{
			what: "all of a name", up: []string{"a.example.com 0 ANY ANY"},
			less: []string{"a.example.com 300 IN A 192.0.2.1", "a.example.com 300 IN A 192.0.2.2", "a.example.com 300 IN TXT \"one\""},
		},
		{what: "all of the apex", up: []string{"example.com 0 ANY ANY"}, less: []string{"example.com 300 IN TXT \"apex\""}},
		{what: "the apex' SOA and NS", up: []string{"example.com 0 ANY SOA", "example.com 0 ANY NS"}},
		{what: "one record", up: []string{"a.example.com 0 NONE A 192.0.2.1"}, less: []string{"a.example.com 300 IN A 192.0.2.1"}},
		{what: "one record that is not there", up: []string{"a.example.com 0 NONE A 192.0.2.77"}},
		{what: "the last name server", up: []string{"example.com 0 NONE NS ns1.example.net."}},
		{
			what: "an own name server of two", up: []string{"example.com 300 IN NS ns9.example.net.", "example.com 0 NONE NS ns1.example.net."},
			code: wire.RcodeRefused,
		},
		{
			what: "the SOA by its data",
			up:   []string{"example.com 0 NONE SOA ns1.example.net. hostmaster.example.com. 100 10000 2400 604800 1800"},
		},
		{
			what: "a delegation goes with its DS", up: []string{"sub.example.com 0 ANY NS"},
			less: []string{"sub.example.com 300 IN NS ns.sub.example.com.", "sub.example.com 300 IN DS 1 13 2 " + strings.Repeat("0", 64)},
		},
		{what: "what came goes again", up: []string{"a.example.com 300 IN MX 10 m.example.net.", "a.example.com 0 ANY MX"}},
	} {
		z := zoneOf(t, base()...)
		before := show(t, z)
		if got := codeOf(message(t, nil, c.up).Apply(z, all)); got != c.code {
			t.Errorf("%s: %s, want %s", c.what, got, c.code)
		}
		if c.code != wire.RcodeNoError {
			continue
		}
		want := append(slices.DeleteFunc(slices.Clone(before), func(l string) bool { return slices.Contains(c.less, l) }), c.add...)
		got := show(t, z)
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q leads to\n%s\nwant\n%s", c.what, c.up, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestRemovalOfAllAsksForEach: who may remove all of a name may change each of its types.
func TestRemovalOfAllAsksForEach(t *testing.T) {
	t.Parallel()
	m := message(t, nil, []string{"a.example.com 0 ANY ANY"})
	notTXT := func(_ wire.Name, typ wire.Type) bool { return typ != wire.TypeTXT }
	if got := codeOf(m.Apply(zoneOf(t, base()...), notTXT)); got != wire.RcodeRefused {
		t.Errorf("%s", got)
	}
}

// TestAnswered: a CNAME that is answered as what it leads to has neighbours.
func TestAnswered(t *testing.T) {
	t.Parallel()
	z := zoneOf(t, base()...)
	n, _ := z.At(wire.MustName("b.example.com"))
	n[wire.TypeCNAME].Answered = true
	if err := message(t, nil, []string{"b.example.com 300 IN TXT \"beside\""}).Apply(z, all); err != nil {
		t.Fatal(err)
	}
	if n[wire.TypeTXT] == nil {
		t.Error("it was passed over")
	}
}

// FuzzParse: whatever comes is read, or FORMERR.
func FuzzParse(f *testing.F) {
	f.Add([]byte("\x00\x01\x28\x00\x00\x01\x00\x01\x00\x01\x00\x00\x07example\x03com\x00\x00\x06\x00\x01\xc0\x0c\x00\xff\x00\xff\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < wire.HeaderLen {
			return
		}
		m, err := update.Parse(b)
		if err != nil {
			if codeOf(err) != wire.RcodeFormErr {
				t.Fatal(err)
			}
			return
		}
		if m.Zone.Name == "" || m.Prescan(all) != nil {
			return
		}
		z := &update.Zone{Apex: m.Zone.Name, LeastTTL: 30, MostTTL: 86400, Read: func(wire.Name) (update.Node, error) { return nil, nil }}
		if m.Check(z) == nil {
			_ = m.Apply(z, all)
		}
	})
}
