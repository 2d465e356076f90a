package api

import (
	"net/http"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// usersAdminRoutes are what administrators of the server do about users.
func usersAdminRoutes() []Route {
	const all, one = own + "/users", own + "/users/{user_id}"
	return []Route{
		{http.MethodGet, all, ScopeServer, nil, (*api).listUsers},
		{http.MethodGet, one, ScopeServer, nil, (*api).showUser},
		{http.MethodPatch, one, ScopeServer, nil, (*api).suspendUser},
		{http.MethodPut, one + "/password", ScopeServer, nil, (*api).resetPassword},
		{http.MethodDelete, one + "/sessions", ScopeServer, nil, (*api).endSessions},
		{http.MethodDelete, one + "/tokens", ScopeServer, nil, (*api).revokeTokens},
		{http.MethodDelete, one + "/key", ScopeServer, nil, (*api).revokeKey},
	}
}

// userDescription is a user as administrators of the server see it.
type userDescription struct {
	userRef
	Admin     bool  `json:"server_admin"`
	Suspended bool  `json:"suspended"`
	HasKey    bool  `json:"has_key"`
	Created   stamp `json:"created_on"`
	Modified  stamp `json:"modified_on"`
}

func describeUser(u *model.User) userDescription {
	return userDescription{refUser(u), u.Admin, u.Suspended, len(u.KeyHash) > 0, stamp(u.Created), stamp(u.Modified)}
}

func (a *api) listUsers(q *request) error {
	page, per, err := q.page(usualPage, mostPage)
	if err != nil {
		return err
	}
	list, total, err := a.Store.Users(q.ctx(), offset(page, per), per)
	if err != nil {
		return err
	}
	return q.list(each(list, describeUser), info(page, per, len(list), total))
}

func (a *api) showUser(q *request) error {
	u, err := a.Store.User(q.ctx(), q.pathID("user_id"))
	if err != nil {
		return orMissing(err, model.CodeUserInvalid, "There is no such user.")
	}
	return q.ok(describeUser(&u))
}

// suspendUser suspends a user, who then comes in by no credential, or lets him in again. Sessions end; tokens and the key
// stay and work again later. One administrator of the server stays.
func (a *api) suspendUser(q *request) error {
	var in struct {
		Suspended optional[bool] `json:"suspended"`
	}
	if err := q.decode(&in); err != nil {
		return err
	}
	if !in.Suspended.given() {
		return invalid(model.CodeUserInvalid, "/suspended", "suspended must be true or false.")
	}
	id := q.pathID("user_id")
	var out model.User
	err := q.people(func(tx model.PeopleTx) (err error) {
		out, err = q.editUserIn(tx, id, func(u *model.User) {
			if in.Suspended.Value && !u.Suspended {
				u.Sessions = auth.NewSessionsValue()
			}
			u.Suspended = in.Suspended.Value
		}, nil)
		if err != nil || !out.Suspended {
			return err
		}
		return q.keepsServerAdmin(tx)
	})
	if err != nil {
		return orMissing(err, model.CodeUserInvalid, "There is no such user.")
	}
	return q.ok(describeUser(&out))
}

func (q *request) keepsServerAdmin(tx model.PeopleTx) error {
	list, err := tx.Administrators(q.ctx())
	if err != nil {
		return err
	}
	for i := range list {
		if !list[i].Suspended {
			return nil
		}
	}
	return invalid(model.CodeUserInvalid, "", "The server would be left without an administrator.")
}

// resetPassword helps a user who lost the password: the answer is the only place where the new one stands. All sessions
// end. Tokens and the key, by which somebody else may have come in, are revoked when that is asked for; else the answer
// says that they are still there.
func (a *api) resetPassword(q *request) error {
	var in struct {
		Revoke bool `json:"revoke_tokens"`
	}
	if q.r.ContentLength != 0 {
		if err := q.decode(&in); err != nil {
			return err
		}
	}
	id := q.pathID("user_id")
	password := auth.NewPassword()
	hash, err := a.Auth.HashPassword(q.ctx(), q.who, "", password)
	if err != nil {
		return err
	}
	var left []message
	err = q.people(func(tx model.PeopleTx) error {
		left = nil
		u, err := q.editUserIn(tx, id, func(u *model.User) {
			u.PasswordHash, u.Sessions = hash, auth.NewSessionsValue()
			if in.Revoke {
				u.KeyHash = nil
			}
		}, changed{"password"})
		if err != nil {
			return err
		}
		if in.Revoke {
			_, err = q.revokeAll(tx, id, "")
			return err
		}
		tokens, err := tx.Tokens(q.ctx(), id, "")
		if len(tokens) > 0 || len(u.KeyHash) > 0 {
			left = []message{{model.CodeTokensRemain, "The user's tokens and key still work; revoke_tokens revokes them, too."}}
		}
		return err
	})
	if err != nil {
		return orMissing(err, model.CodeUserInvalid, "There is no such user.")
	}
	return q.ok(password, left...)
}

func (a *api) endSessions(q *request) error {
	u, err := q.changeUser(q.pathID("user_id"), func(u *model.User) { u.Sessions = auth.NewSessionsValue() }, changed{"sessions"})
	if err != nil {
		return err
	}
	return q.ok(idOnly{u.ID})
}

func (a *api) revokeKey(q *request) error {
	u, err := q.changeUser(q.pathID("user_id"), func(u *model.User) { u.KeyHash = nil }, changed{"key"})
	if err != nil {
		return err
	}
	return q.ok(idOnly{u.ID})
}

// revoked answers how many tokens were removed.
type revoked struct {
	Revoked int `json:"revoked"`
}

func (a *api) revokeTokens(q *request) error {
	id := q.pathID("user_id")
	var out revoked
	err := q.people(func(tx model.PeopleTx) error {
		if _, err := tx.User(q.ctx(), id); err != nil {
			return err
		}
		n, err := q.revokeAll(tx, id, "")
		out.Revoked = n
		return err
	})
	if err != nil {
		return orMissing(err, model.CodeUserInvalid, "There is no such user.")
	}
	return q.ok(out)
}

// revokeAccountTokens removes all tokens that belong to the account.
func (a *api) revokeAccountTokens(q *request) error {
	if _, err := q.loadAccount(); err != nil {
		return err
	}
	var out revoked
	err := q.people(func(tx model.PeopleTx) (err error) {
		out.Revoked, err = q.revokeAll(tx, "", q.account)
		return err
	})
	if err != nil {
		return err
	}
	return q.ok(out)
}

// revokeAll removes all tokens of a user or of an account.
func (q *request) revokeAll(tx model.PeopleTx, user, account model.ID) (int, error) {
	list, err := tx.Tokens(q.ctx(), user, account)
	if err != nil {
		return 0, err
	}
	for i := range list {
		if err := tx.DeleteToken(q.ctx(), list[i].ID); err != nil {
			return 0, err
		}
		if err := tx.Audit(q.ctx(), q.toldOfToken("delete", &list[i], q.renderToken(&list[i]), nil)...); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}
