package estate_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// receiver is a webhook's other end. It counts what it was told, by the ids of messages.
type receiver struct {
	*httptest.Server
	t      *testing.T
	secret string

	mu    sync.Mutex
	ids   map[string]bool
	told  map[string]int // "rule state episode": in how many messages, of different ids
	fails int            // that many times from now on
	moved chan struct{}
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, ids: map[string]bool{}, told: map[string]int{}, moved: make(chan struct{}, 1000)}
	r.Server = httptest.NewTLSServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	id := q.Header.Get("Webhook-Id")
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.moved <- struct{}{} }()
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.secret, "whsec_"))
	m := hmac.New(sha256.New, key)
	m.Write([]byte(id + "." + q.Header.Get("Webhook-Timestamp") + "." + string(body)))
	if q.Header.Get("Webhook-Signature") != "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)) {
		r.t.Errorf("the signature %s is not that of the message", q.Header.Get("Webhook-Signature"))
	}
	if !r.ids[id] { // one that comes again is the same, whatever was answered
		r.ids[id] = true
		var in struct {
			Data struct {
				Alarms []struct {
					Rule, State string
					Episode     int
				}
			}
		}
		if err := json.Unmarshal(body, &in); err != nil {
			r.t.Errorf("%s: %v", body, err)
		}
		for _, a := range in.Data.Alarms {
			r.told[fmt.Sprint(a.Rule, " ", a.State, " ", a.Episode)]++
		}
	}
	if r.fails > 0 {
		r.fails--
		w.WriteHeader(http.StatusBadGateway)
	}
}

// await waits until something has been told.
func (r *receiver) await(what string) {
	r.t.Helper()
	end := time.After(2 * time.Minute)
	for {
		r.mu.Lock()
		n := r.told[what]
		r.mu.Unlock()
		if n > 0 {
			return
		}
		select {
		case <-r.moved:
		case <-end:
			r.t.Fatalf("%s was not told; told were %v", what, r.told)
		}
	}
}

// stream is the events of a node, as they come.
type stream struct {
	events chan string // "secondary {…}"
	cursor func() string
}

func follow(ctx context.Context, t *testing.T, n *node.Node, cursor string) *stream {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.HTTP+"/headwater/v1/events?cursor="+cursor, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+node.Token)
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("events: %v", err)
	}
	var mu sync.Mutex
	last := ""
	s := &stream{events: make(chan string, 1000), cursor: func() string { mu.Lock(); defer mu.Unlock(); return last }}
	go func() {
		defer res.Body.Close()
		defer close(s.events)
		name := ""
		for in := bufio.NewScanner(res.Body); in.Scan(); {
			field, value, _ := strings.Cut(in.Text(), ": ")
			switch field {
			case "id":
				mu.Lock()
				last = value
				mu.Unlock()
			case "event":
				name = value
			case "data":
				s.events <- name + " " + value
			}
		}
	}()
	return s
}

// await reads on until an event has all of the words.
func (s *stream) await(t *testing.T, words ...string) {
	t.Helper()
	end := time.After(time.Minute)
	var seen []string
next:
	for {
		select {
		case e, ok := <-s.events:
			if !ok {
				t.Fatalf("the stream ended before %q; it had %q", words, seen)
			}
			seen = append(seen, e)
			for _, w := range words {
				if !strings.Contains(e, w) {
					continue next
				}
			}
			return
		case <-end:
			t.Fatalf("no event with %q; there were %q", words, seen)
		}
	}
}

// TestAlarms: a secondary that is stopped, returns, and then serves other contents at our serial is told of as an event and by a webhook, once in
// each state, though the receiver fails, and the server is killed in between; what is told to who listens goes on from a cursor.
func TestAlarms(t *testing.T) {
	t.Parallel()
	hook := newReceiver(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hook.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	n := node.Must(t, "--probe-interval", "300ms", "--notify-interval", "100ms", "--compare-interval", "1s", "--webhook-networks", "127.0.0.1", "--webhook-ca", ca, "--alarm-gather", "1s")
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
	hook.secret = made.Secret

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := follow(ctx, t, n, "")
	sec := peers.Run(t, peers.Config{
		Program: peers.NSD, Listen: listen, Primary: n.DNS, Notifier: netip.MustParseAddr("127.0.0.1"), Zones: []wire.Name{wire.MustName("alarms.example")},
		Key: key, Refresh: 2 * time.Second,
	})
	events.await(t, "secondary ", `"state":"in_step"`, `"peer":"nsd"`)

	if err := sec.Stop(); err != nil {
		t.Fatal(err)
	}
	hook.mu.Lock()
	hook.fails = 1
	hook.mu.Unlock()
	events.await(t, "secondary ", `"state":"unreachable"`)
	events.await(t, "alarm ", `"secondary_silent"`, `"state":"raised"`)
	hook.await("secondary_silent raised 1")
	n.Kill() // with the message perhaps taken and not noted
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	events = follow(ctx, t, n, "")
	if err := sec.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	events.await(t, "alarm ", `"secondary_silent"`, `"state":"cleared"`)
	hook.await("secondary_silent cleared 1")

	// Other contents under our serial. What happens while nobody listens is told to who comes back.
	cursor := events.cursor()
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
	hook.await("secondary_differs raised 1")
	back := follow(ctx, t, n, cursor)
	back.await(t, "secondary ", `"state":"differs"`)
	var standing struct {
		Peers []struct {
			State    string
			Compared struct {
				Difference string
				Questions  int
			}
		}
	}
	n.Call(t, "GET", "/headwater/v1/zones/"+zone+"/secondaries", nil, &standing)
	if p := standing.Peers[0]; p.State != "differs" || p.Compared.Difference == "" {
		t.Errorf("%+v", p)
	} else {
		t.Log(p.Compared.Difference)
	}
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
	hook.await("secondary_differs cleared 1")
	var list []struct{ State string }
	n.Call(t, "GET", account+"/alarms?state=all", nil, &list)
	for _, a := range list {
		if a.State != "cleared" {
			t.Errorf("%+v", list)
		}
	}
	hook.mu.Lock()
	defer hook.mu.Unlock()
	for what, times := range hook.told {
		if times != 1 {
			t.Errorf("%s was told in %d messages", what, times)
		}
	}
}
