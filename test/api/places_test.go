package api_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// TestUnreadExports leaves four exports of one account unread, which fill its places: what it asks for beyond them is told
// to come again, its short requests and everything of another account go on, and the places come back with the clients' end.
func TestUnreadExports(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *apiConfig) { c.Limits.HeavyEach, c.Limits.Heavy = 4, 5 })
	plain := s.client
	s.client = plainClient(t) // answers of many MiB need not be checked
	z, _ := s.zone("big.test")
	var file strings.Builder
	for i := range 4000 { // more than the sockets between take
		fmt.Fprintf(&file, "n%d\t300\tIN\tTXT\t%s\n", i, strings.Repeat(`"`+long("x", 250)+`" `, 14))
	}
	if r := s.importFile(z+"/dns_records/import", "file", file.String()); r.Status != 200 {
		t.Fatalf("import: %.300s", r.Raw)
	}
	wide, _ := s.zone("wide.test")
	file.Reset()
	for i := range 10_001 {
		fmt.Fprintf(&file, "n%d\t300\tIN\tA\t192.0.2.%d\n", i, i%256)
	}
	if r := s.importFile(wide+"/dns_records/import", "file", file.String()); r.Status != 200 {
		t.Fatalf("import: %.300s", r.Raw)
	}
	s.client = plain
	other := s.must("POST", "/headwater/v1/accounts", `{"name":"other"}`).object(t)["id"].(string)
	oz := "/zones/" + s.must("POST", "/zones", `{"name":"other.test","account":{"id":"`+other+`"}}`).object(t)["id"].(string)
	s.record(oz, `{"name":"www","type":"A","content":"192.0.2.1"}`)

	var unread []net.Conn
	for range 4 {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		unread = append(unread, c)
		fmt.Fprintf(c, "GET /client/v4%s/dns_records/export HTTP/1.1\r\nHost: headwater\r\nAuthorization: Bearer %s\r\n\r\n", z, s.token)
		if _, err := c.Read(make([]byte, 12)); err != nil { // it has begun
			t.Fatal(err)
		}
	}
	heavy := []string{z + "/dns_records/export", z + "/dns_records?per_page=5000", "/accounts/" + string(s.account) + "/audit_logs?actor.email=x@example.com"}
	for _, query := range []string{"", "?order=content", "?type=AAAA", "?name.contains=7", "?search=7&order=name", "?tag=x&order=name"} {
		heavy = append(heavy, wide+"/dns_records"+query) // each is a look through more than ten thousand records
	}
	for _, path := range heavy {
		if r := s.fails(http.StatusTooManyRequests, 10100, "GET", path, nil); r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	start := time.Now()
	s.must("GET", z+"/dns_records?per_page=100", nil)
	s.must("GET", wide+"/dns_records?order=name", nil)
	s.must("GET", wide+"/dns_records?name=n7.wide.test", nil)
	s.must("GET", wide+"/dns_records?type=A&name=n7.wide.test", nil)
	s.record(z, `{"name":"added","type":"A","content":"192.0.2.1"}`)
	for range 10 {
		s.must("GET", oz+"/dns_records/export", nil)
		s.must("GET", oz+"/dns_records?per_page=5000000", nil)
		s.must("PATCH", oz, `{"paused":false}`)
	}
	s.record(oz, `{"name":"new","type":"A","content":"192.0.2.1"}`)
	t.Logf("the others took %v", time.Since(start))
	for _, c := range unread {
		c.Close()
	}
	s.client = plainClient(t)
	for deadline := time.Now().Add(time.Minute); s.do("GET", z+"/dns_records/export", nil).Status != 200; {
		if time.Now().After(deadline) {
			t.Fatal("the places do not come back")
		}
	}
}

// TestTroubleOfOthers: who asks again and again which of his zones are in trouble, as several of his account's people, fills the
// places of his account, although the request names none; another account's answer comes.
func TestTroubleOfOthers(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}, 8), make(chan struct{})
	var begun atomic.Bool
	s := newServer(t, func(c *apiConfig) {
		c.Limits.HeavyEach, c.Limits.Heavy = 2, 4
		c.Secondaries = func(ctx context.Context, z model.Zone) (api.Secondaries, error) {
			if begun.Load() && z.Name.Host() == "thief.test" {
				entered <- struct{}{}
				select {
				case <-leave:
				case <-ctx.Done():
				}
			}
			return api.Secondaries{}, nil
		}
	})
	thief, bank := s.tenant("thief"), s.tenant("bank")
	s.addMember(thief.id, "helper@example.com", "administrator")
	helper := keyed("helper@example.com", s.keyOf("helper@example.com"))
	for name, who := range map[string]tenant{"thief.test": thief, "bank.test": bank} {
		z := "/zones/" + s.must("POST", "/zones", who.zone(name), who.by).id(s.t)
		s.must("POST", z+"/secondary_dns/outgoing", fmt.Sprintf(`{"name":%q,"peers":[]}`, name), who.by)
		s.must("POST", z+"/secondary_dns/outgoing/enable", `{}`, who.by)
	}
	const path = "/headwater/v1/zones?standing=trouble"
	begun.Store(true)
	var held sync.WaitGroup
	defer held.Wait()
	defer close(leave)
	for range 2 {
		held.Go(func() { s.send("GET", path, nil, thief.by) })
		<-entered
	}
	s.fails(http.StatusTooManyRequests, 10100, "GET", path, nil, thief.by)
	s.fails(http.StatusTooManyRequests, 10100, "GET", path, nil, helper)
	s.must("GET", path, nil, bank.by)
}
