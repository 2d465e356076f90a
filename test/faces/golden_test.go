package faces_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
)

var update = flag.Bool("update", false, "write golden files")

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// types are what every name is asked for.
func types() []wire.Type {
	return []wire.Type{wire.TypeA, wire.TypeAAAA, wire.TypeCNAME, wire.TypeMX, wire.TypeTXT, wire.TypeNS, wire.TypeSOA}
}

// names are the owners of records, and those that wildcards and nothing stand for.
func names(zone string, records []record) []string {
	set := map[string]bool{owner("nothing", zone): true}
	for _, r := range records {
		name := strings.Replace(r.name, "*", "any", 1)
		set[owner(name, zone)] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// combined is one zone of the golden test.
type combined struct {
	title, name, id string
	records         []record
}

func (c *combined) dump(t *testing.T, n *node.Node) string {
	t.Helper()
	all := names(c.name, c.records)
	resolved(t, n, all, "flat-dead."+c.name)
	var b strings.Builder
	fmt.Fprintln(&b, "answers")
	for _, name := range all {
		for _, typ := range types() {
			if typ == wire.TypeSOA && name != c.name || typ == wire.TypeNS && name != c.name {
				continue
			}
			fmt.Fprintf(&b, "  %s %s: %s\n", name, typ, said(t, "udp", n.DNS, wire.MustName(name), typ))
		}
	}
	fmt.Fprintln(&b, "transfer")
	for _, l := range lines(t, transfer(t, n, c.name).Records) {
		fmt.Fprintln(&b, "  "+l)
	}
	return b.String()
}

// TestGolden asks a running server over UDP for every name of zones with every combination of proxied and flattened
// records, and transfers them, in both modes, paused and not, and holds all of it against golden files. In the end the
// server is killed, its resolver dies, and it answers as before from the moment it is back.
func TestGolden(t *testing.T) {
	t.Parallel()
	s, n := world(t, 3600, "--flatten-damping", "0")
	var zones []*combined
	for i, title := range slices.Sorted(maps.Keys(apexes())) {
		for _, all := range []bool{false, true} {
			c := &combined{title: "apex " + title, name: fmt.Sprintf("z%d%v.test", i, all), records: apexes()[title]}
			if title == "cname" {
				c.records = append(c.records, below()...)
				c.records = append(c.records,
					record{name: "flat-dead", typ: "CNAME", content: "dead.test", settings: flat()},
					record{name: "flat-dead", typ: "MX", content: "a.mail.test"},
					// Where the target has no address, the wildcard has nothing to say.
					record{name: "flat-bare.lost", typ: "CNAME", content: "empty.test", settings: flat()},
					record{name: "*.lost", typ: "A", content: "198.51.100.8"},
				)
			}
			c.id = makeZone(t, n, c.name, c.records)
			if all {
				c.title += ", flatten_all_cnames"
				n.Call(t, "PATCH", "/zones/"+c.id+"/dns_settings", map[string]any{"flatten_all_cnames": true, "multi_provider": true}, nil)
			}
			zones = append(zones, c)
		}
	}
	last := map[string]string{}
	for _, mode := range []string{"origin", "edge"} {
		var b strings.Builder
		for _, c := range zones {
			setMode(t, n, c.id, mode)
			for _, paused := range []bool{true, false} {
				n.Call(t, "PATCH", "/zones/"+c.id, map[string]any{"paused": paused}, nil)
				last[c.name] = c.dump(t, n)
				fmt.Fprintf(&b, "%s, mode %s, paused %v\n%s", c.title, mode, paused, last[c.name])
			}
		}
		golden(t, "testdata/"+mode+".golden", b.String())
	}
	sameAsPaused(t, n, zones)
	s.die()
	n.Kill()
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	for _, c := range zones {
		for _, name := range names(c.name, c.records) {
			got := said(t, "udp", n.DNS, wire.MustName(name), wire.TypeA)
			if want := fmt.Sprintf("  %s A: %s\n", name, got); !strings.Contains(last[c.name], want) {
				t.Errorf("after a restart without resolver, %s A: %s", name, got)
			}
		}
		if got := c.dump(t, n); got != last[c.name] {
			t.Errorf("%s is another after a restart without resolver", c.name)
		}
	}
}

// sameAsPaused has zone_mode dns_only and enforce_dns_only do what paused does.
func sameAsPaused(t *testing.T, n *node.Node, zones []*combined) {
	t.Helper()
	for _, c := range zones {
		if strings.HasSuffix(c.title, "flatten_all_cnames") {
			continue
		}
		before := c.dump(t, n)
		n.Call(t, "PATCH", "/zones/"+c.id, map[string]any{"paused": true}, nil)
		want := c.dump(t, n)
		proxied := slices.ContainsFunc(c.records, func(r record) bool { return r.proxied })
		if (before != want) != proxied {
			t.Errorf("%s: paused changes something: %v", c.title, before != want)
		}
		n.Call(t, "PATCH", "/zones/"+c.id, map[string]any{"paused": false}, nil)
		for _, path := range []string{"/zones/" + c.id, "/accounts/" + n.Account} {
			on, off := map[string]any{"zone_mode": "dns_only"}, map[string]any{"zone_mode": "standard"}
			if strings.HasPrefix(path, "/accounts") {
				on, off = map[string]any{"enforce_dns_only": true}, map[string]any{"enforce_dns_only": false}
			}
			n.Call(t, "PATCH", path+"/dns_settings", on, nil)
			if got := c.dump(t, n); got != want {
				t.Errorf("%s: %v does not do what paused does", c.title, on)
			}
			n.Call(t, "PATCH", path+"/dns_settings", off, nil)
			if got := c.dump(t, n); got != before {
				t.Errorf("%s: %v does not undo it", c.title, off)
			}
		}
	}
}
