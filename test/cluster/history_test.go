package cluster

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// attempt asks a node for what may be refused, and gives the status.
func attempt(t *testing.T, n *node.Node, path string, body any) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a, err := n.Do(ctx, http.MethodPost, path, body)
	if err != nil {
		t.Error(err)
		return 0
	}
	if a.Status != http.StatusOK && a.Status != http.StatusConflict && a.Status != http.StatusNotFound {
		t.Errorf("%s: status %d: %s", path, a.Status, a.Body)
	}
	return a.Status
}

// together runs something with both nodes at once.
func (c *cluster) together(f func(i int, n *node.Node)) {
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() { f(i, n) })
	}
	all.Wait()
}

// sameHistory waits until both nodes tell one history, in which each change begins where the one before has ended, and returns the last serial.
func (c *cluster) sameHistory(t *testing.T, zone string) uint32 {
	t.Helper()
	type told struct {
		ID       string
		From, To uint32
	}
	var first []told
	eventually(t, "the nodes tell different histories", func() bool {
		var lists [2]string
		for i, n := range c.nodes {
			var list []struct {
				ID   string
				From uint32 `json:"from_serial"`
				To   uint32 `json:"to_serial"`
			}
			n.Call(t, http.MethodGet, "/headwater/v1/zones/"+zone+"/history?limit=500", nil, &list)
			first = nil
			for _, one := range list {
				first = append(first, told(one))
			}
			lists[i] = fmt.Sprint(first)
		}
		return lists[0] == lists[1] && len(first) > 0
	})
	seen := map[string]bool{}
	for i := range first {
		if seen[first[i].ID] || i > 0 && first[i-1].From != first[i].To {
			t.Fatalf("change %d of %+v is told twice, or leads elsewhere", i, first)
		}
		seen[first[i].ID] = true
	}
	return first[0].To
}

// TestHistoryAtBoth: two nodes revert one zone at once, and while the other one writes; one delete is taken back at both at once. What is
// answered with success is done, once; what is refused has done nothing; and both nodes, their history and a secondary tell one story.
func TestHistoryAtBoth(t *testing.T) {
	t.Parallel()
	const apex = "both.example"
	c := start(t, 2)
	c.allowLoopback(t)
	listen := free(t, peers.Knot)
	name := wire.MustName(apex)
	id := c.zone(t, apex, []string{c.peer(t, "p", listen, "")})
	sec := follower(t, peers.Knot, c.nodes[0], listen, name)
	own := "/headwater/v1/zones/" + id
	for i := range 10 {
		await(t, c.nodes[1], add(t, c.nodes[0], id, fmt.Sprint("t", i), "x"))
	}
	first := c.alike(t, name, sec)

	// Both go back at once, to the same version and to different ones, again and again; and both write meanwhile.
	for round := range 8 {
		if round%2 == 1 {
			c.together(func(i int, n *node.Node) { add(t, n, id, fmt.Sprintf("w%d-%d", round, i), "x") })
		}
		before := c.sameHistory(t, id)
		c.together(func(i int, n *node.Node) {
			to := first
			if round%4 == 2 && i == 1 {
				to = first - 3
			}
			// Who comes second finds the zone moved, or that there is nothing to do.
			attempt(t, n, own+"/revert", map[string]any{"serial": to})
		})
		after := c.sameHistory(t, id)
		if after != before && !wire.SerialNewer(after, before) {
			t.Fatalf("round %d: serial %d after %d", round, after, before)
		}
	}
	writing, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		for i := 0; i < 60 && writing.Err() == nil; i++ {
			add(t, c.nodes[1], id, fmt.Sprint("busy", i), "x")
		}
	})
	done := 0
	for range 6 {
		if attempt(t, c.nodes[0], own+"/revert", map[string]any{"serial": first}) == http.StatusOK {
			done++
		}
	}
	stop()
	work.Wait()
	t.Logf("%d of 6 reverts during writes came about", done)
	c.sameHistory(t, id)
	if status := attempt(t, c.nodes[0], own+"/revert", map[string]any{"serial": first}); status != http.StatusOK {
		t.Fatalf("afterwards: status %d", status)
	}
	last := c.alike(t, name, sec)
	if n := c.count(t, "SELECT count(*) FROM records WHERE type = 'TXT'"); n != 10 {
		t.Errorf("%d records where there were 10 at serial %d", n, first)
	}

	for round := range 2 {
		c.nodes[round%2].Call(t, http.MethodDelete, "/zones/"+id, nil, nil)
		statuses := make([]int, 2)
		c.together(func(i int, n *node.Node) {
			statuses[i] = attempt(t, n, "/headwater/v1/accounts/"+n.Account+"/deleted_zones/"+id+"/undelete", map[string]any{})
		})
		if (statuses[0] == http.StatusOK) == (statuses[1] == http.StatusOK) {
			t.Fatalf("round %d: taken back with %v", round, statuses)
		}
		now := c.alike(t, name, sec)
		if !wire.SerialNewer(now, last) {
			t.Errorf("serial %d after %d", now, last)
		}
		last = now
	}
	if n := c.count(t, "SELECT count(*) FROM records WHERE type = 'TXT'"); n != 10 {
		t.Errorf("%d records after it came back", n)
	}
	c.sameHistory(t, id)
}
