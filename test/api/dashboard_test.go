package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// TestEditsOfWhatWasSeen: of two who change what they both saw, the second is told and nothing of the first is lost; by
// PATCH and by PUT, with the tag of an answer and with the modified_on of a list.
func TestEditsOfWhatWasSeen(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	path := z + "/dns_records/" + s.record(z, `{"name":"www","type":"A","content":"192.0.2.1"}`)
	seen := `"` + s.must("GET", path, nil).object(t)["modified_on"].(string) + `"`
	ifMatch := func(v string) as { return func(h http.Header) { h.Set("If-Match", v) } }
	got := s.must("GET", path, nil)
	if tag := got.Header.Get("ETag"); tag != seen {
		t.Fatalf("ETag %s, modified_on %s", tag, seen)
	}
	s.clock.pass(time.Second)
	first := s.must("PATCH", path, `{"comment":"the first"}`, ifMatch(seen))
	for _, body := range []string{`{"content":"192.0.2.2"}`, `{"name":"www","type":"A","content":"192.0.2.2"}`} {
		method := "PATCH"
		if len(body) > 30 {
			method = "PUT"
		}
		s.fails(http.StatusPreconditionFailed, model.CodeRecordChanged, method, path, body, ifMatch(seen))
	}
	if r := s.must("GET", path, nil).object(t); r["comment"] != "the first" || r["content"] != "192.0.2.1" {
		t.Fatalf("after refused edits: %v", r)
	}
	s.clock.pass(time.Second)
	s.must("PATCH", path, `{"content":"192.0.2.3"}`, ifMatch(`"other", `+first.Header.Get("ETag")))
	s.must("PATCH", path, `{"content":"192.0.2.4"}`, ifMatch("*"))
	s.must("PATCH", path, `{"content":"192.0.2.5"}`)
}

// TestSearchInBothSpellings: names with U-labels are found as people write them, comments as they were written.
func TestSearchInBothSpellings(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("bücher.example")
	s.record(z, `{"name":"größe","type":"A","content":"192.0.2.1"}`)
	s.record(z, `{"name":"www","type":"A","content":"192.0.2.1","comment":"die Größe, größe"}`)
	for search, want := range map[string]int{"gr%C3%B6%C3%9Fe": 2, "xn--gre-6ka8i": 1, "Gr%C3%B6%C3%9Fe": 2} {
		if n := len(s.must("GET", z+"/dns_records?search="+search, nil).list(t)); n != want {
			t.Errorf("%s finds %d records, want %d", search, n, want)
		}
	}
	if n := len(s.must("GET", "/zones?search=b%C3%BCcher", nil).list(t)); n != 1 {
		t.Errorf("found %d zones", n)
	}
}

// TestRecordsByName: a page that knows a name alone reads the same list, and who may not is not told that the zone is there.
func TestRecordsByName(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	s.record(z, `{"name":"www","type":"A","content":"192.0.2.1"}`)
	account := s.must("GET", z, nil).object(t)["account"].(map[string]any)["id"].(string)
	path := "/headwater/v1/accounts/" + account + "/zones/"
	byName := s.must("GET", path+"Example.com/dns_records?search=www", nil).list(t)
	if d := cmp.Diff(s.must("GET", z+"/dns_records", nil).list(t), byName); d != "" {
		t.Error(d)
	}
	s.fails(http.StatusNotFound, model.CodeZoneInvalid, "GET", path+"example.org/dns_records", nil)
	other := s.must("POST", "/headwater/v1/accounts", `{"name":"other"}`).id(t)
	s.fails(http.StatusNotFound, model.CodeZoneInvalid, "GET", "/headwater/v1/accounts/"+other+"/zones/example.com/dns_records", nil)
	stranger := bearer(s.grant("com.cloudflare.api.account."+other, "DNS Read"))
	for _, name := range []string{"example.com", "example.org"} { // there, and not
		s.fails(http.StatusForbidden, 10000, "GET", path+name+"/dns_records", nil, stranger)
	}

	// The session of the same token tells where it may do what, though it may not read its account.
	reached := s.must("GET", "/headwater/v1/session", nil, stranger).object(t)["accounts"].([]any)
	if len(reached) != 1 || reached[0].(map[string]any)["id"] != other {
		t.Fatalf("a token for DNS reaches %v", reached)
	}
	if d := cmp.Diff([]any{"DNS Read"}, reached[0].(map[string]any)["rights"]); d != "" {
		t.Error(d)
	}
}

// TestStandings: one request tells how the secondaries of many zones stand, and which need somebody.
func TestStandings(t *testing.T) {
	t.Parallel()
	states := map[string]api.SecondaryState{"bad.test.": api.SecondaryWrongKey, "good.test.": api.SecondaryInStep, "off.test.": api.SecondaryBehind}
	s := newServer(t, func(c *apiConfig) {
		c.Secondaries = func(_ context.Context, z model.Zone) (api.Secondaries, error) {
			return api.Secondaries{Peers: []api.SecondaryPeer{{State: states[z.Name.String()]}}}, nil
		}
	})
	for _, name := range []string{"bad.test", "good.test", "off.test", "alone.test"} {
		z, _ := s.zone(name)
		if name == "alone.test" {
			continue
		}
		s.must("POST", z+"/secondary_dns/outgoing", fmt.Sprintf(`{"name":%q,"peers":[]}`, name))
		if name != "off.test" {
			s.must("POST", z+"/secondary_dns/outgoing/enable", `{}`)
		}
	}
	seen := map[string]string{}
	for _, o := range s.must("GET", "/headwater/v1/zones?per_page=3", nil).list(t) {
		seen[o["name"].(string)] = fmt.Sprint(o["enabled"], o["states"])
	}
	want := map[string]string{"alone.test": "false map[]", "bad.test": "true map[wrong_key:1]", "good.test": "true map[in_step:1]"}
	if d := cmp.Diff(want, seen); d != "" {
		t.Error(d)
	}
	trouble := s.must("GET", "/headwater/v1/zones?standing=trouble", nil).list(t)
	if len(trouble) != 1 || trouble[0]["name"] != "bad.test" {
		t.Errorf("in trouble: %v", trouble)
	}
	s.fails(http.StatusBadRequest, model.CodePaging, "GET", "/headwater/v1/zones?standing=fine", nil)
}

// TestServerFacts: what a page must know before it promises something.
func TestServerFacts(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *apiConfig) {
		c.Server = func() api.ServerFacts { return api.ServerFacts{DNSPort: 5300} }
		c.EdgeAddresses = nil
	})
	want := map[string]any{"dns_port": json.Number("5300"), "transfer_port": nil, "resolver": false, "edge_addresses": false}
	if d := cmp.Diff(want, s.must("GET", "/headwater/v1/server", nil).object(t)); d != "" {
		t.Error(d)
	}
}
