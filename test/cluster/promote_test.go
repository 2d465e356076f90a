package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// versions holds what was ever transferred of each zone under each serial.
type versions struct {
	mu   sync.Mutex
	sums map[string][sha256.Size]byte
	last map[string]uint32 // by node and zone
}

// watch asks nodes for their zones again and again until ctx ends: what is handed out under a serial is always the same.
func (v *versions) watch(ctx context.Context, t *testing.T, nodes []*node.Node, zones []wire.Name) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for i, n := range nodes {
			for _, z := range zones {
				limit, cancel := context.WithTimeout(ctx, 2*time.Second)
				r, err := axfr(limit, n, z)
				cancel()
				if err != nil {
					continue
				}
				v.mu.Lock()
				key, sum := fmt.Sprint(z, r.Serial), sha256.Sum256(r.Records)
				if old, known := v.sums[key]; known && old != sum {
					t.Errorf("node %d hands out another %s at serial %d", i, z, r.Serial)
				}
				v.sums[key], v.last[fmt.Sprint(i, z)] = sum, r.Serial
				v.mu.Unlock()
			}
		}
	}
}

// TestPromotedStandby has nodes run on a primary whose standby lags, kills it, and promotes the standby: acknowledged changes
// are gone from the database, while nodes have published them. The nodes find out by themselves, take what the database has,
// publish that under serials past all that were seen, and take changes again.
func TestPromotedStandby(t *testing.T) {
	t.Parallel()
	first := pgtest.Start(t)
	c := newCluster(t, first)
	standby := first.Standby(t)
	c.multi(t, standby)
	c.runAt(t, 2, "--probe-interval", "1s")
	c.allowLoopback(t)
	knotAt := free(t, peers.Knot)
	linked := []string{c.peer(t, "knot", knotAt, "")}
	var names []wire.Name
	var ids []string
	for i := range 3 {
		names = append(names, wire.MustName(fmt.Sprintf("lag%d.example", i)))
		ids = append(ids, c.zone(t, fmt.Sprintf("lag%d.example", i), linked))
	}
	knot := follower(t, peers.Knot, c.nodes[0], knotAt, names...)
	for i := range 12 {
		add(t, c.nodes[i%2], ids[i%3], "kept", fmt.Sprint("kept ", i))
	}
	c.alike(t, names[0], knot)
	eventually(t, "the standby does not follow", func() bool {
		return c.countOn(t, standby, "SELECT count(*) FROM records WHERE content LIKE '%kept%'") == 12
	})
	standby.Detach(t)

	v := &versions{sums: map[string][sha256.Size]byte{}, last: map[string]uint32{}}
	watching, stop := context.WithCancel(t.Context())
	var watchers sync.WaitGroup
	watchers.Go(func() { v.watch(watching, t, c.nodes, names) })
	defer watchers.Wait()
	defer stop()
	// Two zones change, the third does not, and a fourth is made: all that will be lost.
	for i := range 40 {
		add(t, c.nodes[i%2], ids[i%2], "lost", fmt.Sprint("lost ", i))
	}
	c.zone(t, "lost.example", nil)
	published := make([]uint32, len(names))
	for i, name := range names {
		published[i] = c.alike(t, name, knot)
	}
	first.Kill()
	standby.Promote(t)

	eventually(t, "the nodes take no changes", func() bool { return c.allWrite(t, ids) })
	for k, name := range names {
		end := c.alike(t, name, knot)
		if k < 2 && !wire.SerialNewer(end, published[k]) {
			t.Errorf("%s is at serial %d, and was published at %d", name, end, published[k])
		}
		c.agrees(t, ids[k], name)
	}
	for i, n := range c.nodes {
		_, body := get(t, n, "/readyz")
		if !strings.HasPrefix(body, "ready\n") || !strings.Contains(body, "history lost 1 times") {
			t.Errorf("node %d: %s", i, body)
		}
		if got := metric(t, n, "headwater_history_lost_total"); got != "1" {
			t.Errorf("node %d found %s losses", i, got)
		}
		if a, err := n.Do(t.Context(), http.MethodGet, "/zones?name=lost.example", nil); err != nil || strings.Contains(string(a.Result), "lost.example") {
			t.Errorf("node %d lists a zone that is lost: %v", i, err)
		}
	}
	// Nothing repeats when the nodes begin anew either.
	for _, n := range c.nodes {
		n.Kill()
		if err := n.Run(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		add(t, c.nodes[i%2], ids[i%3], "after", fmt.Sprint("after ", i))
	}
	for _, name := range names {
		c.alike(t, name, knot)
	}
}

// multi has nodes know two servers and look for the one that takes writes.
func (c *cluster) multi(tb testing.TB, standby *pgtest.Server) {
	tb.Helper()
	host := host(tb, c.url)
	c.url = strings.Replace(c.url, host, fmt.Sprintf("%s,127.0.0.1:%d", host, standby.Port()), 1) + "&target_session_attrs=read-write&connect_timeout=2"
}

// runAt starts nodes that reach the database without a proxy.
func (c *cluster) runAt(tb testing.TB, count int, flags ...string) {
	tb.Helper()
	for range count {
		n, err := node.Start(tb.TempDir(), append([]string{"--database", c.url, "--secret-key-file", c.key, "--notify-interval", "20ms"}, flags...)...)
		if err != nil {
			tb.Fatal(err)
		}
		c.nodes = append(c.nodes, n)
		tb.Cleanup(n.Kill)
		tb.Cleanup(func() {
			if tb.Failed() {
				tb.Logf("node said at last:\n%s", last(untold(n.Log().String()), 8000))
			}
		})
	}
}

// allWrite says whether every node takes a change of every zone.
func (c *cluster) allWrite(tb testing.TB, ids []string) bool {
	tb.Helper()
	for i, n := range c.nodes {
		for k, id := range ids {
			content := fmt.Sprintf("healed %d-%d-%d", i, k, time.Now().UnixNano())
			ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
			a, err := n.Do(ctx, http.MethodPost, "/zones/"+id+"/dns_records", map[string]any{"type": "TXT", "name": "healed", "content": content})
			cancel()
			if err != nil || a.Status != http.StatusOK {
				return false
			}
		}
	}
	return true
}

// agrees: what each node answers for a zone is what its API lists.
func (c *cluster) agrees(tb testing.TB, id string, name wire.Name) {
	tb.Helper()
	for i, n := range c.nodes {
		var list []struct{ Type, Content string }
		n.Call(tb, http.MethodGet, "/zones/"+id+"/dns_records?per_page=5000000", nil, &list)
		r, err := axfr(tb.Context(), n, name)
		if err != nil {
			tb.Fatal(err)
		}
		for _, rec := range list {
			if rec.Type == "TXT" && !bytes.Contains(r.Records, []byte(strings.Trim(rec.Content, `"`))) {
				tb.Errorf("node %d lists %s, and does not hand it out", i, rec.Content)
			}
		}
		if len(list) == 0 || bytes.Contains(r.Records, []byte("lost ")) {
			tb.Errorf("node %d hands out what is lost, and lists %d records", i, len(list))
		}
	}
}

// countOn reads one number from the cluster's database on another server.
func (c *cluster) countOn(tb testing.TB, s *pgtest.Server, text string) (n int64) {
	tb.Helper()
	_, database, _ := strings.Cut(c.url[strings.LastIndex(c.url, "@"):], "/")
	database, _, _ = strings.Cut(database, "?")
	db, err := pgx.Connect(tb.Context(), s.URL(database))
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close(tb.Context())
	if err := db.QueryRow(tb.Context(), text).Scan(&n); err != nil {
		tb.Fatal(err)
	}
	return n
}
