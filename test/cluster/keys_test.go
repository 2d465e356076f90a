package cluster

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
)

// TestKeysSeenByAll: a key is not retired while any node sees it in use, whichever node is asked and whichever works for the zone; and
// a node that dies takes nothing of what it saw with it.
func TestKeysSeenByAll(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	account := "/headwater/v1/accounts/" + c.nodes[0].Account
	key := func(name string) (id string, k *tsig.Key) {
		secret := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(name, 32)[:32]))
		var made struct{ ID string }
		c.nodes[0].Call(t, http.MethodPost, "/accounts/"+c.nodes[0].Account+"/secondary_dns/tsigs", map[string]any{"name": name, "algo": "hmac-sha256.", "secret": secret}, &made)
		k, err := tsig.NewKey(name, "hmac-sha256", secret, false)
		if err != nil {
			t.Fatal(err)
		}
		return made.ID, k
	}
	oldID, old := key("old.example.")
	newID, next := key("new.example.")
	at := netip.MustParseAddr("127.0.0.77")
	name := wire.MustName("seen.example")
	c.zone(t, name.Host(), []string{c.peer(t, "secondary", netip.AddrPortFrom(at, 5301), oldID)})
	var seq string
	if a, err := c.nodes[0].Do(t.Context(), http.MethodPut, account+"/tsigs/"+oldID+"/rotation", map[string]any{"successor_id": newID}); err != nil || a.Status != http.StatusOK {
		t.Fatalf("%v %s", err, a.Body)
	} else {
		seq = a.Header.Get("Headwater-Seq")
	}
	for _, n := range c.nodes {
		await(t, n, seq)
	}
	ask := func(node int, k *tsig.Key) {
		t.Helper()
		eventually(t, 20*time.Second, "the node answers", func() bool {
			_, err := xfr.Fetch(t.Context(), xfr.Source{Server: c.nodes[node].DNS, Zone: name, Key: k, Local: at})
			return err == nil
		})
	}
	use := func(node int) string {
		var is struct{ Peers []struct{ Use string } }
		c.nodes[node].Call(t, http.MethodGet, account+"/tsigs/"+oldID+"/rotation", nil, &is)
		return is.Peers[0].Use
	}
	everywhere := func(want string) {
		t.Helper()
		for i := range c.nodes {
			eventually(t, 30*time.Second, "a node tells that the key in use is "+want, func() bool { return use(i) == want })
		}
	}
	retire := func(node int) (status int, text string) {
		a, err := c.nodes[node].Do(t.Context(), http.MethodPost, account+"/tsigs/"+oldID+"/rotation/retire", map[string]any{})
		if err != nil {
			t.Fatal(err)
		}
		return a.Status, string(a.Body)
	}
	everywhere("unseen")
	ask(0, old)
	everywhere("old")
	ask(1, next)
	everywhere("new") // it went over to the other node, with the new key
	ask(0, old)       // and has not: it asks one with the one, and one with the other
	everywhere("old")
	ask(1, next)
	ask(2, next)
	c.nodes[0].Kill()
	if err := c.nodes[0].Run(); err != nil {
		t.Fatal(err)
	}
	everywhere("old")
	for i := range c.nodes {
		if status, text := retire(i); status != http.StatusBadRequest || !strings.Contains(text, "13007") {
			t.Errorf("node %d: %d %s", i, status, text)
		}
	}
	ask(0, next)
	everywhere("new")
	if status, text := retire(1); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
}
