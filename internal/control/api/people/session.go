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
}

func session(who *auth.Identity, expires time.Time) sessionJSON {
	out := sessionJSON{ServerAdmin: who.ServerAdmin(), CSRF: who.CSRF(), Expires: api.Stamp(expires), Context: who.Context}
	if who.User.ID != "" {
		u := refUser(&who.User)
		out.User = &u
	}
	return out
}

func getSession(a *api.API, q *api.Request) error {
	return q.OK(session(q.Who, q.Who.SessionExpires()))
}

// signIn opens a session by e-mail and password, or for the token of the Authorization header. A page of another origin
// must not do it for its visitor.
func signIn(a *api.API, q *api.Request) error {
	if a.Sessions == nil {
		return api.NotHere()
	}
	if err := http.NewCrossOriginProtection().Check(q.R); err != nil {
		return auth.Forbidden(false)
	}
	s, err := open(q)
	if err != nil {
		return err
	}
	who, err := a.Auth.Authenticate(q.Ctx(), auth.Credentials{Session: s.Cookie, Addr: q.Addr()})
	if err != nil {
		return err
	}
	setCookie(q, s.Cookie, s.Expires)
	if s.Browser != "" {
		leaveBrowser(q, s.Browser)
	}
	a.Traces.SignedIn(q, who)
	return q.OK(session(who, s.Expires))
}

func open(q *api.Request) (auth.NewSession, error) {
	if h := q.R.Header.Get("Authorization"); h != "" {
		who, err := q.API.Auth.Authenticate(q.Ctx(), auth.Credentials{Authorization: h, Addr: q.Addr()})
		if err != nil {
			return auth.NewSession{}, err
		}
		return q.API.Sessions.Adopt(who), nil
	}
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := q.Decode(&in); err != nil {
		return auth.NewSession{}, err
	}
	if !auth.ValidEmail(in.Email) || in.Password == "" {
		return auth.NewSession{}, api.Invalid(model.CodeSignIn, "", "Signing in takes an e-mail address and a password.")
	}
	r := auth.SignInRequest{Email: in.Email, Password: in.Password, Addr: q.Addr()}
	if c, err := q.R.Cookie(browserCookie); err == nil {
		r.Browser = c.Value
	}
	return q.API.Sessions.SignIn(q.Ctx(), r)
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
