package externaldns_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider"
	"sigs.k8s.io/external-dns/provider/cloudflare"

	"github.com/headwaterdns/headwater/test/node"
)

const zone = "external.example"

// TestMain runs the tests from the repository's root, beside which apicheck looks for the upstream's document.
func TestMain(m *testing.M) {
	if err := os.Chdir("../../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// managed are external-dns's usual types. MX and SRV never come to rest in this version, whatever a server answers
// (docs/compatibility.md says why).
func managed() []string { return []string{"A", "AAAA", "CNAME", "TXT", "NS"} }

// TestExternalDNS plans and applies until nothing is left to do: create, nothing, change, nothing, delete, nothing.
func TestExternalDNS(t *testing.T) {
	n := node.Must(t, "--edge-addresses", "198.51.100.1") // proxied records need one
	var batches int
	front := n.Front(t, func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/dns_records/batch") {
			batches++
		}
	})
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": zone}, nil)
	t.Setenv("CLOUDFLARE_BASE_URL", front+"/client/v4")
	t.Setenv("CF_API_TOKEN", node.Token)
	p, err := cloudflare.New(t.Context(), &externaldns.Config{
		CloudflareDNSRecordsPerPage: 5, CloudflareDNSRecordsComment: strings.Repeat("c", 300), BatchChangeSize: 200,
	}, endpoint.NewDomainFilter([]string{zone}))
	if err != nil {
		t.Fatal(err)
	}
	apply(t, p, desired("192.0.2.1"), 6)
	if batches == 0 {
		t.Error("no batch was sent")
	}
	apply(t, p, desired("192.0.2.1"), 0)
	apply(t, p, desired("192.0.2.2"), 1)
	apply(t, p, desired("192.0.2.2"), 0)
	apply(t, p, nil, 6)
	apply(t, p, nil, 0)
}

func desired(www string) []*endpoint.Endpoint {
	e := func(name, typ string, targets ...string) *endpoint.Endpoint {
		return endpoint.NewEndpointWithTTL(name+"."+zone, typ, 300, targets...)
	}
	proxied := endpoint.NewEndpoint("edge."+zone, "A", "9.9.9.9")
	proxied.SetProviderSpecificProperty("external-dns.alpha.kubernetes.io/cloudflare-proxied", "true")
	return []*endpoint.Endpoint{
		e("www", "A", www, "192.0.2.9"), e("www", "AAAA", "2001:db8::1"), e("alias", "CNAME", "www.example.net"),
		e("sub", "NS", "ns.example.net"),
		e("txt", "TXT", `"heritage=external-dns,external-dns/owner=default"`),
		proxied,
	}
}

// apply plans the way from what is there to what is wanted, checks how many endpoints change, and applies it.
func apply(t *testing.T, p provider.Provider, want []*endpoint.Endpoint, changes int) {
	t.Helper()
	applyOf(t, p, managed(), want, changes)
}

// applyOf is apply where other types are managed.
func applyOf(t *testing.T, p provider.Provider, types []string, want []*endpoint.Endpoint, changes int) {
	t.Helper()
	current, err := p.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, err = p.AdjustEndpoints(want)
	if err != nil {
		t.Fatal(err)
	}
	c := (&plan.Plan{
		Current: current, Desired: want, Policies: []plan.Policy{&plan.SyncPolicy{}}, ManagedRecords: types,
		DomainFilter: endpoint.MatchAllDomainFilters{endpoint.NewDomainFilter([]string{zone})},
	}).Calculate().Changes
	if got := slices.Concat(c.Create, c.UpdateNew, c.Delete); len(got) != changes {
		t.Fatalf("%d changes, want %d: %v", len(got), changes, got)
	}
	if !c.HasChanges() {
		return
	}
	if err := p.ApplyChanges(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}
