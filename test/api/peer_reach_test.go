package api_test

import (
	"fmt"
	"net/netip"
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
