package auth

import (
	"cmp"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Roles of members: in all of an account, or nothing but what roles by zone give.
const (
	RoleAdministrator = "administrator"
	RoleReadOnly      = "read_only"
	RoleByZone        = "by_zone"
)

// Roles by zone.
const (
	ZoneAdministrator = "zone_administrator" // all that there is in a zone
	ZoneEditor        = "zone_editor"        // reads all of it, changes records
	ZoneReader        = "zone_reader"        // reads all of it
	ZoneACME          = "zone_acme"          // TXT at _acme-challenge names, and nothing else is seen
)

// zoneRoles is which groups each role by zone holds in its zone: the one table of who may what there. It is of groups and not of routes:
// what a group opens stands with each route.
var zoneRoles = map[string]func(Group) bool{
	ZoneAdministrator: func(Group) bool { return true },
	ZoneEditor:        func(g Group) bool { return !g.Write || g.Name == GroupRecords || g.Name == GroupACME },
	ZoneReader:        func(g Group) bool { return !g.Write },
	ZoneACME:          func(g Group) bool { return g.Name == GroupACME },
}

// ZoneRoles lists the roles by zone, from the most to the least.
func ZoneRoles() []string { return []string{ZoneAdministrator, ZoneEditor, ZoneReader, ZoneACME} }

// IsRole says whether members can have the role; IsZoneRole is for roles by zone.
func IsRole(role string) bool {
	return role == RoleAdministrator || role == RoleReadOnly || role == RoleByZone
}

// IsZoneRole is IsRole for roles by zone.
func IsZoneRole(role string) bool { return zoneRoles[role] != nil }

// SortZoneRoles brings roles by zone to the order in which members keep them, each once.
func SortZoneRoles(list []model.ZoneRole) []model.ZoneRole {
	slices.SortFunc(list, func(a, b model.ZoneRole) int { return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Role, b.Role)) })
	return slices.Compact(list)
}

// membership is what an identity has in an account.
type membership struct {
	role  string
	zones []model.ZoneRole // in order of zone
}

// holds says whether a member has a group in the account, or for one of zone scope in the zone.
func (m *membership) holds(g Group, zone model.ID) bool {
	switch {
	case m.role == RoleAdministrator || m.role == RoleReadOnly && !g.Write:
		return true
	case g.Scope != ScopeZone:
		return false
	}
	return m.inZone(g, model.AllZones) || m.inZone(g, zone)
}

func (m *membership) inZone(g Group, zone model.ID) bool {
	at, _ := slices.BinarySearchFunc(m.zones, zone, func(r model.ZoneRole, id model.ID) int { return cmp.Compare(r.Zone, id) })
	for ; at < len(m.zones) && m.zones[at].Zone == zone; at++ {
		if may := zoneRoles[m.zones[at].Role]; may != nil && may(g) {
			return true
		}
	}
	return false
}

// Reach is how far a right goes.
type Reach int

// The reaches: nothing; records that answer ACME challenges, and what it takes to find their zone; all.
const (
	ReachNothing Reach = iota
	ReachChallenges
	ReachAll
)

// challenge is the label of names at which DNS-01 is answered (RFC 8555 section 8.4).
const challenge = "_acme-challenge."

// IsChallenge says whether a record is one that answers ACME challenges: TXT at a name that begins with _acme-challenge.
func IsChallenge(r *model.Record) bool {
	return r.Type == wire.TypeTXT && strings.HasPrefix(r.Name.Host()+".", challenge)
}

// Challenges are the filters that select just these.
func Challenges() []model.Filter {
	return []model.Filter{
		{Field: "type", Op: model.OpExact, Value: wire.TypeTXT.String()},
		{Field: "name", Op: model.OpStartsWith, Value: challenge},
	}
}

// policiesOf is what a member may, as policies of a token: what a token must have itself before it gives that away.
func policiesOf(m *model.Member) []model.Policy {
	out := []model.Policy{{Effect: EffectAllow, Scopes: []model.Scope{{Kind: KindAccount, ID: string(m.Account)}}}}
	whole := membership{role: m.Role}
	for _, g := range groups {
		if g.Scope != ScopeUser && whole.holds(g, "") {
			out[0].Groups = append(out[0].Groups, g.ID)
		}
	}
	for _, r := range m.Zones {
		p := model.Policy{Effect: EffectAllow, Scopes: []model.Scope{{Kind: KindZone, ID: string(r.Zone), Account: m.Account}}}
		for _, g := range groups {
			if may := zoneRoles[r.Role]; g.Scope == ScopeZone && may != nil && may(g) {
				p.Groups = append(p.Groups, g.ID)
			}
		}
		out = append(out, p)
	}
	return out
}
