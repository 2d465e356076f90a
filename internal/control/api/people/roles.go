package people

import (
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// zoneRoleJSON is a role in some zones of an account, or in all of them, those to come too: "*" alone.
type zoneRoleJSON struct {
	Role  string     `json:"role"`
	Zones []model.ID `json:"zones"`
}

// renderZoneRoles gathers roles by zone, those that open the most first.
func renderZoneRoles(list []model.ZoneRole) []zoneRoleJSON {
	out := []zoneRoleJSON{}
	for _, role := range auth.ZoneRoles() {
		of := zoneRoleJSON{Role: role}
		for _, r := range list {
			if r.Role == role {
				of.Zones = append(of.Zones, r.Zone)
			}
		}
		if of.Zones != nil {
			out = append(out, of)
		}
	}
	return out
}

// maxZoneRoles bounds the roles by zone of a member: what he may is asked with each of his requests.
const maxZoneRoles = 1000

// rolesBody is a member's roles as sent. What is not sent stays, and the first time is nothing.
type rolesBody struct {
	Role  api.Optional[string]         `json:"role"`
	Zones api.Optional[[]zoneRoleJSON] `json:"zone_roles"`
}

// give puts roles into a member. Administrators have no roles by zone beside: they say nothing more, and would stay when the other goes.
func (b *rolesBody) give(q *api.Request, m *model.Member) error {
	if b.Role.Given() || m.Role == "" {
		m.Role = b.Role.Value
	}
	if !auth.IsRole(m.Role) {
		return api.Invalid(model.CodeMemberInvalid, "/role", "The role must be administrator, read_only or by_zone.")
	}
	if b.Zones.Given() {
		zones, err := b.zoneRoles(q, m.Zones)
		if err != nil {
			return err
		}
		m.Zones = zones
	}
	switch {
	case m.Role == auth.RoleAdministrator && b.Zones.Given() && len(m.Zones) > 0:
		return badZoneRole("", "An administrator may everything in all zones: roles by zone go with read_only and by_zone.")
	case m.Role == auth.RoleAdministrator:
		m.Zones = nil
	case m.Role == auth.RoleByZone && len(m.Zones) == 0:
		return badZoneRole("", "A member by_zone needs at least one role in a zone.")
	}
	return nil
}

// zoneRoles reads roles by zone. Each zone must be one of the account, or one that the member had a role in: that it was deleted since is
// no reason to refuse the rest.
func (b *rolesBody) zoneRoles(q *api.Request, had []model.ZoneRole) ([]model.ZoneRole, error) {
	var out []model.ZoneRole
	for i, r := range b.Zones.Value {
		at := fmt.Sprintf("/%d", i)
		if !auth.IsZoneRole(r.Role) {
			return nil, badZoneRole(at+"/role", "The role must be zone_administrator, zone_editor, zone_reader or zone_acme.")
		}
		if len(r.Zones) == 0 || len(out)+len(r.Zones) > maxZoneRoles {
			return nil, badZoneRole(at+"/zones", fmt.Sprintf("A role needs zones, or \"*\" for all, and a member has at most %d.", maxZoneRoles))
		}
		for k, id := range r.Zones {
			if id != model.AllZones && !api.ValidID(string(id)) {
				return nil, badZoneRole(fmt.Sprintf("%s/zones/%d", at, k), "This is not the id of a zone.")
			}
			out = append(out, model.ZoneRole{Zone: id, Role: r.Role})
		}
	}
	out = auth.SortZoneRoles(out)
	for _, r := range out {
		if r.Zone == model.AllZones || slices.ContainsFunc(had, func(o model.ZoneRole) bool { return o.Zone == r.Zone }) {
			continue
		}
		z, err := q.API.Store.Zone(q.Ctx(), r.Zone)
		if err != nil || z.Account != q.Account || z.Catalog() {
			return nil, badZoneRole("", "There is no zone "+string(r.Zone)+" in this account.")
		}
	}
	return out, nil
}

func badZoneRole(at, message string) error {
	return api.Invalid(model.CodeZoneRole, "/zone_roles"+at, message)
}
