package people

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/oidc"
)

func oidcRoutes() []api.Route {
	const session, logins = api.Own + "/session", api.Own + "/user/logins"
	read, write := []string{"User Details Read", "User Details Write"}, []string{"User Details Write"}
	return []api.Route{
		api.NewRoute(http.MethodGet, session+"/ways", api.ScopePublic, nil, listWays),
		api.NewRoute(http.MethodPost, session+"/provider", api.ScopePublic, nil, beginProvider),
		api.NewRoute(http.MethodPut, session+"/provider", api.ScopePublic, nil, finishProvider),
		api.NewRoute(http.MethodGet, logins, api.ScopeUser, read, listLogins),
		api.NewRoute(http.MethodPost, logins, api.ScopeUser, write, beginLink),
		api.NewRoute(http.MethodPut, logins, api.ScopeUser, write, finishLink),
		api.NewRoute(http.MethodDelete, logins+"/{login_id}", api.ScopeUser, write, removeLogin),
	}
}

// waysJSON tells a stranger how one signs in here.
type waysJSON struct {
	Password bool      `json:"password"`
	Passkey  bool      `json:"passkey"`
	Provider *nameJSON `json:"provider"`
}

type nameJSON struct {
	Name string `json:"name"`
}

func listWays(a *api.API, q *api.Request) error {
	out := waysJSON{Password: a.Sessions != nil, Passkey: a.Sessions != nil && a.Passkeys != nil}
	if a.Provider != nil {
		out.Provider = &nameJSON{a.ProviderName}
	}
	return q.OK(out)
}

// Cookies of a sign-in at a provider's, sealed: what was begun, by its state, so that two tabs have one each; and who has come back and has
// yet to show a code. Our own page hands them in, so that no other site's may have them sent.
const (
	attemptCookie = "headwater_attempt_"
	halfCookie    = "headwater_half"
	attemptLife   = 10 * time.Minute
	providerPath  = api.Own
)

func setSealed(q *api.Request, name string, v any, life time.Duration) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	http.SetCookie(q.W, &http.Cookie{ //nolint:gosec // Secure as for the session
		Name: name, Value: q.API.Sessions.Seal(name, b, q.Now().Add(life)), Path: providerPath, MaxAge: int(life.Seconds()), HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: q.R.TLS != nil,
	})
	return nil
}

// takeSealed reads a cookie and takes it back: it does once.
func takeSealed(q *api.Request, name string, v any) error {
	if seeSealed(q, name, v) {
		dropCookie(q, name)
		return nil
	}
	return notBegun()
}

func notBegun() error {
	return api.Invalid(model.CodeOIDCState, "", "This sign-in was not begun in this browser, or is over. Please begin again.")
}

// seeSealed reads a cookie and leaves it; false for one that is not there, is too old, or is not ours.
func seeSealed(q *api.Request, name string, v any) bool {
	c, err := q.R.Cookie(name)
	if err != nil {
		return false
	}
	b, ok := q.API.Sessions.Unseal(name, c.Value)
	return ok && json.Unmarshal(b, v) == nil
}

func dropCookie(q *api.Request, name string) {
	http.SetCookie(q.W, &http.Cookie{ //nolint:gosec // as above; it is taken back
		Name: name, Path: providerPath, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: q.R.TLS != nil,
	})
}

// attemptName names the cookie of a sign-in by its state, which is in the address that browsers come back to.
func attemptName(state string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, state)
	return attemptCookie + plain[:min(len(plain), 16)]
}

type addressJSONOf struct {
	URL string `json:"url"`
}

// begin sends a browser to the provider.
func begin(q *api.Request, to string, link model.ID) error {
	if q.API.Provider == nil || q.API.Sessions == nil {
		return api.NotHere()
	}
	address, attempt, err := q.API.Provider.Begin(q.Ctx(), to, link)
	if err != nil {
		return troubled(q, err)
	}
	if err := setSealed(q, attemptName(attempt.State), attempt, attemptLife); err != nil {
		return err
	}
	return q.OK(addressJSONOf{address})
}

// troubled is an error of a provider's, in words that tell a stranger nothing of it; the log has the rest.
func troubled(q *api.Request, err error) error {
	var t *oidc.Trouble
	switch {
	case errors.Is(err, oidc.ErrBusy):
		return &api.Failed{Status: http.StatusServiceUnavailable, Code: model.CodeOIDCProvider, Message: "Too many people sign in at the moment. Please try again."}
	case errors.As(err, &t):
		q.API.Log.Warn("a sign-in by OpenID Connect failed", "request", q.Id, "error", t.Err)
		return &api.Failed{Status: http.StatusBadGateway, Code: model.CodeOIDCProvider, Message: "The provider did not answer as it should. The e-mail and password of this server still do."}
	}
	return err
}

const toMost = 1024 // octets of where somebody was going

func beginProvider(_ *api.API, q *api.Request) error {
	var in struct {
		To string `json:"to"`
	}
	if err := q.Decode(&in); err != nil {
		return err
	}
	if len(in.To) > toMost {
		in.To = ""
	}
	return begin(q, in.To, "")
}

// backBody is what a browser brings back from the provider; Issuer where the provider sends it (RFC 9207).
type backBody struct {
	State  string `json:"state"`
	Code   string `json:"code"`
	Issuer string `json:"iss"`
	Second string `json:"second_factor"` // in place of all the others: the code that was asked for
}

// comeBack takes what a browser brings back, once.
func comeBack(q *api.Request, in *backBody, link model.ID) (a oidc.Attempt, who oidc.Person, err error) {
	if q.API.Provider == nil || q.API.Sessions == nil {
		return a, who, api.NotHere()
	}
	if err := takeSealed(q, attemptName(in.State), &a); err != nil {
		return a, who, err
	}
	if a.State != in.State || in.Code == "" || a.Link != link || in.Issuer != "" && in.Issuer != q.API.Provider.Issuer() {
		return a, who, api.Invalid(model.CodeOIDCState, "", "This answer is of another sign-in. Please begin again.")
	}
	if who, err = q.API.Provider.Finish(q.Ctx(), &a, in.Code); err != nil {
		return a, who, troubled(q, err)
	}
	return a, who, spend(q, &a)
}

// spend has an answer of the provider's do once, at whatever node, however many bring it at one moment: that the provider takes a code once
// is its own affair. Only what the provider has stood up for is noted, so that strangers fill nothing.
func spend(q *api.Request, a *oidc.Attempt) error {
	first, id := false, model.ID(hex.EncodeToString(auth.Digest(a.State)[:16]))
	err := q.API.Store.EditPeople(q.Ctx(), func(tx model.PeopleTx) (err error) {
		first, err = tx.SpendChallenge(q.Ctx(), id, q.Now(), q.Now().Add(attemptLife))
		return err
	})
	if err == nil && !first {
		err = api.Invalid(model.CodeOIDCState, "", "This sign-in is over. Please begin again.")
	}
	return err
}

// half is who has come back from the provider and has yet to show a code.
type half struct {
	User model.ID
	To   string
}

// enteredJSON is a session together with where the person was going.
type enteredJSON struct {
	sessionJSON

	To string `json:"to"`
}

func finishProvider(a *api.API, q *api.Request) error {
	var in backBody
	if err := q.Decode(&in); err != nil {
		return err
	}
	if in.Second != "" {
		return finishHalf(a, q, in.Second)
	}
	attempt, who, err := comeBack(q, &in, "")
	if err != nil {
		return err
	}
	u, err := admit(q, &who)
	if err != nil {
		return err
	}
	if !who.Factor && !u.TwoFactor.IsZero() {
		if err := setSealed(q, halfCookie, half{u.ID, attempt.To}, attemptLife); err != nil {
			return err
		}
		return a.Sessions.PassFactor(q.Ctx(), &u, "")
	}
	return enter(a, q, u, auth.ByProvider(who.Factor), attempt.To)
}

// finishHalf takes the code that was asked for; a wrong one can be typed again, until what the provider has said is too long ago.
func finishHalf(a *api.API, q *api.Request, code string) error {
	if a.Sessions == nil {
		return api.NotHere()
	}
	var h half
	if !seeSealed(q, halfCookie, &h) {
		return notBegun()
	}
	u, err := a.Store.User(q.Ctx(), h.User)
	if err != nil {
		return err
	}
	if err := a.Sessions.PassFactor(q.Ctx(), &u, code); err != nil {
		return err
	}
	return enter(a, q, u, auth.ByProvider(!u.TwoFactor.IsZero()), h.To)
}

// enter opens the session, as a sign-in by password does.
func enter(a *api.API, q *api.Request, u model.User, way, to string) error {
	s, err := a.Sessions.Enter(q.Ctx(), u, way, q.Addr(), q.R.UserAgent())
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
	dropCookie(q, halfCookie)
	return q.OK(enteredJSON{out, to})
}
