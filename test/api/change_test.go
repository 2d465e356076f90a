package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// TestNamedChange: a change that the client has named is made once, however often it is sent, and names are a user's own.
func TestNamedChange(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	z, _ := s.zone("example.com")
	named := func(name string) as {
		return func(h http.Header) { h.Set("Headwater-Change", name) }
	}
	body := map[string]any{"name": "x", "type": "TXT", "content": "once"}
	first := s.must("POST", z+"/dns_records", body, named("a"))
	again := s.fails(400, 10409, "POST", z+"/dns_records", body, named("a"))
	if seq := first.Header.Get("Headwater-Seq"); seq == "" || again.Header.Get("Headwater-Seq") != seq {
		t.Errorf("made at %q, made again at %q", seq, again.Header.Get("Headwater-Seq"))
	}
	if n := s.must("GET", z+"/dns_records?name=x.example.com", nil).Info.TotalCount; n != 1 {
		t.Errorf("%d records", n)
	}
	s.must("PATCH", z+"/dns_settings", map[string]any{"soa": map[string]any{"ttl": 1800}}, named("b"))
	s.fails(400, model.CodeRequestInvalid, "POST", z+"/dns_records", body, named(strings.Repeat("a", 129)))
}

// TestAbsent: a node without the API says so in the API's form, and not that an object is missing.
func TestAbsent(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	api.Absent().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/client/v4/zones", nil))
	want := `{"result":null,"success":false,"errors":[{"code":10503,"message":"This node does not serve the API."}],"messages":[]}`
	if w.Code != 503 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
