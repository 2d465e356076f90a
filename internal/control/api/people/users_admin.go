package people

import (
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// usersAdminRoutes are what administrators of the server do about users.
func usersAdminRoutes() []api.Route {
	const all, one = api.Own + "/users", api.Own + "/users/{user_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, all, api.ScopeServer, nil, listUsers),
		api.NewRoute(http.MethodGet, one, api.ScopeServer, nil, showUser),
		api.NewRoute(http.MethodPatch, one, api.ScopeServer, nil, suspendUser),
		api.NewRoute(http.MethodPut, one+"/password", api.ScopeServer, nil, resetPassword),
		api.NewRoute(http.MethodDelete, one+"/tokens", api.ScopeServer, nil, revokeTokens),
		api.NewRoute(http.MethodDelete, one+"/key", api.ScopeServer, nil, revokeKey),
	}
}

// userDescription is a user as administrators of the server see it.
type userDescription struct {
	userRef
	Admin     bool      `json:"server_admin"`
	Suspended bool      `json:"suspended"`
	HasKey    bool      `json:"has_key"`
	TwoFactor bool      `json:"second_factor"`
	Created   api.Stamp `json:"created_on"`
	Modified  api.Stamp `json:"modified_on"`
}

func describeUser(u *model.User) userDescription {
	return userDescription{refUser(u), u.Admin, u.Suspended, len(u.KeyHash) > 0, !u.TwoFactor.IsZero(), api.Stamp(u.Created), api.Stamp(u.Modified)}
}

func listUsers(a *api.API, q *api.Request) error {
	page, per, err := q.Page(usualPage, mostPage)
	if err != nil {
		return err
	}
	list, total, err := a.Store.Users(q.Ctx(), api.Offset(page, per), per)
	if err != nil {
		return err
	}
	return q.List(api.Each(list, describeUser), api.Info(page, per, len(list), total))
}

func showUser(a *api.API, q *api.Request) error {
	u, err := a.Store.User(q.Ctx(), q.PathID("user_id"))
	if err != nil {
		return api.OrMissing(err, model.CodeUserInvalid, "There is no such user.")
	}
	return q.OK(describeUser(&u))
}

// suspendUser suspends a user, who then comes in by no credential, or lets him in again. Sessions end; tokens and the key
// stay and work again later. One administrator of the server stays.
func suspendUser(a *api.API, q *api.Request) error {
	var in struct {
		Suspended api.Optional[bool] `json:"suspended"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if !in.Suspended.Given() {
		return api.Invalid(model.CodeUserInvalid, "/suspended", "suspended must be true or false.")
	}
	id := q.PathID("user_id")
	var out model.User
	err := q.People(func(tx model.PeopleTx) (err error) {
		out, err = editUserIn(q, tx, id, func(u *model.User) {
			if in.Suspended.Value && !u.Suspended {
				u.Sessions = auth.NewSessionsValue()
			}
			u.Suspended = in.Suspended.Value
		}, nil)
		if err != nil || !out.Suspended {
			return err
		}
		return keepsServerAdmin(q, tx)
	})
	if err != nil {
		return api.OrMissing(err, model.CodeUserInvalid, "There is no such user.")
	}
	return q.OK(describeUser(&out))
}

func keepsServerAdmin(q *api.Request, tx model.PeopleTx) error {
	list, err := tx.Administrators(q.Ctx())
	if err != nil {
		return err
	}
	for i := range list {
		if !list[i].Suspended {
			return nil
		}
	}
	return api.Invalid(model.CodeUserInvalid, "", "The server would be left without an administrator.")
}

// resetPassword helps a user who lost the password: the answer is the only place where the new one stands. All sessions
// end. Tokens and the key, by which somebody else may have come in, are revoked when that is asked for; else the answer
// says that they are still there.
func resetPassword(a *api.API, q *api.Request) error {
	var in struct {
		Revoke bool `json:"revoke_tokens"`
	}
	if q.R.ContentLength != 0 {
		if err := q.Decode(&in); err != nil {
			return err
		}
	}
	id := q.PathID("user_id")
	password := auth.NewPassword()
	hash, err := a.Auth.HashPassword(q.Ctx(), q.Who, "", password)
	if err != nil {
		return err
	}
	var left []api.Message
	err = q.People(func(tx model.PeopleTx) error {
		left = nil
		u, err := editUserIn(q, tx, id, func(u *model.User) {
			u.PasswordHash, u.Sessions = hash, auth.NewSessionsValue()
			if in.Revoke {
				u.KeyHash = nil
			}
		}, changed("password"))
		if err != nil {
			return err
		}
		if in.Revoke {
			_, err = revokeAll(q, tx, id, "")
			return err
		}
		tokens, err := tx.Tokens(q.Ctx(), id, "")
		if len(tokens) > 0 || len(u.KeyHash) > 0 {
			left = []api.Message{{Code: model.CodeTokensRemain, Message: "The user's tokens and key still work; revoke_tokens revokes them, too."}}
		}
		return err
	})
	if err != nil {
		return api.OrMissing(err, model.CodeUserInvalid, "There is no such user.")
	}
	return q.OK(password, left...)
}

func endSessions(a *api.API, q *api.Request) error {
	u, err := changeUser(q, q.PathID("user_id"), func(u *model.User) { u.Sessions = auth.NewSessionsValue() }, changed("sessions"))
	if err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: u.ID})
}

func revokeKey(a *api.API, q *api.Request) error {
	u, err := changeUser(q, q.PathID("user_id"), func(u *model.User) { u.KeyHash = nil }, changed("key"))
	if err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: u.ID})
}

// revoked answers how many tokens were removed.
type revoked struct {
	Revoked int `json:"revoked"`
}

func revokeTokens(a *api.API, q *api.Request) error {
	id := q.PathID("user_id")
	var out revoked
	err := q.People(func(tx model.PeopleTx) error {
		if _, err := tx.User(q.Ctx(), id); err != nil {
			return err
		}
		n, err := revokeAll(q, tx, id, "")
		out.Revoked = n
		return err
	})
	if err != nil {
		return api.OrMissing(err, model.CodeUserInvalid, "There is no such user.")
	}
	return q.OK(out)
}

// revokeAccountTokens removes all tokens that belong to the account.
func revokeAccountTokens(a *api.API, q *api.Request) error {
	if _, err := q.LoadAccount(); err != nil {
		return err
	}
	var out revoked
	err := q.People(func(tx model.PeopleTx) (err error) {
		out.Revoked, err = revokeAll(q, tx, "", q.Account)
		return err
	})
	if err != nil {
		return err
	}
	return q.OK(out)
}

// revokeAll removes all tokens of a user or of an account.
func revokeAll(q *api.Request, tx model.PeopleTx, user, account model.ID) (int, error) {
	list, err := tx.Tokens(q.Ctx(), user, account)
	if err != nil {
		return 0, err
	}
	for i := range list {
		if err := tx.DeleteToken(q.Ctx(), list[i].ID); err != nil {
			return 0, err
		}
		if err := tx.Audit(q.Ctx(), toldOfToken(q, "delete", &list[i], list[i], nil)...); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}
