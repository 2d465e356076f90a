package api

import (
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
	out := accountMemberJSON{ID: m.ID, Status: m.Status, User: accountMemberUser{userRef: refUser(u)}, Roles: []roleJSON{}}
	for _, r := range roles() {
		if r.Name == roleName(m.Role) {
			out.Roles = append(out.Roles, r)
		}
	}
	return out
}

func (a *api) listAccountMembers(q *request) error {
	page, per, err := q.page(usualPage, mostPage)
	if err != nil {
		return err
	}
	all, err := a.Store.Members(q.ctx(), q.account, "")
	if err != nil {
		return err
	}
	status := last(q.r.URL.Query(), "status")
	kept := all[:0]
	for _, m := range all {
		if !differs(status, m.Status) {
			kept = append(kept, m)
		}
	}
	out := []accountMemberJSON{}
	for _, m := range slice(kept, page, per) {
		u, err := a.Store.User(q.ctx(), m.User)
		if err != nil {
			return err
		}
		out = append(out, renderAccountMember(&m, &u))
	}
	return q.list(out, info(page, per, len(out), len(kept)))
}

func (a *api) getAccountMember(q *request) error {
	m, u, _, err := q.member(a.Store, q.pathID("member_id"))
	if err != nil {
		return err
	}
	return q.ok(renderAccountMember(&m, &u))
}

func (a *api) listRoles(q *request) error { return onePage(q, roles()) }

func (a *api) getRole(q *request) error {
	for _, r := range roles() {
		if r.ID == q.pathID("role_id") {
			return q.ok(r)
		}
	}
	return missing(model.CodeMemberNotFound, "There is no such role.")
}
