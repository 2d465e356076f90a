package people

import (
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
	return []roleJSON{
		{"05784afa30c1afe1440e79d9351c7430", roleName(auth.RoleAdministrator), "Can do everything in the account", rights(auth.RoleAdministrator)},
		{"91a6a9b1c4f04b7e8a5d02c1c3e5f7d9", roleName(auth.RoleReadOnly), "Can see everything in the account", rights(auth.RoleReadOnly)},
	}
}

func renderAccountMember(m *model.Member, u *model.User) accountMemberJSON {
	out := accountMemberJSON{ID: m.ID, Status: m.Status, User: accountMemberUser{refUser(u), !u.TwoFactor.IsZero()}, Roles: []roleJSON{}}
	for _, r := range roles() {
		if r.Name == roleName(m.Role) {
			out.Roles = append(out.Roles, r)
		}
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
