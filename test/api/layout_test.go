package api_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/rooms"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// TestShellClients reads answers as acme.sh does, with regular expressions (contract section 1.1).
func TestShellClients(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, zid := s.zone("example.com")
	key := func(h http.Header) {
		h.Del("Authorization")
		h.Del("Content-Type")
		h.Set("X-Auth-Email", s.email)
		h.Set("X-Auth-Key", s.key)
	}
	// acme.sh walks up the labels: a name that is no zone gives an empty list.
	if got := s.must("GET", "/zones?name=_acme-challenge.example.com", nil, key).Raw; !strings.Contains(got, `"count":0,`) || !strings.Contains(got, `"total_count":0`) {
		t.Errorf("no zone: %s", got)
	}
	zones := s.must("GET", "/zones?name=example.com", nil, key).Raw
	if !strings.Contains(zones, `"name":"example.com"`) && !strings.Contains(zones, `"total_count":1`) {
		t.Errorf("no zone in %s", zones)
	}
	id := regexp.MustCompile(`\[.\"id\": *\"[^\"]*\"`).FindString(zones)
	id = regexp.MustCompile(`"([^"]*)"$`).FindStringSubmatch(id)[1]
	if id != zid {
		t.Errorf("acme.sh finds the zone id %q in %s", id, zones)
	}
	if got := regexp.MustCompile(`"name":"([^"]*)"`).FindStringSubmatch(zones)[1]; got != "example.com" {
		t.Errorf("the first name is %q", got)
	}
	body := `{"type":"TXT","name":"_acme-challenge.example.com","content":"the-value","ttl":120}`
	post := s.must("POST", "/zones/"+zid+"/dns_records", body, key).Raw
	if !strings.Contains(post, "the-value") || !strings.Contains(strings.ReplaceAll(post, " ", ""), `"success":true`) {
		t.Errorf("POST answers %s", post)
	}
	again := s.do("POST", "/zones/"+zid+"/dns_records", body, key)
	if again.Status != 400 || !strings.Contains(again.Raw, "An identical record already exists.") || !strings.Contains(again.Raw, `"code":81058`) {
		t.Errorf("a second POST answers %s", again.Raw)
	}
	list := s.must("GET", "/zones/"+zid+"/dns_records?type=TXT&name=_acme-challenge.example.com&content=the-value", nil, key).Raw
	count := regexp.MustCompile(`"count": *[^,]*`).FindString(strings.ReplaceAll(list, `"result_info"`, "\n"))
	if count != `"count":1` {
		t.Errorf("acme.sh counts %q in %s", count, list)
	}
	rid := regexp.MustCompile(`"id": *"[^"]*"`).FindString(list)
	rid = strings.Trim(strings.SplitN(rid, ":", 2)[1], `"`)
	if got := s.must("DELETE", "/zones/"+zid+"/dns_records/"+rid, nil, key).Raw; !regexp.MustCompile(`"success": *true`).MatchString(got) {
		t.Errorf("DELETE answers %s", got)
	}
	for _, raw := range []string{zones, post, list} {
		if strings.Contains(raw, `": `) || strings.Contains(raw, `, "`) || !strings.Contains(raw, `"errors":[],"messages":[]`) {
			t.Errorf("not compact, or no empty lists: %s", raw)
		}
	}
	if !strings.HasPrefix(list, `{"result":[{"id":"`) || !strings.HasPrefix(post, `{"result":{"id":"`) {
		t.Errorf("id is not first: %s %s", list, post)
	}
}

// TestDDClient follows its sequence: a slash before the query, PATCH with the content alone.
func TestDDClient(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, zid := s.zone("example.com")
	s.record(z, `{"name":"home","type":"A","content":"192.0.2.1","ttl":300,"comment":"at home"}`)
	r := s.must("GET", "/zones/?name=example.com", nil)
	if r.list(t)[0]["id"] != zid {
		t.Errorf("got %s", r.Raw)
	}
	list := s.must("GET", "/zones/"+zid+"/dns_records?type=A&name=home.example.com", nil).list(t)
	o := s.must("PATCH", "/zones/"+zid+"/dns_records/"+list[0]["id"].(string), `{"content":"192.0.2.2"}`).object(t)
	if o["content"] != "192.0.2.2" || o["comment"] != "at home" || o["name"] != "home.example.com" {
		t.Errorf("got %v", o)
	}
}

func TestTransport(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *apiConfig) { c.Limits.PerSecond, c.Limits.Burst = 0.001, 40 })
	z, _ := s.zone("example.com")
	odd := func(h http.Header) {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		h.Set("X-Stainless-Lang", "go")
	}
	made := s.must("POST", z+"/dns_records", `{"name":"www","type":"A","content":"192.0.2.1"}`, odd)
	seq := made.Header.Get("Headwater-Seq")
	if seq == "" || made.Header.Get("X-Request-Id") == "" {
		t.Errorf("headers of a write: %v", made.Header)
	}
	got := s.must("GET", z+"/dns_records/?per_page=5", nil, func(h http.Header) { h.Set("Headwater-Seq", seq) })
	if got.Info.TotalCount != 1 {
		t.Errorf("got %s", got.Raw)
	}
	s.fails(400, model.CodeRequestInvalid, "GET", z, nil, func(h http.Header) { h.Set("Headwater-Seq", "x") })
	s.must("DELETE", z+"/dns_records/"+made.object(t)["id"].(string), `{"any":"body"}`)
	for range 60 {
		if r := s.do("GET", z, nil); r.Status == http.StatusTooManyRequests {
			if r.code() != 10100 || r.Header.Get("Retry-After") == "" || !strings.Contains(r.Errors[0].Message, "Please wait and consider throttling") {
				t.Errorf("a limited request answers %s", r.Raw)
			}
			s.must("GET", z, nil, func(h http.Header) {
				h.Del("Authorization")
				h.Set("X-Auth-Email", s.email)
				h.Set("X-Auth-Key", s.key)
			})
			return
		}
	}
	t.Error("no request was limited")
}

// TestRoutesAreDescribed holds the table of routes against itself: every route has a scope that its path can serve.
func TestRoutesAreSound(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range api.Routes(rooms.Routes()) {
		if seen[r.Method+" "+r.Path] {
			t.Errorf("%s %s is there twice", r.Method, r.Path)
		}
		seen[r.Method+" "+r.Path] = true
		switch {
		case r.Scope == api.ScopeZone && !strings.Contains(r.Path, "{zone_id}") && !strings.Contains(r.Path, "{account_id}/zones/{zone_name}"),
			r.Scope == api.ScopeAccount && !strings.Contains(r.Path, "{account_id}"):
			t.Errorf("%s %s has nothing in its path for its scope", r.Method, r.Path)
		case len(r.Groups) == 0 && (r.Scope == api.ScopeZone || r.Scope == api.ScopeAccount || r.Scope == api.ScopeUser) && !strings.HasSuffix(r.Path, "/verify"):
			t.Errorf("%s %s is open to nobody", r.Method, r.Path)
		}
	}
}
