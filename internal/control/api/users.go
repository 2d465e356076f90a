package api

import (
	"net/http"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func userRoutes() []Route {
	read, write := []string{"User Details Read", "User Details Write"}, []string{"User Details Write"}
	return []Route{
		{http.MethodGet, client + "/user", ScopeUser, read, (*api).getUser},
		{http.MethodPatch, own + "/user", ScopeUser, write, (*api).editUser},
		{http.MethodPut, own + "/user/password", ScopeUser, write, (*api).changePassword},
		{http.MethodPut, own + "/user/key", ScopeUser, write, (*api).rollKey},
		{http.MethodPut, own + "/users/{user_id}/password", ScopeServer, nil, (*api).resetPassword},
	}
}

// userJSON is the signed-in user. Organizations is the older spelling of accounts.
type userJSON struct {
	ID              model.ID       `json:"id"`
	Email           string         `json:"email"`
	Username        string         `json:"username"`
	First           *string        `json:"first_name"`
	Last            *string        `json:"last_name"`
	Telephone       *string        `json:"telephone"`
	Country         *string        `json:"country"`
	Zipcode         *string        `json:"zipcode"`
	Suspended       bool           `json:"suspended"`
	TwoFactor       bool           `json:"two_factor_authentication_enabled"`
	TwoFactorLocked bool           `json:"two_factor_authentication_locked"`
	HasProZones     bool           `json:"has_pro_zones"`
	HasBusiness     bool           `json:"has_business_zones"`
	HasEnterprise   bool           `json:"has_enterprise_zones"`
	Betas           []string       `json:"betas"`
	Organizations   []organization `json:"organizations"`
	Accounts        []accountRef   `json:"accounts"`
	Created         stamp          `json:"created_on"`
	Modified        stamp          `json:"modified_on"`
}

type organization struct {
	ID          model.ID `json:"id"`
	Name        string   `json:"name"`
	Status      string   `json:"status"`
	Permissions []string `json:"permissions"`
	Roles       []string `json:"roles"`
}

func (a *api) getUser(q *request) error { return q.okUser(&q.who.User) }

func (q *request) okUser(u *model.User) error {
	list, err := q.memberships()
	if err != nil {
		return err
	}
	out := userJSON{
		ID: u.ID, Email: u.Email, Username: u.Email, First: orNull(u.FirstName), Last: orNull(u.LastName), Betas: []string{},
		HasEnterprise: true, Organizations: []organization{}, Accounts: []accountRef{},
		Created: stamp(u.Created), Modified: stamp(u.Modified),
	}
	for _, m := range list {
		out.Accounts = append(out.Accounts, accountRef{m.Account.ID, m.Account.Name})
		out.Organizations = append(out.Organizations, organization{
			ID: m.Account.ID, Name: m.Account.Name, Status: "member", Permissions: []string{}, Roles: m.Roles,
		})
	}
	return q.ok(out)
}

// maxPersonName bounds first and last names, in characters.
const maxPersonName = 60

func (a *api) editUser(q *request) error {
	var in struct {
		First optional[string] `json:"first_name"`
		Last  optional[string] `json:"last_name"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	u := q.who.User
	before := refUser(&u)
	for _, m := range []struct {
		sent *optional[string]
		to   *string
		at   string
	}{{&in.First, &u.FirstName, "/first_name"}, {&in.Last, &u.LastName, "/last_name"}} {
		if !m.sent.Set {
			continue
		}
		if m.sent.Value != "" && !labelText(m.sent.Value) || utf8.RuneCountInString(m.sent.Value) > maxPersonName {
			return invalid(model.CodeUserInvalid, m.at, "A name can have at most 60 characters, on one line.")
		}
		*m.to = m.sent.Value
	}
	if u.FirstName == q.who.User.FirstName && u.LastName == q.who.User.LastName {
		return q.okUser(&u)
	}
	u.Modified = q.now()
	if err := q.putUser(u, before, refUser(&u)); err != nil {
		return err
	}
	return q.okUser(&u)
}

// putUser writes a user; the entry stands in the audit log of each account that the user is a member of.
func (q *request) putUser(u model.User, before, after any) error {
	entries, err := q.audits("update", "user", u.ID, u.ID, before, after)
	if err != nil {
		return err
	}
	return q.api.Store.PutUser(q.ctx(), u, entries...)
}

// confirm asks for the current password again before a credential is replaced.
func (q *request) confirm(password string) error {
	if q.api.Sessions == nil {
		return missing(model.CodeUserInvalid, "There are no passwords on this server.")
	}
	return q.api.Sessions.CheckPassword(q.ctx(), q.who.User, password, q.addr())
}

// changed is what the audit log shows of a credential: that it was replaced, nothing of it.
type changed struct {
	Changed string `json:"changed"`
}

func (a *api) changePassword(q *request) error {
	var in struct {
		Current string `json:"current_password"`
		New     string `json:"new_password"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := q.confirm(in.Current); err != nil {
		return err
	}
	hash, err := auth.HashPassword(in.New)
	if err != nil {
		return invalid(model.CodeUserInvalid, "/new_password", "A password must have 10 to 1024 characters.")
	}
	u := q.who.User
	u.PasswordHash, u.Modified = hash, q.now()
	if err := q.putUser(u, nil, changed{"password"}); err != nil {
		return err
	}
	return q.ok("")
}

// rollKey gives the user a new global key; the answer is the only place where it stands.
func (a *api) rollKey(q *request) error {
	var in struct {
		Current string `json:"current_password"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if err := q.confirm(in.Current); err != nil {
		return err
	}
	key := auth.NewKey()
	u := q.who.User
	u.KeyHash, u.Modified = auth.Digest(key), q.now()
	if err := q.putUser(u, nil, changed{"key"}); err != nil {
		return err
	}
	return q.ok(key)
}

// resetPassword helps a user who lost the password: the answer is the only place where the new one stands.
func (a *api) resetPassword(q *request) error {
	u, err := a.Store.User(q.ctx(), q.pathID("user_id"))
	if err != nil {
		return orMissing(err, model.CodeUserInvalid, "There is no such user.")
	}
	password := auth.NewPassword()
	if u.PasswordHash, err = auth.HashPassword(password); err != nil {
		return err
	}
	u.Modified = q.now()
	if err := q.putUser(u, nil, changed{"password"}); err != nil {
		return err
	}
	return q.ok(password)
}
