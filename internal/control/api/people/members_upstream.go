package people

import (
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// accountMemberJSON is a member in the upstream's form.
type accountMemberJSON struct {
	ID     model.ID          `json:"id"`
	Status string            `json:"status"`
	User   accountMemberUser `json:"user"`
	Roles  []roleJSON        `json:"roles"`
	// Policies say the same and more: what of the roles holds for which zones.
	Policies []memberPolicy `json:"policies"`
}

// memberPolicy gives a role, as a permission group, on an account or on some of its zones, as a resource group.
type memberPolicy struct {
	ID        model.ID        `json:"id"`
	Access    string          `json:"access"`
	Groups    []groupAnswer   `json:"permission_groups"`
	Resources []resourceGroup `json:"resource_groups"`
}

type resourceGroup struct {
	ID    model.ID        `json:"id"`
	Name  string          `json:"name"`
	Scope []resourceScope `json:"scope"`
}

type resourceScope struct {
	Key     string        `json:"key"`
	Objects []resourceKey `json:"objects"`
}

type resourceKey struct {
	Key string `json:"key"`
}

// policiesOf are a member's roles as policies. Their ids are those of the roles, for each comes once.
func policiesOf(m *model.Member) []memberPolicy {
	account := resourceAccount + string(m.Account)
	policy := func(role, name string, zones ...model.ID) memberPolicy {
		r := roleOf(role)
		scope := resourceScope{Key: account, Objects: []resourceKey{}}
		for _, id := range zones {
			scope.Objects = append(scope.Objects, resourceKey{resourceZone + string(id)})
		}
		return memberPolicy{r.ID, auth.EffectAllow, []groupAnswer{{r.ID, r.Name}}, []resourceGroup{{m.Account, name, []resourceScope{scope}}}}
	}
	out := []memberPolicy{}
	if m.Role != auth.RoleByZone {
		out = append(out, policy(m.Role, "All of the account", "*"))
	}
	for _, r := range renderZoneRoles(m.Zones) {
		out = append(out, policy(r.Role, "Zones", r.Zones...))
	}
	return out
}

type accountMemberUser struct {
	userRef
	TwoFactor bool `json:"two_factor_authentication_enabled"`
}

// roleJSON is a role that members can have.
type roleJSON struct {
	ID          model.ID         `json:"id"`
	Name        string           `json:"name"`
	Description string           `json:"description"`
	Permissions map[string]right `json:"permissions"`
}

// roles are all there are; their ids never change.
func roles() []roleJSON {
	list := []struct {
		id         model.ID
		role, says string
	}{
		{"05784afa30c1afe1440e79d9351c7430", auth.RoleAdministrator, "Can do everything in the account"},
		{"91a6a9b1c4f04b7e8a5d02c1c3e5f7d9", auth.RoleReadOnly, "Can see everything in the account"},
		{"3a7be1f09c2d4b6f8e51d7a4c0f2936b", auth.ZoneAdministrator, "Can do everything in some zones"},
		{"7c41d2a85b9e4f03a6d8e1b7f5c09e24", auth.ZoneEditor, "Can see everything in some zones, and change their records"},
		{"e90f6b3d17a84c52b1c6a0d4f38e7b95", auth.ZoneReader, "Can see everything in some zones"},
		{"b85c0e7f42d14a96937f1ce2a6d80b3c", auth.ZoneACME, "Can answer ACME challenges in some zones, and see nothing else there"},
	}
	return api.Each(list, func(r *struct {
		id         model.ID
		role, says string
	},
	) roleJSON {
		return roleJSON{r.id, roleName(r.role), r.says, rights(r.role)}
	})
}

// roleOf is how a role is shown.
func roleOf(role string) roleJSON {
	all := roles()
	return all[slices.IndexFunc(all, func(r roleJSON) bool { return r.Name == roleName(role) })]
}

func renderAccountMember(m *model.Member, u *model.User) accountMemberJSON {
	out := accountMemberJSON{
		ID: m.ID, Status: m.Status, User: accountMemberUser{refUser(u), !u.TwoFactor.IsZero()}, Roles: []roleJSON{}, Policies: policiesOf(m),
	}
	for _, p := range out.Policies {
		out.Roles = append(out.Roles, roles()[slices.IndexFunc(roles(), func(r roleJSON) bool { return r.ID == p.ID })])
	}
	return out
}

func listAccountMembers(a *api.API, q *api.Request) error {
	page, per, err := q.Page(usualPage, mostPage)
	if err != nil {
		return err
	}
	all, err := a.Store.Members(q.Ctx(), q.Account, "")
	if err != nil {
		return err
	}
	status := api.Last(q.R.URL.Query(), "status")
	kept := all[:0]
	for _, m := range all {
		if !differs(status, m.Status) {
			kept = append(kept, m)
		}
	}
	out := []accountMemberJSON{}
	for _, m := range api.Slice(kept, page, per) {
		u, err := a.Store.User(q.Ctx(), m.User)
		if err != nil {
			return err
		}
		out = append(out, renderAccountMember(&m, &u))
	}
	return q.List(out, api.Info(page, per, len(out), len(kept)))
}

func getAccountMember(a *api.API, q *api.Request) error {
	m, u, _, err := findMember(q, a.Store, q.PathID("member_id"))
	if err != nil {
		return err
	}
	return q.OK(renderAccountMember(&m, &u))
}

func listRoles(a *api.API, q *api.Request) error { return api.OnePage(q, roles()) }

func getRole(a *api.API, q *api.Request) error {
	for _, r := range roles() {
		if r.ID == q.PathID("role_id") {
			return q.OK(r)
		}
	}
	return api.Missing(model.CodeMemberNotFound, "There is no such role.")
}
