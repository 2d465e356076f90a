package cluster

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestScheduledDraftsNodeDies: drafts of many zones, which fall to all three nodes, are due at one second, and a node is killed at that
// second. Each is applied exactly once.
func TestScheduledDraftsNodeDies(t *testing.T) {
	t.Parallel()
	const zones = 24
	c := start(t, 3)
	n := c.nodes[0]
	ids, before := make([]string, zones), make([]uint32, zones)
	parts, begin := make([]string, zones), time.Now()
	for i := range zones {
		name := fmt.Sprintf("z%d.example", i)
		var made struct{ ID string }
		n.Call(t, http.MethodPost, "/zones", map[string]any{"name": name, "account": map[string]any{"id": n.Account}}, &made)
		ids[i] = made.ID
		drafts := "/headwater/v1/zones/" + made.ID + "/drafts"
		var d struct{ ID string }
		n.Call(t, http.MethodPost, drafts, map[string]any{"name": "at a time"}, &d)
		a, err := n.Do(t.Context(), http.MethodPost, "/zones/"+made.ID+"/dns_records", map[string]any{"type": "TXT", "name": "once", "content": "x"}, [2]string{"Headwater-Draft", d.ID})
		if err != nil || a.Status != http.StatusOK {
			t.Fatalf("%v: %d %s", err, a.Status, a.Body)
		}
		parts[i] = drafts + "/" + d.ID
		before[i] = serialOf(t, c, made.ID)
	}
	// A machine on which that takes long takes long for a third of it, too.
	due := time.Now().Add(3*time.Second + time.Since(begin)).Truncate(time.Second)
	for _, draft := range parts {
		n.Call(t, http.MethodPost, draft+"/apply", map[string]any{"version": 2, "at": due.Format(time.RFC3339)}, nil)
	}
	if time.Now().After(due) {
		t.Fatal("the drafts were not made in time")
	}
	// At the second itself, or some milliseconds later, when the first are on their way.
	time.Sleep(time.Until(due) + 3*time.Millisecond)
	var dying sync.WaitGroup
	dying.Go(c.nodes[2].Kill)
	eventually(t, "not all drafts were applied", func() bool {
		return c.count(t, "SELECT count(*) FROM drafts WHERE state = 'applied'") == zones
	})
	dying.Wait()
	if got := c.count(t, "SELECT count(*) FROM records WHERE type = 'TXT'"); got != zones {
		t.Errorf("%d records of %d drafts", got, zones)
	}
	for i, id := range ids {
		if after := serialOf(t, c, id); after != before[i]+1 {
			t.Errorf("zone %d: serial %d after %d", i, after, before[i])
		}
	}
	// Making the draft, filling it, scheduling it, and what applying it tells: its records and its state stand in one entry.
	if got := c.count(t, "SELECT count(*) FROM audit_entries WHERE zone IS NOT NULL"); got < 4*zones {
		t.Errorf("%d audit entries of %d drafts", got, zones)
	}
}

func serialOf(t *testing.T, c *cluster, zone string) uint32 {
	t.Helper()
	return uint32(c.count(t, fmt.Sprintf(`SELECT serial FROM zones WHERE encode(id, 'hex') = '%s'`, zone)))
}
