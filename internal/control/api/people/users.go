package people

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Routes are the operations of accounts, people, their credentials and what is told of them.
func Routes() []api.Route {
	return slices.Concat(
		api.Planned(accountRoutes()), api.Planned(entitlementRoutes()), api.Planned(quotaRoutes()),
		userRoutes(), usersAdminRoutes(), membershipRoutes(), tokenRoutes(), auditRoutes(), sessionRoutes(), oidcRoutes(), passkeyRoutes(), openRoutes(), api.Planned(factorAccountRoutes()), factorRoutes(),
	)
}

func userRoutes() []api.Route {
	read, write := []string{"User Details Read", "User Details Write"}, []string{"User Details Write"}
	return []api.Route{
		api.NewRoute(http.MethodGet, api.Client+"/user", api.ScopeUser, read, getUser),
		api.NewRoute(http.MethodPatch, api.Own+"/user", api.ScopeUser, write, editUser),
		api.NewRoute(http.MethodPut, api.Own+"/user/password", api.ScopeUser, write, changePassword),
		api.NewRoute(http.MethodPut, api.Own+"/user/key", api.ScopeUser, write, rollKey),
	}
}

// userJSON is the signed-in user. Organizations is the older spelling of accounts.
type userJSON struct {
	ID              model.ID         `json:"id"`
	Email           string           `json:"email"`
	Username        string           `json:"username"`
	First           *string          `json:"first_name"`
	Last            *string          `json:"last_name"`
	Telephone       *string          `json:"telephone"`
	Country         *string          `json:"country"`
	Zipcode         *string          `json:"zipcode"`
	Suspended       bool             `json:"suspended"`
	TwoFactor       bool             `json:"two_factor_authentication_enabled"`
	TwoFactorLocked bool             `json:"two_factor_authentication_locked"`
	HasProZones     bool             `json:"has_pro_zones"`
	HasBusiness     bool             `json:"has_business_zones"`
	HasEnterprise   bool             `json:"has_enterprise_zones"`
	Betas           []string         `json:"betas"`
	Organizations   []organization   `json:"organizations"`
	Accounts        []api.AccountRef `json:"accounts"`
	Created         api.Stamp        `json:"created_on"`
	Modified        api.Stamp        `json:"modified_on"`
}

type organization struct {
	ID          model.ID `json:"id"`
	Name        string   `json:"name"`
	Status      string   `json:"status"`
	Permissions []string `json:"permissions"`
	Roles       []string `json:"roles"`
}

func getUser(a *api.API, q *api.Request) error { return okUser(q, &q.Who.User) }

func okUser(q *api.Request, u *model.User) error {
	list, err := memberships(q)
	if err != nil {
		return err
	}
	out := userJSON{
		ID: u.ID, Email: u.Email, Username: u.Email, First: orNull(u.FirstName), Last: orNull(u.LastName), Betas: []string{},
		Suspended: u.Suspended, TwoFactor: !u.TwoFactor.IsZero(), HasEnterprise: true, Organizations: []organization{}, Accounts: []api.AccountRef{},
		Created: api.Stamp(u.Created), Modified: api.Stamp(u.Modified),
	}
	for _, m := range list {
		out.Accounts = append(out.Accounts, api.AccountRef{ID: m.Account.ID, Name: m.Account.Name})
		out.Organizations = append(out.Organizations, organization{
			ID: m.Account.ID, Name: m.Account.Name, Status: "member", Permissions: []string{}, Roles: m.Roles,
		})
	}
	return q.OK(out)
}

// maxPersonName bounds first and last names, in characters.
const maxPersonName = 60

// nameEdit is a change of one part of a person's name.
type nameEdit struct {
	sent *api.Optional[string]
	to   func(*model.User) *string
	at   string
}

func editUser(a *api.API, q *api.Request) error {
	var in struct {
		First api.Optional[string] `json:"first_name"`
		Last  api.Optional[string] `json:"last_name"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	edits := []nameEdit{
		{&in.First, func(u *model.User) *string { return &u.FirstName }, "/first_name"},
		{&in.Last, func(u *model.User) *string { return &u.LastName }, "/last_name"},
	}
	for _, e := range edits {
		if e.sent.Value != "" && !api.LabelText(e.sent.Value) || utf8.RuneCountInString(e.sent.Value) > maxPersonName {
			return api.Invalid(model.CodeUserInvalid, e.at, "A name can have at most 60 characters, on one line.")
		}
	}
	u, err := changeUser(q, q.Who.User.ID, func(u *model.User) {
		for _, e := range edits {
			if e.sent.Set {
				*e.to(u) = e.sent.Value
			}
		}
	}, nil)
	if err != nil {
		return err
	}
	return okUser(q, &u)
}

// changeUser edits a user as it is now and tells of it in the audit log: what before and after differ in, or else what
// note says. An edit that changes nothing is not told of.
func changeUser(q *api.Request, id model.ID, edit func(*model.User), note model.AuditFacts) (model.User, error) {
	var out model.User
	err := q.People(func(tx model.PeopleTx) error {
		var err error
		out, err = editUserIn(q, tx, id, edit, note)
		return err
	})
	return out, api.OrMissing(err, model.CodeUserInvalid, "There is no such user.")
}

func editUserIn(q *api.Request, tx model.PeopleTx, id model.ID, edit func(*model.User), note model.AuditFacts) (model.User, error) {
	var old model.User
	u, err := tx.EditUser(q.Ctx(), id, func(u *model.User) error {
		old = *u
		edit(u)
		if !reflect.DeepEqual(old, *u) {
			u.Modified = q.Now()
		}
		return nil
	})
	if err != nil || reflect.DeepEqual(old, u) {
		return u, err
	}
	if note != nil {
		return u, tx.Audit(q.Ctx(), q.ToldOfUser(id, "update", "user", id, nil, note)...)
	}
	return u, tx.Audit(q.Ctx(), q.ToldOfUser(id, "update", "user", id, old, u)...)
}

// confirm asks for the current password again before a credential is replaced.
func confirm(q *api.Request, password string) error {
	if q.API.Sessions == nil {
		return api.Missing(model.CodeUserInvalid, "There are no passwords on this server.")
	}
	return q.API.Sessions.CheckPassword(q.Ctx(), q.Who.User, password)
}

// changed is what the audit log tells of a credential: that it is another one.
func changed(what string) model.AuditFacts { return model.AuditFacts{{Name: "changed", Text: what}} }

func changePassword(a *api.API, q *api.Request) error {
	var in struct {
		Current string `json:"current_password"`
		New     string `json:"new_password"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if err := confirm(q, in.Current); err != nil {
		return err
	}
	hash, err := a.Auth.HashPassword(q.Ctx(), q.Who, "", in.New)
	if errors.Is(err, auth.ErrPasswordLength) {
		return api.Invalid(model.CodeUserInvalid, "/new_password", "A password must have 10 to 1024 characters.")
	}
	if err != nil {
		return err
	}
	checked := q.Who.User.PasswordHash
	u, err := replace(q, "password", func(u *model.User) error {
		if u.PasswordHash != checked { // replaced since it was asked for
			return auth.Forbidden(false)
		}
		u.PasswordHash = hash
		return nil
	})
	if err != nil {
		return err
	}
	if err := renewSession(q, u); err != nil {
		return err
	}
	return q.OK("")
}

// renewSession opens a new session in place of the one by which a user has just changed what all of his hang on. Who came otherwise
// has none before and after.
func renewSession(q *api.Request, u model.User) error {
	if q.Who.SessionID() == "" || q.Who.Token != nil {
		return nil
	}
	s, err := q.API.Sessions.Renew(q.Ctx(), q.Who, u, q.Addr(), q.R.UserAgent())
	if err != nil {
		return err
	}
	setCookie(q, s.Cookie, s.Expires)
	return nil
}

// rollKey gives the user a new global key; the answer is the only place where it stands.
func rollKey(a *api.API, q *api.Request) error {
	var in struct {
		Current string `json:"current_password"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if err := confirm(q, in.Current); err != nil {
		return err
	}
	key := auth.NewKey()
	checked := q.Who.User.PasswordHash
	if _, err := replace(q, "key", func(u *model.User) error {
		if u.PasswordHash != checked {
			return auth.Forbidden(false)
		}
		u.KeyHash = auth.Digest(key)
		return nil
	}); err != nil {
		return err
	}
	return q.OK(key)
}

// replace edits a credential of the identity's own user, and tells of it.
func replace(q *api.Request, what string, edit func(*model.User) error) (out model.User, err error) {
	id := q.Who.User.ID
	err = q.People(func(tx model.PeopleTx) (err error) {
		out, err = tx.EditUser(q.Ctx(), id, func(u *model.User) error {
			u.Modified = q.Now()
			return edit(u)
		})
		if err != nil {
			return err
		}
		return tx.Audit(q.Ctx(), q.ToldOfUser(id, "update", "user", id, nil, changed(what))...)
	})
	return out, err
}
