package cluster

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

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
	eventually(t, "the node does not notice", func() bool {
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
	eventually(t, "the node does not catch up", func() bool { return soa(t, b) == soa(t, a) })
	await(t, b, seq)
	eventually(t, "the node does not recover", func() bool {
		_, body := get(t, b, "/readyz")
		return !strings.Contains(body, "unreachable") && !strings.Contains(body, "no lease")
	})
	await(t, a, add(t, b, id, "after", "the cut"))
	c.alike(t, apex)
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
	at := c.count(t, "SELECT value FROM counters WHERE name = 'seq'")
	c.nodes[0].Call(t, http.MethodDelete, "/zones/"+gone, nil, nil)
	kept := c.zone(t, "new.example", nil)
	c.outgrow(t, id, at)
	await(t, c.nodes[0], add(t, c.nodes[0], kept, "in", "the new zone"))
	from := c.nodes[1].Log().Len()
	c.proxies[1].restore()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if _, err := c.nodes[1].Log().Wait(ctx, from, "pruned past this node"); err != nil {
		t.Fatal(err)
	}
	c.alike(t, apex)
	c.alike(t, wire.MustName("new.example"))
	eventually(t, "a zone that was deleted meanwhile is answered", func() bool {
		_, err := peers.Serial(t.Context(), c.nodes[1].DNS, wire.MustName("gone.example"))
		return err != nil
	})
}

// outgrow changes a zone until the journal is pruned beyond a position, which the node does that has the zone's duty: first the one that
// was cut off, until its lease is over. Most of the zone stays as it is: what rewrites a zone is no delta.
func (c *cluster) outgrow(t *testing.T, id string, at int64) {
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
	round := 0
	eventually(t, "the journal is not pruned", func() bool {
		if c.count(t, "SELECT value FROM counters WHERE name = 'floor'") > at {
			return true
		}
		batch := map[string]any{"posts": many(250, "moves", string(rune('a'+round%26)))}
		round++
		var deletes []map[string]any
		for _, r := range made.Posts {
			deletes = append(deletes, map[string]any{"id": r.ID})
		}
		if len(deletes) > 0 {
			batch["deletes"] = deletes
		}
		made.Posts = nil
		c.nodes[0].Call(t, http.MethodPost, path, batch, &made)
		return false
	})
}
