package cluster

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestQuotasOnTwoNodes has clients of two nodes take what an account's quotas leave at once. Zones are counted under the
// account's lock: not one too many. Changes of records lock no account, so that two commits at the same moment may both
// take the last places; more than one commit of the other node nobody can take beyond the quota.
func TestQuotasOnTwoNodes(t *testing.T) {
	t.Parallel()
	c := start(t, 2, "--quota-zones", "5", "--quota-records", "60", "--quota-acls", "7")
	zones := []string{c.zone(t, "one.test", nil), c.zone(t, "two.test", nil)}
	account := c.nodes[0].Account
	count := func(path string, body func(i int) any) (made int) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		for client := range 8 {
			wg.Go(func() {
				for i := range 20 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					a, err := c.nodes[client%2].Do(ctx, http.MethodPost, fmt.Sprintf(path, zones[client%2]), body(client*100+i))
					cancel()
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					switch a.Status {
					case http.StatusOK:
						made++
					case http.StatusBadRequest:
					default:
						t.Errorf("%s: %d %s", path, a.Status, a.Body)
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		return made
	}
	type m = map[string]any
	if n := count("/client/v4/zones?%.0s", func(i int) any { return m{"name": fmt.Sprintf("z%d.test", i)} }); n != 3 {
		t.Errorf("%d zones were made beside two, want 3", n)
	}
	acls := "/client/v4/accounts/" + account + "/secondary_dns/acls?%.0s"
	if n := count(acls, func(i int) any { return m{"name": fmt.Sprint(i), "ip_range": "192.0.2.0/28"} }); n != 7 {
		t.Errorf("%d ACLs were made, want 7", n)
	}
	n := count("/client/v4/zones/%s/dns_records", func(i int) any {
		return m{"type": "A", "name": fmt.Sprintf("n%d", i), "content": "192.0.2.1"}
	})
	if n < 60 || n > 64 { // four clients of the other node, each with one change under way
		t.Errorf("%d records were made, want 60, and at most 4 more", n)
	}
	t.Logf("%d records under a quota of 60", n)
}
