package oidc

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Rule gives a group of the provider's a role in an account: one of the account, or one by zone, in all of its zones. An account is told by
// its id alone: its name is what its members say, and could be another's tomorrow.
type Rule struct {
	Group   string
	Account model.ID
	Role    string
}

// account is what ids of accounts look like.
var account = regexp.MustCompile(`^[0-9a-f]{32}$`)

// ParseRule reads GROUP=ACCOUNT:ROLE; a group's name may have both signs.
func ParseRule(s string) (Rule, error) {
	eq := strings.LastIndexByte(s, '=')
	colon := strings.LastIndexByte(s, ':')
	if eq <= 0 || colon <= eq+1 {
		return Rule{}, fmt.Errorf("%q is not GROUP=ACCOUNT:ROLE", s)
	}
	r := Rule{s[:eq], model.ID(s[eq+1 : colon]), s[colon+1:]}
	if !account.MatchString(string(r.Account)) {
		return r, fmt.Errorf("%q: %q is no id of an account, which is 32 hexadecimal digits: see the account's settings", s, r.Account)
	}
	if r.Role == auth.RoleByZone || !auth.IsRole(r.Role) && !auth.IsZoneRole(r.Role) {
		return r, fmt.Errorf("%q: there is no role %q", s, r.Role)
	}
	return r, nil
}

// Issuer is who the provider says that it is.
func (p *Provider) Issuer() string { return p.cfg.Issuer }

// Accounts are those that rules speak of.
func (p *Provider) Accounts() []model.ID {
	var out []model.ID
	for _, r := range p.cfg.Rules {
		if !slices.Contains(out, r.Account) {
			out = append(out, r.Account)
		}
	}
	return out
}

// Role is what groups open together in an account; false: nothing.
func (p *Provider) Role(groups []string, account model.ID) (role string, zones []model.ZoneRole, ok bool) {
	for _, r := range p.cfg.Rules {
		if r.Account != account || !slices.Contains(groups, r.Group) {
			continue
		}
		ok = true
		switch {
		case auth.IsZoneRole(r.Role):
			zones = append(zones, model.ZoneRole{Zone: model.AllZones, Role: r.Role})
		case role != auth.RoleAdministrator:
			role = r.Role
		}
	}
	if role == auth.RoleAdministrator {
		zones = nil
	}
	if role == "" {
		role = auth.RoleByZone
	}
	return role, auth.SortZoneRoles(zones), ok
}
