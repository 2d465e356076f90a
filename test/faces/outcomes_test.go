package faces_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// lost is a zone in mode edge with everything flattened, where a wildcard waits for names that vanish.
func lost() []record {
	return []record{
		{typ: "CNAME", content: "cdn.test"},
		{name: "www", typ: "CNAME", content: "cdn.test"},
		{name: "beside", typ: "CNAME", content: "cdn.test"},
		{name: "beside", typ: "MX", content: "a.mail.test"},
		{name: "*.any", typ: "CNAME", content: "cdn.test"},
		{name: "*", typ: "A", content: "198.51.100.8"},
		{name: "*", typ: "TXT", content: "\"wild\""},
	}
}

// TestOutcomes has a flattened target lose one family and then all of its addresses, fail, and come back, before the eyes
// of BIND, NSD, Knot and PowerDNS: every name exists all the time, for us and for them, and nobody answers with what the
// wildcard has.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	s, n := world(t, 2, "--flatten-damping", "1s", "--flatten-keep", "2s")
	s.set("cdn.test", "192.0.2.70", "2001:db8:7::70")
	f := follow(t, n, map[string][]record{"lost.test": lost()}, func(_, id string) {
		n.Call(t, "PATCH", "/zones/"+id+"/dns_settings", map[string]any{"flatten_all_cnames": true}, nil)
		setMode(t, n, id, "edge")
	})
	const (
		v4, v6 = "A 192.0.2.70", "AAAA 2001:db8:7::70"
		alias  = "CNAME cdn.test."
		mx     = "MX 10 a.mail.test."
		fails  = "SERVFAIL not authoritative"
	)
	// What is said of www, of a name under the wildcard, of a name with others beside it, and of the apex.
	type answers map[string]string
	all := func(a, aaaa string) answers {
		out := answers{"beside MX": mx, "www MX": "", "www TXT": "", "b.any TXT": ""}
		for _, name := range []string{"www", "b.any", "beside", ""} {
			out[name+" A"], out[name+" AAAA"] = a, aaaa
		}
		return out
	}
	// What secondaries say where the CNAME can stand.
	aliased := func(out answers) answers {
		for question := range out {
			if strings.HasPrefix(question, "www") || strings.HasPrefix(question, "b.any") {
				out[question] = alias
			}
		}
		return out
	}
	for _, step := range []struct {
		title        string
		do           func()
		ours, theirs answers
	}{
		{"both families", func() {}, all(v4, v6), all(v4, v6)},
		{"IPv4 alone", func() { s.set("cdn.test", "192.0.2.70") }, all(v4, ""), all(v4, "")},
		{"no address", func() { s.set("cdn.test") }, all("", ""), aliased(all("", ""))},
		{"no address, after a restart without resolver", func() {
			s.die()
			n.Kill()
			if err := n.Run(); err != nil {
				t.Fatal(err)
			}
		}, all("", ""), aliased(all("", ""))},
		{"back", func() { s.live(); s.set("cdn.test", "192.0.2.70") }, all(v4, ""), all(v4, "")},
		{"failure", func() { s.fail("cdn.test") }, all(fails, fails), aliased(all(v4, ""))},
		{"back again", func() { s.set("cdn.test", "192.0.2.70", "2001:db8:7::70") }, all(v4, v6), all(v4, v6)},
	} {
		step.do()
		servers := map[string]func() string{"headwater": func() string { return f.differ(t, n.DNS.String(), step.ours) }}
		for _, sec := range f.secs {
			servers[fmt.Sprint(sec.Program())] = func() string { return f.differ(t, sec.Addr().String(), step.theirs) }
		}
		for _, server := range slices.Sorted(maps.Keys(servers)) {
			testkit.Until(t, func() string {
				if missing := servers[server](); missing != "" {
					return fmt.Sprintf("%s: %s: %s", step.title, server, missing)
				}
				return ""
			})
		}
		f.settle(t, "lost.test")
	}
}

// differ tells the first question to which a server does not say what is wanted: the data of the answer section, nothing
// for NODATA.
func (f *followed) differ(t *testing.T, server string, want map[string]string) string {
	t.Helper()
	types := map[string]wire.Type{"A": wire.TypeA, "AAAA": wire.TypeAAAA, "MX": wire.TypeMX, "TXT": wire.TypeTXT}
	for _, question := range slices.Sorted(maps.Keys(want)) {
		name, typ, _ := strings.Cut(question, " ")
		got := said(t, "udp", netip.MustParseAddrPort(server), wire.MustName(owner(name, "lost.test")), types[typ])
		var data []string
		for _, line := range strings.Split(got, " | ")[1:] {
			data = append(data, strings.Join(strings.Fields(line)[2:], " "))
		}
		if head, _, _ := strings.Cut(got, " | "); head != "NOERROR" {
			data = []string{head}
		}
		if said := strings.Join(data, " "); said != want[question] {
			return fmt.Sprintf("%s: %s, want %q", question, got, want[question])
		}
	}
	return ""
}
