package api_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// tenant is an account of its own with an administrator.
type tenant struct {
	id model.ID
	by as
}

func (s *server) tenant(name string) tenant {
	s.t.Helper()
	t := tenant{id: model.ID(s.must("POST", "/headwater/v1/accounts", map[string]any{"name": name}).id(s.t))}
	email := name + "@example.com"
	s.addMember(t.id, email, "administrator")
	t.by = keyed(email, s.keyOf(email))
	return t
}

func (t tenant) zone(name string) map[string]any {
	return map[string]any{"name": name, "account": map[string]any{"id": t.id}}
}

// TestNamesOfOtherTenants: nobody makes zones inside another's, above them, or over everybody.
func TestNamesOfOtherTenants(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	admin := tenant{id: s.account}
	bank, thief := s.tenant("bank"), s.tenant("thief")
	s.must("POST", "/zones", bank.zone("bank.example"), bank.by)
	s.must("POST", "/zones", bank.zone("deep.down.shop.test"), bank.by)
	for _, name := range []string{
		"www.bank.example", "_acme-challenge.bank.example", "a.b.c.bank.example", "WWW.BANK.example.", "shop.test", "down.shop.test",
	} {
		s.fails(400, model.CodeZoneNested, "POST", "/zones", thief.zone(name), thief.by)
	}
	for _, name := range []string{"com", "co.uk", "github.io", "example", "test", "internal", "home.arpa", "in-addr.arpa", "xn--p1ai"} {
		s.fails(400, model.CodePublicSuffix, "POST", "/zones", thief.zone(name), thief.by)
		s.fails(400, model.CodePublicSuffix, "POST", "/zones", bank.zone(name), bank.by)
	}
	// A catalog is a zone like others there.
	peer := s.must("POST", "/accounts/"+string(thief.id)+"/secondary_dns/peers", map[string]any{"name": "thief", "ip": "198.51.100.7", "port": 53}, thief.by).id(t)
	catalog := "/headwater/v1/accounts/" + string(thief.id) + "/peers/" + peer + "/catalog"
	for name, code := range map[string]int{
		"www.bank.example": model.CodeZoneNested, "bank.example": model.CodeZoneExists, "shop.test": model.CodeZoneNested, "com": model.CodePublicSuffix,
	} {
		s.fails(400, code, "PUT", catalog, map[string]any{"name": name}, thief.by)
	}
	// Names that only look alike, and one's own.
	for _, name := range []string{"notbank.example", "bank.example.org", "ank.example", "example.com", "2.0.192.in-addr.arpa", "thief.github.io"} {
		s.must("POST", "/zones", thief.zone(name), thief.by)
	}
	for _, name := range []string{"www.bank.example", "shop.test"} {
		s.must("POST", "/zones", bank.zone(name), bank.by)
	}
	// With leave of both, and of both alone.
	shares := func(a tenant, with ...model.ID) {
		list := append([]model.ID{}, with...)
		r := s.must("PATCH", "/headwater/v1/accounts/"+string(a.id)+"/shared_names", map[string]any{"accounts": list}, a.by)
		if got := s.must("GET", "/headwater/v1/accounts/"+string(a.id)+"/shared_names", nil, a.by); got.Raw != r.Raw {
			t.Errorf("%s reads as %s", r.Raw, got.Raw)
		}
	}
	shares(thief, bank.id)
	s.fails(400, model.CodeZoneNested, "POST", "/zones", thief.zone("m.bank.example"), thief.by)
	shares(bank, thief.id)
	s.must("POST", "/zones", thief.zone("m.bank.example"), thief.by)
	shares(bank)
	s.fails(400, model.CodeZoneNested, "POST", "/zones", thief.zone("n.bank.example"), thief.by)
	path := "/headwater/v1/accounts/" + string(bank.id) + "/shared_names"
	for _, body := range []string{
		`{}`, `{"accounts":null}`, `{"accounts":["x"]}`, fmt.Sprintf(`{"accounts":[%q]}`, bank.id), fmt.Sprintf(`{"accounts":[%q,%q]}`, thief.id, thief.id),
	} {
		s.fails(400, model.CodeSharesNames, "PATCH", path, body, bank.by)
	}
	s.fails(403, 9109, "PATCH", path, `{"accounts":[]}`, thief.by)
	// Server administrators may.
	s.must("POST", "/zones", admin.zone("o.bank.example"))
	s.must("POST", "/zones", admin.zone("com"))
	s.fails(400, model.CodeZoneNested, "POST", "/zones", thief.zone("another.com"), thief.by)
	// A name is free again when what was above it is gone.
	zones := s.must("GET", "/zones?name=bank.example", nil, bank.by).list(t)
	s.must("DELETE", "/zones/"+zones[0]["id"].(string), nil, bank.by)
	s.must("POST", "/zones", thief.zone("x.bank.example"), thief.by)
}

// TestAloneOnTheServer: who runs one account for one team is asked nothing of this.
func TestAloneOnTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addMember(s.account, "member@example.com", "administrator")
	team := tenant{id: s.account, by: keyed("member@example.com", s.keyOf("member@example.com"))}
	for _, name := range []string{"internal", "test", "home.arpa", "com", "www.example.com", "example.com", "a.b.www.example.com", "lan.internal"} {
		s.must("POST", "/zones", team.zone(name), team.by)
	}
}

// TestTwoTenantsAtOnce has two make zones inside each other, again and again: one of them gets its zone.
func TestTwoTenantsAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	two := []tenant{s.tenant("one"), s.tenant("two")}
	for i := range 20 {
		var wg sync.WaitGroup
		got := make([]int, 2)
		for k, who := range two {
			name := strings.Repeat("www.", k) + fmt.Sprintf("bank%d.example", i)
			wg.Go(func() { got[k] = s.send("POST", "/zones", who.zone(name), who.by) })
		}
		wg.Wait()
		if got[0]+got[1] != 200+400 {
			t.Fatalf("statuses %v", got)
		}
	}
}
