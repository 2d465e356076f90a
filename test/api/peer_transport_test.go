package api_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// TestPeerTransport has a peer held to TLS stay so through edits by programs that know nothing of it, and wrong values refused.
func TestPeerTransport(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	peers := s.secondaryDNS() + "/peers"
	id := s.must("POST", peers, `{"name":"p","ip":"192.0.2.1"}`).id(t)
	path := "/headwater/v1/accounts/" + string(s.account) + "/peers/" + id + "/transport"
	is := func(want string) {
		t.Helper()
		if got := string(s.must("GET", path, nil).Result); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	const names, rest = `,"client_names":[],"authority":""`, `,"notify":{"transport":"clear","port":null,"verify":"strict","server_name":"","server_keys":[],"sources":[]}`
	key := strings.Repeat("A", 43) + "="
	is(`{"transport":"any","client_keys":[]` + names + `,"dnssec":"signed"` + rest + `}`)
	s.must("PUT", path, `{"transport":"tls","client_keys":["`+key+`"]}`)
	s.must("PUT", peers+"/"+id, `{"name":"renamed","ip":"192.0.2.2","port":5353}`)
	is(`{"transport":"tls","client_keys":["` + key + `"]` + names + `,"dnssec":"signed"` + rest + `}`)
	for body, pointer := range map[string]string{
		`{}`:                  "/transport",
		`{"transport":"TLS"}`: "/transport",
		`{"transport":"any","client_keys":["` + key + `"]}`:                                "/client_keys",
		`{"transport":"tls","client_keys":["short"]}`:                                      "/client_keys/0",
		`{"transport":"tls","client_keys":["` + key + `\n"]}`:                              "/client_keys/0",
		`{"transport":"tls","client_keys":["` + key + strings.Repeat(`","`+key, 8) + `"]}`: "/client_keys",
	} {
		if got := s.fails(400, model.CodePeerTransport, "PUT", path, body); got.Errors[0].Source.Pointer != pointer {
			t.Errorf("%s: points at %s", body, got.Errors[0].Source.Pointer)
		}
	}
	s.fails(404, model.CodePeerNotFound, "PUT", strings.Replace(path, id, strings.Repeat("0", 32), 1), `{"transport":"tls"}`)
	is(`{"transport":"tls","client_keys":["` + key + `"]` + names + `,"dnssec":"signed"` + rest + `}`)
	other := s.must("POST", peers, `{"name":"other"}`).id(t)
	all := map[string]string{}
	for _, p := range s.must("GET", "/headwater/v1/accounts/"+string(s.account)+"/peer_transports", nil).list(t) {
		all[p["peer_id"].(string)] = fmt.Sprintf("%v %v %v", p["transport"], p["client_keys"], p["dnssec"])
	}
	if want := map[string]string{id: "tls [" + key + "] signed", other: "any [] signed"}; !maps.Equal(all, want) {
		t.Errorf("all peers: %v, want %v", all, want)
	}
	s.must("PUT", path, `{"transport":"tls"}`)
	is(`{"transport":"tls","client_keys":[]` + names + `,"dnssec":"signed"` + rest + `}`)
	s.must("PUT", path, `{"transport":"any"}`)
	is(`{"transport":"any","client_keys":[]` + names + `,"dnssec":"signed"` + rest + `}`)
}

// TestPeerDNSSEC: what a peer gets of signed zones is said at either place, stays where nothing is said of it, and is in the audit log.
func TestPeerDNSSEC(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	peers := s.secondaryDNS() + "/peers"
	id := s.must("POST", peers, `{"name":"p","ip":"192.0.2.1","dnssec":"stripped"}`).id(t)
	path := "/headwater/v1/accounts/" + string(s.account) + "/peers/" + id + "/transport"
	is := func(want string) {
		t.Helper()
		if got := string(s.must("GET", path, nil).Result); !strings.Contains(got, `"dnssec":"`+want+`"`) {
			t.Errorf("%s, want %s", got, want)
		}
		if got := string(s.must("GET", peers+"/"+id, nil).Result); strings.Contains(got, `"dnssec":"stripped"`) != (want == "stripped") {
			t.Errorf("%s, want %s", got, want)
		}
	}
	is("stripped")
	s.must("PUT", peers+"/"+id, `{"name":"renamed","ip":"192.0.2.2"}`)
	is("stripped")
	s.must("PUT", path, `{"transport":"tls"}`)
	is("stripped")
	s.must("PUT", path, `{"transport":"tls","dnssec":"signed"}`)
	is("signed")
	s.must("PUT", peers+"/"+id, `{"name":"renamed","ip":"192.0.2.2","dnssec":"stripped"}`)
	is("stripped")
	for _, at := range []string{path, peers + "/" + id} {
		for _, wrong := range []string{`"none"`, `""`, `null`} {
			body := `{"name":"p","transport":"any","dnssec":` + wrong + `}`
			if got := s.fails(400, model.CodePeerDNSSEC, "PUT", at, body); got.Errors[0].Source.Pointer != "/dnssec" {
				t.Errorf("%s: points at %s", body, got.Errors[0].Source.Pointer)
			}
		}
	}
	is("stripped")
	log := string(s.must("GET", "/accounts/"+string(s.account)+"/logs/audit?since=2000-01-01&before=2100-01-01", nil).Result)
	if !strings.Contains(log, `"dnssec":"stripped"`) || !strings.Contains(log, `"transport":"tls"`) {
		t.Errorf("the audit log does not tell: %s", log)
	}
}

// TestPeerNames: who a peer's clients are by name, and how it is told over TLS, is kept where nothing is said of it, checked, and in the
// audit log.
func TestPeerNames(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	peers := s.secondaryDNS() + "/peers"
	id := s.must("POST", peers, `{"name":"p","ip":"192.0.2.1"}`).id(t)
	path := "/headwater/v1/accounts/" + string(s.account) + "/peers/" + id + "/transport"
	ca := strings.ReplaceAll(testkit.NewAuthority(t).PEM, "\n", `\n`)
	key := strings.Repeat("A", 43) + "="
	is := func(want ...string) {
		t.Helper()
		got := string(s.must("GET", path, nil).Result)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s, want %s", got, w)
			}
		}
	}
	s.must("PUT", path, `{"transport":"tls","client_names":["Secondary.example","192.0.2.1"],"authority":"`+ca+`",
		"notify":{"transport":"tls","server_name":"Secondary.example","server_keys":["`+key+`"]}}`)
	all := []string{`"client_names":["secondary.example","192.0.2.1"]`, `"authority":"-----BEGIN`, `{"transport":"tls","port":null,"verify":"strict","server_name":"secondary.example","server_keys":["` + key + `"]`}
	is(all...)
	s.must("PUT", path, `{"transport":"tls"}`)
	s.must("PUT", peers+"/"+id, `{"name":"renamed","ip":"192.0.2.2"}`)
	is(all...)
	s.must("PUT", path, `{"transport":"tls","notify":{"port":5853,"verify":"opportunistic"}}`)
	is(`{"transport":"tls","port":5853,"verify":"opportunistic","server_name":"secondary.example"`)
	for body, pointer := range map[string]string{
		`{"transport":"any"}`:                                                                "/client_names",
		`{"transport":"tls","authority":""}`:                                                 "/client_names",
		`{"transport":"tls","authority":"words"}`:                                            "/authority",
		`{"transport":"tls","client_names":["a b"]}`:                                         "/client_names/0",
		`{"transport":"tls","client_names":["a","*.b"]}`:                                     "/client_names/1",
		`{"transport":"tls","client_names":["a","a","a","a","a","a","a","a","a"]}`:           "/client_names",
		`{"transport":"tls","notify":{"transport":"udp"}}`:                                   "/notify/transport",
		`{"transport":"tls","notify":{"port":0}}`:                                            "/notify/port",
		`{"transport":"tls","notify":{"port":65536}}`:                                        "/notify/port",
		`{"transport":"tls","notify":{"verify":"no"}}`:                                       "/notify/verify",
		`{"transport":"tls","notify":{"server_name":"a b"}}`:                                 "/notify/server_name",
		`{"transport":"tls","notify":{"server_keys":["short"]}}`:                             "/notify/server_keys/0",
		`{"transport":"tls","notify":{"verify":"strict","server_name":"","server_keys":[]}}`: "/notify/server_name",
	} {
		if got := s.fails(400, model.CodePeerNames, "PUT", path, body); got.Errors[0].Source.Pointer != pointer {
			t.Errorf("%s: points at %s", body, got.Errors[0].Source.Pointer)
		}
	}
	is(`{"transport":"tls","port":5853,"verify":"opportunistic","server_name":"secondary.example"`)
	log := string(s.must("GET", "/accounts/"+string(s.account)+"/logs/audit?since=2000-01-01&before=2100-01-01", nil).Result)
	if !strings.Contains(log, `"client_names":["secondary.example"`) || !strings.Contains(log, `"verify":"opportunistic"`) {
		t.Errorf("the audit log does not tell: %s", log)
	}
}
