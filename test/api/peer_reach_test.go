package api_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// TestPeersThatTenantsMayNotName has a member name addresses that only an administrator of the server may name, and keep the
// ones that such a person has given to the account, at the same port.
func TestPeersThatTenantsMayNotName(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *api.Config) { c.PeerAllowed = func(a netip.Addr) bool { return !a.IsLoopback() } })
	s.addMember(s.account, "member@example.com", auth.RoleAdministrator)
	member := keyed("member@example.com", s.keyOf("member@example.com"))
	peers := s.secondaryDNS() + "/peers"
	body := func(name, ip string, port int) string {
		return fmt.Sprintf(`{"name":%q,"ip":%q,"port":%d}`, name, ip, port)
	}
	theirs := s.must("POST", peers, body("internal", "127.0.0.9", 5301)).id(t)
	own := s.must("POST", peers, body("mine", "192.0.2.1", 53), member).id(t)
	for _, ip := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
		s.fails(403, model.CodePeerForbidden, "POST", peers, body("p", ip, 53), member)
		s.fails(403, model.CodePeerForbidden, "PUT", peers+"/"+own, body("mine", ip, 53), member)
	}
	s.must("PUT", peers+"/"+theirs, body("renamed", "127.0.0.9", 5301), member)
	s.fails(403, model.CodePeerForbidden, "PUT", peers+"/"+theirs, body("renamed", "127.0.0.9", 22), member)
	s.fails(403, model.CodePeerForbidden, "PUT", peers+"/"+theirs, body("renamed", "127.0.0.8", 5301), member)
	s.must("PUT", peers+"/"+theirs, `{"name":"without"}`, member)
	s.fails(403, model.CodePeerForbidden, "PUT", peers+"/"+theirs, body("again", "127.0.0.9", 5301), member)
	if n := len(s.must("GET", peers, nil).list(t)); n != 2 {
		t.Errorf("%d peers", n)
	}
}

// TestNotifySources: a peer is told from addresses that its account's members may choose, one of a family; what is wrong is pointed at, what is
// not said stays, and an address that an administrator of the server has given stays until somebody takes it away.
func TestNotifySources(t *testing.T) {
	t.Parallel()
	offered := netip.MustParseAddr("192.0.2.53")
	s := newServer(t, func(c *api.Config) { c.NotifySource = func(a netip.Addr) bool { return a == offered } })
	s.addMember(s.account, "member@example.com", auth.RoleAdministrator)
	member := keyed("member@example.com", s.keyOf("member@example.com"))
	id := s.must("POST", s.secondaryDNS()+"/peers", `{"name":"p","ip":"198.51.100.1"}`).id(t)
	path := "/headwater/v1/accounts/" + string(s.account) + "/peers/" + id + "/transport"
	body := func(list string) string { return `{"transport":"any","notify":{"sources":[` + list + `]}}` }
	is := func(want string) {
		t.Helper()
		if got := string(s.must("GET", path, nil).Result); !strings.Contains(got, `"sources":[`+want+`]`) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	is("")
	for list, pointer := range map[string]string{
		`"a.example"`:                     "/notify/sources/0",
		`""`:                              "/notify/sources/0",
		`"192.0.2.1:53"`:                  "/notify/sources/0",
		`"fe80::1%eth0"`:                  "/notify/sources/0",
		`"0.0.0.0"`:                       "/notify/sources/0",
		`"2001:db8::1","::"`:              "/notify/sources/1",
		`"224.0.0.1"`:                     "/notify/sources/0",
		`"255.255.255.255"`:               "/notify/sources/0",
		`"192.0.2.1","192.0.2.2"`:         "/notify/sources/1",
		`"192.0.2.1","::ffff:192.0.2.2"`:  "/notify/sources/1",
		`"::1","192.0.2.1","2001:db8::1"`: "/notify/sources/2",
	} {
		if got := s.fails(400, model.CodePeerNames, "PUT", path, body(list)); got.Errors[0].Source.Pointer != pointer {
			t.Errorf("%s: points at %s", list, got.Errors[0].Source.Pointer)
		}
	}
	is("")
	s.must("PUT", path, body(`"::ffff:192.0.2.53"`), member)
	is(`"192.0.2.53"`)
	if got := s.fails(403, model.CodePeerForbidden, "PUT", path, body(`"192.0.2.53","2001:db8::1"`), member); got.Errors[0].Source.Pointer != "/notify/sources/1" {
		t.Errorf("points at %s", got.Errors[0].Source.Pointer)
	}
	is(`"192.0.2.53"`)
	s.must("PUT", path, body(`"192.0.2.1","2001:DB8:0::1"`))
	is(`"192.0.2.1","2001:db8::1"`)
	s.must("PUT", path, `{"transport":"any"}`, member)
	s.must("PUT", s.secondaryDNS()+"/peers/"+id, `{"name":"renamed","ip":"198.51.100.2"}`, member)
	is(`"192.0.2.1","2001:db8::1"`)
	s.must("PUT", path, body(`"2001:db8::1","192.0.2.53"`), member)
	is(`"2001:db8::1","192.0.2.53"`)
	s.fails(403, model.CodePeerForbidden, "PUT", path, body(`"192.0.2.1"`), member)
	log := string(s.must("GET", "/accounts/"+string(s.account)+"/logs/audit?since=2000-01-01&before=2100-01-01", nil).Result)
	if !strings.Contains(log, `"sources":["2001:db8::1","192.0.2.53"]`) {
		t.Errorf("the audit log does not tell: %s", log)
	}
	s.must("PUT", path, body(""), member)
	is("")
}
