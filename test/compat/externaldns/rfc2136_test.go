package externaldns_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/provider/rfc2136"

	"github.com/headwaterdns/headwater/test/node"
)

// TestRFC2136 does by dynamic updates and transfers what TestExternalDNS does by the API.
func TestRFC2136(t *testing.T) {
	n := node.Must(t)
	const secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	var made, key struct{ ID string }
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": zone}, &made)
	n.Call(t, http.MethodPost, "/accounts/"+n.Account+"/secondary_dns/tsigs", map[string]any{"name": "external-dns.", "algo": "hmac-sha256.", "secret": secret}, &key)
	n.Call(t, http.MethodPost, "/accounts/"+n.Account+"/secondary_dns/acls", map[string]any{"name": "cluster", "ip_range": "127.0.0.1/32"}, nil)
	n.Call(t, http.MethodPost, "/zones/"+made.ID+"/secondary_dns/outgoing", map[string]any{"name": zone, "peers": []string{}}, nil)
	n.Call(t, http.MethodPost, "/zones/"+made.ID+"/secondary_dns/outgoing/enable", nil, nil)
	n.Call(t, http.MethodPost, "/headwater/v1/zones/"+made.ID+"/update_policies", map[string]any{
		"tsig_id": key.ID, "names": []any{map[string]any{"match": "subtree", "name": "@"}}, "types": []string{"A", "AAAA", "CNAME", "TXT"},
	}, nil)
	p, err := rfc2136.New(t.Context(), &externaldns.Config{
		RFC2136Host: []string{n.DNS.Addr().String()}, RFC2136Port: int(n.DNS.Port()), RFC2136Zone: []string{zone}, RFC2136TSIGKeyName: "external-dns.",
		RFC2136TSIGSecret: secret, RFC2136TSIGSecretAlg: "hmac-sha256", RFC2136TAXFR: true, RFC2136MinTTL: time.Minute, RFC2136BatchChangeSize: 50,
	}, endpoint.NewDomainFilter([]string{zone}))
	if err != nil {
		t.Fatal(err)
	}
	// By a transfer it sees the zone's own name servers as well, and would remove them if it managed NS.
	types := []string{"A", "AAAA", "CNAME", "TXT"}
	want := func(www string) []*endpoint.Endpoint {
		out := slices.DeleteFunc(desired(www)[:5], func(e *endpoint.Endpoint) bool { return e.RecordType == "NS" })
		for _, e := range out {
			for i := range e.Targets { // this provider reads TXT back without quotes
				e.Targets[i] = strings.Trim(e.Targets[i], `"`)
			}
		}
		return out
	}
	for _, step := range []struct {
		want    []*endpoint.Endpoint
		changes int
	}{{want("192.0.2.1"), 4}, {want("192.0.2.1"), 0}, {want("192.0.2.2"), 1}, {want("192.0.2.2"), 0}, {nil, 4}, {nil, 0}} {
		applyOf(t, p, types, step.want, step.changes)
	}
}
