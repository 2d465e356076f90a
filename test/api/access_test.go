package api_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestAccessCheck hands on what was asked, shows which rule decides, and lets a source in once.
func TestAccessCheck(t *testing.T) {
	t.Parallel()
	var asked api.AccessQuestion
	answer := api.AccessDecision{Rcode: "REFUSED", Cause: "other_key", Reason: "words", Peer: model.ID(strings.Repeat("a", 32)), PeerName: "p"}
	s := newServer(t, func(c *api.Config) {
		c.CheckAccess = func(_ model.ID, q api.AccessQuestion) (api.AccessDecision, bool) { asked = q; return answer, true }
	})
	zone, _ := s.zone("check.example")
	path := "/headwater/v1" + zone + "/access_check"
	got := string(s.must("POST", path, `{"address":"::ffff:192.0.2.1","key":"Key.example","transport":"tls","kind":"ixfr","client_key":"k"}`).Result)
	want := api.AccessQuestion{
		Address: netip.MustParseAddr("192.0.2.1"), Type: wire.TypeIXFR, TCP: true, TLS: true, Key: wire.MustName("key.example"), ClientKey: "k",
	}
	if asked != want || !strings.Contains(got, `"allowed":false`) || !strings.Contains(got, `"rule":"peer"`) {
		t.Errorf("%+v: %s", asked, got)
	}
	answer = api.AccessDecision{Rcode: "NOERROR", Range: netip.MustParsePrefix("192.0.2.0/24")}
	got = string(s.must("POST", path, `{"address":"192.0.2.1"}`).Result)
	if asked.Type != wire.TypeAXFR || !asked.TCP || asked.TLS || !strings.Contains(got, `"allowed":true`) || !strings.Contains(got, `"rule":"acl","peer_id":"","peer_name":"","acl_range":"192.0.2.0/24"`) {
		t.Errorf("%+v: %s", asked, got)
	}
	for body, pointer := range map[string]string{
		`{}`: "/address", `{"address":"0.0.0.0"}`: "/address", `{"address":"192.0.2.1","kind":"any"}`: "/kind",
		`{"address":"192.0.2.1","transport":"quic"}`: "/transport", `{"address":"192.0.2.1","key":"a..b"}`: "/key",
	} {
		if got := s.fails(400, model.CodeAccessCheck, "POST", path, body); got.Errors[0].Source.Pointer != pointer {
			t.Errorf("%s points at %s", body, got.Errors[0].Source.Pointer)
		}
	}
	allow := "/headwater/v1" + zone + "/access_allow"
	first := s.must("POST", allow, `{"address":"2001:db8::7"}`).id(t)
	if again := s.must("POST", allow, `{"address":"2001:db8::7"}`).id(t); again != first {
		t.Errorf("%s, then %s", first, again)
	}
	if acl := string(s.must("GET", s.secondaryDNS()+"/acls/"+first, nil).Result); !strings.Contains(acl, `"ip_range":"2001:db8::7"`) {
		t.Error(acl)
	}
	s.fails(400, model.CodeAccessCheck, "POST", allow, `{"address":"ff02::1"}`)
}
