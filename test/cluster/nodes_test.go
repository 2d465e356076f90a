package cluster

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
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
	if n := c.count(t, "SELECT count(*) FROM audits"); n != 1 {
		t.Errorf("%d audit entries: the account was made again", n)
	}
	first := 0
	for _, n := range c.nodes {
		first += strings.Count(n.Said(), "First start")
		eventually(t, 10*time.Second, "not all nodes share the work", func() bool {
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
	base := c.alike(t, apex, 20*time.Second, knot, nsd)

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
	end := c.alike(t, apex, 20*time.Second, knot, nsd)
	if n := c.count(t, "SELECT count(*) FROM records WHERE type = 'TXT'"); n != 3+writers*each {
		t.Errorf("%d records, want %d", n, 3+writers*each)
	}
	c.sameDeltas(t, base, end)
	eventually(t, 5*time.Second, "the newest serial was not told", func() bool { return ear.heard(apex, end) > 0 })
	if most, what, serials := ear.oftenest(); most > 2 {
		t.Errorf("%s was told %d times, of %d", what, most, serials)
	} else {
		t.Logf("%d serials told, at most %d times; %d changes in %d versions", serials, most, writers*each, end-base)
	}
	for i, n := range c.nodes {
		eventually(t, 25*time.Second, fmt.Sprintf("node %d does not know how the secondaries fare", i), func() bool {
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

// duty finds the node that told of a change made through another one.
func (c *cluster) duty(t *testing.T, id string, ear *listener) int {
	t.Helper()
	before := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		before[i] = metric(t, n, "headwater_notify_sent_total")
	}
	await(t, c.nodes[1], add(t, c.nodes[0], id, "duty", "who"))
	serial := soa(t, c.nodes[1])
	eventually(t, 10*time.Second, "nobody tells", func() bool { return ear.heard(apex, serial) > 0 })
	found := -1
	for i, n := range c.nodes {
		if metric(t, n, "headwater_notify_sent_total") != before[i] {
			if found >= 0 {
				t.Errorf("nodes %d and %d both tell", found, i)
			}
			found = i
		}
	}
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
	if i < 0 {
		t.Fatal("no node has the duty")
	}
	writer := c.nodes[(i+1)%3]
	c.nodes[i].Kill()
	killed := time.Now()
	add(t, writer, id, "after", "the death")
	serial := soa(t, writer)
	eventually(t, 15*time.Second, "nobody took over", func() bool { return ear.heard(apex, serial) > 0 })
	took := time.Since(killed)
	t.Logf("node %d died, another told %s later", i, took)
	if took > 8*time.Second {
		t.Errorf("taken over after %s", took)
	}
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
	c.alike(t, apex, 20*time.Second)
	if n := c.count(t, "SELECT count(*) FROM records WHERE type = 'TXT'"); n != writers*each {
		t.Errorf("%d records, want %d", n, writers*each)
	}
	eventually(t, 10*time.Second, "the database refused nothing", func() bool {
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
	c.alike(t, apex, 20*time.Second, s)
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
	c.alike(t, apex, 20*time.Second, s)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := c.nodes[1].Log().Wait(ctx, from, "msg=transfer", "kind=IXFR", "source="+at.Addr().String()); err != nil {
		t.Error(err)
	}
}

// TestCutOff: a node without the database answers from memory, says so, takes no change, and catches up by itself.
func TestCutOff(t *testing.T) {
	t.Parallel()
	c := start(t, 2)
	c.allowLoopback(t)
	id := c.zone(t, apex.Host(), nil)
	a, b := c.nodes[0], c.nodes[1]
	await(t, b, add(t, a, id, "before", "the cut"))
	old := soa(t, b)

	c.proxies[1].breakAll(true)
	eventually(t, 15*time.Second, "the node does not notice", func() bool {
		status, body := get(t, b, "/readyz")
		if status != http.StatusOK {
			t.Fatalf("status %d: %s", status, body)
		}
		return strings.Contains(body, "store unreachable since") && strings.Contains(body, "no lease")
	})
	if v := metric(t, b, "headwater_store_unreachable"); v != "1" {
		t.Errorf("store_unreachable is %s", v)
	}
	if v := metric(t, b, "headwater_lease"); v != "0" {
		t.Errorf("lease is %s", v)
	}
	seq := add(t, a, id, "during", "the cut")
	if s := soa(t, b); s != old {
		t.Errorf("serial %d, want %d", s, old)
	}
	if r, err := axfr(t.Context(), b, apex); err != nil || r.Serial != old {
		t.Errorf("transfer: %+v %v", r, err)
	}
	for _, call := range []struct{ method, path string }{
		{http.MethodPost, "/zones/" + id + "/dns_records"}, {http.MethodGet, "/zones/" + id}, {http.MethodPatch, "/zones/" + id},
	} {
		res, err := b.Do(t.Context(), call.method, call.path, map[string]any{"type": "TXT", "name": "x", "content": "y"})
		if err != nil {
			t.Fatal(err)
		}
		if res.Status != http.StatusServiceUnavailable || res.Success || len(res.Errors) != 1 || res.Errors[0].Code != 10503 {
			t.Errorf("%s %s: status %d: %s", call.method, call.path, res.Status, res.Body)
		}
	}
	c.proxies[1].restore()
	eventually(t, 15*time.Second, "the node does not catch up", func() bool { return soa(t, b) == soa(t, a) })
	await(t, b, seq)
	eventually(t, 15*time.Second, "the node does not recover", func() bool {
		_, body := get(t, b, "/readyz")
		return !strings.Contains(body, "unreachable") && !strings.Contains(body, "no lease")
	})
	await(t, a, add(t, b, id, "after", "the cut"))
	c.alike(t, apex, 10*time.Second)
}

// TestAwayTooLong: the journal goes past a node that is cut off; it loads the images anew.
func TestAwayTooLong(t *testing.T) {
	t.Parallel()
	c := start(t, 2)
	c.allowLoopback(t)
	id := c.zone(t, apex.Host(), nil)
	gone := c.zone(t, "gone.example", nil)
	await(t, c.nodes[1], add(t, c.nodes[0], id, "before", "the cut"))
	c.proxies[1].breakAll(true)
	c.nodes[0].Call(t, http.MethodDelete, "/zones/"+gone, nil, nil)
	kept := c.zone(t, "new.example", nil)
	c.outgrow(t, id)
	await(t, c.nodes[0], add(t, c.nodes[0], kept, "in", "the new zone"))
	from := c.nodes[1].Log().Len()
	c.proxies[1].restore()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := c.nodes[1].Log().Wait(ctx, from, "pruned past this node"); err != nil {
		t.Fatal(err)
	}
	c.alike(t, apex, 20*time.Second)
	c.alike(t, wire.MustName("new.example"), 5*time.Second)
	if _, err := peers.Serial(t.Context(), c.nodes[1].DNS, wire.MustName("gone.example")); err == nil {
		t.Error("a zone that was deleted meanwhile is answered")
	}
}

// outgrow changes a zone until its journal is pruned. Most of the zone stays as it is: what rewrites a zone is no delta.
func (c *cluster) outgrow(t *testing.T, id string) {
	t.Helper()
	many := func(count int, name, text string) (posts []map[string]any) {
		for i := range count {
			posts = append(posts, map[string]any{"type": "TXT", "name": fmt.Sprint(name, i), "content": strings.Repeat(text, 1900)})
		}
		return posts
	}
	path := "/zones/" + id + "/dns_records/batch"
	c.nodes[0].Call(t, http.MethodPost, path, map[string]any{"posts": many(700, "stays", "x")}, nil)
	var made struct{ Posts []struct{ ID string } }
	for round := range 25 {
		if c.count(t, "SELECT value FROM counters WHERE name = 'floor'") > 0 {
			return
		}
		batch := map[string]any{"posts": many(250, "moves", string(rune('a'+round)))}
		var deletes []map[string]any
		for _, r := range made.Posts {
			deletes = append(deletes, map[string]any{"id": r.ID})
		}
		if len(deletes) > 0 {
			batch["deletes"] = deletes
		}
		made.Posts = nil
		c.nodes[0].Call(t, http.MethodPost, path, batch, &made)
	}
	t.Fatal("the journal is not pruned")
}

// TestReader: a node for DNS alone runs as a database user who may only read, and without the secret key.
func TestReader(t *testing.T) {
	t.Parallel()
	c := start(t, 1)
	c.allowLoopback(t)
	account := "/accounts/" + c.nodes[0].Account + "/secondary_dns"
	var key struct{ ID string }
	c.nodes[0].Call(t, http.MethodPost, account+"/tsigs", map[string]any{
		"name": "key.example.", "algo": "hmac-sha256.", "secret": "c3dvcmRmaXNoc3dvcmRmaXNoc3dvcmRmaXNoIQ==",
	}, &key)
	signed := c.zone(t, "signed.example", []string{c.peer(t, "signed", netip.MustParseAddrPort("127.0.0.1:9"), key.ID)})
	id := c.zone(t, apex.Host(), nil)
	r, err := node.Start(t.TempDir(), "--roles", "dns", "--database", c.asReader(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	add(t, c.nodes[0], id, "one", "more")
	eventually(t, 10*time.Second, "the reader does not follow", func() bool { return soa(t, r) == soa(t, c.nodes[0]) })
	ours, err := axfr(t.Context(), c.nodes[0], apex)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := axfr(t.Context(), r, apex)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ours.Records, theirs.Records) {
		t.Error("the reader hands out another zone")
	}
	if x, err := axfr(t.Context(), r, wire.MustName("signed.example")); err == nil {
		t.Errorf("zone %s needs a signature, and was transferred: %d octets", signed, len(x.Records))
	}
	status, ready := get(t, r, "/readyz")
	if status != 200 || !strings.Contains(ready, "roles dns\n") || !strings.Contains(ready, "TSIG keys of 1 account") {
		t.Errorf("status %d: %s", status, ready)
	}
	if !strings.Contains(r.Log().String(), "no secret key") {
		t.Error("nothing in the log")
	}
	for _, path := range []string{"/client/v4/zones", "/headwater/v1/zones/" + id + "/secondaries"} {
		a, err := r.Do(t.Context(), http.MethodGet, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != http.StatusServiceUnavailable || len(a.Errors) != 1 || a.Errors[0].Code != 10503 {
			t.Errorf("%s: status %d: %s", path, a.Status, a.Body)
		}
	}
	if status, _ := get(t, r, "/"); status != http.StatusNotFound {
		t.Errorf("the dashboard answers %d", status)
	}
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
}

// TestRolesApart: three nodes with a role each do together what one with all of them does. The one for DNS has the secret
// key, and so transfers what is signed.
func TestRolesApart(t *testing.T) {
	t.Parallel()
	c := start(t, 1, "--roles", "api")
	c.allowLoopback(t)
	ear := newListener(t)
	account := "/accounts/" + c.nodes[0].Account + "/secondary_dns"
	var key struct{ ID string }
	c.nodes[0].Call(t, http.MethodPost, account+"/tsigs", map[string]any{
		"name": "key.example.", "algo": "hmac-sha256.", "secret": base64.StdEncoding.EncodeToString([]byte(strings.Repeat("swordfish", 4))),
	}, &key)
	id := c.zone(t, apex.Host(), []string{c.peer(t, "ear", ear.addr, key.ID)})
	more := make([]*node.Node, 2)
	for i, roles := range []string{"dns", "notify"} {
		var err error
		more[i], err = node.Start(t.TempDir(), "--roles", roles, "--database", c.url, "--secret-key-file", c.key)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(more[i].Kill)
	}
	dns, teller := more[0], more[1]
	old := soa(t, dns)
	add(t, c.nodes[0], id, "one", "change")
	eventually(t, 10*time.Second, "the node for DNS does not follow", func() bool { return soa(t, dns) != old })
	serial := soa(t, dns)
	eventually(t, 10*time.Second, "nobody was told", func() bool { return ear.heard(apex, serial) > 0 })
	signed := &tsig.Key{Name: wire.MustName("key.example"), Algorithm: tsig.HMACSHA256, Secret: []byte(strings.Repeat("swordfish", 4))}
	src := xfr.Source{Server: dns.DNS, Zone: apex, Local: netip.MustParseAddr("127.0.0.1"), Key: signed}
	if r, err := xfr.Fetch(t.Context(), src); err != nil || r.Serial != serial {
		t.Errorf("signed transfer: %+v %v", r, err)
	}
	for _, n := range append(more, c.nodes...) {
		if status, body := get(t, n, "/metrics"); status != http.StatusOK || !strings.Contains(body, "headwater_zones 1") {
			t.Errorf("metrics: status %d", status)
		}
	}
	if v := metric(t, teller, "headwater_nodes"); v != "1" {
		t.Errorf("%s nodes share the work", v)
	}
	for _, n := range append(more, c.nodes...) {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestBadRoles: what cannot work is refused at the start.
func TestBadRoles(t *testing.T) {
	t.Parallel()
	for roles, want := range map[string]string{
		"api,cook": `role "cook"`, ",": "needs a role", "dns": "on SQLite there is one node", "dns,dns": "stands twice",
	} {
		n, err := node.Start(t.TempDir(), "--roles", roles)
		if err == nil {
			n.Kill()
			t.Errorf("%q started", roles)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", roles, err)
		}
	}
}
