package rules_test

import (
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestUpdates is which names and types a policy lets in.
func TestUpdates(t *testing.T) {
	t.Parallel()
	name := func(match model.UpdateMatch, n string) model.UpdatePolicy {
		return model.UpdatePolicy{Names: []model.UpdateName{{Match: match, Name: n}}}
	}
	typed := func(p model.UpdatePolicy, only, except []wire.Type) model.UpdatePolicy {
		p.Types, p.Except = only, except
		return p
	}
	challenge := name(model.MatchWildcard, "_acme-challenge.*")
	whole := name(model.MatchSubtree, "example.com")
	for _, c := range []struct {
		p     model.UpdatePolicy
		owner string
		t     wire.Type
		want  bool
	}{
		{name(model.MatchExact, "a.example.com"), "A.example.com", wire.TypeA, true},
		{name(model.MatchExact, "a.example.com"), "x.a.example.com", wire.TypeA, false},
		{name(model.MatchSubtree, "a.example.com"), "a.example.com", wire.TypeA, true},
		{name(model.MatchSubtree, "a.example.com"), "x.y.a.example.com", wire.TypeA, true},
		{name(model.MatchSubtree, "a.example.com"), "xa.example.com", wire.TypeA, false},
		{challenge, "_acme-challenge.example.com", wire.TypeTXT, true},
		{challenge, "_acme-challenge.www.example.com", wire.TypeTXT, true},
		{challenge, "_acme-challenge", wire.TypeTXT, false},
		{challenge, "www.example.com", wire.TypeTXT, false},
		{challenge, "x._acme-challenge.example.com", wire.TypeTXT, false},
		{name(model.MatchWildcard, "*.dyn.example.com"), "a.dyn.example.com", wire.TypeA, true},
		{name(model.MatchWildcard, "*.dyn.example.com"), "a.b.dyn.example.com", wire.TypeA, true},
		{name(model.MatchWildcard, "*.dyn.example.com"), "dyn.example.com", wire.TypeA, false},
		{name(model.MatchWildcard, "*.dyn.example.com"), "xdyn.example.com", wire.TypeA, false},
		{name(model.MatchWildcard, "_t.*.example.com"), "_t.a.example.com", wire.TypeA, true},
		{name(model.MatchWildcard, "_t.*.example.com"), "_t.example.com", wire.TypeA, false},
		{name(model.MatchSelf, ""), "key.example.com", wire.TypeA, true},
		{name(model.MatchSelf, ""), "x.key.example.com", wire.TypeA, false},
		{whole, "example.com", wire.TypeMX, true},
		{whole, "example.com", wire.TypeNS, false},
		{whole, "example.com", wire.TypeSOA, false},
		{whole, "d.example.com", wire.TypeDS, false},
		{typed(whole, []wire.Type{wire.TypeNS}, nil), "d.example.com", wire.TypeNS, true},
		{typed(whole, []wire.Type{wire.TypeNS}, nil), "d.example.com", wire.TypeA, false},
		{typed(whole, nil, []wire.Type{wire.TypeMX}), "d.example.com", wire.TypeA, true},
		{typed(whole, nil, []wire.Type{wire.TypeMX}), "d.example.com", wire.TypeMX, false},
		{model.UpdatePolicy{}, "a.example.com", wire.TypeA, false},
	} {
		if got := rules.Updates(&c.p, wire.MustName("key.example.com"), wire.MustName(c.owner), c.t); got != c.want {
			t.Errorf("%+v lets %s %s in: %v", c.p, c.owner, c.t, got)
		}
	}
}
