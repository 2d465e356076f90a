package api

import (
	"net/http"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

func sessionRoutes() []Route {
	const path = own + "/session"
	return []Route{
		{http.MethodGet, path, ScopeAny, nil, (*api).getSession},
		{http.MethodPost, path, ScopePublic, nil, (*api).signIn},
		{http.MethodDelete, path, ScopeAny, nil, (*api).signOut},
	}
}

// sessionJSON tells a dashboard who it works for.
type sessionJSON struct {
	User        *userRef `json:"user"`
	ServerAdmin bool     `json:"server_admin"`
	CSRF        string   `json:"csrf_token"`
	Expires     stamp    `json:"expires_on"`
	Context     string   `json:"context"`
}

func (q *request) session(who *auth.Identity, expires time.Time) sessionJSON {
	out := sessionJSON{ServerAdmin: who.ServerAdmin(), CSRF: who.CSRF(), Expires: stamp(expires), Context: who.Context}
	if who.User.ID != "" {
		u := refUser(&who.User)
		out.User = &u
	}
	return out
}

func (a *api) getSession(q *request) error { return q.ok(q.session(q.who, q.who.SessionExpires())) }

// signIn opens a session by e-mail and password, or for the token of the Authorization header. A page of another origin
// must not do it for its visitor.
func (a *api) signIn(q *request) error {
	if a.Sessions == nil {
		return notHere()
	}
	if err := http.NewCrossOriginProtection().Check(q.r); err != nil {
		return auth.Forbidden(false)
	}
	s, err := q.open()
	if err != nil {
		return err
	}
	who, err := a.Auth.Authenticate(q.ctx(), auth.Credentials{Session: s.Cookie, Addr: q.addr()})
	if err != nil {
		return err
	}
	q.setCookie(s.Cookie, s.Expires)
	if s.Browser != "" {
		q.leaveBrowser(s.Browser)
	}
	a.Traces.signedIn(q, who)
	return q.ok(q.session(who, s.Expires))
}

func (q *request) open() (auth.NewSession, error) {
	if h := q.r.Header.Get("Authorization"); h != "" {
		who, err := q.api.Auth.Authenticate(q.ctx(), auth.Credentials{Authorization: h, Addr: q.addr()})
		if err != nil {
			return auth.NewSession{}, err
		}
		return q.api.Sessions.Adopt(who), nil
	}
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := q.decode(&in); err != nil {
		return auth.NewSession{}, err
	}
	if !auth.ValidEmail(in.Email) || in.Password == "" {
		return auth.NewSession{}, invalid(model.CodeSignIn, "", "Signing in takes an e-mail address and a password.")
	}
	r := auth.SignInRequest{Email: in.Email, Password: in.Password, Addr: q.addr()}
	if c, err := q.r.Cookie(browserCookie); err == nil {
		r.Browser = c.Value
	}
	return q.api.Sessions.SignIn(q.ctx(), r)
}

// browserCookie is what a sign-in leaves in the browser, for browserLife. It opens nothing: it tells the one who has signed
// in here before from strangers who guess.
const (
	browserCookie = "headwater_browser"
	browserLife   = 365 * 24 * time.Hour
)

func (q *request) leaveBrowser(value string) {
	http.SetCookie(q.w, &http.Cookie{ //nolint:gosec // Secure as for the session
		Name: browserCookie, Value: value, Path: own + "/session", Expires: q.now().Add(browserLife), HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: q.r.TLS != nil,
	})
}

// setCookie hands the session to the browser, or takes it back with an empty value. Scripts cannot read it, and no other
// site's page sends it.
func (q *request) setCookie(value string, expires time.Time) {
	c := &http.Cookie{ //nolint:gosec // Secure follows from how the request came: without TLS a browser would drop it
		Name: SessionCookie, Value: value, Path: "/", Expires: expires, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: q.r.TLS != nil,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(q.w, c)
}

func (a *api) signOut(q *request) error {
	if a.Sessions == nil {
		return notHere()
	}
	if err := a.Sessions.SignOut(q.ctx(), q.who); err != nil {
		return err
	}
	q.setCookie("", time.Time{})
	return q.ok("")
}
