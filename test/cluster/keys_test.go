package cluster

import (
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

// TestKeysSeenByAll: a key is not retired while any node sees it in use, whichever node is asked and whichever works for the zone; and
// a node that dies takes nothing of what it saw with it.
func TestKeysSeenByAll(t *testing.T) {
	t.Parallel()
	c := start(t, 3)
	r := rotate(t, c)
	ask := func(node int, k *tsig.Key) { r.ask(t, c.nodes[node], k) }
	use := func(node int) string { return r.use(t, c.nodes[node]) }
	retire := func(node int) (int, string) { return r.retire(t, c.nodes[node]) }
	old, next := r.old, r.next
	everywhere := func(want string) {
		t.Helper()
		for i := range c.nodes {
			eventually(t, "a node tells that the key in use is "+want, func() bool { return use(i) == want })
		}
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

// TestKeysSeenByReaders: what a node sees that only reads counts, too, as soon as its database user may write that and nothing else; until
// then the node says that nobody hears of it. It reads from a standby or not: what it tells goes to whichever server takes writes.
func TestKeysSeenByReaders(t *testing.T) {
	t.Parallel()
	c := start(t, 1)
	r := rotate(t, c)
	as := c.asReader(t)
	reader, err := node.Start(t.TempDir(), "--roles", "dns", "--database", as, "--secret-key-file", c.key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		reader.Kill()
		if t.Failed() {
			t.Logf("the reader said:\n%s", reader.Log())
		}
	})
	says := func() bool {
		_, ready := get(t, reader, "/readyz")
		return strings.Contains(ready, "keys untold: ")
	}
	is := func(want string) {
		t.Helper()
		eventually(t, "the key in use is "+want, func() bool { return r.use(t, c.nodes[0]) == want })
	}
	r.ask(t, c.nodes[0], r.next)
	is("new") // and not only under way: what counts is what was seen last
	r.ask(t, reader, r.old)
	eventually(t, "the reader says that it may not tell", says)
	is("new") // for all that is known
	name := strings.TrimPrefix(as[:strings.Index(as, "@")], "postgres://")
	c.exec(t, "GRANT INSERT, UPDATE ON key_sightings TO "+name)
	is("old")
	eventually(t, "it says so still", func() bool { return !says() }) // the others may know before it does
	if status, text := r.retire(t, c.nodes[0]); status != http.StatusBadRequest || !strings.Contains(text, "13007") {
		t.Errorf("%d %s", status, text)
	}
	r.ask(t, reader, r.next)
	is("new")
	if status, text := r.retire(t, c.nodes[0]); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	if !strings.Contains(reader.Log().String(), "GRANT INSERT, UPDATE ON key_sightings") {
		t.Error("nothing in the log")
	}
}

// rotation is a key that another follows, of a secondary at an address of its own.
type rotation struct {
	name      wire.Name // of a zone
	at        netip.Addr
	path      string
	old, next *tsig.Key
}

func rotate(t *testing.T, c *cluster) *rotation {
	t.Helper()
	n := c.nodes[0]
	key := func(name string) (id string, k *tsig.Key) {
		secret := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(name, 32)[:32]))
		var made struct{ ID string }
		n.Call(t, http.MethodPost, "/accounts/"+n.Account+"/secondary_dns/tsigs", map[string]any{"name": name, "algo": "hmac-sha256.", "secret": secret}, &made)
		k, err := tsig.NewKey(name, "hmac-sha256", secret, false)
		if err != nil {
			t.Fatal(err)
		}
		return made.ID, k
	}
	r := &rotation{at: netip.MustParseAddr("127.0.0.77"), name: wire.MustName("seen.example")}
	var oldID, newID string
	oldID, r.old = key("old.example.")
	newID, r.next = key("new.example.")
	r.path = "/headwater/v1/accounts/" + n.Account + "/tsigs/" + oldID + "/rotation"
	c.zone(t, r.name.Host(), []string{c.peer(t, "secondary", netip.AddrPortFrom(r.at, 5301), oldID)})
	a, err := n.Do(t.Context(), http.MethodPut, r.path, map[string]any{"successor_id": newID})
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("%v %s", err, a.Body)
	}
	for _, n := range c.nodes {
		await(t, n, a.Header.Get("Headwater-Seq"))
	}
	return r
}

// ask has the secondary transfer its zone from a node.
func (r *rotation) ask(t *testing.T, n *node.Node, k *tsig.Key) {
	t.Helper()
	eventually(t, "the node answers", func() bool {
		_, err := xfr.Fetch(t.Context(), xfr.Source{Server: n.DNS, Zone: r.name, Key: k, Local: r.at})
		return err == nil
	})
}

func (r *rotation) use(t *testing.T, n *node.Node) string {
	t.Helper()
	var is struct{ Peers []struct{ Use string } }
	n.Call(t, http.MethodGet, r.path, nil, &is)
	return is.Peers[0].Use
}

func (r *rotation) retire(t *testing.T, n *node.Node) (status int, text string) {
	t.Helper()
	a, err := n.Do(t.Context(), http.MethodPost, r.path+"/retire", map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	return a.Status, string(a.Body)
}
