package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func TestZoneLife(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := s.must("POST", "/zones", `{"name":"Bücher.Example.","jump_start":false,"type":"full"}`)
	o := r.object(t)
	if o["name"] != "bücher.example" || o["status"] != "active" || o["activated_on"] == nil || o["activated_on"] != o["created_on"] || o["paused"] != false {
		t.Errorf("a new zone: %s", r.Raw)
	}
	if o["account"].(map[string]any)["id"] != string(s.account) || len(o["name_servers"].([]any)) != 2 {
		t.Errorf("a new zone: %s", r.Raw)
	}
	plan := o["plan"].(map[string]any)
	if plan["price"] != json.Number("0") || plan["is_subscribed"] != true || plan["legacy_id"] != "enterprise" {
		t.Errorf("plan: %v", plan)
	}
	path := "/zones/" + o["id"].(string)
	if got := s.must("GET", path, nil); string(got.Result) != string(r.Result) {
		t.Errorf("GET answers %s, POST %s", got.Raw, r.Raw)
	}
	for _, name := range []string{"bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "bücher.example."} {
		if got := s.must("GET", "/zones/?name="+url.QueryEscape(name), nil); got.Info.TotalCount != 1 {
			t.Errorf("%q finds %d zones", name, got.Info.TotalCount)
		}
	}
	s.clock.pass(time.Minute)
	if got := s.must("PATCH", path, string(r.Result)); string(got.Result) != string(r.Result) {
		t.Errorf("a PATCH of the whole object changed %s to %s", r.Raw, got.Raw)
	}
	o = s.must("PATCH", path, `{"paused":true,"vanity_name_servers":["ns1.bücher.example","ns2.example.net"],"plan":{"id":"x"}}`,
		func(h http.Header) {}).object(t)
	if o["paused"] != true || o["modified_on"] == o["created_on"] {
		t.Errorf("after a PATCH: %v", o)
	}
	check := s.must("PUT", path+"/activation_check", nil)
	if got := check.object(t); len(got) != 1 || "/zones/"+got["id"].(string) != path || len(check.Messages) != 1 || check.Messages[0].Message == "" {
		t.Errorf("activation check: %s", check.Raw)
	}
	s.must("GET", path+"/available_plans", nil)
	if got := s.must("GET", path+"/pagerules?status=active", nil); string(got.Result) != "[]" {
		t.Errorf("page rules: %s", got.Raw)
	}
	s.must("PUT", path+"/custom_ns", `{"enabled":true,"ns_set":2}`)
	if got := s.must("GET", path+"/dns_settings", nil).object(t)["nameservers"].(map[string]any); got["type"] != "custom.account" || got["ns_set"] != json.Number("2") {
		t.Errorf("nameservers after custom_ns: %v", got)
	}
	if got := s.must("GET", path+"/custom_ns", nil).Raw; !strings.Contains(got, `"enabled":true,"ns_set":2`) {
		t.Errorf("custom_ns: %s", got)
	}
	s.must("GET", path+"/dns_analytics/report?metrics=queryCount", nil)
	gone := s.must("DELETE", path, "")
	if got := gone.object(t); len(got) != 1 || "/zones/"+got["id"].(string) != path {
		t.Errorf("DELETE answers %s", gone.Raw)
	}
	s.fails(404, model.CodeZoneInvalid, "GET", path, nil)
	s.fails(404, model.CodeZoneInvalid, "DELETE", path, nil)
	s.must("POST", "/zones", `{"name":"bücher.example","organization":{"id":"`+string(s.account)+`"}}`)
}

func TestZoneList(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for i := range 25 {
		s.zone(fmt.Sprintf("zone%02d.example", i))
	}
	first, _ := s.zone("paused.test")
	s.must("PATCH", first, `{"paused":true}`)
	names := func(query string) (out []string) {
		for _, z := range s.must("GET", "/zones?"+query, nil).list(t) {
			out = append(out, z["name"].(string))
		}
		return out
	}
	r := s.must("GET", "/zones", nil)
	if r.Info.PerPage != 20 || r.Info.Count != 20 || r.Info.TotalCount != 26 || r.Info.TotalPages != 2 || r.Info.Page != 1 {
		t.Errorf("info of the first page: %+v", r.Info)
	}
	if !strings.HasSuffix(r.Raw, `"result_info":{"page":1,"per_page":20,"count":20,"total_count":26,"total_pages":2}}`) {
		t.Errorf("result_info of %s", r.Raw)
	}
	all := append(names("per_page=10&page=1"), names("per_page=10&page=2")...)
	all = append(all, names("per_page=10&page=3")...)
	if len(all) != 26 || len(slices.Compact(slices.Sorted(slices.Values(all)))) != 26 {
		t.Errorf("pages together: %v", all)
	}
	past := s.must("GET", "/zones?page=4&per_page=10", nil)
	if string(past.Result) != "[]" || past.Info.TotalCount != 26 || past.Info.Count != 0 {
		t.Errorf("a page past the end: %s", past.Raw)
	}
	for query, want := range map[string]int{
		"per_page=1": 1, "per_page=100": 26, "per_page=1000000": 26,
		"name=zone03.example": 1, "name=zone03.EXAMPLE": 1, "name=zone3.example": 0,
		"name=starts_with:zone1&per_page=50": 10, "name=ends_with:.test": 1, "name=contains:usE": 1,
		"name=not_equal:paused.test&per_page=50": 25, "name=equal:paused.test": 1,
		"name=contains_case_sensitive:usE": 0, "name=starts_with_case_sensitive:paus": 1,
		"status=active&per_page=50": 26, "status=pending": 0,
		"account.id=" + string(s.account) + "&per_page=50": 26, "account.id=" + strings.Repeat("0", 32): 0,
		"account.name=nobody": 0, "name=paused.test&status=active": 1, "name=paused.test&status=pending": 0, "name=paused.test&status=pending&match=any": 1,
		"search=zone24": 1, "unknown=parameter&per_page=50": 26,
	} {
		if got := names(query); len(got) != want {
			t.Errorf("%s finds %d zones, want %d: %v", query, len(got), want, got)
		}
	}
	up, down := names("order=name&per_page=50"), names("order=name&direction=desc&per_page=50")
	slices.Reverse(down)
	if !slices.Equal(up, down) || !slices.IsSorted(up) {
		t.Errorf("orders: %v %v", up, down)
	}
}

func TestZoneAgainstGrants(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	one, oneID := s.zone("one.example")
	two, _ := s.zone("two.example")
	token := s.grant("com.cloudflare.api.account.zone."+oneID, "DNS Read", "Zone Read")
	r := s.must("GET", "/zones", nil, bearer(token))
	if r.Info.TotalCount != 1 || r.list(t)[0]["name"] != "one.example" {
		t.Errorf("the token's list: %s", r.Raw)
	}
	if got := r.list(t)[0]["permissions"].([]any); !slices.Contains(got, any("#zone:read")) || slices.Contains(got, any("#zone:edit")) {
		t.Errorf("permissions %v", got)
	}
	if got := s.must("GET", "/zones?name=two.example", nil, bearer(token)); string(got.Result) != "[]" {
		t.Errorf("a zone out of reach: %s", got.Raw)
	}
	s.must("GET", one+"/dns_records", nil, bearer(token))
	s.fails(403, 9109, "GET", two, nil, bearer(token))
	s.fails(403, 10000, "POST", one+"/dns_records", `{}`, bearer(token))
	s.fails(403, 9109, "POST", "/zones", `{"name":"three.example"}`, bearer(token))
	s.fails(403, 9109, "DELETE", one, nil, bearer(token))
	s.must("GET", one, nil)
}

// grant makes a token with groups on one resource.
func (s *server) grant(resource string, groups ...string) string {
	s.t.Helper()
	var ids []string
	for _, g := range s.must("GET", "/user/tokens/permission_groups", nil).list(s.t) {
		if slices.Contains(groups, g["name"].(string)) {
			ids = append(ids, `{"id":"`+g["id"].(string)+`"}`)
		}
	}
	if len(ids) != len(groups) {
		s.t.Fatalf("found %d of the groups %v", len(ids), groups)
	}
	return s.must("POST", "/user/tokens", `{"name":"t","policies":[{"effect":"allow","permission_groups":[`+strings.Join(ids, ",")+
		`],"resources":{"`+resource+`":"*"}}]}`).object(s.t)["value"].(string)
}

// TestVanityNameServers gives a zone name servers of its own, when it is made and later: they are the zone's NS and its
// first name, in the API, in what is served and in exports, until none are left.
func TestVanityNameServers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	check := func(path string, raw *reply, vanity []string) {
		t.Helper()
		want := vanity
		if len(want) == 0 {
			want = []string{"ns1.headwater.test", "ns2.headwater.test"}
		}
		o := raw.object(t)
		if got := texts(o["vanity_name_servers"]); !slices.Equal(got, vanity) {
			t.Errorf("%s has the vanity name servers %q, want %q", path, got, vanity)
		}
		if got := s.must("GET", path, nil); string(got.Result) != string(raw.Result) {
			t.Errorf("GET answers %s, the write %s", got.Raw, raw.Raw)
		}
		name := wire.MustName(o["name"].(string))
		v := s.db.ByID(o["id"].(string)).State().Transfer
		var ns []string
		for _, set := range v.Sets(name) {
			if set.Type == wire.TypeNS {
				for _, d := range set.Data {
					ns = append(ns, wire.Name(d).Host())
				}
			}
			if set.Type == wire.TypeSOA && !strings.HasPrefix(string(set.Data[0]), string(wire.MustName(want[0]))) {
				t.Errorf("%s: the SOA does not name %s", path, want[0])
			}
		}
		slices.Sort(ns)
		if !slices.Equal(ns, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s serves NS %q, want %q", path, ns, want)
		}
		for _, host := range want {
			if export := s.must("GET", path+"/dns_records/export", nil).Raw; !strings.Contains(export, "NS\t"+host+".\n") {
				t.Errorf("the export lacks NS %s:\n%s", host, export)
			}
		}
	}
	made := s.must("POST", "/zones", `{"name":"vanity.test","vanity_name_servers":["NS1.vanity.test","ns2.bücher.test."]}`)
	path := "/zones/" + made.object(t)["id"].(string)
	check(path, made, []string{"ns1.vanity.test", "ns2.xn--bcher-kva.test"})
	check(path, s.must("PATCH", path, `{"vanity_name_servers":["ns9.vanity.test"]}`), []string{"ns9.vanity.test"})
	check(path, s.must("PATCH", path, `{"paused":true}`), []string{"ns9.vanity.test"})
	check(path, s.must("PATCH", path, `{"vanity_name_servers":[]}`), nil)
	plain, _ := s.zone("plain.test")
	check(plain, s.must("PATCH", plain, `{"vanity_name_servers":null}`), nil)
	for _, list := range []string{
		`["192.0.2.1"]`, `[""]`, `["."]`, `["a..b"]`, `["ns 1.test"]`, `["ns.test","NS.test."]`, `["*.test"]`,
		`["a.test","b.test","c.test","d.test","e.test","f.test","g.test","h.test","i.test","j.test","k.test","l.test","m.test","n.test"]`,
	} {
		s.fails(400, model.CodeZoneSetting, "POST", "/zones", `{"name":"refused.test","vanity_name_servers":`+list+`}`)
		s.fails(400, model.CodeZoneSetting, "PATCH", path, `{"vanity_name_servers":`+list+`}`)
	}
	if got := s.must("GET", "/zones?name=refused.test", nil); got.Info.TotalCount != 0 {
		t.Errorf("a refused zone is there: %s", got.Raw)
	}
}

func texts(v any) []string {
	var out []string
	for _, s := range v.([]any) {
		out = append(out, s.(string))
	}
	return out
}
