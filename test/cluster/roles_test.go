package cluster

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/test/node"
)

// TestReader: a node for DNS alone runs as a database user who may only read, and without the secret key.
func TestReader(t *testing.T) {
	t.Parallel()
	c := start(t, 1)
	c.allowLoopback(t)
	account := "/accounts/" + c.nodes[0].Account + "/secondary_dns"
	var key struct{ ID string }
	c.nodes[0].Call(t, http.MethodPost, account+"/tsigs", map[string]any{
		"name": "key.example.", "algo": "hmac-sha256.", "secret": "c3dvcmRmaXNoc3dvcmRmaXNoc3dvcmRmaXNoIQ==",
	}, &key)
	signed := c.zone(t, "signed.example", []string{c.peer(t, "signed", netip.MustParseAddrPort("127.0.0.1:9"), key.ID)})
	id := c.zone(t, apex.Host(), nil)
	r, err := node.Start(t.TempDir(), "--roles", "dns", "--database", c.asReader(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	add(t, c.nodes[0], id, "one", "more")
	eventually(t, "the reader does not follow", func() bool { return soa(t, r) == soa(t, c.nodes[0]) })
	ours, err := axfr(t.Context(), c.nodes[0], apex)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := axfr(t.Context(), r, apex)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(ours.Records, theirs.Records) {
		t.Error("the reader hands out another zone")
	}
	if x, err := axfr(t.Context(), r, wire.MustName("signed.example")); err == nil {
		t.Errorf("zone %s needs a signature, and was transferred: %d octets", signed, len(x.Records))
	}
	status, ready := get(t, r, "/readyz")
	if status != 200 || !strings.Contains(ready, "roles dns\n") || !strings.Contains(ready, "TSIG keys of 1 account") {
		t.Errorf("status %d: %s", status, ready)
	}
	if !strings.Contains(r.Log().String(), "no secret key") {
		t.Error("nothing in the log")
	}
	for _, path := range []string{"/client/v4/zones", "/headwater/v1/zones/" + id + "/secondaries"} {
		a, err := r.Do(t.Context(), http.MethodGet, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != http.StatusServiceUnavailable || len(a.Errors) != 1 || a.Errors[0].Code != 10503 {
			t.Errorf("%s: status %d: %s", path, a.Status, a.Body)
		}
	}
	if status, _ := get(t, r, "/"); status != http.StatusNotFound {
		t.Errorf("the dashboard answers %d", status)
	}
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
}

// TestRolesApart: three nodes with a role each do together what one with all of them does. The one for DNS has the secret
// key, and so transfers what is signed.
func TestRolesApart(t *testing.T) {
	t.Parallel()
	c := start(t, 1, "--roles", "api")
	c.allowLoopback(t)
	ear := newListener(t)
	account := "/accounts/" + c.nodes[0].Account + "/secondary_dns"
	var key struct{ ID string }
	c.nodes[0].Call(t, http.MethodPost, account+"/tsigs", map[string]any{
		"name": "key.example.", "algo": "hmac-sha256.", "secret": base64.StdEncoding.EncodeToString([]byte(strings.Repeat("swordfish", 4))),
	}, &key)
	id := c.zone(t, apex.Host(), []string{c.peer(t, "ear", ear.addr, key.ID)})
	more := make([]*node.Node, 2)
	for i, roles := range []string{"dns", "notify"} {
		var err error
		more[i], err = node.Start(t.TempDir(), "--roles", roles, "--database", c.url, "--secret-key-file", c.key)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(more[i].Kill)
	}
	dns, teller := more[0], more[1]
	old := soa(t, dns)
	add(t, c.nodes[0], id, "one", "change")
	eventually(t, "the node for DNS does not follow", func() bool { return soa(t, dns) != old })
	serial := soa(t, dns)
	eventually(t, "nobody was told", func() bool { return ear.heard(apex, serial) > 0 })
	signed := &tsig.Key{Name: wire.MustName("key.example"), Algorithm: tsig.HMACSHA256, Secret: []byte(strings.Repeat("swordfish", 4))}
	src := xfr.Source{Server: dns.DNS, Zone: apex, Local: netip.MustParseAddr("127.0.0.1"), Key: signed}
	if r, err := xfr.Fetch(t.Context(), src); err != nil || r.Serial != serial {
		t.Errorf("signed transfer: %+v %v", r, err)
	}
	for _, n := range append(more, c.nodes...) {
		if status, body := get(t, n, "/metrics"); status != http.StatusOK || !strings.Contains(body, "headwater_zones 1") {
			t.Errorf("metrics: status %d", status)
		}
	}
	if v := metric(t, teller, "headwater_nodes"); v != "1" {
		t.Errorf("%s nodes share the work", v)
	}
	for _, n := range append(more, c.nodes...) {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestBadRoles: what cannot work is refused at the start.
func TestBadRoles(t *testing.T) {
	t.Parallel()
	for roles, want := range map[string]string{
		"api,cook": `role "cook"`, ",": "needs a role", "dns": "on SQLite there is one node", "dns,dns": "stands twice",
	} {
		n, err := node.Start(t.TempDir(), "--roles", roles)
		if err == nil {
			n.Kill()
			t.Errorf("%q started", roles)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", roles, err)
		}
	}
}
