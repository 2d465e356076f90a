package people

import (
	"errors"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// memberJSON is a member of an account. Password is set in one answer only: the one that made the user.
type memberJSON struct {
	ID       model.ID       `json:"id"`
	Role     string         `json:"role"`
	Zones    []zoneRoleJSON `json:"zone_roles"`
	Status   string         `json:"status"`
	User     userRef        `json:"user"`
	Password string         `json:"password,omitempty"`
}

type userRef struct {
	ID    model.ID `json:"id"`
	Email string   `json:"email"`
	First *string  `json:"first_name"`
	Last  *string  `json:"last_name"`
}

func renderMember(m *model.Member, u *model.User) memberJSON {
	return memberJSON{ID: m.ID, Role: m.Role, Zones: renderZoneRoles(m.Zones), Status: m.Status, User: refUser(u)}
}

// memberOf is what the audit log keeps of a member.
func memberOf(m *model.Member, u *model.User) model.AuditMember {
	return model.AuditMember{ID: m.ID, Role: m.Role, Zones: m.Zones, Status: m.Status, User: *u}
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

func listMembers(a *api.API, q *api.Request) error {
	list, err := a.Store.Members(q.Ctx(), q.Account, "")
	if err != nil {
		return err
	}
	out := make([]memberJSON, 0, len(list))
	for i := range list {
		u, err := a.Store.User(q.Ctx(), list[i].User)
		if err != nil {
			return err
		}
		out = append(out, renderMember(&list[i], &u))
	}
	return api.OnePage(q, out)
}

// addMember invites a user into the account: he is a member once he has accepted. One that is not known yet is made, with a
// password that this answer alone tells. Administrators of the server may make members at once.
func addMember(a *api.API, q *api.Request) error {
	var in struct {
		Email  string `json:"email"`
		Status string `json:"status"`
		rolesBody
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if !auth.ValidEmail(in.Email) {
		return api.Invalid(model.CodeMemberInvalid, "/email", "This is not an e-mail address.")
	}
	m := model.Member{ID: auth.NewID(), Account: q.Account, Status: auth.MemberPending, Created: q.Now()}
	if err := in.give(q, &m); err != nil {
		return err
	}
	switch in.Status {
	case "", auth.MemberPending:
	case auth.MemberAccepted:
		if !q.Who.ServerAdmin() {
			return api.Invalid(model.CodeMemberInvalid, "/status", "A member is asked first: only administrators of the server make one at once.")
		}
		m.Status = auth.MemberAccepted
	default:
		return api.Invalid(model.CodeMemberInvalid, "/status", "The status must be pending or accepted.")
	}
	fresh, password, err := freshUser(q, in.Email)
	if err != nil {
		return err
	}
	var out memberJSON
	err = q.People(func(tx model.PeopleTx) (err error) {
		out, err = addMemberIn(q, tx, m, fresh)
		if out.User.ID == fresh.ID {
			out.Password = password
		}
		return err
	})
	if err != nil {
		return err
	}
	return q.OK(out)
}

// freshUser is the user that an e-mail address becomes if nobody has it. Where somebody has, nothing is hashed.
func freshUser(q *api.Request, email string) (u model.User, password string, err error) {
	u = model.User{Email: email}
	_, err = q.API.Store.UserByEmail(q.Ctx(), email)
	if !errors.Is(err, model.ErrNotFound) {
		return u, "", err
	}
	password = auth.NewPassword()
	hash, err := q.API.Auth.HashPassword(q.Ctx(), q.Who, q.Account, password)
	return model.User{ID: auth.NewID(), Email: email, PasswordHash: hash, Created: q.Now(), Modified: q.Now()}, password, err
}

func addMemberIn(q *api.Request, tx model.PeopleTx, m model.Member, fresh model.User) (memberJSON, error) {
	if !q.Who.CoversMember(&m) {
		return memberJSON{}, beyondRole()
	}
	u, err := tx.UserByEmail(q.Ctx(), fresh.Email)
	if errors.Is(err, model.ErrNotFound) && fresh.ID != "" {
		u = fresh
		err = errors.Join(tx.AddUser(q.Ctx(), u), tx.Audit(q.Ctx(), q.ToldOfUser(u.ID, "create", "user", u.ID, nil, u)...))
	}
	if err != nil {
		return memberJSON{}, err
	}
	m.User = u.ID
	there, err := tx.Members(q.Ctx(), m.Account, m.User)
	if err != nil {
		return memberJSON{}, err
	}
	if len(there) > 0 {
		return memberJSON{}, api.Invalid(model.CodeMemberInvalid, "/email", "The user is a member, or invited, already.")
	}
	all, err := tx.Members(q.Ctx(), m.Account, "")
	if err == nil {
		err = allow(q, tx, model.QuotaMembers, m.Account, len(all))
	}
	if err != nil {
		return memberJSON{}, err
	}
	out := renderMember(&m, &u)
	return out, errors.Join(tx.AddMember(q.Ctx(), m), tx.Audit(q.Ctx(), q.Audit("create", "member", m.ID, nil, memberOf(&m, &u))))
}

func beyondRole() error {
	return beyond("A token can give a role only if it may itself all that the role may, without an end and from everywhere.")
}

// findMember finds a member of the account in the path, and its user.
func findMember(q *api.Request, tx auth.Reader, id model.ID) (m model.Member, u model.User, all []model.Member, err error) {
	all, err = tx.Members(q.Ctx(), q.Account, "")
	if err != nil {
		return m, u, nil, err
	}
	at := slices.IndexFunc(all, func(m model.Member) bool { return m.ID == id })
	if at < 0 {
		return m, u, nil, api.Missing(model.CodeMemberNotFound, "There is no such member.")
	}
	u, err = tx.User(q.Ctx(), all[at].User)
	return all[at], u, all, err
}

// keepsAdministrator refuses to take the last administrator of an account away: m, among all of its members.
func keepsAdministrator(m *model.Member, all []model.Member) error {
	administers := func(o model.Member) bool { return o.Role == auth.RoleAdministrator && o.Status == auth.MemberAccepted }
	if !administers(*m) || slices.ContainsFunc(all, func(o model.Member) bool { return o.ID != m.ID && administers(o) }) {
		return nil
	}
	return api.Invalid(model.CodeMemberInvalid, "", "The account would be left without an administrator.")
}

// editMember gives a member other roles; who asks must have all that he had and gets.
func editMember(a *api.API, q *api.Request) error {
	var in rolesBody
	if err := q.Decode(&in); err != nil {
		return err
	}
	if !in.Role.Given() && !in.Zones.Given() {
		return api.Invalid(model.CodeMemberInvalid, "", "Send role, zone_roles, or both: nothing was asked for.")
	}
	var out memberJSON
	err := q.People(func(tx model.PeopleTx) error {
		m, u, all, err := findMember(q, tx, q.PathID("member_id"))
		if err != nil {
			return err
		}
		next := m
		if err := in.give(q, &next); err != nil {
			return err
		}
		out = renderMember(&next, &u)
		if m.Role == next.Role && slices.Equal(m.Zones, next.Zones) {
			return nil
		}
		if !q.Who.CoversMember(&next) || !q.Who.CoversMember(&m) {
			return beyondRole()
		}
		if next.Role != auth.RoleAdministrator {
			if err := keepsAdministrator(&m, all); err != nil {
				return err
			}
		}
		_, err = tx.EditMember(q.Ctx(), q.Account, m.ID, func(m *model.Member) error {
			m.Role, m.Zones, m.ByGroups = next.Role, next.Zones, false // from now on it is given by hand
			return nil
		})
		if err != nil {
			return err
		}
		return tx.Audit(q.Ctx(), q.Audit("update", "member", m.ID, memberOf(&m, &u), memberOf(&next, &u)))
	})
	if err != nil {
		return err
	}
	return q.OK(out)
}

func removeMember(a *api.API, q *api.Request) error {
	id := q.PathID("member_id")
	err := q.People(func(tx model.PeopleTx) error {
		m, u, all, err := findMember(q, tx, id)
		if err != nil {
			return err
		}
		if !q.Who.CoversMember(&m) {
			return beyondRole()
		}
		return removeMemberIn(q, tx, &m, &u, all)
	})
	if err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: id})
}

// removeMemberIn takes a membership away, unless it is that of the last administrator.
func removeMemberIn(q *api.Request, tx model.PeopleTx, m *model.Member, u *model.User, all []model.Member) error {
	if err := keepsAdministrator(m, all); err != nil {
		return err
	}
	if err := tx.DeleteMember(q.Ctx(), m.Account, m.ID); err != nil {
		return err
	}
	e := q.Audit("delete", "member", m.ID, memberOf(m, u), nil)
	e.Account = m.Account
	return tx.Audit(q.Ctx(), e)
}
