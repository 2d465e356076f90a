package people

import (
	"net/http"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func sessionRoutes() []api.Route {
	const path = api.Own + "/session"
	return []api.Route{
		api.NewRoute(http.MethodGet, path, api.ScopeAny, nil, getSession),
		api.NewRoute(http.MethodPost, path, api.ScopePublic, nil, signIn),
		api.NewRoute(http.MethodDelete, path, api.ScopeAny, nil, signOut),
	}
}

// sessionJSON tells a dashboard who it works for.
type sessionJSON struct {
	User        *userRef  `json:"user"`
	ServerAdmin bool      `json:"server_admin"`
	CSRF        string    `json:"csrf_token"`
	Expires     api.Stamp `json:"expires_on"`
	Context     string    `json:"context"`
	Accounts    []reach   `json:"accounts"`
	// Cursor names what had happened before the answer was made; nil where nothing is told.
	Cursor *string `json:"events_cursor"`
	// Locked are accounts that ask for a second factor first.
	Locked []api.AccountRef `json:"locked_accounts"`
}

// reach is an account in which an identity may do something. Rights are the permission groups that it has there, those of
// zones for all zones of the account; a token for some zones has none of these.
type reach struct {
	ID     model.ID `json:"id"`
	Name   string   `json:"name"`
	Rights []string `json:"rights"`
}

// reachMost bounds how many accounts a session tells of.
const reachMost = 50

// anyZone is an identifier that no zone has: what is allowed there is allowed in all zones of the account.
const anyZone = "-"

// reaches lists where the identity may do anything, by name.
func reaches(q *api.Request, who *auth.Identity) ([]reach, error) {
	var names, ofAccounts, ofZones []string
	for _, g := range auth.Groups() {
		names = append(names, g.Name)
		switch g.Scope {
		case auth.ScopeAccount:
			ofAccounts = append(ofAccounts, g.Name)
		case auth.ScopeZone:
			ofZones = append(ofZones, g.Name)
		}
	}
	ids, err := who.BoundAccounts(q.Ctx(), q.API.Store, ofAccounts)
	if err != nil {
		return nil, err
	}
	var zones model.ZoneQuery
	if err := who.BoundZones(q.Ctx(), q.API.Store, ofZones, &zones); err != nil {
		return nil, err
	}
	if ids != nil && zones.All {
		ids = nil
	}
	if ids != nil {
		ids = append(ids, zones.Accounts...)
		if len(zones.IDs) > 0 {
			list, _, err := q.API.Store.Zones(q.Ctx(), model.ZoneQuery{IDs: zones.IDs})
			if err != nil {
				return nil, err
			}
			for i := range list {
				ids = append(ids, list[i].Account)
			}
		}
	}
	list, _, err := q.API.Store.Accounts(q.Ctx(), ids, "", false, 0, reachMost)
	return api.Each(list, func(a *model.Account) reach {
		out := reach{ID: a.ID, Name: a.Name, Rights: []string{}}
		for _, name := range names {
			if who.Can([]string{name}, a.ID, anyZone) {
				out.Rights = append(out.Rights, name)
			}
		}
		return out
	}), err
}

func session(q *api.Request, who *auth.Identity, expires time.Time) (sessionJSON, error) {
	out := sessionJSON{ServerAdmin: who.ServerAdmin(), CSRF: who.CSRF(), Expires: api.Stamp(expires), Context: who.Context}
	if hub := q.API.Events; hub != nil {
		at, err := hub.Cursor(q.Ctx())
		if err != nil {
			return out, err
		}
		out.Cursor = &at
	}
	var err error
	if out.Accounts, err = reaches(q, who); err != nil {
		return out, err
	}
	out.Locked, err = lockedAccounts(q, who)
	if who.User.ID != "" {
		u := refUser(&who.User)
		out.User = &u
	}
	return out, err
}

func getSession(a *api.API, q *api.Request) error {
	out, err := session(q, q.Who, q.Who.SessionExpires())
	if err != nil {
		return err
	}
	return q.OK(out)
}

// signIn opens a session by e-mail and password, or for the token of the Authorization header. A page of another origin
// must not do it for its visitor.
func signIn(a *api.API, q *api.Request) error {
	if a.Sessions == nil {
		return api.NotHere()
	}
	if err := ownPage(q); err != nil {
		return err
	}
	s, err := open(q)
	if err != nil {
		return err
	}
	out, err := begun(a, q, &s)
	if err != nil {
		return err
	}
	if s.Browser != "" {
		leaveBrowser(q, s.Browser)
	}
	return q.OK(out)
}

// begun hands a new session to the browser that has signed in, by whatever way: in place of the one that it had.
func begun(a *api.API, q *api.Request, s *auth.NewSession) (sessionJSON, error) {
	who, err := a.Auth.Authenticate(q.Ctx(), auth.Credentials{Session: s.Cookie, Addr: q.Addr()})
	if err != nil {
		return sessionJSON{}, err
	}
	out, err := session(q, who, s.Expires)
	if err != nil {
		return out, err
	}
	if c, err := q.R.Cookie(api.SessionCookie); err == nil {
		if err := a.Sessions.Replace(q.Ctx(), c.Value); err != nil {
			return out, err
		}
	}
	setCookie(q, s.Cookie, s.Expires)
	a.Traces.SignedIn(q, who)
	return out, nil
}

func open(q *api.Request) (auth.NewSession, error) {
	if h := q.R.Header.Get("Authorization"); h != "" {
		who, err := q.API.Auth.Authenticate(q.Ctx(), auth.Credentials{Authorization: h, Addr: q.Addr()})
		if err != nil {
			return auth.NewSession{}, err
		}
		return q.API.Sessions.Adopt(q.Ctx(), who, q.Addr(), q.R.UserAgent())
	}
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		Code     string `json:"code"`
	}
	if err := q.Decode(&in); err != nil {
		return auth.NewSession{}, err
	}
	if !auth.ValidEmail(in.Email) || in.Password == "" {
		return auth.NewSession{}, api.Invalid(model.CodeSignIn, "", "Signing in takes an e-mail address and a password.")
	}
	return q.API.Sessions.SignIn(q.Ctx(), signInRequest(q, in.Email, in.Password, in.Code))
}

// signInRequest is what a stranger sends, with what is known of where he comes from.
func signInRequest(q *api.Request, email, password, code string) auth.SignInRequest {
	r := auth.SignInRequest{Email: email, Password: password, Code: code, Addr: q.Addr(), Agent: q.R.UserAgent()}
	if c, err := q.R.Cookie(browserCookie); err == nil {
		r.Browser = c.Value
	}
	return r
}

// browserCookie is what a sign-in leaves in the browser, for browserLife. It opens nothing: it tells the one who has signed
// in here before from strangers who guess.
const (
	browserCookie = "headwater_browser"
	browserLife   = 365 * 24 * time.Hour
)

func leaveBrowser(q *api.Request, value string) {
	http.SetCookie(q.W, &http.Cookie{ //nolint:gosec // Secure as for the session
		Name: browserCookie, Value: value, Path: api.Own + "/session", Expires: q.Now().Add(browserLife), HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: q.R.TLS != nil,
	})
}

// setCookie hands the session to the browser, or takes it back with an empty value. Scripts cannot read it, and no other
// site's page sends it.
func setCookie(q *api.Request, value string, expires time.Time) {
	c := &http.Cookie{ //nolint:gosec // Secure follows from how the request came: without TLS a browser would drop it
		Name: api.SessionCookie, Value: value, Path: "/", Expires: expires, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: q.R.TLS != nil,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(q.W, c)
}

func signOut(a *api.API, q *api.Request) error {
	if a.Sessions == nil {
		return api.NotHere()
	}
	if err := a.Sessions.SignOut(q.Ctx(), q.Who); err != nil {
		return err
	}
	setCookie(q, "", time.Time{})
	return q.OK("")
}
