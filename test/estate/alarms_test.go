package estate_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
	"github.com/headwaterdns/headwater/test/told"
)

// TestAlarms: a secondary that is stopped, returns, and then serves other contents at our serial is told of as an event and by a webhook, once in
// each state, though the receiver fails, and the server is killed in between; what is told to who listens goes on from a cursor.
func TestAlarms(t *testing.T) {
	t.Parallel()
	hook := told.NewReceiver(t)
	n := node.Must(t, "--probe-interval", "300ms", "--notify-interval", "100ms", "--compare-interval", "1s", "--webhook-networks", "127.0.0.1", "--webhook-ca", hook.CA(), "--alarm-gather", "1s")
	id, key := newKey(t, n, "alarms.example.")
	listen, err := peers.Free(peers.NSD)
	if err != nil {
		t.Fatal(err)
	}
	peer := newPeer(t, n, "nsd", listen, id)
	zone := newZone(t, n, "alarms.example", peer)
	n.Call(t, "POST", "/zones/"+zone+"/dns_records", map[string]any{"type": "A", "name": "mail", "content": "192.0.2.9"}, nil)
	account := "/headwater/v1/accounts/" + n.Account
	quick := []map[string]any{}
	for _, rule := range []string{"secondary_silent", "secondary_differs"} {
		quick = append(quick, map[string]any{"rule": rule, "after": 1, "clear_after": 1})
	}
	n.Call(t, "PATCH", account+"/alarm_rules", map[string]any{"rules": quick}, nil)
	var made struct{ ID, Secret string }
	n.Call(t, "POST", account+"/webhooks", map[string]any{"kind": "https", "name": "ops", "url": hook.URL + "/hw"}, &made)
	hook.Expect(made.Secret)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := told.Follow(ctx, t, n, "")
	sec := peers.Run(t, peers.Config{
		Program: peers.NSD, Listen: listen, Primary: n.DNS, Notifier: netip.MustParseAddr("127.0.0.1"), Zones: []wire.Name{wire.MustName("alarms.example")},
		Key: key, Refresh: 2 * time.Second,
	})
	events.Await("secondary ", `"state":"in_step"`, `"peer":"nsd"`)

	if err := sec.Stop(); err != nil {
		t.Fatal(err)
	}
	var messages atomic.Int32
	hook.Misbehave(func(w http.ResponseWriter, _ bool) bool {
		if messages.Add(1) > 1 {
			return false
		}
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	events.Await("secondary ", `"state":"unreachable"`)
	events.Await("alarm ", `"secondary_silent"`, `"state":"raised"`)
	hook.Await("alarms.example secondary_silent raised 1")
	n.Kill() // with the message perhaps taken and not noted
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	events = told.Follow(ctx, t, n, "")
	if err := sec.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	events.Await("alarm ", `"secondary_silent"`, `"state":"cleared"`)
	hook.Await("alarms.example secondary_silent cleared 1")

	// Other contents under our serial. What happens while nobody listens is told to who comes back.
	cursor := events.Cursor()
	var is struct{ Serial uint32 }
	n.Call(t, "GET", "/headwater/v1/zones/"+zone+"/secondaries", nil, &is)
	if err := sec.Stop(); err != nil {
		t.Fatal(err)
	}
	forged := fmt.Sprintf("$ORIGIN alarms.example.\n@ 3600 IN SOA ns1.example.net. hostmaster.example.net. %d 10000 2400 604800 1800\n@ 86400 IN NS ns1.example.net.\nwww 300 IN A 192.0.2.66\n", is.Serial)
	if err := sec.PutZoneFile(0, forged); err != nil {
		t.Fatal(err)
	}
	if err := sec.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	hook.Await("alarms.example secondary_differs raised 1")
	back := told.Follow(ctx, t, n, cursor)
	back.Await("secondary ", `"state":"differs"`)
	var standing struct {
		Peers []struct {
			State    string
			Compared struct {
				Difference string
				Questions  int
			}
		}
	}
	testkit.Until(t, func() string {
		n.Call(t, "GET", "/headwater/v1/zones/"+zone+"/secondaries", nil, &standing)
		if p := standing.Peers[0]; p.State != "differs" || p.Compared.Difference == "" {
			return fmt.Sprintf("%+v", p)
		}
		return ""
	})
	t.Log(standing.Peers[0].Compared.Difference)
	// A change alone mends nothing: what it does not touch stays as it is there. A whole transfer does.
	n.Call(t, "POST", "/zones/"+zone+"/dns_records", map[string]any{"type": "A", "name": "other", "content": "192.0.2.2"}, nil)
	if err := sec.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := sec.PutZoneFile(0, ""); err != nil {
		t.Fatal(err)
	}
	if err := sec.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	hook.Await("alarms.example secondary_differs cleared 1")
	testkit.Until(t, func() string {
		var list []struct{ State string }
		n.Call(t, "GET", account+"/alarms?state=all", nil, &list)
		for _, a := range list {
			if a.State != "cleared" { // of its silence, too
				return fmt.Sprintf("%+v", list)
			}
		}
		return ""
	})
	for what, times := range hook.Told() {
		if times != 1 {
			t.Errorf("%s was told in %d messages", what, times)
		}
	}
}
