package copy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

// TestLimitsAreConfigured starts a node with small limits and meets each of them.
func TestLimitsAreConfigured(t *testing.T) {
	t.Parallel()
	n := node.Must(t, "--body-limit", "1000", "--header-limit", "2000", "--depth-limit", "4", "--batch-limit", "2")
	var z object
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": "limits.example"}, &z)
	records := "/zones/" + z.ID + "/dns_records"
	for _, tt := range []struct {
		path, body   string
		status, code int
	}{
		{records, `{"type":"A","name":"a","content":"192.0.2.1","comment":"` + strings.Repeat("x", 1000) + `"}`, 413, 13067},
		{records, `{"type":"A","name":"a","content":"192.0.2.1","data":{"x":{"x":{"x":{}}}}}`, 400, 13067},
		{records + "/batch", `{"deletes":[{"id":"1"},{"id":"2"},{"id":"3"}]}`, 400, 13051},
	} {
		a, err := n.Do(t.Context(), http.MethodPost, tt.path, tt.body)
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != tt.status || len(a.Errors) == 0 || a.Errors[0].Code != tt.code {
			t.Errorf("%.40s: %d %s", tt.body, a.Status, a.Body)
		}
	}
	n.Call(t, http.MethodPost, records, `{"type":"A","name":"a","content":"192.0.2.1","data":{"x":{"x":{}}}}`, nil)
	for size, status := range map[int]int{1000: http.StatusOK, 20_000: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.HTTP+"/client/v4/zones", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+node.Token)
		r.Header.Set("X-Filler", strings.Repeat("x", size))
		res, err := http.DefaultClient.Do(r) // no document describes what a server says to a header that it does not read
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != status {
			t.Errorf("a header of %d octets: status %d", size, res.StatusCode)
		}
	}
}
