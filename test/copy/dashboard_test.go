package copy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/test/node"
)

func order(url, zone string, more ...string) string {
	return fmt.Sprintf(`{"source":{"url":%q,"token":%q},"zone":%q%s}`, url, node.Token, zone, strings.Join(more, ""))
}

// TestCopyByTheServer copies as the dashboard does: the server itself fetches, and does what the command line does.
func TestCopyByTheServer(t *testing.T) {
	t.Parallel()
	edge := []string{"--edge-addresses", "198.51.100.1,2001:db8::1"}
	from, to := node.Must(t, edge...), node.Must(t, edge...)
	fill(t, from)
	path := "/headwater/v1/accounts/" + to.Account + "/zone_copies"
	var steps []struct {
		Text   string
		Octets int
		Zone   string `json:"zone_id"`
	}
	to.Call(t, http.MethodPost, path, order(from.HTTP, "copied.example", `,"transfers":true`), &steps)
	if len(steps) < 5 || steps[len(steps)-1].Zone == "" {
		t.Errorf("steps: %+v", steps)
	}
	if diff := cmp.Diff(export(t, from), export(t, to)); diff != "" {
		t.Error(diff)
	}
	compareObjects(t, from, to)
	if strings.Contains(to.Log().String(), node.Token) {
		t.Error("the log shows the source's token")
	}

	// Without what belongs to transfers.
	bare := node.Must(t, edge...)
	bare.Call(t, http.MethodPost, "/headwater/v1/accounts/"+bare.Account+"/zone_copies", order(from.HTTP, "copied.example"), nil)
	var peers []object
	bare.Call(t, http.MethodGet, "/accounts/"+bare.Account+"/secondary_dns/peers", nil, &peers)
	if len(peers) != 0 {
		t.Errorf("peers: %v", peers)
	}
}

// source stands in for a server that has one zone with the zone file given.
func source(t *testing.T, file string) *httptest.Server {
	t.Helper()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"success": true, "errors": []any{}, "messages": []any{}, "result": v, "result_info": map[string]int{"total_pages": 1}})
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/client/v4/zones":
			answer(w, []map[string]any{{"id": strings.Repeat("a", 32), "name": r.URL.Query().Get("name")}})
		case strings.HasSuffix(r.URL.Path, "/dns_records/export"):
			_, _ = w.Write([]byte(file))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestCopiesThatFail(t *testing.T) {
	t.Parallel()
	n := node.Must(t)
	path := "/headwater/v1/accounts/" + n.Account + "/zone_copies"
	do := func(body string) *node.Answer {
		t.Helper()
		a, err := n.Do(t.Context(), http.MethodPost, path, body)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	// Every line that is wrong is told, and nothing of the file is imported.
	bad := source(t, "www 300 IN A 192.0.2.1\nwrong 300 IN A 192.0.2.256\nworse 300 IN AAAA ::g\n")
	a := do(order(bad.URL, "bad.example"))
	if a.Success || len(a.Errors) != 2 || !strings.Contains(a.Errors[0].Message, "Line 2") || !strings.Contains(a.Errors[1].Message, "Line 3") {
		t.Errorf("bad lines: %s", a.Body)
	}
	// Unless they are to be left out.
	a = do(order(bad.URL, "bad.example", `,"skip_invalid":true`))
	if !a.Success || strings.Count(string(a.Body), "Line ") != 2 {
		t.Errorf("bad lines left out: %s", a.Body)
	}
	// No such server, no such zone, not this API, and a redirect to somewhere else.
	gone := source(t, "")
	gone.Close()
	var reached atomic.Bool
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer inside.Close()
	elsewhere := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusFound))
	defer elsewhere.Close()
	empty := node.Must(t)
	for name, body := range map[string]string{
		"no server": order(gone.URL, "a.example"), "no zone": order(empty.HTTP, "a.example"), "redirect": order(elsewhere.URL, "a.example"),
		"another API": order(inside.URL, "a.example"),
	} {
		reached.Store(false)
		a := do(body)
		if a.Success || a.Status != http.StatusBadRequest || a.Errors[0].Code != 13080 || name == "redirect" && reached.Load() {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	var zones []object
	n.Call(t, http.MethodGet, "/zones?name=a.example", nil, &zones)
	if len(zones) != 0 {
		t.Errorf("zones of copies that failed: %v", zones)
	}
}

// TestNetworksThatMembersMayNotName has a token of an account name an address of this machine as a peer, and copy from a
// listed source whose name leads there; an administrator of the server may. By default this server, which listens there, allows it.
func TestNetworksThatMembersMayNotName(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer inside.Close()
	listed := strings.Replace(inside.URL, "127.0.0.1", "localhost", 1)
	for _, forbidden := range []bool{true, false} {
		flags := []string{"--copy-source", listed}
		if forbidden {
			flags = append(flags, "--forbid-networks", "127.0.0.0/8,::1")
		}
		n := node.Must(t, flags...)
		var token struct{ Value string }
		n.Call(t, http.MethodPost, "/accounts/"+n.Account+"/tokens", map[string]any{"name": "member", "policies": []any{map[string]any{
			"effect": "allow", "permission_groups": ownGroups(t, n), "resources": map[string]any{"com.cloudflare.api.account." + n.Account: "*", "com.cloudflare.api.account.zone.*": "*"},
		}}}, &token)
		member := [2]string{"Authorization", "Bearer " + token.Value}
		try := func(path string, body any, headers ...[2]string) *node.Answer {
			t.Helper()
			a, err := n.Do(t.Context(), http.MethodPost, path, body, headers...)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		peers := "/accounts/" + n.Account + "/secondary_dns/peers"
		peer := map[string]any{"name": "p", "ip": "127.0.0.1", "port": 22}
		if a := try(peers, peer, member); a.Success == forbidden || forbidden && (a.Status != http.StatusForbidden || a.Errors[0].Code != 13017) {
			t.Errorf("forbidden %v: a member's peer: %d %s", forbidden, a.Status, a.Body)
		}
		if a := try(peers, peer); !a.Success {
			t.Errorf("an administrator's peer: %s", a.Body)
		}
		reached.Store(false)
		copies := "/headwater/v1/accounts/" + n.Account + "/zone_copies"
		a := try(copies, order(listed, "a.example"), member)
		if a.Success || a.Errors[0].Code != 13080 || !strings.Contains(a.Errors[0].Message, "cannot be reached, or is no server") {
			t.Errorf("forbidden %v: a member's copy: %d %s", forbidden, a.Status, a.Body)
		}
		if reached.Load() == forbidden {
			t.Errorf("forbidden %v: the source was reached: %v", forbidden, reached.Load())
		}
		if try(copies, order(listed, "a.example")); !reached.Load() {
			t.Error("an administrator's copy did not get there")
		}
	}
}

// ownGroups are the permission groups of accounts and zones.
func ownGroups(t *testing.T, n *node.Node) (out []map[string]string) {
	t.Helper()
	var groups []struct{ ID, Name string }
	n.Call(t, http.MethodGet, "/user/tokens/permission_groups", nil, &groups)
	for _, g := range groups {
		switch g.Name {
		case "Account Settings Write", "Account DNS Settings Write", "DNS Write", "Zone Write":
			out = append(out, map[string]string{"id": g.ID})
		}
	}
	return out
}
