package api

import (
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// People runs f in the transaction about people, if who asks still may inside it: whoever was sent away a moment ago
// writes nothing. f may run more than once.
func (q *Request) People(f func(tx model.PeopleTx) error) error {
	if q.dry {
		return noPlan()
	}
	return q.API.Store.EditPeople(q.Ctx(), func(tx model.PeopleTx) error {
		who, err := q.API.Auth.Renew(q.Ctx(), tx, q.Who)
		if err != nil {
			return err
		}
		q.Who = who
		if !q.mayStill() {
			return auth.Forbidden(false)
		}
		return f(tx)
	})
}

// mayStill asks again what permit asked. People are changed by routes of the server, of an account, and of the own user.
func (q *Request) mayStill() bool {
	if q.route.Scope == ScopeServer {
		return q.Who.ServerAdmin()
	}
	return q.Who.Can(q.route.Groups, q.Account, "")
}

// Told is an audit entry, in whose log it stands: an account's, a user's own, or with an empty owner the server's.
func (q *Request) Told(owner model.ID, action, resource string, id model.ID, before, after any) model.Audit {
	e := q.Audit(action, resource, id, before, after)
	e.Account = owner
	return e
}

// ToldOfUser tells what happened to a user in the user's own log, and in the server's when an administrator did it.
// Accounts hear nothing of it: what a user is elsewhere is not theirs to know.
func (q *Request) ToldOfUser(user model.ID, action, resource string, id model.ID, before, after any) []model.Audit {
	out := []model.Audit{q.Told(user, action, resource, id, before, after)}
	if q.Who.User.ID != user {
		out = append(out, q.Told("", action, resource, id, before, after))
	}
	return out
}

// Audit makes an entry of something that is no change of a zone: those of changes are written by the one way in. What was
// before and after are values as model.AuditPart has them.
func (q *Request) Audit(action, resource string, id model.ID, before, after any) model.Audit {
	legacy := map[string]string{"create": "add", "update": "set", "delete": "delete"}[action]
	return model.Audit{
		AuditHead: model.AuditHead{ID: auth.NewID(), Account: q.Account, Actor: q.actor(), When: q.Now()},
		Parts:     []model.AuditPart{{Action: action, Legacy: legacy, Resource: resource, ResourceID: id, Before: before, After: after}},
	}
}
