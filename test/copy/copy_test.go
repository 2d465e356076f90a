package copy

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/test/node"
)

type object struct {
	ID      string
	Name    string
	Account struct{ ID string }
}

// fill makes a zone with everything that a copy must carry.
func fill(t *testing.T, n *node.Node) {
	t.Helper()
	var z, key, peer object
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": "copied.example"}, &z)
	records := "/zones/" + z.ID + "/dns_records"
	for _, r := range []map[string]any{
		{"type": "A", "name": "www", "content": "192.0.2.1", "ttl": 300, "comment": "web; first", "tags": []string{"team:dns", "prod"}},
		{"type": "A", "name": "edge", "content": "203.0.113.9", "proxied": true},
		{"type": "CNAME", "name": "flat", "content": "www.copied.example", "settings": map[string]any{"flatten_cname": true}},
		{"type": "MX", "name": "@", "content": "mail.copied.example", "priority": 10},
		{"type": "TXT", "name": "txt", "content": `"quoted \"text\"; with it" "second"`},
		{"type": "SRV", "name": "_sip._tcp", "data": map[string]any{"priority": 1, "weight": 2, "port": 5060, "target": "sip.copied.example"}},
		{"type": "CAA", "name": "@", "data": map[string]any{"flags": 0, "tag": "issue", "value": "ca.example"}},
	} {
		n.Call(t, http.MethodPost, records, r, nil)
	}
	n.Call(t, http.MethodPatch, "/zones/"+z.ID+"/dns_settings", map[string]any{"ns_ttl": 7200, "soa": map[string]any{"min_ttl": 900}}, nil)
	acc := "/accounts/" + n.Account + "/secondary_dns"
	n.Call(t, http.MethodPost, acc+"/tsigs", map[string]any{"name": "copy.key", "algo": "hmac-sha256.", "secret": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}, &key)
	n.Call(t, http.MethodPost, acc+"/peers", map[string]any{"name": "peer one", "ip": "192.0.2.53", "port": 53, "tsig_id": key.ID}, &peer)
	n.Call(t, http.MethodPost, acc+"/acls", map[string]any{"name": "range", "ip_range": "192.0.2.0/28"}, nil)
	n.Call(t, http.MethodPost, "/zones/"+z.ID+"/secondary_dns/outgoing", map[string]any{"name": "copied.example", "peers": []string{peer.ID}}, nil)
}

// export is a zone's file without what differs from server to server: comments in front, SOA.
func export(t *testing.T, n *node.Node) string {
	t.Helper()
	var zones []object
	n.Call(t, http.MethodGet, "/zones?name=copied.example", nil, &zones)
	if len(zones) != 1 {
		t.Fatalf("%d zones", len(zones))
	}
	a, err := n.Do(t.Context(), http.MethodGet, "/zones/"+zones[0].ID+"/dns_records/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for l := range strings.SplitSeq(string(a.Body), "\n") {
		if !strings.HasPrefix(l, ";") && !strings.Contains(l, "\tSOA\t") {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

func TestCopyFromServerToServer(t *testing.T) {
	t.Parallel()
	from, to := node.Must(t, "--edge-addresses", "198.51.100.1,2001:db8::1"), node.Must(t, "--edge-addresses", "198.51.100.1,2001:db8::1")
	fill(t, from)
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	source, target := from.Front(t, nil), to.Front(t, nil)
	run := func(args ...string) string {
		t.Helper()
		args = append([]string{"import", "cloudflare", "--from", source, "--token", node.Token, "--server", target, "--server-token", node.Token}, args...)
		out, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	if out := run("--dry-run"); !strings.Contains(out, "would create zone copied.example") || !strings.Contains(out, "would create tsig copy.key") {
		t.Errorf("dry run says\n%s", out)
	}
	var zones []object
	to.Call(t, http.MethodGet, "/zones", nil, &zones)
	if len(zones) != 0 {
		t.Fatal("the dry run made a zone")
	}
	run("--zone", "copied.example")
	if diff := cmp.Diff(export(t, from), export(t, to)); diff != "" {
		t.Error(diff)
	}
	compareObjects(t, from, to)
	run() // a second copy finds everything there
	if diff := cmp.Diff(export(t, from), export(t, to)); diff != "" {
		t.Error(diff)
	}
}

func compareObjects(t *testing.T, from, to *node.Node) {
	t.Helper()
	for _, kind := range []string{"tsigs", "peers", "acls"} {
		var a, b []map[string]any
		from.Call(t, http.MethodGet, "/accounts/"+from.Account+"/secondary_dns/"+kind, nil, &a)
		to.Call(t, http.MethodGet, "/accounts/"+to.Account+"/secondary_dns/"+kind, nil, &b)
		for _, list := range [][]map[string]any{a, b} {
			for _, o := range list {
				delete(o, "id")
				if kind == "peers" && o["tsig_id"] == "" {
					t.Error("a peer lost its TSIG")
				}
				delete(o, "tsig_id")
			}
		}
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
	var zones []object
	to.Call(t, http.MethodGet, "/zones", nil, &zones)
	var settings struct {
		NSTTL int `json:"ns_ttl"`
		SOA   struct {
			MinTTL int `json:"min_ttl"`
		} `json:"soa"`
	}
	to.Call(t, http.MethodGet, "/zones/"+zones[0].ID+"/dns_settings", nil, &settings)
	if settings.NSTTL != 7200 || settings.SOA.MinTTL != 900 {
		t.Errorf("settings %+v", settings)
	}
	var out struct{ Peers []string }
	to.Call(t, http.MethodGet, "/zones/"+zones[0].ID+"/secondary_dns/outgoing", nil, &out)
	if len(out.Peers) != 1 {
		t.Errorf("links %v", out.Peers)
	}
}
