package api

import (
	"errors"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

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

// addMember invites a user into the account: he is a member once he has accepted. One that is not known yet is made, with a
// password that this answer alone tells. Administrators of the server may make members at once.
func (a *api) addMember(q *request) error {
	var in struct {
		Email  string `json:"email"`
		Role   string `json:"role"`
		Status string `json:"status"`
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
	m := model.Member{ID: auth.NewID(), Account: q.account, Role: in.Role, Status: auth.MemberPending, Created: q.now()}
	switch in.Status {
	case "", auth.MemberPending:
	case auth.MemberAccepted:
		if !q.who.ServerAdmin() {
			return invalid(model.CodeMemberInvalid, "/status", "A member is asked first: only administrators of the server make one at once.")
		}
		m.Status = auth.MemberAccepted
	default:
		return invalid(model.CodeMemberInvalid, "/status", "The status must be pending or accepted.")
	}
	fresh, password, err := q.freshUser(in.Email)
	if err != nil {
		return err
	}
	var out memberJSON
	err = q.people(func(tx model.PeopleTx) (err error) {
		out, err = q.addMemberIn(tx, m, fresh)
		if out.User.ID == fresh.ID {
			out.Password = password
		}
		return err
	})
	if err != nil {
		return err
	}
	return q.ok(out)
}

// freshUser is the user that an e-mail address becomes if nobody has it. Where somebody has, nothing is hashed.
func (q *request) freshUser(email string) (u model.User, password string, err error) {
	u = model.User{Email: email}
	_, err = q.api.Store.UserByEmail(q.ctx(), email)
	if !errors.Is(err, model.ErrNotFound) {
		return u, "", err
	}
	password = auth.NewPassword()
	hash, err := q.api.Auth.HashPassword(q.ctx(), q.who, q.account, password)
	return model.User{ID: auth.NewID(), Email: email, PasswordHash: hash, Created: q.now(), Modified: q.now()}, password, err
}

func (q *request) addMemberIn(tx model.PeopleTx, m model.Member, fresh model.User) (memberJSON, error) {
	if !q.who.CoversRole(m.Role, m.Account) {
		return memberJSON{}, beyondRole()
	}
	u, err := tx.UserByEmail(q.ctx(), fresh.Email)
	if errors.Is(err, model.ErrNotFound) && fresh.ID != "" {
		u = fresh
		err = errors.Join(tx.AddUser(q.ctx(), u), tx.Audit(q.ctx(), q.toldOfUser(u.ID, "create", "user", u.ID, nil, refUser(&u))...))
	}
	if err != nil {
		return memberJSON{}, err
	}
	m.User = u.ID
	there, err := tx.Members(q.ctx(), m.Account, m.User)
	if err != nil {
		return memberJSON{}, err
	}
	if len(there) > 0 {
		return memberJSON{}, invalid(model.CodeMemberInvalid, "/email", "The user is a member, or invited, already.")
	}
	all, err := tx.Members(q.ctx(), m.Account, "")
	if err == nil {
		err = q.allow(tx, model.QuotaMembers, m.Account, len(all))
	}
	if err != nil {
		return memberJSON{}, err
	}
	out := renderMember(&m, &u)
	return out, errors.Join(tx.AddMember(q.ctx(), m), tx.Audit(q.ctx(), q.audit("create", "member", m.ID, nil, out)))
}

func beyondRole() error {
	return beyond("A token can give a role only if it may itself all that the role may, without an end and from everywhere.")
}

// member finds a member of the account in the path, and its user.
func (q *request) member(tx auth.Reader, id model.ID) (m model.Member, u model.User, all []model.Member, err error) {
	all, err = tx.Members(q.ctx(), q.account, "")
	if err != nil {
		return m, u, nil, err
	}
	at := slices.IndexFunc(all, func(m model.Member) bool { return m.ID == id })
	if at < 0 {
		return m, u, nil, missing(model.CodeMemberNotFound, "There is no such member.")
	}
	u, err = tx.User(q.ctx(), all[at].User)
	return all[at], u, all, err
}

// keepsAdministrator refuses to take the last administrator of an account away: m, among all of its members.
func keepsAdministrator(m *model.Member, all []model.Member) error {
	administers := func(o model.Member) bool { return o.Role == auth.RoleAdministrator && o.Status == auth.MemberAccepted }
	if !administers(*m) || slices.ContainsFunc(all, func(o model.Member) bool { return o.ID != m.ID && administers(o) }) {
		return nil
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
	var out memberJSON
	err := q.people(func(tx model.PeopleTx) error {
		m, u, all, err := q.member(tx, q.pathID("member_id"))
		if err != nil {
			return err
		}
		out = renderMember(&m, &u)
		if m.Role == in.Role {
			return nil
		}
		if !q.who.CoversRole(in.Role, q.account) || !q.who.CoversRole(m.Role, q.account) {
			return beyondRole()
		}
		if in.Role != auth.RoleAdministrator {
			if err := keepsAdministrator(&m, all); err != nil {
				return err
			}
		}
		before := out
		m, err = tx.EditMember(q.ctx(), q.account, m.ID, func(m *model.Member) error { m.Role = in.Role; return nil })
		if err != nil {
			return err
		}
		out = renderMember(&m, &u)
		return tx.Audit(q.ctx(), q.audit("update", "member", m.ID, before, out))
	})
	if err != nil {
		return err
	}
	return q.ok(out)
}

func (a *api) removeMember(q *request) error {
	id := q.pathID("member_id")
	err := q.people(func(tx model.PeopleTx) error {
		m, u, all, err := q.member(tx, id)
		if err != nil {
			return err
		}
		if !q.who.CoversRole(m.Role, q.account) {
			return beyondRole()
		}
		return q.removeMemberIn(tx, &m, &u, all)
	})
	if err != nil {
		return err
	}
	return q.ok(idOnly{id})
}

// removeMemberIn takes a membership away, unless it is that of the last administrator.
func (q *request) removeMemberIn(tx model.PeopleTx, m *model.Member, u *model.User, all []model.Member) error {
	if err := keepsAdministrator(m, all); err != nil {
		return err
	}
	if err := tx.DeleteMember(q.ctx(), m.Account, m.ID); err != nil {
		return err
	}
	e := q.audit("delete", "member", m.ID, renderMember(m, u), nil)
	e.Account = m.Account
	return tx.Audit(q.ctx(), e)
}
