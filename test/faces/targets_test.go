package faces_test

import (
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
)

// a asks the node for the addresses of a host.
func a(t *testing.T, n *node.Node, host string) string {
	t.Helper()
	return said(t, "udp", n.DNS, wire.MustName(host), wire.TypeA)
}

// TestHostileResolver follows a target through a resolver that lies, truncates, delays and adds records, for the TTL and a
// second; outlives its death for the time that --flatten-keep gives, then answers SERVFAIL for that name alone; and comes
// back with it.
func TestHostileResolver(t *testing.T) {
	t.Parallel()
	const ttl, keep = 2, 3 * time.Second
	s, n := world(t, ttl, "--flatten-keep", keep.String(), "--flatten-damping", "0")
	s.turn()
	id := makeZone(t, n, "hostile.test", []record{
		{name: "www", typ: "CNAME", content: "target.test", settings: flat()},
		{name: "other", typ: "CNAME", content: "www.served.test", settings: flat()},
		{typ: "CNAME", content: "target.test"},
	})
	setMode(t, n, id, "edge")
	resolved(t, n, []string{"www.hostile.test"}, "")
	best := time.Hour // of three: the machine may be somebody else's at any moment
	for i, addr := range []string{"192.0.2.101", "192.0.2.102", "192.0.2.103"} {
		s.set("target.test", addr)
		start := time.Now()
		testkit.Until(t, func() string {
			got := a(t, n, "www.hostile.test")
			if strings.Contains(got, lie) {
				t.Fatalf("the lie is believed: %s", got)
			}
			if !strings.HasSuffix(got, "A "+addr) {
				return got
			}
			return ""
		})
		took := time.Since(start)
		t.Logf("change %d is answered after %v, with a TTL of %d s", i, took.Round(time.Millisecond), ttl)
		best = min(best, took)
	}
	if best > (ttl+1)*time.Second {
		t.Errorf("changes took %v and more", best)
	}
	s.die()
	start := time.Now()
	testkit.Until(t, func() string {
		if got := a(t, n, "www.hostile.test"); !strings.HasPrefix(got, "SERVFAIL") {
			return got
		}
		return ""
	})
	lived := time.Since(start)
	t.Logf("the last good answer lived for %v after the resolver's death, with a TTL of %d s and --flatten-keep %v", lived.Round(time.Millisecond), ttl, keep)
	if lived < keep { // how much longer is a matter of the resolver's silence, and a test of package flatten's
		t.Errorf("it lived for %v", lived)
	}
	if got := a(t, n, "other.hostile.test"); !strings.HasSuffix(got, "A 192.0.2.90") {
		t.Errorf("a name with another target is answered with %s", got)
	}
	if got := strings.Join(lines(t, transfer(t, n, "hostile.test").Records), "\n"); !strings.Contains(got, "hostile.test. 1 A 192.0.2.103") {
		t.Errorf("secondaries do not keep the last addresses:\n%s", got)
	}
	s.live()
	testkit.Until(t, func() string {
		if got := a(t, n, "www.hostile.test"); !strings.HasSuffix(got, "A 192.0.2.103") {
			return got
		}
		return ""
	})
}

// TestOwnTargets flattens names to targets in zones of this server: they follow at once, though the TTL is an hour, and never ask
// the resolver; a loop is answered with SERVFAIL and does not run wild.
func TestOwnTargets(t *testing.T) {
	t.Parallel()
	s, n := world(t, 3600)
	makeZone(t, n, "loop.test", []record{
		{name: "one", typ: "CNAME", content: "two.loop.test", settings: flat()},
		{name: "two", typ: "CNAME", content: "one.loop.test", settings: flat()},
	})
	makeZone(t, n, "names.test", []record{{name: "www", typ: "CNAME", content: "host.later.test", settings: flat()}})
	id := makeZone(t, n, "later.test", []record{{name: "host", typ: "A", content: "192.0.2.1"}})
	expect := func(want string) {
		t.Helper()
		testkit.Until(t, func() string {
			if got := a(t, n, "www.names.test"); !strings.HasSuffix(got, want) {
				return got
			}
			return ""
		})
	}
	expect("A 192.0.2.1")
	var list []object
	n.Call(t, "GET", "/zones/"+id+"/dns_records?name=host.later.test", nil, &list)
	path := "/zones/" + id + "/dns_records/" + list[0].ID
	n.Call(t, "PATCH", path, map[string]any{"content": "192.0.2.2"}, nil)
	expect("A 192.0.2.2")
	n.Call(t, "PATCH", path, map[string]any{"proxied": true}, nil)
	testkit.Until(t, func() string {
		if got := a(t, n, "www.names.test"); !strings.Contains(got, "A 203.0.113.") {
			return got
		}
		return ""
	})
	n.Call(t, "DELETE", path, nil, nil)
	expect("NOERROR") // the name is there, whatever it leads to
	n.Call(t, "POST", "/zones/"+id+"/dns_records", record{name: "host", typ: "A", content: "192.0.2.3"}.body("later.test"), nil)
	expect("A 192.0.2.3")
	n.Call(t, "DELETE", "/zones/"+id, nil, nil)
	expect("SERVFAIL not authoritative")
	if got := a(t, n, "one.loop.test"); !strings.HasPrefix(got, "SERVFAIL") {
		t.Errorf("a loop is answered with %s", got)
	}
	// The questions that may have come are for host.later.test, before that zone was there and when it was gone.
	if asked := s.count(); asked > 30 {
		t.Errorf("the resolver was asked %d times", asked)
	}
}

// TestZonesOfOthers has another account make a zone of the name that a target is in, which it does not own: the target is
// still what the resolver says, and so it is through an alias of our own.
func TestZonesOfOthers(t *testing.T) {
	t.Parallel()
	s, n := world(t, 2)
	var other object
	n.Call(t, "POST", "/headwater/v1/accounts", map[string]any{"name": "other"}, &other)
	makeZone(t, n, "names.example", []record{
		{name: "www", typ: "CNAME", content: "target.test", settings: flat()},
		{name: "via", typ: "CNAME", content: "alias.names.example", settings: flat()},
		{name: "alias", typ: "CNAME", content: "target.test"},
	})
	said := func() string { return a(t, n, "www.names.example") + ", " + a(t, n, "via.names.example") }
	testkit.Until(t, func() string {
		if got := said(); strings.Count(got, "A 192.0.2.80") != 2 {
			return got
		}
		return ""
	})
	var z object
	n.Call(t, "POST", "/zones", map[string]any{"name": "target.test", "account": map[string]any{"id": other.ID}}, &z)
	n.Call(t, "POST", "/zones/"+z.ID+"/dns_records", record{typ: "A", content: lie}.body("target.test"), nil)
	s.set("target.test", "192.0.2.99") // by which we see that all has been looked up anew
	testkit.Until(t, func() string {
		got := said()
		if strings.Contains(got, lie) {
			t.Fatalf("another account's zone is believed: %s", got)
		}
		if strings.Count(got, "A 192.0.2.99") != 2 {
			return got
		}
		return ""
	})
	if got := a(t, n, "target.test"); !strings.Contains(got, lie) {
		t.Errorf("the zone itself is answered with %s", got)
	}
}

// TestServersPool starts a server again with other edge addresses, and with none.
func TestServersPool(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(flags ...string) *node.Node {
		t.Helper()
		n, err := node.Start(dir, flags...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.Kill)
		return n
	}
	n := run("--edge-addresses", "203.0.113.1")
	id := makeZone(t, n, "pool.test", []record{{name: "www", typ: "A", content: "198.51.100.1", proxied: true}})
	setMode(t, n, id, "edge")
	for _, tt := range []struct{ flag, want string }{
		{"203.0.113.1", "www.pool.test. 300 A 203.0.113.1"}, {"203.0.113.2", "www.pool.test. 300 A 203.0.113.2"}, {"", "www.pool.test. 300 A 198.51.100.1"},
	} {
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
		n = run("--edge-addresses", tt.flag)
		testkit.Until(t, func() string {
			if got := a(t, n, "www.pool.test"); !strings.HasSuffix(got, tt.want) {
				return got
			}
			return ""
		})
	}
	answer, err := n.Do(t.Context(), "POST", "/zones/"+id+"/dns_records", record{name: "w", typ: "A", content: "198.51.100.1", proxied: true}.body("pool.test"))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Success || len(answer.Errors) != 1 || answer.Errors[0].Code != 13060 {
		t.Errorf("without edge addresses a proxied record is answered with %s", answer.Body)
	}
}
