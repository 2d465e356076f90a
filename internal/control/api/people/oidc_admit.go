package people

import (
	"errors"
	"net/http"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/oidc"
)

// wanted is what groups open in the accounts that rules speak of; without a role, nothing.
type wanted struct {
	account model.ID
	role    string
	zones   []model.ZoneRole
}

// groupsOpen finds the accounts that rules speak of, and what a person's groups open there.
func groupsOpen(q *api.Request, groups []string) ([]wanted, error) {
	var out []wanted
	for _, id := range q.API.Provider.Accounts() {
		if _, err := q.API.Store.Account(q.Ctx(), id); errors.Is(err, model.ErrNotFound) {
			q.API.Log.Warn("the account of a group's role is not there", "account", id)
			continue
		} else if err != nil {
			return nil, err
		}
		w := wanted{account: id}
		if role, zones, ok := q.API.Provider.Role(groups, id); ok {
			w.role, w.zones = role, zones
		}
		out = append(out, w)
	}
	return out, nil
}

// admit finds the user of who has come back from the provider, or makes him, and brings his memberships to what his groups say. A user is
// found by what the provider calls him and by nothing else: an e-mail address that somebody has here is his, whoever says so elsewhere.
func admit(q *api.Request, who *oidc.Person) (u model.User, err error) {
	open, err := groupsOpen(q, who.Groups)
	if err != nil {
		return u, err
	}
	err = q.API.Store.EditPeople(q.Ctx(), func(tx model.PeopleTx) error {
		l, err := tx.Login(q.Ctx(), auth.LoginID(who.Issuer, who.Subject))
		switch {
		case errors.Is(err, model.ErrNotFound):
			u, err = makeUser(q, tx, who, open)
		case err == nil:
			u, err = tx.User(q.Ctx(), l.User)
		}
		if err != nil {
			return err
		}
		return follow(q, tx, &u, open)
	})
	return u, err
}

// makeUser makes a user of somebody whom the provider vouches for, and for whom a group opens something.
func makeUser(q *api.Request, tx model.PeopleTx, who *oidc.Person, open []wanted) (u model.User, err error) {
	refuse := func(status, code int, message string) (model.User, error) {
		return u, &model.Invalid{Code: code, Status: status, Message: message}
	}
	if who.Email == "" || !auth.ValidEmail(who.Email) {
		return refuse(http.StatusForbidden, model.CodeOIDCEmail, "The provider does not say that your e-mail address is verified.")
	}
	if !slices.ContainsFunc(open, func(w wanted) bool { return w.role != "" }) {
		return refuse(http.StatusForbidden, model.CodeOIDCNobody, "None of your groups at the provider opens anything here.")
	}
	_, err = tx.UserByEmail(q.Ctx(), who.Email)
	if err == nil {
		return refuse(http.StatusConflict, model.CodeOIDCTaken, "A user of this e-mail address is here already: sign in as before, and link the provider under My Profile.")
	}
	if !errors.Is(err, model.ErrNotFound) {
		return u, err
	}
	u = model.User{ID: auth.NewID(), Email: who.Email, FirstName: who.First, LastName: who.Last, Sessions: auth.NewSessionsValue(), Created: q.Now(), Modified: q.Now()}
	if err := tx.AddUser(q.Ctx(), u); err != nil {
		return u, err
	}
	if err := tx.AddLogin(q.Ctx(), loginOf(q, u.ID, who)); err != nil {
		return u, err
	}
	return u, tx.Audit(q.Ctx(), byProvider(q, &u, u.ID, "create", "user", u.ID, nil, u))
}

func loginOf(q *api.Request, user model.ID, who *oidc.Person) model.Login {
	return model.Login{ID: auth.LoginID(who.Issuer, who.Subject), User: user, Issuer: who.Issuer, Subject: who.Subject, Email: who.Email, Created: q.Now()}
}

// byProvider is an audit entry of what came of a sign-in: nobody else has done it.
func byProvider(q *api.Request, u *model.User, owner model.ID, action, resource string, id model.ID, before, after any) model.Audit {
	legacy := map[string]string{"create": "add", "update": "set", "delete": "delete"}[action]
	return model.Audit{
		AuditHead: model.AuditHead{
			ID: auth.NewID(), Account: owner, When: q.Now(),
			Actor: model.Actor{User: u.ID, Email: u.Email, Context: model.BySystem, IP: q.Addr(), Request: q.Id},
		},
		Parts: []model.AuditPart{{Action: action, Legacy: legacy, Resource: resource, ResourceID: id, Before: before, After: after}},
	}
}

// follow brings the memberships that groups have made to what they say now. One that somebody has given by hand stays as it is.
func follow(q *api.Request, tx model.PeopleTx, u *model.User, open []wanted) error {
	has, err := tx.Members(q.Ctx(), "", u.ID)
	if err != nil {
		return err
	}
	for _, m := range has {
		named := slices.ContainsFunc(open, func(w wanted) bool { return w.account == m.Account && w.role != "" })
		if !m.ByGroups || named {
			continue
		}
		if err := tx.DeleteMember(q.Ctx(), m.Account, m.ID); err != nil {
			return err
		}
		if err := tx.Audit(q.Ctx(), byProvider(q, u, m.Account, "delete", "member", m.ID, memberOf(&m, u), nil)); err != nil {
			return err
		}
	}
	for _, w := range open {
		if w.role == "" {
			continue
		}
		at := slices.IndexFunc(has, func(m model.Member) bool { return m.Account == w.account })
		if err := followIn(q, tx, u, &w, has, at); err != nil {
			return err
		}
	}
	return nil
}

func followIn(q *api.Request, tx model.PeopleTx, u *model.User, w *wanted, has []model.Member, at int) error {
	if at < 0 {
		m := model.Member{ID: auth.NewID(), Account: w.account, User: u.ID, Role: w.role, Zones: w.zones, Status: auth.MemberAccepted, Created: q.Now(), ByGroups: true}
		if err := tx.AddMember(q.Ctx(), m); err != nil {
			return err
		}
		return tx.Audit(q.Ctx(), byProvider(q, u, w.account, "create", "member", m.ID, nil, memberOf(&m, u)))
	}
	was := has[at]
	if !was.ByGroups || was.Role == w.role && slices.Equal(was.Zones, w.zones) {
		return nil
	}
	m, err := tx.EditMember(q.Ctx(), w.account, was.ID, func(m *model.Member) error { m.Role, m.Zones = w.role, w.zones; return nil })
	if err != nil {
		return err
	}
	return tx.Audit(q.Ctx(), byProvider(q, u, w.account, "update", "member", m.ID, memberOf(&was, u), memberOf(&m, u)))
}

// loginJSON is as whom a provider knows the user.
type loginJSON struct {
	ID      model.ID  `json:"id"`
	Issuer  string    `json:"issuer"`
	Subject string    `json:"subject"`
	Email   string    `json:"email"`
	Created api.Stamp `json:"created_on"`
}

func renderLogin(l *model.Login) loginJSON {
	return loginJSON{l.ID, l.Issuer, l.Subject, l.Email, api.Stamp(l.Created)}
}

func listLogins(a *api.API, q *api.Request) error {
	list, err := a.Store.Logins(q.Ctx(), q.Who.User.ID)
	if err != nil {
		return err
	}
	return api.OnePage(q, api.Each(list, renderLogin))
}

// loginsMost bounds the links of a user.
const loginsMost = 10

// linkInPerson refuses everybody but a user who is signed in.
func linkInPerson(q *api.Request) error {
	if q.Who.SessionID() == "" || q.Who.Token != nil {
		return badLogin("A provider is linked in person: signed in, not by a token or a key.")
	}
	return nil
}

func badLogin(message string) error { return api.Invalid(model.CodeLogin, "", message) }

// linkBody is a proof, and where the person goes on.
type linkBody struct {
	proof

	To string `json:"to"`
}

// beginLink sends the browser of somebody who is signed in to the provider. He shows what he shows before a second factor changes: a browser
// left open must not give its finder a way in that stays, and what the provider calls a second factor counts as one here.
func beginLink(_ *api.API, q *api.Request) error {
	if err := linkInPerson(q); err != nil {
		return err
	}
	if q.API.Provider == nil || q.API.Sessions == nil {
		return api.NotHere() // before a code is used up for it
	}
	var in linkBody
	if err := q.Decode(&in); err != nil {
		return err
	}
	if err := in.look(q); err != nil {
		return err
	}
	if err := in.shown(q, func(model.PeopleTx) error { return nil }); err != nil {
		return err
	}
	return begin(q, in.To[:min(len(in.To), toMost)], q.Who.User.ID)
}

func finishLink(_ *api.API, q *api.Request) error {
	if err := linkInPerson(q); err != nil {
		return err
	}
	var in backBody
	if err := q.Decode(&in); err != nil {
		return err
	}
	_, who, err := comeBack(q, &in, q.Who.User.ID)
	if err != nil {
		return err
	}
	l := loginOf(q, q.Who.User.ID, &who)
	err = q.People(func(tx model.PeopleTx) error {
		has, err := tx.Logins(q.Ctx(), l.User)
		if err != nil {
			return err
		}
		if len(has) >= loginsMost {
			return badLogin("A user has ten links at most.")
		}
		if err := tx.AddLogin(q.Ctx(), l); err != nil {
			return err
		}
		return tx.Audit(q.Ctx(), q.ToldOfUser(l.User, "create", "login", l.ID, nil, loginFacts(&l))...)
	})
	if err != nil {
		return err
	}
	return q.OK(renderLogin(&l))
}

func loginFacts(l *model.Login) model.AuditFacts {
	return model.AuditFacts{{Name: "issuer", Text: l.Issuer}, {Name: "subject", Text: l.Subject}}
}

// removeLogin takes a link away, and ends all other sessions: one of them may have been opened by it. The last way in stays.
func removeLogin(_ *api.API, q *api.Request) error {
	if err := linkInPerson(q); err != nil {
		return err
	}
	id := q.PathID("login_id")
	err := q.People(func(tx model.PeopleTx) error {
		has, err := tx.Logins(q.Ctx(), q.Who.User.ID)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(has, func(l model.Login) bool { return l.ID == id })
		switch {
		case at < 0:
			return api.Missing(model.CodeLogin, "There is no such link.")
		case len(has) == 1 && q.Who.User.PasswordHash == "":
			return badLogin("This is the only way in that the user has.")
		}
		if err := tx.DeleteLogin(q.Ctx(), q.Who.User.ID, id); err != nil {
			return err
		}
		if _, err := tx.EndSessions(q.Ctx(), q.Who.User.ID, q.Who.SessionID()); err != nil {
			return err
		}
		return tx.Audit(q.Ctx(), q.ToldOfUser(q.Who.User.ID, "delete", "login", id, loginFacts(&has[at]), nil)...)
	})
	if err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: id})
}
