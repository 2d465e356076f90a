package estate_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
)

type decision struct {
	Allowed     bool
	Rcode       string
	Cause, Rule string
	PeerName    string   `json:"peer_name"`
	Range       string   `json:"acl_range"`
	OneOf       []string `json:"one_of"`
}

// What access_check says is what the server does, from every address with every key; who was refused is known with the reason, and
// let in by one action.
func TestAccessCheck(t *testing.T) {
	t.Parallel()
	n := node.Must(t)
	n.Call(t, "PATCH", "/headwater/v1/accounts/"+n.Account+"/transfer_settings", map[string]any{"tsig_per_peer": true}, nil)
	id1, k1 := newKey(t, n, "one.example.")
	id2, k2 := newKey(t, n, "two.example.")
	foreign, err := tsig.NewKey("foreign.example.", "hmac-sha256", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", false)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort
	peers := []string{
		newPeer(t, n, "one", at("127.0.0.11:5301"), id1), newPeer(t, n, "two", at("127.0.0.12:5301"), id2),
		newPeer(t, n, "three", at("127.0.0.12:5302"), id1), newPeer(t, n, "tls", at("127.0.0.13:5301"), id1),
	}
	n.Call(t, "PUT", "/headwater/v1/accounts/"+n.Account+"/peers/"+peers[3]+"/transport", map[string]any{"transport": "tls"}, nil)
	n.Call(t, "POST", "/accounts/"+n.Account+"/secondary_dns/acls", map[string]any{"name": "range", "ip_range": "127.0.0.14/32"}, nil)
	zone := newZone(t, n, "check.example", peers...)
	path := "/headwater/v1/zones/" + zone + "/access_check"

	check := func(from string, key *tsig.Key) (d decision, took error) {
		t.Helper()
		body := map[string]any{"address": from}
		if key != nil {
			body["key"] = key.Name.String()
		}
		n.Call(t, "POST", path, body, &d)
		_, took = xfr.Fetch(t.Context(), xfr.Source{Server: n.DNS, Zone: wire.MustName("check.example"), Key: key, Local: netip.MustParseAddr(from)})
		if (took == nil) != d.Allowed || d.Allowed != (d.Rcode == "NOERROR") {
			t.Errorf("from %s with %s: %+v, but the transfer: %v", from, key, d, took)
		}
		return d, took
	}
	want := map[string]string{
		"127.0.0.11 one.example.": "peer one", "127.0.0.11 ": "unsigned peer one", "127.0.0.11 two.example.": "other_key peer one",
		"127.0.0.12 one.example.": "peer three", "127.0.0.12 two.example.": "peer two",
		"127.0.0.13 one.example.": "clear peer tls", "127.0.0.14 ": "unsigned acl 127.0.0.14/32", "127.0.0.14 two.example.": "acl 127.0.0.14/32",
		"127.0.0.15 two.example.": "address none", "127.0.0.11 foreign.example.": "unknown_key none", "127.0.0.15 foreign.example.": "unknown_key none",
	}
	for _, from := range []string{"127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14", "127.0.0.15"} {
		for _, key := range []*tsig.Key{nil, k1, k2, foreign} {
			d, _ := check(from, key)
			got := strings.Join(strings.Fields(fmt.Sprint(d.Cause, " ", d.Rule, " ", d.PeerName, " ", d.Range)), " ")
			if w, told := want[from+" "+key.String()]; told && got != w {
				t.Errorf("from %s with %s: %q, want %q", from, key, got, w)
			}
		}
	}
	testkit.Until(t, func() string {
		refused := standing(t, n, zone).Strangers
		if len(refused) == 0 || refused[0].Address != "127.0.0.15" || refused[0].Reason == "" {
			return fmt.Sprintf("the stranger: %+v", refused)
		}
		return ""
	})
	allow := map[string]any{"address": "127.0.0.15"}
	var first, again object
	n.Call(t, "POST", "/headwater/v1/zones/"+zone+"/access_allow", allow, &first)
	n.Call(t, "POST", "/headwater/v1/zones/"+zone+"/access_allow", allow, &again)
	if d, _ := check("127.0.0.15", k1); !d.Allowed || first.ID != again.ID {
		t.Errorf("%+v: %s, %s", d, first.ID, again.ID)
	}
	// What comes by another way, and what is no transfer.
	for body, w := range map[string]string{
		`udp axfr`: "FORMERR", `tls axfr`: "NOERROR", `udp ixfr`: "REFUSED", `udp soa`: "NOERROR",
	} {
		f := strings.Fields(body)
		var d decision
		n.Call(t, "POST", path, map[string]any{"address": "127.0.0.13", "key": "ONE.example", "transport": f[0], "kind": f[1]}, &d)
		if d.Rcode != w && (f[0] != "udp" || f[1] != "axfr" || d.Cause != "clear") {
			t.Errorf("%s: %+v", body, d)
		}
	}
	for _, bad := range []map[string]any{{"address": "example"}, {"address": "::"}, {"address": "127.0.0.1", "kind": "any"}, {"address": "127.0.0.1", "transport": "quic"}} {
		if a, err := n.Do(t.Context(), "POST", path, bad); err != nil || a.Status != 400 || !strings.Contains(string(a.Body), "13024") {
			t.Errorf("%v: %v %s", bad, err, a.Body)
		}
	}
}
