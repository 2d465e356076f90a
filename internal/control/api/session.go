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
	if in.Email == "" || in.Password == "" {
		return auth.NewSession{}, invalid(model.CodeSignIn, "", "Signing in takes an e-mail address and a password.")
	}
	return q.api.Sessions.SignIn(q.ctx(), in.Email, in.Password, q.addr())
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
