package api_test

import (
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// TestCatalog gives a peer a catalog, which is nobody's to see or edit otherwise, and takes it away.
func TestCatalog(t *testing.T) {
	t.Parallel()
	is := api.Catalog{Serial: 7, Held: true, Losses: "these", Lost: []api.CatalogMember{{Zone: model.ID(strings.Repeat("1", 32)), Name: "lost.example"}}}
	s := newServer(t, func(c *api.Config) {
		c.Catalog = func(model.ID) (api.Catalog, bool) { return is, true }
	})
	peer, bare := s.peer("p", "192.0.2.1", ""), s.must("POST", s.secondaryDNS()+"/peers", `{"name":"bare"}`).id(t)
	zone, _ := s.zone("member.example")
	path := "/headwater/v1/accounts/" + string(s.account) + "/peers/" + peer + "/catalog"
	if got := string(s.must("GET", path, nil).Result); !strings.Contains(got, `"enabled":false`) {
		t.Error(got)
	}
	s.fails(404, model.CodePeerCatalog, "DELETE", path, nil)
	s.fails(404, model.CodePeerNotFound, "PUT", strings.Replace(path, peer, strings.Repeat("0", 32), 1), `{}`)
	s.fails(400, model.CodePeerCatalog, "PUT", strings.Replace(path, peer, bare, 1), `{}`)
	s.fails(400, model.CodePeerCatalog, "PUT", path, `{"name":"a..b"}`)
	s.fails(400, model.CodePeerCatalog, "PUT", path, `{"name":"`+strings.Repeat("a.", 110)+`example"}`)
	if got := s.fails(400, model.CodeZoneExists, "PUT", path, `{"name":"member.example"}`); got.Errors[0].Source.Pointer != "/name" {
		t.Errorf("%+v", got.Errors)
	}
	s.must("PUT", path, `{"name":"Catalog.example"}`)
	if got := string(s.must("PUT", path, `{"name":"catalog.example"}`).Result); !strings.Contains(got, `"name":"catalog.example"`) || !strings.Contains(got, `"serial":7`) {
		t.Error(got)
	}
	s.fails(400, model.CodePeerCatalog, "PUT", path, `{"name":"other.example"}`)
	p, err := s.store.Peer(t.Context(), s.account, model.ID(peer))
	if err != nil {
		t.Fatal(err)
	}
	s.must("PUT", s.secondaryDNS()+"/peers/"+peer, `{"name":"renamed","ip":"192.0.2.2"}`) // by a program that knows nothing of it
	hidden := "/zones/" + string(p.Catalog)
	for _, at := range []string{hidden, hidden + "/dns_records", hidden + "/secondary_dns/outgoing", "/headwater/v1" + hidden + "/secondaries"} {
		s.fails(404, model.CodeZoneInvalid, "GET", at, nil)
	}
	s.fails(404, model.CodeZoneInvalid, "DELETE", hidden, nil)
	if got := s.must("GET", "/zones?per_page=50", nil); strings.Contains(string(got.Result), "catalog.example") || !strings.Contains(string(got.Result), "member.example") {
		t.Error(string(got.Result))
	}
	s.fails(400, model.CodePeerInUse, "DELETE", s.secondaryDNS()+"/peers/"+peer, nil)

	s.fails(400, model.CodePeerCatalog, "POST", path+"/confirm", `{"confirm":"others"}`)
	s.must("POST", path+"/confirm", `{"confirm":"these"}`)
	if p, err = s.store.Peer(t.Context(), s.account, model.ID(peer)); err != nil || p.MayLose != "these" || p.Name != "renamed" {
		t.Errorf("%v: %+v", err, p)
	}

	groups := "/headwater/v1" + zone + "/catalog_groups"
	s.fails(404, model.CodeOutgoingMissing, "GET", groups, nil)
	s.must("POST", zone+"/secondary_dns/outgoing", `{"peers":["`+peer+`"]}`)
	s.fails(400, model.CodePeerCatalog, "PUT", groups, `{"groups":{"`+bare+`":"gold"}}`)
	s.fails(400, model.CodePeerCatalog, "PUT", groups, `{"groups":{"`+peer+`":"two words"}}`)
	s.must("PUT", groups, `{"groups":{"`+peer+`":"gold"}}`)
	s.must("PUT", zone+"/secondary_dns/outgoing", `{"peers":["`+peer+`","`+bare+`"]}`)
	if got := string(s.must("GET", groups, nil).Result); got != `{"groups":{"`+peer+`":"gold"}}` {
		t.Error(got)
	}
	s.must("PUT", zone+"/secondary_dns/outgoing", `{"peers":["`+bare+`"]}`)
	if got := string(s.must("GET", groups, nil).Result); got != `{"groups":{}}` {
		t.Error(got)
	}

	s.must("DELETE", path, nil)
	s.must("DELETE", s.secondaryDNS()+"/peers/"+peer, nil)
	s.zone("catalog.example") // the name is free again
}
