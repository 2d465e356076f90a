package auth

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// States of members: who was invited is pending until he has accepted.
const (
	MemberPending  = "pending"
	MemberAccepted = "accepted"
)

// How an identity came in, as the audit log names it.
const (
	ContextKey     = "api_key"
	ContextToken   = "api_token"
	ContextSession = "dash"
)

// Identity is who asks. It is made for one request and not changed.
type Identity struct {
	User    model.User   // zero for a token that belongs to an account
	Token   *model.Token // nil unless a token was sent
	Context string       // one of the Context constants

	members map[model.ID]membership // by account
	locked  []model.ID              // accounts that ask for a second factor first
	session *session
}

// Home is on whose account things are counted that are asked for without naming one: the token's, or that of the user's accounts
// which has the first id, so that all of an account's people count together; the user's own id where there is none.
func (i *Identity) Home() model.ID {
	if i.Token != nil && i.Token.Account != "" {
		return i.Token.Account
	}
	if len(i.members) == 0 {
		return i.User.ID
	}
	return slices.Min(slices.Collect(maps.Keys(i.members)))
}

// Locked are the accounts of which the user is a member, and which are closed to him until he has a second factor.
func (i *Identity) Locked() []model.ID { return slices.Clone(i.locked) }

// Forbidden is the failure of an identity that may not do this in an account, or with an empty one at all.
func (i *Identity) Forbidden(account model.ID, dnsRecords bool) *Failure {
	if slices.Contains(i.locked, account) {
		return &Failure{
			Status: statusForbidden, Code: model.CodeFactorEnforced, Why: WhyForbidden,
			Message: "This account asks its members for a second factor: set one up in your profile",
		}
	}
	return Forbidden(dnsRecords)
}

// CSRF is the token that the session's requests must carry to change anything; empty without a session.
func (i *Identity) CSRF() string {
	if i.session == nil {
		return ""
	}
	return i.session.csrf
}

// SessionExpires is when the session ends; the zero time without one.
func (i *Identity) SessionExpires() time.Time {
	if i.session == nil {
		return time.Time{}
	}
	return issuedAt(i.session.mark()).Add(SessionLife)
}

// SessionID names the session; empty without one.
func (i *Identity) SessionID() model.ID {
	if i.session == nil {
		return ""
	}
	return i.session.sessionID()
}

// Actor describes the identity for the audit log.
func (i *Identity) Actor(addr netip.Addr, request string) model.Actor {
	a := model.Actor{User: i.User.ID, Email: i.User.Email, Context: i.Context, IP: addr.Unmap(), Request: request}
	if i.Token != nil {
		a.Token = i.Token.ID
	}
	return a
}

// Can says whether the identity holds at least one of the named permission groups on a resource. Account is the one that
// the resource belongs to and zone the zone it belongs to; groups of zone scope want both, groups of account scope look
// at the account alone, and groups of user scope speak of the identity's own user. Unknown groups open nothing, so a
// route without any group is closed.
//
// What a token may do is bounded twice: by its policies and by its owner.
func (i *Identity) Can(names []string, account, zone model.ID) bool {
	return i.Reach(names, account, zone) != ReachNothing
}

// Reach is Can, and says of which of the zone's records it holds: one of the groups opens challenges alone.
func (i *Identity) Reach(names []string, account, zone model.ID) Reach {
	out := ReachNothing
	for _, n := range names {
		g, ok := groupNames[n]
		if !ok || g.Scope == ScopeZone && zone == "" || g.Scope == ScopeAccount && account == "" {
			continue
		}
		switch {
		case g.Name == GroupACME && out == ReachChallenges:
		case !i.owns(g, account, zone) || !i.granted(g, account, zone):
		case g.Name != GroupACME:
			return ReachAll
		default:
			out = ReachChallenges
		}
	}
	return out
}

// ServerAdmin says whether the identity may do what concerns the whole server.
func (i *Identity) ServerAdmin() bool { return i.Can([]string{GroupServerAdmin}, "", "") }

// owns says whether the one behind the credentials, token policies aside, has the right.
func (i *Identity) owns(g Group, account, zone model.ID) bool {
	if i.User.ID == "" { // an account's token: all of the account, nothing else
		return i.Token != nil && g.Scope != ScopeUser && i.Token.Account == account
	}
	switch {
	case g.Name == GroupServerAdmin:
		return i.User.Admin
	case i.User.Admin || g.Scope == ScopeUser:
		return true
	}
	m, member := i.members[account]
	return member && m.holds(g, zone)
}

// granted says whether the token's policies, if there is a token, allow the group there. A denial beats every grant.
func (i *Identity) granted(g Group, account, zone model.ID) bool {
	if i.Token == nil {
		return true
	}
	allowed := false
	for k := range i.Token.Policies {
		p := &i.Token.Policies[k]
		if !holds(p, g) || !i.reaches(p, g, account, zone) {
			continue
		}
		if p.Effect != EffectAllow {
			return false
		}
		allowed = true
	}
	return allowed
}

// The effects of policies.
const (
	EffectAllow = "allow"
	EffectDeny  = "deny"
)

func holds(p *model.Policy, g Group) bool {
	return slices.Contains(p.Groups, g.ID) ||
		slices.ContainsFunc(within[g.Name], func(more string) bool { return slices.Contains(p.Groups, groupNames[more].ID) })
}

func (i *Identity) reaches(p *model.Policy, g Group, account, zone model.ID) bool {
	for _, s := range p.Scopes {
		if i.scopeReaches(s, g, account, zone) {
			return true
		}
	}
	return false
}

// The kinds of a model.Scope.
const (
	KindAccount = "account"
	KindZone    = "zone"
	KindUser    = "user"
)

// scopeReaches matches one resource of a policy. An account contains its zones, so a zone group on an account means all
// zones of it.
func (i *Identity) scopeReaches(s model.Scope, g Group, account, zone model.ID) bool {
	switch g.Scope {
	case ScopeUser:
		return s.Kind == KindUser && (s.ID == "*" || model.ID(s.ID) == i.User.ID)
	case ScopeAccount:
		return s.Kind == KindAccount && (s.ID == "*" || model.ID(s.ID) == account)
	case ScopeZone:
		if s.Kind == KindAccount {
			return s.ID == "*" || model.ID(s.ID) == account
		}
		return s.Kind == KindZone && (s.ID == "*" || model.ID(s.ID) == zone) && (s.Account == "" || s.Account == account)
	}
	return false
}
