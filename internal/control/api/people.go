package api

import (
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// people runs f in the transaction about people, if who asks still may inside it: whoever was sent away a moment ago
// writes nothing. f may run more than once.
func (q *request) people(f func(tx model.PeopleTx) error) error {
	return q.api.Store.EditPeople(q.ctx(), func(tx model.PeopleTx) error {
		who, err := q.api.Auth.Renew(q.ctx(), tx, q.who)
		if err != nil {
			return err
		}
		q.who = who
		if !q.mayStill() {
			return auth.Forbidden(false)
		}
		return f(tx)
	})
}

// mayStill asks again what permit asked. People are changed by routes of the server, of an account, and of the own user.
func (q *request) mayStill() bool {
	if q.route.Scope == ScopeServer {
		return q.who.ServerAdmin()
	}
	return q.who.Can(q.route.Groups, q.account, "")
}

// told is an audit entry, in whose log it stands: an account's, a user's own, or with an empty owner the server's.
func (q *request) told(owner model.ID, action, resource string, id model.ID, before, after any) model.Audit {
	e := q.audit(action, resource, id, before, after)
	e.Account = owner
	return e
}

// toldOfUser tells what happened to a user in the user's own log, and in the server's when an administrator did it.
// Accounts hear nothing of it: what a user is elsewhere is not theirs to know.
func (q *request) toldOfUser(user model.ID, action, resource string, id model.ID, before, after any) []model.Audit {
	out := []model.Audit{q.told(user, action, resource, id, before, after)}
	if q.who.User.ID != user {
		out = append(out, q.told("", action, resource, id, before, after))
	}
	return out
}
