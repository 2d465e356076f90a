package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
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
			p := api.SecondaryPeer{Peer: model.ID(strings.Repeat("a", 32)), State: states[z.Name.String()]}
			if p.State != api.SecondaryInStep {
				behind := int64(3600)
				p.SecondsBehind = &behind
			}
			return api.Secondaries{Peers: []api.SecondaryPeer{p}}, nil
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
	for query, want := range map[string]string{
		"order=standing": "bad.test good.test alone.test off.test", // transfers of the last two are off
		"order=standing&direction=desc&per_page=2&page=2": "good.test bad.test",
		"order=expires&per_page=1":                        "bad.test",
		"order=expires&standing=trouble":                  "bad.test",
		"order=name":                                      "alone.test bad.test good.test off.test",
	} {
		var names []string
		for _, o := range s.must("GET", "/headwater/v1/zones?"+query, nil).list(t) {
			names = append(names, o["name"].(string))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	bad := s.must("GET", "/headwater/v1/zones?peers=true&search=bad", nil).list(t)[0]
	peer := bad["peers"].([]any)[0].(map[string]any)
	if peer["state"] != "wrong_key" || peer["expires_on"] == nil || bad["expires_on"] != peer["expires_on"] {
		t.Errorf("%v", bad)
	}
	for _, query := range []string{"order=age", "order=standing&standing=fine"} {
		s.fails(http.StatusBadRequest, model.CodePaging, "GET", "/headwater/v1/zones?"+query, nil)
	}
}

// TestServerFacts: what a page must know before it promises something.
func TestServerFacts(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *apiConfig) {
		c.Server = func() api.ServerFacts { return api.ServerFacts{DNSPort: 5300, Version: "v1.2.3"} }
		c.EdgeAddresses = nil
	})
	want := map[string]any{"dns_port": json.Number("5300"), "transfer_port": nil, "resolver": false, "edge_addresses": false, "version": "v1.2.3", "dns_options": nil, "backups": nil}
	if d := cmp.Diff(want, s.must("GET", "/headwater/v1/server", nil).object(t)); d != "" {
		t.Error(d)
	}
}

// TestDNSOptions: how a server speaks DNS, and which program it is, is told those who run it, and nobody else.
func TestDNSOptions(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *apiConfig) {
		c.Server = func() api.ServerFacts {
			return api.ServerFacts{Version: "v1.2.3", DNS: &api.DNSFacts{Cookies: true, RateLimit: 7}, Backups: &api.BackupFacts{Keep: 7}}
		}
	})
	got, _ := s.must("GET", "/headwater/v1/server", nil).object(t)["dns_options"].(map[string]any)
	if got["cookies"] != true || got["rate_limit"] != json.Number("7") || got["proxies"] == nil {
		t.Errorf("%v", got)
	}
	if backups, _ := s.must("GET", "/headwater/v1/server", nil).object(t)["backups"].(map[string]any); backups["keep"] != json.Number("7") {
		t.Errorf("%v", backups)
	}
	s.addMember(s.account, "member@example.com", auth.RoleAdministrator)
	if got := s.must("GET", "/headwater/v1/server", nil, keyed("member@example.com", s.keyOf("member@example.com"))).object(t); got["dns_options"] != nil || got["backups"] != nil || got["version"] != nil {
		t.Errorf("a member is told %v", got)
	}
}

// TestInsight: what people look at comes as the parts tell it; what a server does not keep is not there.
func TestInsight(t *testing.T) {
	t.Parallel()
	at, peer := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), model.ID(strings.Repeat("a", 32))
	s := newServer(t, func(c *apiConfig) {
		series := api.Curve{Since: at, End: at, Step: time.Minute, Cells: []api.CurveCell{
			{Queries: api.QueryCounts{1, 2}, Transfers: api.CourseHour{Steps: 3, StepOctets: 4}, Arrivals: 2, LagSum: 3 * time.Second, LagMax: 2 * time.Second},
			{},
		}}
		c.Curve = func(_ context.Context, account, zone model.ID, _ api.Period) (api.Curve, error) {
			if zone == "" && account == "" {
				t.Error("of nothing")
			}
			return series, nil
		}
		c.ZoneQueries = func(_ context.Context, _, _ model.ID, p api.Period) (api.Queries, error) {
			return api.Queries{Curve: series, Total: api.QueryCounts{1, 2}, Names: []api.QueryName{{Name: "www.example.com", Type: "A", Class: string(p), Count: 3}}, Sampled: 3}, nil
		}
		c.AccountQueries = func(context.Context, model.ID, api.Period) (api.Queries, error) {
			return api.Queries{Curve: api.Curve{Since: at, End: at}, Zones: []api.QueryZone{{Zone: peer, Name: "example.com"}}}, nil
		}
		c.Course = func(*model.Zone) api.Course {
			return api.Course{
				Since: at, StripEnd: at, HourEnd: at,
				Strips:    []api.CourseStrip{{Peer: peer, Name: "ns", States: []api.SecondaryState{"", api.SecondaryInStep}}},
				Versions:  []api.CourseVersion{{Serial: 7, On: at, Taken: map[model.ID]time.Duration{peer: 1500 * time.Millisecond}}},
				Converged: []time.Duration{4 * time.Second, time.Second, 3 * time.Second},
			}
		}
		c.Delegation = func(context.Context, *model.Zone) (api.Delegation, error) {
			return api.Delegation{Parent: "com", Servers: []api.DelegationServer{{Server: "a", Names: []string{"x", "y"}}, {Server: "b", Names: []string{"x"}}, {Server: "c", Error: "silent"}}}, nil
		}
	})
	z, _ := s.zone("example.com")
	zone := "/headwater/v1" + z
	for path, want := range map[string]string{
		zone + "/queries":             `"class":"day"`,
		zone + "/queries?period=hour": `"cells":[[1,2,0,0,0],[0,0,0,0,0]]`,
		zone + "/curves":              `"lag":{"arrivals":2,"max_ms":2000,"mean_ms":1500}`,
		"/headwater/v1/accounts/" + string(s.account) + "/curves?period=month": `"lag":{"arrivals":0,"max_ms":null,"mean_ms":null}`,
		"/headwater/v1/accounts/" + string(s.account) + "/queries":             `"name":"example.com"`,
		zone + "/course":     `"median":3000,"p95":4000`,
		zone + "/delegation": `"agree":false`,
	} {
		raw, err := json.Marshal(s.must("GET", path, nil).object(t))
		if err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("%s: %s has no %s", path, raw, want)
		}
	}
	s.fails(http.StatusBadRequest, model.CodePaging, "GET", zone+"/queries?period=year", nil)
	s.fails(http.StatusBadRequest, model.CodePaging, "GET", zone+"/curves?period=year", nil)
	without := newServer(t)
	other, _ := without.zone("example.com")
	without.fails(http.StatusNotFound, 10404, "GET", "/headwater/v1"+other+"/course", nil)
	without.fails(http.StatusNotFound, 10404, "GET", "/headwater/v1"+other+"/curves", nil)
}
