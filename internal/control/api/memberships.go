package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func membershipRoutes() []Route {
	const all, one = own + "/accounts/{account_id}/members", own + "/accounts/{account_id}/members/{member_id}"
	return []Route{
		{http.MethodGet, client + "/memberships", ScopeUser, []string{"Memberships Read", "Memberships Write"}, (*api).listMemberships},
		{http.MethodGet, all, ScopeAccount, accSetRead, (*api).listMembers},
		{http.MethodPost, all, ScopeAccount, accSetWrite, (*api).addMember},
		{http.MethodPatch, one, ScopeAccount, accSetWrite, (*api).editMember},
		{http.MethodDelete, one, ScopeAccount, accSetWrite, (*api).removeMember},
	}
}

// membershipJSON is one of the user's own memberships.
type membershipJSON struct {
	ID          model.ID         `json:"id"`
	Status      string           `json:"status"`
	Account     accountJSON      `json:"account"`
	APIAccess   *bool            `json:"api_access_enabled"`
	Roles       []string         `json:"roles"`
	Permissions map[string]right `json:"permissions"`
}

type right struct {
	Read  bool `json:"read"`
	Write bool `json:"write"`
}

// roleName is how roles read in memberships.
func roleName(role string) string {
	if role == auth.RoleAdministrator {
		return "Administrator"
	}
	return "Administrator Read Only"
}

func rights(role string) map[string]right {
	r := right{Read: true, Write: role == auth.RoleAdministrator}
	return map[string]right{"dns_records": r, "organization": r, "zone": r, "zone_settings": r}
}

func (a *api) listMemberships(q *request) error {
	page, per, err := q.page(usualPage, mostPage)
	if err != nil {
		return err
	}
	desc, err := q.direction()
	if err != nil {
		return err
	}
	all, err := q.memberships()
	if err != nil {
		return err
	}
	v := q.r.URL.Query()
	all = slices.DeleteFunc(all, func(m membershipJSON) bool {
		return differs(last(v, "account.name"), m.Account.Name) || differs(last(v, "name"), m.Account.Name) ||
			differs(last(v, "status"), m.Status)
	})
	key := func(m *membershipJSON) string { return string(m.ID) }
	switch last(v, "order") {
	case "", "id":
	case "account.name":
		key = func(m *membershipJSON) string { return m.Account.Name + "\x00" + string(m.ID) }
	case "status":
		key = func(m *membershipJSON) string { return m.Status + "\x00" + string(m.ID) }
	default:
		return invalid(model.CodePaging, "", "order must be id, account.name or status.")
	}
	slices.SortFunc(all, func(x, y membershipJSON) int { return strings.Compare(key(&x), key(&y)) })
	if desc {
		slices.Reverse(all)
	}
	out := slice(all, page, per)
	return q.list(out, info(page, per, len(out), len(all)))
}

// differs says whether a filter is there and does not match.
func differs(filter, value string) bool { return filter != "" && !strings.EqualFold(filter, value) }

// memberships are the user's own, with their accounts.
func (q *request) memberships() ([]membershipJSON, error) {
	list, err := q.api.Store.Members(q.ctx(), "", q.who.User.ID)
	if err != nil {
		return nil, err
	}
	out := []membershipJSON{}
	for _, m := range list {
		acc, err := q.api.Store.Account(q.ctx(), m.Account)
		if errors.Is(err, model.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, membershipJSON{
			ID: m.ID, Status: m.Status, Account: renderAccount(&acc),
			Roles: []string{roleName(m.Role)}, Permissions: rights(m.Role),
		})
	}
	return out, nil
}

// memberJSON is a member of an account. Password is set in one answer only: the one that made the user.
type memberJSON struct {
	ID       model.ID `json:"id"`
	Role     string   `json:"role"`
	Status   string   `json:"status"`
	User     userRef  `json:"user"`
	Password string   `json:"password,omitempty"`
}

type userRef struct {
	ID    model.ID `json:"id"`
	Email string   `json:"email"`
	First *string  `json:"first_name"`
	Last  *string  `json:"last_name"`
}

func renderMember(m *model.Member, u *model.User) memberJSON {
	return memberJSON{ID: m.ID, Role: m.Role, Status: m.Status, User: refUser(u)}
}

func refUser(u *model.User) userRef {
	return userRef{u.ID, u.Email, orNull(u.FirstName), orNull(u.LastName)}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (a *api) listMembers(q *request) error {
	list, err := a.Store.Members(q.ctx(), q.account, "")
	if err != nil {
		return err
	}
	out := make([]memberJSON, 0, len(list))
	for i := range list {
		u, err := a.Store.User(q.ctx(), list[i].User)
		if err != nil {
			return err
		}
		out = append(out, renderMember(&list[i], &u))
	}
	return onePage(q, out)
}

func checkRole(role string) error {
	if role != auth.RoleAdministrator && role != auth.RoleReadOnly {
		return invalid(model.CodeMemberInvalid, "/role", "The role must be administrator or read_only.")
	}
	return nil
}

// addMember lets a user into the account; one that is not known yet is made, with a password that this answer alone tells.
func (a *api) addMember(q *request) error {
	var in struct {
		Email string `json:"email"`
		Role  string `json:"role"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := checkRole(in.Role); err != nil {
		return err
	}
	if !auth.ValidEmail(in.Email) {
		return invalid(model.CodeMemberInvalid, "/email", "This is not an e-mail address.")
	}
	if _, err := q.loadAccount(); err != nil {
		return err
	}
	u, password, err := q.userFor(in.Email)
	if err != nil {
		return err
	}
	there, err := a.Store.Members(q.ctx(), q.account, u.ID)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return invalid(model.CodeMemberInvalid, "/email", "The user is a member already.")
	}
	m := model.Member{
		ID: auth.NewID(), Account: q.account, User: u.ID, Role: in.Role, Status: auth.MemberAccepted, Created: q.now(),
	}
	out := renderMember(&m, &u)
	if err := a.Store.PutMember(q.ctx(), m, q.audit("create", "member", m.ID, nil, out)); err != nil {
		return err
	}
	out.Password = password
	return q.ok(out)
}

// userFor finds the user of an e-mail address, or makes one with a fresh password.
func (q *request) userFor(email string) (u model.User, password string, err error) {
	u, err = q.api.Store.UserByEmail(q.ctx(), email)
	if err == nil || !errors.Is(err, model.ErrNotFound) {
		return u, "", err
	}
	password = auth.NewPassword()
	hash, err := auth.HashPassword(password)
	if err != nil {
		return u, "", err
	}
	u = model.User{ID: auth.NewID(), Email: email, PasswordHash: hash, Created: q.now(), Modified: q.now()}
	return u, password, q.api.Store.PutUser(q.ctx(), u, q.audit("create", "user", u.ID, nil, refUser(&u)))
}

// member reads the member in the path and its user.
func (q *request) member() (model.Member, model.User, error) {
	list, err := q.api.Store.Members(q.ctx(), q.account, "")
	if err != nil {
		return model.Member{}, model.User{}, err
	}
	for _, m := range list {
		if m.ID == q.pathID("member_id") {
			u, err := q.api.Store.User(q.ctx(), m.User)
			return m, u, err
		}
	}
	return model.Member{}, model.User{}, missing(model.CodeMemberNotFound, "There is no such member.")
}

// keepsAdministrator refuses to take the last administrator of an account away.
func (q *request) keepsAdministrator(m *model.Member) error {
	list, err := q.api.Store.Members(q.ctx(), q.account, "")
	if err != nil {
		return err
	}
	for _, o := range list {
		if o.ID != m.ID && o.Role == auth.RoleAdministrator && o.Status == auth.MemberAccepted {
			return nil
		}
	}
	return invalid(model.CodeMemberInvalid, "", "The account would be left without an administrator.")
}

func (a *api) editMember(q *request) error {
	var in struct {
		Role string `json:"role"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := checkRole(in.Role); err != nil {
		return err
	}
	m, u, err := q.member()
	if err != nil {
		return err
	}
	before := renderMember(&m, &u)
	if m.Role == in.Role {
		return q.ok(before)
	}
	if in.Role != auth.RoleAdministrator {
		if err := q.keepsAdministrator(&m); err != nil {
			return err
		}
	}
	m.Role = in.Role
	after := renderMember(&m, &u)
	if err := a.Store.PutMember(q.ctx(), m, q.audit("update", "member", m.ID, before, after)); err != nil {
		return err
	}
	return q.ok(after)
}

func (a *api) removeMember(q *request) error {
	m, u, err := q.member()
	if err != nil {
		return err
	}
	if m.Role == auth.RoleAdministrator {
		if err := q.keepsAdministrator(&m); err != nil {
			return err
		}
	}
	entry := q.audit("delete", "member", m.ID, renderMember(&m, &u), nil)
	if err := a.Store.DeleteMember(q.ctx(), q.account, m.ID, entry); err != nil {
		return err
	}
	return q.ok(idOnly{m.ID})
}
