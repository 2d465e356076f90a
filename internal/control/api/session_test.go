package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

const sessionPath = "/headwater/v1/session"

// signIn signs the administrator in; the first result sends the cookie alone, the second the CSRF token with it.
func (s *server) signIn(password string) (cookie, csrf as) {
	s.t.Helper()
	r := s.must("POST", sessionPath, map[string]any{"email": s.email, "password": password}, nobody)
	return withSession(s.t, r)
}

func withSession(t *testing.T, r *reply) (cookie, csrf as) {
	t.Helper()
	c, err := http.ParseSetCookie(r.Header.Get("Set-Cookie"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != api.SessionCookie || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
		t.Errorf("cookie %s", r.Header.Get("Set-Cookie"))
	}
	token, _ := r.object(t)["csrf_token"].(string)
	if token == "" || strings.Contains(r.Raw, c.Value) {
		t.Errorf("answer %s", r.Raw)
	}
	cookie = func(h http.Header) {
		h.Del("Authorization")
		h.Set("Cookie", api.SessionCookie+"="+c.Value)
	}
	return cookie, func(h http.Header) {
		cookie(h)
		h.Set("X-Csrf-Token", token)
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	cookie, csrf := s.signIn(firstPassword)
	got := s.must("GET", sessionPath, nil, cookie).object(t)
	if got["context"] != "dash" || got["server_admin"] != true || got["expires_on"] != "2026-03-04T17:06:07.000000Z" {
		t.Errorf("session %v", got)
	}
	zone := `{"name":"example.com"}`
	s.fails(403, model.CodeCSRF, "POST", "/zones", zone, cookie)
	s.must("POST", "/zones", zone, csrf)
	s.fails(403, model.CodeCSRF, "DELETE", sessionPath, nil, cookie)
	out := s.must("DELETE", sessionPath, nil, csrf)
	if c, err := http.ParseSetCookie(out.Header.Get("Set-Cookie")); err != nil || c.MaxAge >= 0 || c.Value != "" {
		t.Errorf("cookie after signing out: %s", out.Header.Get("Set-Cookie"))
	}
	s.fails(401, model.CodeSessionOver, "GET", "/zones", nil, cookie)

	byToken := s.must("GET", sessionPath, nil).object(t)
	if byToken["context"] != "api_token" || byToken["csrf_token"] != "" || byToken["expires_on"] != nil {
		t.Errorf("session %v", byToken)
	}
}

func TestSessionOfToken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	value := s.must("POST", "/accounts/"+string(s.account)+"/tokens",
		tokenBody(s.policy("allow", "com.cloudflare.api.account.zone.*", "Zone Read"))).object(t)["value"].(string)
	r := s.must("POST", sessionPath, nil, bearer(value))
	cookie, csrf := withSession(t, r)
	if got := r.object(t); got["user"] != nil || got["server_admin"] != false {
		t.Errorf("session %v", got)
	}
	s.must("GET", "/zones", nil, cookie)
	s.fails(403, 9109, "POST", "/headwater/v1/accounts", `{"name":"x"}`, csrf)
	s.fails(403, 9109, "POST", sessionPath, nil, bearer(strings.Repeat("x", 40)))
}

func TestSignInRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, body := range []string{`{}`, `{"email":"admin@example.com"}`, `{"password":"x"}`} {
		s.fails(400, model.CodeSignIn, "POST", sessionPath, body, nobody)
	}
	s.fails(403, 9109, "POST", sessionPath, `{"email":"admin@example.com","password":"`+firstPassword+`"}`, nobody, func(h http.Header) {
		h.Set("Sec-Fetch-Site", "cross-site")
	})
	for i := range 5 {
		body := fmt.Sprintf(`{"email":"%s","password":"wrong %d"}`, s.email, i)
		s.fails(403, model.CodeSignIn, "POST", sessionPath, body, nobody)
	}
	r := s.fails(429, model.CodeSignInTooOften, "POST", sessionPath, `{"email":"`+s.email+`","password":"`+firstPassword+`"}`, nobody)
	if r.Header.Get("Retry-After") != "900" {
		t.Errorf("retry after %q", r.Header.Get("Retry-After"))
	}
	off := newServer(t, func(c *api.Config) { c.Sessions = nil })
	off.fails(404, 10404, "POST", sessionPath, `{"email":"a@b","password":"x"}`, nobody)
	off.fails(404, 10404, "DELETE", sessionPath, nil)
}
