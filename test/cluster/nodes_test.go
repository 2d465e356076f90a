package cluster

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

var apex = wire.MustName("many.example")

// TestStartTogether: nodes that start at the same moment on an empty database make one of everything.
func TestStartTogether(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	c.oneOfEverything(t)
}

// TestFirstTogether is the same where the tables are there, so that nodes do not queue up to make them.
func TestFirstTogether(t *testing.T) {
	t.Parallel()
	c := newCluster(t, shared(t))
	s, err := store.Open(t.Context(), store.Config{URL: c.url, SecretKey: secretKey})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c.run(t, 3, "")
	c.oneOfEverything(t)
}

func (c *cluster) oneOfEverything(t *testing.T) {
	t.Helper()
	for _, n := range c.nodes[1:] {
		if n.Account != c.nodes[0].Account {
			t.Errorf("accounts %s and %s", c.nodes[0].Account, n.Account)
		}
	}
	for table, want := range map[string]int64{"accounts": 1, "users": 1, "members": 1, "tokens": 1} {
		if got := c.count(t, "SELECT count(*) FROM "+table); got != want {
			t.Errorf("%d rows in %s", got, table)
		}
	}
	if n := c.count(t, "SELECT count(*) FROM audit_entries"); n != 1 {
		t.Errorf("%d audit entries: the account was made again", n)
	}
	first := 0
	for _, n := range c.nodes {
		first += strings.Count(n.Said(), "First start")
		eventually(t, "not all nodes share the work", func() bool {
			_, body := get(t, n, "/readyz")
			return strings.Contains(body, "\nnodes 3\n")
		})
	}
	if first != 1 {
		t.Errorf("%d nodes made the first administrator", first)
	}
}

// TestManyNodes writes through all nodes at once into one zone that two secondaries follow on two of the nodes, and has the
// node that tells them die.
func TestManyNodes(t *testing.T) {
	t.Parallel()
	c := start(t, 3, "--probe-interval", "1s")
	knotAt, nsdAt, ear := free(t, peers.Knot), free(t, peers.NSD), newListener(t)
	c.allowLoopback(t)
	id := c.zone(t, apex.Host(), []string{c.peer(t, "knot", knotAt, ""), c.peer(t, "nsd", nsdAt, ""), c.peer(t, "ear", ear.addr, "")})
	knot := follower(t, peers.Knot, c.nodes[0], knotAt, apex)
	nsd := follower(t, peers.NSD, c.nodes[1], nsdAt, apex)

	// Each node reads what another one wrote as soon as it is asked with the position.
	for i, n := range c.nodes {
		seq := add(t, n, id, "ryw", fmt.Sprint("by ", i))
		other := c.nodes[(i+1)%3]
		await(t, other, seq)
		if s, err := peers.Serial(t.Context(), other.DNS, apex); err != nil || s != soa(t, n) {
			t.Errorf("serial %d: %v", s, err)
		}
	}
	base := c.alike(t, apex, knot, nsd)

	const writers, each = 6, 15
	var all sync.WaitGroup
	for w := range writers {
		n := c.nodes[w%3]
		all.Go(func() {
			for i := range each {
				add(t, n, id, fmt.Sprintf("w%d", w), fmt.Sprintf("w%d-%d", w, i))
			}
		})
	}
	all.Wait()
	end := c.alike(t, apex, knot, nsd)
	if n := c.count(t, "SELECT count(*) FROM records WHERE type = 'TXT'"); n != 3+writers*each {
		t.Errorf("%d records, want %d", n, 3+writers*each)
	}
	c.sameDeltas(t, base, end)
	eventually(t, "the newest serial was not told", func() bool { return ear.heard(apex, end) > 0 })
	if most, what, serials := ear.oftenest(); most > 2 {
		t.Errorf("%s was told %d times, of %d", what, most, serials)
	} else {
		t.Logf("%d serials told, at most %d times; %d changes in %d versions", serials, most, writers*each, end-base)
	}
	for i, n := range c.nodes {
		eventually(t, fmt.Sprintf("node %d does not know how the secondaries fare", i), func() bool {
			var told struct {
				Peers []struct{ State string }
			}
			n.Call(t, http.MethodGet, "/headwater/v1/zones/"+id+"/secondaries", nil, &told)
			known := 0
			for _, p := range told.Peers {
				if p.State == "in_step" {
					known++
				}
			}
			return known >= 2 // the ear answers no questions
		})
	}
	c.takeOver(t, id, ear)
}

// soa is the serial that a node answers with.
func soa(tb testing.TB, n *node.Node) uint32 {
	tb.Helper()
	s, err := peers.Serial(tb.Context(), n.DNS, apex)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// sameDeltas: the deltas that lead from one serial to another are the same on all nodes, octet for octet, and lead there.
func (c *cluster) sameDeltas(t *testing.T, from, to uint32) {
	t.Helper()
	var first *xfr.Result
	for i, n := range c.nodes {
		r, err := ixfr(t.Context(), n, apex, from)
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind != xfr.IXFR || r.Serial != to {
			t.Fatalf("node %d answers with %s at %d", i, r.Kind, r.Serial)
		}
		if first == nil {
			first = r
		}
		for k, d := range r.Deltas {
			if w := first.Deltas[k]; d.From != w.From || d.To != w.To || !bytes.Equal(d.Removed, w.Removed) || !bytes.Equal(d.Added, w.Added) {
				t.Fatalf("node %d has another delta from %d to %d", i, d.From, d.To)
			}
		}
	}
}

// duty finds the node that alone told of a change, made through another one. A node that had the duty before may still be telling a
// secondary of an older version; then another change is looked at.
func (c *cluster) duty(t *testing.T, id string, ear *listener) int {
	t.Helper()
	sent := func() (out []string) {
		for _, n := range c.nodes {
			out = append(out, metric(t, n, "headwater_notify_sent_total"))
		}
		return out
	}
	found := -1
	changes := 0
	eventually(t, "no node alone tells", func() bool {
		before := sent()
		changes++
		await(t, c.nodes[1], add(t, c.nodes[0], id, "duty", fmt.Sprint("who ", changes)))
		serial := soa(t, c.nodes[1])
		eventually(t, "nobody tells", func() bool { return ear.heard(apex, serial) > 0 })
		tell := 0
		for i, now := range sent() {
			if now != before[i] {
				found = i
				tell++
			}
		}
		return tell == 1 && ear.tellers(apex, serial) == 1
	})
	return found
}

func metric(tb testing.TB, n *node.Node, name string) string {
	tb.Helper()
	_, body := get(tb, n, "/metrics")
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	tb.Fatalf("no metric %s", name)
	return ""
}

// takeOver kills the node that tells of the zone at the moment of a change: another one tells of it.
func (c *cluster) takeOver(t *testing.T, id string, ear *listener) {
	t.Helper()
	i := c.duty(t, id, ear)
	writer := c.nodes[(i+1)%3]
	c.nodes[i].Kill()
	killed := time.Now()
	add(t, writer, id, "after", "the death")
	serial := soa(t, writer)
	eventually(t, "nobody took over", func() bool { return ear.heard(apex, serial) > 0 })
	t.Logf("node %d died, another told %s later", i, time.Since(killed)) // how long it may take is package duty's test
	if err := c.nodes[i].Run(); err != nil {
		t.Fatal(err)
	}
	await(t, c.nodes[i], add(t, writer, id, "after", "its return"))
	if got, want := soa(t, c.nodes[i]), soa(t, writer); got != want {
		t.Errorf("serial %d, want %d", got, want)
	}
	if most, what, _ := ear.oftenest(); most > 2 {
		t.Errorf("%s was told %d times", what, most)
	}
}

// TestSerializable runs nodes under the strictest isolation, where the database refuses every transaction that another one
// was quicker than (SQLSTATE 40001), as CockroachDB always does: what is refused is tried again.
func TestSerializable(t *testing.T) {
	t.Parallel()
	c := startOn(t, shared(t), 2, "&default_transaction_isolation=serializable")
	c.allowLoopback(t)
	id := c.zone(t, apex.Host(), nil)
	const writers, each = 4, 12
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				add(t, c.nodes[w%2], id, fmt.Sprintf("w%d", w), fmt.Sprintf("w%d-%d", w, i))
			}
		})
	}
	all.Wait()
	c.alike(t, apex)
	if n := c.count(t, "SELECT count(*) FROM records WHERE type = 'TXT'"); n != writers*each {
		t.Errorf("%d records, want %d", n, writers*each)
	}
	eventually(t, "the database refused nothing", func() bool {
		return c.count(t, "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()") > 0
	})
}

// TestChangesPrimaries has one secondary load a zone from one node and go on with deltas from another.
func TestChangesPrimaries(t *testing.T) {
	t.Parallel()
	c := start(t, 2)
	at := free(t, peers.Knot)
	c.allowLoopback(t)
	id := c.zone(t, apex.Host(), []string{c.peer(t, "knot", at, "")})
	for i := range 20 {
		add(t, c.nodes[i%2], id, "r", fmt.Sprint("first ", i))
	}
	cfg := peers.Config{Program: peers.Knot, Listen: at, Primary: c.nodes[0].DNS, Zones: []wire.Name{apex}, Dir: t.TempDir()}
	s, err := peers.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	c.alike(t, apex, s)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		add(t, c.nodes[i%2], id, "r", fmt.Sprint("second ", i))
	}
	from := c.nodes[1].Log().Len()
	cfg.Primary = c.nodes[1].DNS
	if s, err = peers.Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	c.alike(t, apex, s)
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if _, err := c.nodes[1].Log().Wait(ctx, from, "msg=transfer", "kind=IXFR", "source="+at.Addr().String()); err != nil {
		t.Error(err)
	}
}
