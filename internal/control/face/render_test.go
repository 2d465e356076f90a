package face

import (
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

var update = flag.Bool("update", false, "rewrite golden files")

// testPool is an edge pool with more addresses than a name gets.
var testPool = []netip.Addr{
	netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.12"),
	netip.MustParseAddr("2001:db8:e::1"), netip.MustParseAddr("2001:db8:e::2"), netip.MustParseAddr("2001:db8:e::3"),
}

const testApex wire.Name = "\x07example\x00"

func row(owner, typ, content string, edit ...func(*model.Record)) *model.Record {
	r := &model.Record{ID: model.ID(owner + typ + content), Name: wire.MustName(owner), Content: content, TTL: 600}
	switch typ {
	case "A", "AAAA":
		r.Type = wire.TypeA
		if typ == "AAAA" {
			r.Type = wire.TypeAAAA
		}
		r.RData = netip.MustParseAddr(content).AsSlice()
	case "CNAME", "NS":
		r.Type = wire.TypeCNAME
		if typ == "NS" {
			r.Type = wire.TypeNS
		}
		r.RData = []byte(wire.MustName(content))
	case "TXT":
		r.Type = wire.TypeTXT
		r.RData = append([]byte{byte(len(content))}, content...)
	default:
		panic("row: type " + typ)
	}
	for _, f := range edit {
		f(r)
	}
	return r
}

func proxied(r *model.Record) { r.Proxied, r.TTL = true, 1 }
func flat(r *model.Record)    { r.Settings.FlattenCNAME = true }

// show writes RRsets as a reader of zone files expects them.
func show(sets []rr.Set) string {
	var b strings.Builder
	for _, s := range sets {
		for _, d := range s.Data {
			fmt.Fprintf(&b, "    %s %d ", s.Owner, s.TTL)
			switch s.Type {
			case wire.TypeA, wire.TypeAAAA:
				a, _ := netip.AddrFromSlice(d)
				fmt.Fprintf(&b, "%s %s\n", map[wire.Type]string{wire.TypeA: "A", wire.TypeAAAA: "AAAA"}[s.Type], a)
			case wire.TypeCNAME:
				fmt.Fprintf(&b, "CNAME %s\n", wire.Name(d))
			case wire.TypeNS:
				fmt.Fprintf(&b, "NS %s\n", wire.Name(d))
			case wire.TypeTXT:
				fmt.Fprintf(&b, "TXT %q\n", d[1:])
			case zone.TypeMark:
				b.WriteString(map[string]string{zone.MarkFail: "SERVFAIL\n", zone.MarkNone: "no address\n"}[string(d)])
			default:
				fmt.Fprintf(&b, "TYPE%d %x\n", s.Type, d)
			}
		}
	}
	if b.Len() == 0 {
		return "    nothing\n"
	}
	return b.String()
}

// lookups is what targets lead to in these tests.
func lookups(target wire.Name) model.Flattened {
	addrs := []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8:7::7")}
	switch target.Host() {
	case "target.test":
		return model.Flattened{
			State: model.FlattenKnown, Addrs: addrs, TTL: 45, HeldState: model.FlattenKnown, Held: addrs, HeldTTL: 60,
		}
	case "dead.test":
		return model.Flattened{State: model.FlattenFailed, HeldState: model.FlattenFailed, Held: addrs[:1], HeldTTL: 60}
	case "empty.test":
		return model.Flattened{State: model.FlattenKnown, TTL: 45, HeldState: model.FlattenKnown}
	}
	return model.Flattened{}
}

// TestFaces renders every combination of the table in DESIGN section 2 and holds it against a golden file.
func TestFaces(t *testing.T) {
	t.Parallel()
	names := []struct {
		title string
		rows  func(owner string) []*model.Record
	}{
		{"A", func(o string) []*model.Record { return []*model.Record{row(o, "A", "198.51.100.1")} }},
		{"A and AAAA, one proxied", func(o string) []*model.Record {
			return []*model.Record{row(o, "A", "198.51.100.1", proxied), row(o, "AAAA", "2001:db8::1")}
		}},
		{"A proxied, ipv4_only, beside TXT", func(o string) []*model.Record {
			only4 := func(r *model.Record) { r.Settings.IPv4Only = true }
			return []*model.Record{row(o, "A", "198.51.100.1", proxied, only4), row(o, "TXT", "hello")}
		}},
		{"AAAA proxied, ipv6_only", func(o string) []*model.Record {
			return []*model.Record{row(o, "AAAA", "2001:db8::1", proxied, func(r *model.Record) { r.Settings.IPv6Only = true })}
		}},
		{"CNAME beside TXT", func(o string) []*model.Record {
			return []*model.Record{row(o, "CNAME", "target.test"), row(o, "TXT", "hello")}
		}},
		{"CNAME proxied beside TXT", func(o string) []*model.Record {
			return []*model.Record{row(o, "CNAME", "target.test", proxied), row(o, "TXT", "hello")}
		}},
		{"CNAME with flatten_cname beside TXT", func(o string) []*model.Record {
			return []*model.Record{row(o, "CNAME", "target.test", flat), row(o, "TXT", "hello")}
		}},
		{"CNAME with flatten_cname, target failed", func(o string) []*model.Record {
			return []*model.Record{row(o, "CNAME", "dead.test", flat)}
		}},
		{"CNAME with flatten_cname, target unknown", func(o string) []*model.Record {
			return []*model.Record{row(o, "CNAME", "unknown.test", flat)}
		}},
		{"CNAME with flatten_cname, target without addresses", func(o string) []*model.Record {
			return []*model.Record{row(o, "CNAME", "empty.test", flat)}
		}},
		{"NS of others", func(o string) []*model.Record { return []*model.Record{row(o, "NS", "ns.other.test")} }},
	}
	zones := []struct {
		title string
		edit  func(*model.Zone, *Context)
	}{
		{"origin", func(*model.Zone, *Context) {}},
		{"edge", func(z *model.Zone, _ *Context) { z.Mode = model.ModeEdge }},
		{"origin, dns only", func(_ *model.Zone, s *Context) { s.DNSOnly = true }},
		{"edge, dns only", func(z *model.Zone, s *Context) { z.Mode, s.DNSOnly = model.ModeEdge, true }},
		{"origin, flatten_all_cnames", func(z *model.Zone, _ *Context) { z.Settings.FlattenAll = true }},
		{"edge, flatten_all_cnames", func(z *model.Zone, _ *Context) { z.Mode, z.Settings.FlattenAll = model.ModeEdge, true }},
		{"origin, multi_provider", func(z *model.Zone, _ *Context) { z.Settings.MultiProvider = true }},
		{"origin, no edge addresses", func(_ *model.Zone, s *Context) { s.Pool = nil }},
	}
	var out strings.Builder
	for _, z := range zones {
		for _, owner := range []string{"example", "www.example"} {
			for _, n := range names {
				zn := model.Zone{Name: testApex, Mode: model.ModeOrigin, NameServers: []string{"ns1.hw.test", "ns2.hw.test"}}
				zn.Settings = model.DefaultSettings()
				sc := &Context{Zone: &zn, Pool: testPool, Lookup: lookups, Want: func(wire.Name, wire.Name) {}}
				z.edit(&zn, sc)
				f := sc.Render(&Name{Owner: wire.MustName(owner), Rows: n.rows(owner)})
				fmt.Fprintf(&out, "%s | %s | %s\n", z.title, owner, n.title)
				if Equal(f.Served, f.Transfer) {
					fmt.Fprintf(&out, "  both\n%s\n", show(f.Served))
					continue
				}
				fmt.Fprintf(&out, "  served\n%s  transfer\n%s\n", show(f.Served), show(f.Transfer))
			}
		}
	}
	golden(t, "testdata/faces.golden", out.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := testkit.Diff(string(want), got); diff != "" {
		t.Errorf("faces differ from %s (-want +got):\n%s", path, diff)
	}
}

func TestRenderTTL(t *testing.T) {
	t.Parallel()
	ttl := func(v uint32) func(*model.Record) { return func(r *model.Record) { r.TTL = v } }
	zn := model.Zone{Name: testApex}
	sc := &Context{Zone: &zn, Lookup: lookups, Want: func(wire.Name, wire.Name) {}}
	f := sc.Render(&Name{Owner: "\x03www\x07example\x00", Rows: []*model.Record{
		row("www.example", "A", "198.51.100.2", ttl(900)), row("www.example", "A", "198.51.100.1", ttl(1)),
		row("www.example", "TXT", "b", ttl(120)), row("www.example", "TXT", "a", ttl(60)),
	}})
	want := "    www.example. 300 A 198.51.100.1\n    www.example. 300 A 198.51.100.2\n" +
		"    www.example. 60 TXT \"a\"\n    www.example. 60 TXT \"b\"\n"
	got := show([]rr.Set{f.Served[1], f.Served[0]})
	if diff := testkit.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownTargetKeepsWhatIsAnswered(t *testing.T) {
	t.Parallel()
	zn := model.Zone{Name: testApex}
	sc := &Context{Zone: &zn, Lookup: lookups, Want: func(wire.Name, wire.Name) {}}
	before := addressSets("\x01w\x07example\x00", testPool[:1], 30)
	n := &Name{
		Owner: "\x01w\x07example\x00", Rows: []*model.Record{row("w.example", "CNAME", "unknown.test", flat)},
		Served: before, Kept: true,
	}
	if f := sc.Render(n); !Equal(f.Served, before) {
		t.Errorf("got\n%s", show(f.Served))
	}
	for _, served := range [][]rr.Set{nil, standIn(n.Owner, zone.MarkNone)} {
		n.Served = served
		if f := sc.Render(n); show(f.Served) != "    w.example. 0 no address\n" {
			t.Errorf("a target that had no address is answered with\n%s", show(f.Served))
		}
	}
	n.Served = standIn(n.Owner, zone.MarkFail)
	if f := sc.Render(n); !failing(f.Served) {
		t.Errorf("a target that could not be looked up is answered with\n%s", show(f.Served))
	}
	n.Served, n.Kept = before, false
	if f := sc.Render(n); !failing(f.Served) {
		t.Errorf("a changed CNAME kept the addresses of the old one:\n%s", show(f.Served))
	}
}

// TestFlattenedName tells, for whatever is known of a target, what is answered and what secondaries get in mode edge: the
// name exists in both, and no TTL is longer than the CNAME's own.
func TestFlattenedName(t *testing.T) {
	t.Parallel()
	const known, unknown, failed = model.FlattenKnown, model.FlattenUnknown, model.FlattenFailed
	one := []netip.Addr{netip.MustParseAddr("203.0.113.1")}
	two := []netip.Addr{netip.MustParseAddr("203.0.113.2")}
	both := append(append([]netip.Addr(nil), one...), netip.MustParseAddr("2001:db8::1"))
	const alias = "CNAME target.test."
	for _, tt := range []struct {
		title        string
		known        model.Flattened
		last         []netip.Addr // in memory, for both faces
		served       string
		alone, among string // what secondaries get where the CNAME can stand, and where others stand beside it
	}{
		{
			"answer",
			model.Flattened{State: known, Addrs: both, TTL: 60, HeldState: known, Held: both, HeldTTL: 30},
			nil,
			"60 A 203.0.113.1, 60 AAAA 2001:db8::1", "30 A 203.0.113.1, 30 AAAA 2001:db8::1", "30 A 203.0.113.1, 30 AAAA 2001:db8::1",
		},
		{
			"answer with a long TTL",
			model.Flattened{State: known, Addrs: one, TTL: 3600, HeldState: known, Held: one, HeldTTL: 3600},
			nil,
			"120 A 203.0.113.1", "120 A 203.0.113.1", "120 A 203.0.113.1",
		},
		{
			"IPv4 alone after both",
			model.Flattened{State: known, Addrs: one, TTL: 60, HeldState: known, Held: both, HeldTTL: 60},
			both,
			"60 A 203.0.113.1", "60 A 203.0.113.1, 60 AAAA 2001:db8::1", "60 A 203.0.113.1, 60 AAAA 2001:db8::1",
		},
		{
			"no address, damped",
			model.Flattened{State: known, HeldState: known, Held: one, HeldTTL: 60},
			one,
			"0 no address", "60 A 203.0.113.1", "60 A 203.0.113.1",
		},
		{"no address", model.Flattened{State: known, HeldState: known}, one, "0 no address", "120 " + alias, ""},
		{
			"failure, within the time to keep",
			model.Flattened{State: known, Addrs: one, TTL: 60, HeldState: known, Held: one, HeldTTL: 60},
			one,
			"60 A 203.0.113.1", "60 A 203.0.113.1", "60 A 203.0.113.1",
		},
		{
			"failure, damped",
			model.Flattened{State: failed, HeldState: known, Held: one, HeldTTL: 60},
			one,
			"0 SERVFAIL", "60 A 203.0.113.1", "60 A 203.0.113.1",
		},
		{"failure", model.Flattened{State: failed, HeldState: failed, Held: two, HeldTTL: 60}, one, "0 SERVFAIL", "120 " + alias, "60 A 203.0.113.2"},
		{"failure since the start", model.Flattened{State: failed, HeldState: failed}, one, "0 SERVFAIL", "120 " + alias, "120 A 203.0.113.1"},
		{"failure in a zone that is gone", model.Flattened{State: failed, HeldState: known}, one, "0 SERVFAIL", "120 " + alias, ""},
		{"failure from the first", model.Flattened{State: failed, HeldState: failed}, nil, "0 SERVFAIL", "120 " + alias, ""},
		{"start", model.Flattened{State: unknown}, one, "120 A 203.0.113.1", "120 A 203.0.113.1", "120 A 203.0.113.1"},
		{"start, without any address", model.Flattened{State: unknown}, nil, "0 no address", "120 " + alias, ""},
	} {
		for _, beside := range []bool{false, true} {
			zn := model.Zone{Name: testApex, Mode: model.ModeEdge}
			zn.Settings.FlattenAll = true
			sc := &Context{Zone: &zn, Lookup: func(wire.Name) model.Flattened { return tt.known }, Want: func(wire.Name, wire.Name) {}}
			n := &Name{Owner: wire.MustName("w.example"), Kept: true}
			n.Rows = []*model.Record{row("w.example", "CNAME", "target.test", func(r *model.Record) { r.TTL = 120 })}
			n.Served = addressSets(n.Owner, tt.last, 300)
			n.Transfer = n.Served
			served, transfer := tt.served, tt.alone
			if beside {
				n.Rows = append(n.Rows, row("w.example", "TXT", "t"))
				const text = `600 TXT "t"`
				served, transfer = text+", "+served, strings.TrimSuffix(text+", "+tt.among, ", ")
			}
			f := sc.Render(n)
			short := func(sets []rr.Set) string {
				return strings.ReplaceAll(strings.TrimSpace(strings.ReplaceAll(show(sets), "    w.example. ", "")), "\n", ", ")
			}
			if got := short(f.Served); got != served {
				t.Errorf("%s, beside others %v: we answer %s, want %s", tt.title, beside, got, served)
			}
			if got := short(f.Transfer); got != transfer {
				t.Errorf("%s, beside others %v: secondaries get %s, want %s", tt.title, beside, got, transfer)
			}
		}
	}
}

func TestEdgeChoiceIsStable(t *testing.T) {
	t.Parallel()
	zn := model.Zone{Name: testApex}
	rows := []*model.Record{row("www.example", "A", "198.51.100.1", proxied)}
	full := (&Context{Zone: &zn, Pool: testPool}).edge("\x03www\x07example\x00", rows)
	moved := 0
	for i := range testPool {
		pool := append(append([]netip.Addr(nil), testPool[:i]...), testPool[i+1:]...)
		if !Equal(full, (&Context{Zone: &zn, Pool: pool}).edge("\x03www\x07example\x00", rows)) {
			moved++
		}
	}
	if moved != 2*edgePerFamily {
		t.Errorf("taking one address away moved the name %d times, want only for its own %d", moved, 2*edgePerFamily)
	}
	seen := map[string]bool{}
	for i := range 50 {
		owner := wire.MustName(fmt.Sprintf("h%d.example", i))
		seen[show((&Context{Zone: &zn, Pool: testPool}).edge(owner, rows))[len(owner.String())+4:]] = true
	}
	if len(seen) < 2 {
		t.Error("all names have the same edge addresses")
	}
}

// TestFamilies has settings drop a family, unless nothing would be left.
func TestFamilies(t *testing.T) {
	t.Parallel()
	only4 := func(r *model.Record) { r.Settings.IPv4Only = true }
	only6 := func(r *model.Record) { r.Settings.IPv6Only = true }
	var pool4, pool6 []netip.Addr
	for _, a := range testPool {
		if a.Is4() {
			pool4 = append(pool4, a)
		} else {
			pool6 = append(pool6, a)
		}
	}
	a4 := func(edits ...func(*model.Record)) *model.Record {
		return row("w.example", "A", "198.51.100.1", append(edits, proxied)...)
	}
	a6 := func(edits ...func(*model.Record)) *model.Record {
		return row("w.example", "AAAA", "2001:db8::1", append(edits, proxied)...)
	}
	for _, tt := range []struct {
		title string
		pool  []netip.Addr
		rows  []*model.Record
		want  string
		write int
	}{
		{"both", testPool, []*model.Record{a4()}, "A AAAA", 0},
		{"ipv4_only", testPool, []*model.Record{a4(only4)}, "A", 0},
		{"ipv6_only", testPool, []*model.Record{a4(only6)}, "AAAA", 0},
		{"one of each", testPool, []*model.Record{a4(only4), a6(only6)}, "A AAAA", 0},
		{"ipv6_only without IPv6", pool4, []*model.Record{a4(only6)}, "A", model.CodeNoEdge},
		{"ipv4_only without IPv4", pool6, []*model.Record{a4(only4)}, "AAAA", model.CodeNoEdge},
		{"no pool", nil, []*model.Record{a4()}, "A", model.CodeNoEdge},
	} {
		zn := model.Zone{Name: testApex}
		f := (&Context{Zone: &zn, Pool: tt.pool}).Render(&Name{Owner: wire.MustName("w.example"), Rows: tt.rows})
		var got []string
		for _, s := range f.Served {
			got = append(got, s.Type.String())
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: answered with %v, want %s", tt.title, got, tt.want)
		}
		err := rules.Added(&rules.Place{
			Apex: testApex, Pool: tt.pool, Limits: rules.Limits{Data: rules.MaxData, Set: wire.MaxMessage},
		}, tt.rows[0])
		var bad *model.Invalid
		if errors.As(err, &bad) != (tt.write != 0) || bad != nil && bad.Code != tt.write {
			t.Errorf("%s: a write is answered with %v, want code %d", tt.title, err, tt.write)
		}
	}
}

func TestSOA(t *testing.T) {
	t.Parallel()
	zn := model.Zone{Name: testApex, NameServers: []string{"ns1.hw.test"}, Settings: model.DefaultSettings()}
	soa, err := SOA(&zn, 7)
	if err != nil {
		t.Fatal(err)
	}
	rdata := string(soa.Data[0])
	if want := string(wire.MustName("ns1.hw.test")) + string(wire.MustName("hostmaster.example")); !strings.HasPrefix(rdata, want) {
		t.Errorf("got %q", rdata)
	}
	if got := WithSerial(soa.Data[0], 9); SameSOA(got, soa.Data[0]) != true || string(got) == rdata {
		t.Error("another serial makes another SOA")
	}
	zn.Settings.SOA.Retry++
	other, err := SOA(&zn, 7)
	if err != nil || SameSOA(other.Data[0], soa.Data[0]) {
		t.Error("another retry time makes no other SOA", err)
	}
	zn.Settings.SOA.MName = "bad..name"
	if _, err := SOA(&zn, 7); err == nil {
		t.Error("a bad mname is accepted")
	}
	long := wire.MustName(strings.Repeat("abcdefghi.", 25) + "a")
	if hostmaster(long) != long {
		t.Error("hostmaster of a long zone is too long")
	}
}
