package people

import (
	"net/http"
	"net/netip"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// openRoutes are about who is signed in: a user's own sessions, and those of others for administrators of the server.
func openRoutes() []api.Route {
	const own, of = api.Own + "/user/sessions", api.Own + "/users/{user_id}/sessions"
	read, write := []string{"User Details Read", "User Details Write"}, []string{"User Details Write"}
	return []api.Route{
		api.NewRoute(http.MethodGet, own, api.ScopeUser, read, listSessions),
		api.NewRoute(http.MethodDelete, own, api.ScopeUser, write, endOtherSessions),
		api.NewRoute(http.MethodDelete, own+"/{session_id}", api.ScopeUser, write, endSession),
		api.NewRoute(http.MethodGet, of, api.ScopeServer, nil, listSessions),
		api.NewRoute(http.MethodDelete, of, api.ScopeServer, nil, endSessions),
		api.NewRoute(http.MethodDelete, of+"/{session_id}", api.ScopeServer, nil, endSession),
	}
}

// openJSON is one session, as its user and administrators of the server see it.
type openJSON struct {
	ID      model.ID  `json:"id"`
	Current bool      `json:"current"`
	Way     string    `json:"way"`
	Token   *string   `json:"token_id"`
	From    *string   `json:"ip"`
	Last    *string   `json:"last_ip"`
	Agent   string    `json:"user_agent"`
	Created api.Stamp `json:"created_on"`
	Used    api.Stamp `json:"last_used_on"`
	Expires api.Stamp `json:"expires_on"`
}

func addrOrNull(a netip.Addr) *string {
	if !a.IsValid() {
		return nil
	}
	return orNull(a.String())
}

// sessionsOf is the user whose sessions a route is about: that of the path, or the identity's own.
func sessionsOf(q *api.Request) model.ID {
	if q.R.PathValue("user_id") != "" {
		return q.PathID("user_id")
	}
	return q.Who.User.ID
}

func listSessions(a *api.API, q *api.Request) error {
	if a.Sessions == nil {
		return api.NotHere()
	}
	u, err := a.Store.User(q.Ctx(), sessionsOf(q))
	if err != nil {
		return api.OrMissing(err, model.CodeUserInvalid, "There is no such user.")
	}
	list, err := a.Sessions.Live(q.Ctx(), &u)
	if err != nil {
		return err
	}
	return api.OnePage(q, api.Each(list, func(v *model.Session) openJSON {
		return openJSON{
			ID: v.ID, Current: v.ID == q.Who.SessionID(), Way: v.Way, Token: orNull(string(v.Token)), From: addrOrNull(v.From),
			Last: addrOrNull(v.Last), Agent: v.Agent, Created: api.Stamp(auth.SessionIssued(v.ID)), Used: api.Stamp(v.Used),
			Expires: api.Stamp(auth.SessionEnds(v.ID)),
		}
	}))
}

// endSession ends one session, on every node.
func endSession(a *api.API, q *api.Request) error {
	user, id := sessionsOf(q), q.PathID("session_id")
	err := q.People(func(tx model.PeopleTx) error {
		if err := tx.EndSession(q.Ctx(), user, id); err != nil {
			return err
		}
		return tx.Audit(q.Ctx(), q.ToldOfUser(user, "delete", "session", id, nil, nil)...)
	})
	if err != nil {
		return api.OrMissing(err, model.CodeSessionNotFound, "There is no such session: it has ended.")
	}
	if id == q.Who.SessionID() {
		setCookie(q, "", auth.SessionIssued(id))
	}
	return q.OK(api.IDOnly{ID: id})
}

// ended answers how many sessions were ended.
type ended struct {
	Ended int `json:"ended"`
}

// endOtherSessions ends all sessions of the user but the one by which it is asked, if it is asked by one.
func endOtherSessions(a *api.API, q *api.Request) error {
	user := q.Who.User.ID
	var out ended
	err := q.People(func(tx model.PeopleTx) (err error) {
		if out.Ended, err = tx.EndSessions(q.Ctx(), user, q.Who.SessionID()); err != nil || out.Ended == 0 {
			return err
		}
		return tx.Audit(q.Ctx(), q.ToldOfUser(user, "delete", "session", user, nil, model.AuditFacts{{Name: "ended", Number: int64(out.Ended)}})...)
	})
	if err != nil {
		return err
	}
	return q.OK(out)
}
