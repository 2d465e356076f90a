package estate_test

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

type object struct{ ID string }

// newKey makes a TSIG in the account and gives it as secondaries have it.
func newKey(t *testing.T, n *node.Node, name string) (string, *tsig.Key) {
	t.Helper()
	secret := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(name, 32)[:32]))
	var o object
	n.Call(t, "POST", "/accounts/"+n.Account+"/secondary_dns/tsigs", map[string]any{"name": name, "algo": "hmac-sha256.", "secret": secret}, &o)
	k, err := tsig.NewKey(name, "hmac-sha256", secret, false)
	if err != nil {
		t.Fatal(err)
	}
	return o.ID, k
}

func newPeer(t *testing.T, n *node.Node, name string, at netip.AddrPort, key string) string {
	t.Helper()
	var o object
	body := map[string]any{"name": name, "ip": at.Addr().String(), "port": at.Port(), "tsig_id": key}
	n.Call(t, "POST", "/accounts/"+n.Account+"/secondary_dns/peers", body, &o)
	return o.ID
}

// newZone makes a zone with a record, linked to peers, with transfers on.
func newZone(t *testing.T, n *node.Node, name string, linked ...string) string {
	t.Helper()
	var z object
	n.Call(t, "POST", "/zones", map[string]any{"name": name, "account": map[string]any{"id": n.Account}}, &z)
	n.Call(t, "POST", "/zones/"+z.ID+"/dns_records", map[string]any{"type": "A", "name": "www", "content": "192.0.2.1"}, nil)
	n.Call(t, "POST", "/zones/"+z.ID+"/secondary_dns/outgoing", map[string]any{"name": name, "peers": linked}, nil)
	n.Call(t, "POST", "/zones/"+z.ID+"/secondary_dns/outgoing/enable", map[string]any{}, nil)
	return z.ID
}

type secondary struct {
	Name, State, Key string
	LastNotify       *struct{ Answer string } `json:"last_notify"`
	LastRefusal      *struct{ Reason string } `json:"last_refusal"`
}

type secondaries struct {
	Serial    uint32
	Peers     []secondary
	Strangers []struct{ Address, Reason string }
}

// standing tells how the peers of a zone fare.
func standing(t *testing.T, n *node.Node, zone string) (out secondaries) {
	t.Helper()
	n.Call(t, "GET", "/headwater/v1/zones/"+zone+"/secondaries", nil, &out)
	return out
}

// inStep waits until all peers of a zone have its serial.
func inStep(t *testing.T, n *node.Node, zone string) (out secondaries) {
	t.Helper()
	return all(t, n, zone, func(p secondary) bool { return p.State == "in_step" })
}

// informed waits until all peers of a zone have its serial, and have been told of it, with a key: one may have asked by itself before.
func informed(t *testing.T, n *node.Node, zone string, key func(peer string) string) secondaries {
	t.Helper()
	return all(t, n, zone, func(p secondary) bool {
		return p.State == "in_step" && p.Key == key(p.Name) && p.LastNotify != nil && p.LastNotify.Answer == "NOERROR"
	})
}

// all waits until something is so of all peers of a zone.
func all(t *testing.T, n *node.Node, zone string, is func(p secondary) bool) (out secondaries) {
	t.Helper()
	testkit.Until(t, func() string {
		out = standing(t, n, zone)
		for _, p := range out.Peers {
			if !is(p) {
				return fmt.Sprintf("%+v, told %+v, refused %+v\n%s", p, p.LastNotify, p.LastRefusal, n.Log())
			}
		}
		return ""
	})
	return out
}

// A key is followed by another while records change all the time: the secondaries take the new one when they like, all of them
// follow every change, and none is ever refused.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	n := node.Must(t, "--probe-interval", "500ms", "--notify-interval", "100ms")
	oldID, old := newKey(t, n, "old.example.")
	newID, next := newKey(t, n, "new.example.")
	programs := peers.Programs()
	listen := make([]netip.AddrPort, len(programs))
	var linked []string
	for i, prog := range programs {
		var err error
		if listen[i], err = peers.Free(prog); err != nil {
			t.Fatal(err)
		}
		linked = append(linked, newPeer(t, n, string(prog), listen[i], oldID))
	}
	zone := newZone(t, n, "turn.example", linked...)
	apex := wire.MustName("turn.example")
	secs := make([]*peers.Secondary, len(programs))
	run := func(i int, key *tsig.Key) {
		if secs[i] != nil {
			if err := secs[i].Stop(); err != nil {
				t.Error(err)
			}
		}
		secs[i] = peers.Run(t, peers.Config{
			Program: programs[i], Listen: listen[i], Primary: n.DNS, Notifier: netip.MustParseAddr("127.0.0.1"), Zones: []wire.Name{apex},
			Key: key, Refresh: 2 * time.Second, NoIXFR: !programs[i].AnswersAfterIXFR(),
		})
	}
	for i := range programs {
		run(i, old)
	}
	inStep(t, n, zone)

	stop := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			body := map[string]any{"type": "TXT", "name": fmt.Sprint("t", i%50), "content": fmt.Sprintf(`"%d"`, i)}
			if _, err := n.Do(t.Context(), "POST", "/zones/"+zone+"/dns_records", body); err != nil {
				t.Error(err)
				return
			}
		}
	})
	rotation := "/headwater/v1/accounts/" + n.Account + "/tsigs/" + oldID + "/rotation"
	uses := func() map[string]int {
		var out struct {
			Peers []struct{ Use string }
		}
		n.Call(t, "GET", rotation, nil, &out)
		count := map[string]int{}
		for _, p := range out.Peers {
			count[p.Use]++
		}
		return count
	}
	await := func(old, next int) {
		t.Helper()
		testkit.Until(t, func() string {
			if u := uses(); u["old"] != old || u["new"] != next {
				return fmt.Sprintf("%v, not %d with the old key and %d with the new one\n%s", u, old, next, n.Log())
			}
			return ""
		})
	}
	n.Call(t, "PUT", rotation, map[string]any{"successor_id": newID}, nil)
	await(4, 0)
	run(0, next)
	run(2, next)
	await(2, 2)
	if a, err := n.Do(t.Context(), "POST", rotation+"/retire", map[string]any{}); err != nil || a.Status != 400 || !strings.Contains(string(a.Body), "13007") {
		t.Fatalf("retired while two use it: %v %s", err, a.Body)
	}
	all(t, n, zone, func(p secondary) bool {
		want := next.String()
		if p.Name == string(programs[1]) || p.Name == string(programs[3]) {
			want = old.String()
		}
		return p.Key == want
	})
	run(1, next)
	run(3, next)
	await(0, 4)
	n.Call(t, "POST", rotation+"/retire", map[string]any{}, nil)
	close(stop)
	load.Wait()
	n.Call(t, "POST", "/zones/"+zone+"/dns_records", map[string]any{"type": "A", "name": "last", "content": "192.0.2.2"}, nil)
	got := informed(t, n, zone, func(string) string { return next.String() })
	for _, p := range got.Peers {
		if p.LastRefusal != nil {
			t.Errorf("%s: refused %+v", p.Name, p.LastRefusal)
		}
	}
	if len(got.Strangers) > 0 || strings.Contains(n.Log().String(), "transfer refused") {
		t.Errorf("refused: %+v\n%s", got.Strangers, n.Log())
	}
	for _, s := range secs {
		if _, err := s.TransferAt(t.Context(), apex, got.Serial); err != nil {
			t.Error(err)
		}
	}
}

// Three secondaries of one zone behind one address have a key each: every one is told and served with its own, and known by it.
func TestKeyEachBehindOneAddress(t *testing.T) {
	t.Parallel()
	n := node.Must(t, "--probe-interval", "500ms")
	n.Call(t, "PATCH", "/headwater/v1/accounts/"+n.Account+"/transfer_settings", map[string]any{"tsig_per_peer": true}, nil)
	programs := []peers.Program{peers.NSD, peers.Knot, peers.PowerDNS}
	apex := wire.MustName("each.example")
	var linked []string
	keys := map[string]*tsig.Key{}
	var start []func()
	for _, prog := range programs {
		at, err := peers.Free(peers.BIND) // which is on 127.0.0.1
		if err != nil {
			t.Fatal(err)
		}
		id, key := newKey(t, n, strings.ToLower(string(prog))+".key.example.")
		keys[string(prog)] = key
		linked = append(linked, newPeer(t, n, string(prog), at, id))
		start = append(start, func() {
			peers.Run(t, peers.Config{
				Program: prog, Listen: at, Primary: n.DNS, Zones: []wire.Name{apex}, Key: key, Refresh: time.Hour, NoIXFR: !prog.AnswersAfterIXFR(),
			})
		})
	}
	zone := newZone(t, n, "each.example", linked...)
	for _, f := range start {
		f()
	}
	inStep(t, n, zone)
	n.Call(t, "POST", "/zones/"+zone+"/dns_records", map[string]any{"type": "A", "name": "more", "content": "192.0.2.2"}, nil)
	got := informed(t, n, zone, func(peer string) string { return keys[peer].String() })
	for _, p := range got.Peers {
		if p.LastRefusal != nil {
			t.Errorf("%+v", p)
		}
	}
	if len(got.Strangers) > 0 || strings.Contains(n.Log().String(), "transfer refused") {
		t.Errorf("refused: %+v\n%s", got.Strangers, n.Log())
	}
}
