package cluster

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/test/node"
)

// TestUpdatesAtBoth: the same message at two nodes is done once, and of two that want a name at two nodes one gets it.
func TestUpdatesAtBoth(t *testing.T) {
	t.Parallel()
	c := start(t, 2)
	a := c.nodes[0]
	const key, secret = "client.example.com.", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	var zone, tsig struct{ ID string }
	a.Call(t, http.MethodPost, "/zones", map[string]any{"name": "updates.example"}, &zone)
	a.Call(t, http.MethodPost, "/accounts/"+a.Account+"/secondary_dns/tsigs", map[string]any{"name": key, "algo": "hmac-sha256.", "secret": secret}, &tsig)
	made, err := a.Do(t.Context(), http.MethodPost, "/headwater/v1/zones/"+zone.ID+"/update_policies", map[string]any{
		"tsig_id": tsig.ID, "names": []any{map[string]any{"match": "subtree", "name": "@"}},
	})
	if err != nil || made.Status != http.StatusOK {
		t.Fatalf("%v: %+v", err, made)
	}
	for _, n := range c.nodes {
		await(t, n, made.Header.Get("Headwater-Seq"))
	}

	// send sends octets and gives the response code.
	send := func(to netip.AddrPort, b []byte) int {
		conn, err := net.Dial("udp", to.String())
		if err != nil {
			t.Error(err)
			return -1
		}
		defer conn.Close()
		buf := make([]byte, 4096)
		for range 6 { // a datagram can be lost
			if _, err = conn.Write(b); err != nil {
				continue
			}
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			if n, err := conn.Read(buf); err == nil && n > 3 {
				return int(buf[3] & 15)
			}
		}
		return -1
	}
	wants := func(name, data string) []byte {
		m := new(dns.Msg)
		m.SetUpdate("updates.example.")
		r, err := dns.NewRR(name + " 300 IN A " + data)
		if err != nil {
			t.Fatal(err)
		}
		m.NameNotUsed([]dns.RR{r})
		m.Insert([]dns.RR{r})
		m.SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix())
		b, _, err := dns.TsigGenerate(m, secret, "", false)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for round := range 10 {
		var both sync.WaitGroup
		same := wants(fmt.Sprintf("same%d.updates.example.", round), "192.0.2.1")
		for _, n := range c.nodes {
			both.Go(func() {
				if code := send(n.DNS, same); code != dns.RcodeSuccess {
					t.Errorf("round %d: the same message at %s: %s", round, n.DNS, dns.RcodeToString[code])
				}
			})
		}
		both.Wait()
		var got atomic.Int32
		for i, n := range c.nodes {
			one := wants(fmt.Sprintf("one%d.updates.example.", round), fmt.Sprintf("192.0.2.%d", i+1))
			both.Go(func() {
				switch code := send(n.DNS, one); code {
				case dns.RcodeSuccess:
					got.Add(1)
				case dns.RcodeYXDomain:
				default:
					t.Errorf("round %d: at %s: %s", round, n.DNS, dns.RcodeToString[code])
				}
			})
		}
		both.Wait()
		if got.Load() != 1 {
			t.Errorf("round %d: %d of two got the name", round, got.Load())
		}
	}
	// A node that only reads takes none.
	reader, err := node.Start(t.TempDir(), "--roles", "dns", "--database", c.url, "--secret-key-file", c.key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Kill)
	if code := send(reader.DNS, wants("reader.updates.example.", "192.0.2.1")); code != dns.RcodeRefused {
		t.Errorf("at a node that only reads: %s", dns.RcodeToString[code])
	}
	var records []struct{ Name string }
	a.Call(t, http.MethodGet, "/zones/"+zone.ID+"/dns_records?per_page=100", nil, &records)
	if len(records) != 20 {
		t.Errorf("the zone has %d records: %v", len(records), records)
	}
}
