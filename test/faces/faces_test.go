package faces_test

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// pool are the edge addresses of every node here.
const pool = "203.0.113.1,203.0.113.2,203.0.113.3,203.0.113.4,2001:db8:e::1,2001:db8:e::2,2001:db8:e::3"

// own is the address that tests transfer from.
const own = "127.1.1.1"

type object struct {
	ID string `json:"id"`
}

// record is a record as the API takes it; its name is relative to the zone, empty for the apex.
type record struct {
	name, typ, content string
	proxied            bool
	settings           map[string]any
}

func (r record) body(zone string) map[string]any {
	b := map[string]any{"name": owner(r.name, zone), "type": r.typ, "content": r.content, "ttl": 600, "proxied": r.proxied}
	if r.proxied {
		b["ttl"] = 1
	}
	if r.settings != nil {
		b["settings"] = r.settings
	}
	if r.typ == "MX" {
		b["priority"] = 10
	}
	return b
}

func owner(name, zone string) string {
	if name == "" {
		return zone
	}
	return name + "." + zone
}

func flat() map[string]any  { return map[string]any{"flatten_cname": true} }
func only4() map[string]any { return map[string]any{"ipv4_only": true} }
func only6() map[string]any { return map[string]any{"ipv6_only": true} }

// below are the names below an apex: every combination of type, proxied and flatten settings, with and without neighbours.
func below() []record {
	return []record{
		{name: "a", typ: "A", content: "198.51.100.1"},
		{name: "aaaa", typ: "AAAA", content: "2001:db8::1"},
		{name: "a-proxied", typ: "A", content: "198.51.100.2", proxied: true},
		{name: "aaaa-proxied", typ: "AAAA", content: "2001:db8::2", proxied: true},
		{name: "mixed", typ: "A", content: "198.51.100.3", proxied: true},
		{name: "mixed", typ: "A", content: "198.51.100.4"},
		{name: "mixed", typ: "AAAA", content: "2001:db8::3"},
		{name: "mixed", typ: "TXT", content: "\"beside\""},
		{name: "only4", typ: "A", content: "198.51.100.5", proxied: true, settings: only4()},
		{name: "only6", typ: "A", content: "198.51.100.6", proxied: true, settings: only6()},
		{name: "cname", typ: "CNAME", content: "target.test"},
		{name: "cname-beside", typ: "CNAME", content: "target.test"},
		{name: "cname-beside", typ: "TXT", content: "\"beside\""},
		{name: "cname-proxied", typ: "CNAME", content: "target.test", proxied: true},
		{name: "cname-proxied-beside", typ: "CNAME", content: "target.test", proxied: true},
		{name: "cname-proxied-beside", typ: "TXT", content: "\"beside\""},
		{name: "flat", typ: "CNAME", content: "target.test", settings: flat()},
		{name: "flat-beside", typ: "CNAME", content: "target.test", settings: flat()},
		{name: "flat-beside", typ: "TXT", content: "\"beside\""},
		{name: "flat-served", typ: "CNAME", content: "www.served.test", settings: flat()},
		{name: "flat-empty", typ: "CNAME", content: "empty.test", settings: flat()},
		{name: "flat-empty", typ: "TXT", content: "\"beside\""},
		{name: "*.wild", typ: "A", content: "198.51.100.7", proxied: true},
		{name: "*.flat", typ: "CNAME", content: "target.test", settings: flat()},
		{name: "mail", typ: "MX", content: "a.mail.test"},
	}
}

// apexes are what can stand at an apex, by title.
func apexes() map[string][]record {
	beside := []record{{typ: "TXT", content: "\"apex\""}, {typ: "NS", content: "ns.other.test"}}
	return map[string][]record{
		"addresses":         append(slices.Clone(beside), record{typ: "A", content: "198.51.100.9"}, record{typ: "AAAA", content: "2001:db8::9"}),
		"addresses-proxied": append(slices.Clone(beside), record{typ: "A", content: "198.51.100.9", proxied: true}),
		"cname":             append(slices.Clone(beside), record{typ: "CNAME", content: "target.test"}),
		"cname-proxied":     append(slices.Clone(beside), record{typ: "CNAME", content: "target.test", proxied: true}),
	}
}

// world starts a resolver that knows the targets, and a node that asks it and serves one of them itself.
func world(t *testing.T, ttl uint32, flags ...string) (*resolver, *node.Node) {
	t.Helper()
	s := startResolver(t, ttl)
	s.set("target.test", "192.0.2.80", "192.0.2.81", "2001:db8:7::80")
	s.set("empty.test")
	n := node.Must(t, append([]string{"--resolver", s.addr, "--edge-addresses", pool, "--notify-interval", "100ms"}, flags...)...)
	n.Call(t, "POST", "/accounts/"+n.Account+"/secondary_dns/acls", map[string]any{"name": "tests", "ip_range": own + "/32"}, nil)
	makeZone(t, n, "served.test", []record{{name: "www", typ: "A", content: "192.0.2.90"}})
	return s, n
}

// makeZone makes a zone with an outgoing configuration that is switched on, and returns its id.
func makeZone(t *testing.T, n *node.Node, name string, records []record, peerIDs ...string) string {
	t.Helper()
	var z object
	n.Call(t, "POST", "/zones", map[string]any{"name": name, "account": map[string]any{"id": n.Account}}, &z)
	var posts []map[string]any
	for _, r := range records {
		posts = append(posts, r.body(name))
	}
	n.Call(t, "POST", "/zones/"+z.ID+"/dns_records/batch", map[string]any{"posts": posts}, nil)
	link(t, n, z.ID, peerIDs...)
	return z.ID
}

func link(t *testing.T, n *node.Node, zone string, peerIDs ...string) {
	t.Helper()
	if peerIDs == nil {
		peerIDs = []string{}
	}
	out := "/zones/" + zone + "/secondary_dns/outgoing"
	n.Call(t, "POST", out, map[string]any{"peers": peerIDs}, nil)
	n.Call(t, "POST", out+"/enable", map[string]any{}, nil)
}

func setMode(t *testing.T, n *node.Node, zone, mode string) {
	t.Helper()
	n.Call(t, "PATCH", "/headwater/v1/zones/"+zone+"/transfer_settings", map[string]any{"mode": mode}, nil)
}

// transfer is the zone as we transfer it.
func transfer(t *testing.T, n *node.Node, zone string) *xfr.Result {
	t.Helper()
	r, err := xfr.Fetch(t.Context(), xfr.Source{Server: n.DNS, Zone: wire.MustName(zone), Local: netip.MustParseAddr(own)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lines are a transfer's records as text, sorted, without the SOA's serial.
func lines(t *testing.T, records []byte) []string {
	t.Helper()
	var out []string
	for len(records) > 0 {
		r, rest, err := wire.NextRR(records)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, line(string(r.Owner), r.Type, r.TTL, r.RData))
		records = rest
	}
	slices.Sort(out)
	return out
}

// line is a record as text; the serial of an SOA is left out.
func line(owner string, typ wire.Type, ttl uint32, data []byte) string {
	text := rr.FormatData(typ, data)
	if f := strings.Fields(text); typ == wire.TypeSOA && len(f) == 7 {
		f[2] = "SERIAL"
		text = strings.Join(f, " ")
	}
	return strings.Join([]string{wire.Name(owner).String(), itoa(ttl), typ.String(), text}, " ")
}

// said is a response as one line: response code, whether it is authoritative, and the answer section, sorted.
func said(t *testing.T, network string, server netip.AddrPort, name wire.Name, typ wire.Type) string {
	t.Helper()
	msg, err := peers.Ask(t.Context(), network, server, name, typ)
	if err != nil {
		t.Fatalf("%s %s: %v", name, typ, err)
	}
	r, err := wire.NewReader(msg)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Section != wire.SectionAnswer {
			continue
		}
		data, err := r.Expand(nil, &rec)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, line(string(rec.Owner), rec.Type, rec.TTL, data))
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	flags := wire.HeaderFlags(msg)
	head := flags.Rcode().String()
	if flags&wire.FlagAA == 0 {
		head += " not authoritative"
	}
	return strings.Join(append([]string{head}, out...), " | ")
}

// resolved waits until no name is answered with SERVFAIL but those allowed to be.
func resolved(t *testing.T, n *node.Node, names []string, allowed string) {
	t.Helper()
	testkit.Until(t, func() string {
		for _, name := range names {
			if name != allowed && strings.HasPrefix(said(t, "udp", n.DNS, wire.MustName(name), wire.TypeA), "SERVFAIL") {
				return name + " is answered with SERVFAIL"
			}
		}
		return ""
	})
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) == got {
		return
	}
	was, is := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range max(len(was), len(is)) {
		a, b := "", ""
		if i < len(was) {
			a = was[i]
		}
		if i < len(is) {
			b = is[i]
		}
		if a != b {
			t.Fatalf("%s, line %d:\nwant %s\ngot  %s", path, i+1, a, b)
		}
	}
}
