package api

import (
	"errors"
	"net/http"
	"reflect"
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
		Suspended: u.Suspended, HasEnterprise: true, Organizations: []organization{}, Accounts: []accountRef{},
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

// nameEdit is a change of one part of a person's name.
type nameEdit struct {
	sent *optional[string]
	to   func(*model.User) *string
	at   string
}

func (a *api) editUser(q *request) error {
	var in struct {
		First optional[string] `json:"first_name"`
		Last  optional[string] `json:"last_name"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	edits := []nameEdit{
		{&in.First, func(u *model.User) *string { return &u.FirstName }, "/first_name"},
		{&in.Last, func(u *model.User) *string { return &u.LastName }, "/last_name"},
	}
	for _, e := range edits {
		if e.sent.Value != "" && !labelText(e.sent.Value) || utf8.RuneCountInString(e.sent.Value) > maxPersonName {
			return invalid(model.CodeUserInvalid, e.at, "A name can have at most 60 characters, on one line.")
		}
	}
	u, err := q.changeUser(q.who.User.ID, func(u *model.User) {
		for _, e := range edits {
			if e.sent.Set {
				*e.to(u) = e.sent.Value
			}
		}
	}, nil)
	if err != nil {
		return err
	}
	return q.okUser(&u)
}

// changeUser edits a user as it is now and tells of it in the audit log: what before and after differ in, or else what
// note says. An edit that changes nothing is not told of.
func (q *request) changeUser(id model.ID, edit func(*model.User), note any) (model.User, error) {
	var out model.User
	err := q.people(func(tx model.PeopleTx) error {
		var err error
		out, err = q.editUserIn(tx, id, edit, note)
		return err
	})
	return out, orMissing(err, model.CodeUserInvalid, "There is no such user.")
}

func (q *request) editUserIn(tx model.PeopleTx, id model.ID, edit func(*model.User), note any) (model.User, error) {
	var old model.User
	u, err := tx.EditUser(q.ctx(), id, func(u *model.User) error {
		old = *u
		edit(u)
		if !reflect.DeepEqual(old, *u) {
			u.Modified = q.now()
		}
		return nil
	})
	if err != nil || reflect.DeepEqual(old, u) {
		return u, err
	}
	if note != nil {
		return u, tx.Audit(q.ctx(), q.toldOfUser(id, "update", "user", id, nil, note)...)
	}
	return u, tx.Audit(q.ctx(), q.toldOfUser(id, "update", "user", id, describeUser(&old), describeUser(&u))...)
}

// confirm asks for the current password again before a credential is replaced.
func (q *request) confirm(password string) error {
	if q.api.Sessions == nil {
		return missing(model.CodeUserInvalid, "There are no passwords on this server.")
	}
	return q.api.Sessions.CheckPassword(q.ctx(), q.who.User, password)
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
	hash, err := a.Auth.HashPassword(q.ctx(), q.who, "", in.New)
	if errors.Is(err, auth.ErrPasswordLength) {
		return invalid(model.CodeUserInvalid, "/new_password", "A password must have 10 to 1024 characters.")
	}
	if err != nil {
		return err
	}
	checked := q.who.User.PasswordHash
	return q.replaced("password", "", func(u *model.User) error {
		if u.PasswordHash != checked { // replaced since it was asked for
			return auth.Forbidden(false)
		}
		u.PasswordHash = hash
		return nil
	})
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
	checked := q.who.User.PasswordHash
	return q.replaced("key", key, func(u *model.User) error {
		if u.PasswordHash != checked {
			return auth.Forbidden(false)
		}
		u.KeyHash = auth.Digest(key)
		return nil
	})
}

// replaced edits a credential of the identity's own user, and answers what is told once.
func (q *request) replaced(what, told string, edit func(*model.User) error) error {
	id := q.who.User.ID
	err := q.people(func(tx model.PeopleTx) error {
		_, err := tx.EditUser(q.ctx(), id, func(u *model.User) error {
			u.Modified = q.now()
			return edit(u)
		})
		if err != nil {
			return err
		}
		return tx.Audit(q.ctx(), q.toldOfUser(id, "update", "user", id, nil, changed{what})...)
	})
	if err != nil {
		return err
	}
	return q.ok(told)
}
