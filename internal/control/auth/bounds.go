package auth

import (
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Covers says whether a token of the identity's making would be no more than the identity is itself: in groups, resources,
// time and addresses. Who came without a token is bound by nothing here. accountOf gives a zone's account, empty if there
// is no such zone.
func (i *Identity) Covers(t *model.Token, accountOf func(zone model.ID) model.ID) bool {
	if i.Token == nil {
		return true
	}
	if !coversTime(i.Token, t) || !coversAddresses(i.Token, t) {
		return false
	}
	b := bounds{i: i, child: t, accountOf: accountOf}
	for k := range t.Policies {
		if p := &t.Policies[k]; p.Effect == EffectAllow && !b.policy(p) {
			return false
		}
	}
	return true
}

// CoversMember says whether the identity may itself all that a member may in his account, without an end and from
// everywhere: what a member is given does not end with the token that gave it.
func (i *Identity) CoversMember(m *model.Member) bool {
	t := i.Token
	if t == nil {
		return true
	}
	if !t.Expires.IsZero() || len(t.In) > 0 || len(t.NotIn) > 0 || i.denies() {
		return false
	}
	return i.Covers(&model.Token{Policies: policiesOf(m)}, func(model.ID) model.ID { return "" })
}

func coversTime(t, child *model.Token) bool {
	if !t.Expires.IsZero() && (child.Expires.IsZero() || child.Expires.After(t.Expires)) {
		return false
	}
	return !child.NotBefore.Before(t.NotBefore)
}

// coversAddresses says whether the child can be used from nowhere that the token cannot.
func coversAddresses(t, child *model.Token) bool {
	if len(t.In) > 0 {
		if len(child.In) == 0 {
			return false
		}
		for _, p := range child.In {
			if !insideAny(p, t.In) {
				return false
			}
		}
	}
	for _, p := range t.NotIn {
		if !insideAny(p, child.NotIn) && (len(child.In) == 0 || slices.ContainsFunc(child.In, p.Overlaps)) {
			return false
		}
	}
	return true
}

func insideAny(p netip.Prefix, of []netip.Prefix) bool {
	return slices.ContainsFunc(of, func(o netip.Prefix) bool { return o.Bits() <= p.Bits() && o.Contains(p.Addr()) })
}

// bounds compares a token's policies with what another token may.
type bounds struct {
	i         *Identity
	child     *model.Token
	accountOf func(model.ID) model.ID
}

// policy asks for every group and resource that a policy grants: the token must grant it, and what the token denies there
// the child must deny, too.
func (b *bounds) policy(p *model.Policy) bool {
	for _, id := range p.Groups {
		g, ok := groupIDs[id]
		if !ok {
			return false
		}
		for _, s := range p.Scopes {
			if !meaningful(g, s) {
				continue
			}
			s = b.owned(s)
			if !b.grants(g, s) || !b.deniesToo(g, s) {
				return false
			}
		}
	}
	return true
}

// owned narrows "all" to the account that an account's token is bound to anyway.
func (b *bounds) owned(s model.Scope) model.Scope {
	switch {
	case b.child.Account == "" || s.ID != "*":
	case s.Kind == KindAccount:
		s.ID = string(b.child.Account)
	case s.Kind == KindZone && s.Account == "":
		s.Account = b.child.Account
	}
	return s
}

// meaningful says whether a group on a resource of this kind opens anything.
func meaningful(g Group, s model.Scope) bool {
	switch g.Scope {
	case ScopeUser:
		return s.Kind == KindUser
	case ScopeAccount:
		return s.Kind == KindAccount
	}
	return s.Kind != KindUser
}

func (b *bounds) grants(g Group, s model.Scope) bool {
	for k := range b.i.Token.Policies {
		p := &b.i.Token.Policies[k]
		if p.Effect == EffectAllow && holds(p, g) && slices.ContainsFunc(p.Scopes, func(o model.Scope) bool { return b.contains(o, s) }) {
			return true
		}
	}
	return false
}

func (b *bounds) deniesToo(g Group, s model.Scope) bool {
	for k := range b.i.Token.Policies {
		p := &b.i.Token.Policies[k]
		if p.Effect == EffectAllow || !holds(p, g) {
			continue
		}
		for _, d := range p.Scopes {
			if meaningful(g, d) && !b.apart(d, s) && !b.childDenies(g, d) {
				return false
			}
		}
	}
	return true
}

func (b *bounds) childDenies(g Group, d model.Scope) bool {
	for k := range b.child.Policies {
		p := &b.child.Policies[k]
		if p.Effect != EffectAllow && holds(p, g) && slices.ContainsFunc(p.Scopes, func(o model.Scope) bool { return b.contains(b.owned(o), b.owned(d)) }) {
			return true
		}
	}
	return false
}

// contains says whether all of s lies in o.
func (b *bounds) contains(o, s model.Scope) bool {
	switch o.Kind {
	case KindUser:
		return s.Kind == KindUser && (o.ID == "*" || o.ID == s.ID || s.ID == "*" && model.ID(o.ID) == b.i.User.ID)
	case KindAccount:
		return s.Kind != KindUser && (o.ID == "*" || model.ID(o.ID) == b.account(s))
	}
	switch {
	case s.Kind != KindZone:
		// All zones of an account, wherever a zone group is granted on the account itself.
		return s.Kind == KindAccount && o.ID == "*" && (o.Account == "" || model.ID(s.ID) == o.Account)
	case o.ID != "*" && o.ID != s.ID:
		return false
	}
	return o.Account == "" || o.Account == b.account(s)
}

// account is the one account that a resource lies in; empty when it is not one.
func (b *bounds) account(s model.Scope) model.ID {
	switch {
	case s.Kind == KindAccount && s.ID != "*":
		return model.ID(s.ID)
	case s.Kind == KindZone && s.Account != "":
		return s.Account
	case s.Kind == KindZone && s.ID != "*":
		return b.accountOf(model.ID(s.ID))
	}
	return ""
}

// apart says whether two resources certainly have nothing in common.
func (b *bounds) apart(x, y model.Scope) bool {
	if (x.Kind == KindUser) != (y.Kind == KindUser) {
		return true
	}
	if x.Kind == y.Kind && x.Kind != KindAccount && x.ID != "*" && y.ID != "*" && x.ID != y.ID {
		return true
	}
	ax, ay := b.account(x), b.account(y)
	return ax != "" && ay != "" && ax != ay
}
