package api_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
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
	c, err := http.ParseSetCookie(r.Header.Get("Set-Cookie")) // the first: the session's
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
	for _, body := range []string{
		`{}`, `{"email":"admin@example.com"}`, `{"password":"x"}`, `{"email":"admin","password":"x"}`,
		`{"email":"a b@example.com","password":"x"}`, `{"email":"a@b@example.com","password":"x"}`,
		`{"email":"` + strings.Repeat("a", 250) + `@b.de","password":"x"}`,
	} {
		s.fails(400, model.CodeSignIn, "POST", sessionPath, body, nobody)
	}
	// Strangers' bodies are small, whatever the limit of others is.
	large := `{"email":"admin@example.com","password":"` + strings.Repeat("x", 4<<10) + `"}`
	s.fails(413, model.CodeBodyInvalid, "POST", sessionPath, large, nobody)
	s.fails(403, 9109, "POST", sessionPath, `{"email":"admin@example.com","password":"`+firstPassword+`"}`, nobody, func(h http.Header) {
		h.Set("Sec-Fetch-Site", "cross-site")
	})
	for i := range 5 {
		body := fmt.Sprintf(`{"email":"%s","password":"wrong %d"}`, s.email, i)
		s.fails(403, model.CodeSignIn, "POST", sessionPath, body, nobody)
	}
	r := s.fails(429, model.CodeSignInTooOften, "POST", sessionPath, `{"email":"`+s.email+`","password":"`+firstPassword+`"}`, nobody)
	if r.Header.Get("Retry-After") != "30" {
		t.Errorf("retry after %q", r.Header.Get("Retry-After"))
	}
	off := newServer(t, func(c *api.Config) { c.Sessions = nil })
	off.fails(404, 10404, "POST", sessionPath, `{"email":"a@b","password":"x"}`, nobody)
	off.fails(404, 10404, "DELETE", sessionPath, nil)
}

// TestBrowserIsKnown: who has signed in by this browser before gets in while strangers at the same address guess.
func TestBrowserIsKnown(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addMember(s.account, "guest@example.com", "read_only")
	u, err := s.store.UserByEmail(t.Context(), "guest@example.com")
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]any{"email": u.Email, "password": s.must("PUT", "/headwater/v1/users/"+string(u.ID)+"/password", nil).text(t)}
	r := s.must("POST", sessionPath, body, nobody)
	var browser as
	for _, line := range r.Header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatal(err)
		}
		if c.Name == "headwater_browser" {
			if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != sessionPath {
				t.Errorf("cookie %s", line)
			}
			browser = func(h http.Header) { h.Set("Cookie", c.Name+"="+c.Value) }
		}
	}
	if browser == nil {
		t.Fatalf("cookies %q", r.Header.Values("Set-Cookie"))
	}
	s.fails(400, 9106, "GET", "/zones", nil, nobody, browser) // it opens nothing
	for range 7 {
		s.do("POST", sessionPath, map[string]any{"email": u.Email, "password": "a wrong password"}, nobody)
	}
	s.must("POST", sessionPath, body, nobody, browser)
}

// TestTraces: sign-ins and refused credentials are counted by reason, said in the log now and then, and told to the one
// whose credential it was.
func TestTraces(t *testing.T) {
	t.Parallel()
	logged := &lockedBuffer{}
	traces := &api.Traces{}
	s := newServer(t, func(c *api.Config) {
		c.Log, c.Traces = slog.New(slog.NewTextHandler(logged, nil)), traces
	})
	s.signIn(firstPassword)
	for range 3 {
		s.fails(403, model.CodeSignIn, "POST", sessionPath, map[string]any{"email": s.email, "password": "a wrong password"}, nobody)
	}
	s.fails(403, model.CodeSignIn, "POST", sessionPath, map[string]any{"email": "nobody@example.com", "password": "a wrong password"}, nobody)
	for range 40 {
		s.fails(403, 9109, "GET", "/zones", nil, bearer(strings.Repeat("x", 40)))
		s.fails(403, 9103, "GET", "/zones", nil, keyed(s.email, strings.Repeat("0", 37)))
	}
	s.fails(400, 6003, "GET", "/zones", nil, bearer("short"))
	s.fails(400, 9106, "GET", "/zones", nil, nobody)
	read := bearer(s.must("POST", "/user/tokens", tokenBody(s.policy("allow", "com.cloudflare.api.account.zone.*", "Zone Read"))).object(t)["value"].(string))
	s.fails(403, 9109, "POST", "/headwater/v1/accounts", `{"name":"x"}`, read)
	want := map[string]uint64{
		api.SignIns: 1, auth.WhyPassword: 4, auth.WhyToken: 40, auth.WhyKey: 40, auth.WhyMalformed: 1, auth.WhyNothing: 1, auth.WhyForbidden: 1,
	}
	if d := cmp.Diff(want, traces.Counts()); d != "" {
		t.Error(d)
	}
	lines := logged.String()
	if n := strings.Count(lines, "\n"); n < 10 || n > 40 || !strings.Contains(lines, "source=127.0.0.1") || !strings.Contains(lines, "reason=password") {
		t.Errorf("%d lines: %s", n, lines)
	}
	log := s.must("GET", "/headwater/v1/user/audit_logs?direction=asc&per_page=1000", nil)
	logins, refused := 0, 0
	for _, e := range log.list(t) {
		switch action := e["action"].(map[string]any); action["type"] {
		case "login":
			logins++
		case "login_refused":
			refused++
			if action["result"] != false || e["actor"].(map[string]any)["ip"] != "127.0.0.1" {
				t.Errorf("entry %v", e)
			}
		}
	}
	if logins != 1 || refused != 5 {
		t.Errorf("%d sign-ins and %d refusals, bounded by 5: %s", logins, refused, log.Raw)
	}
	if got := s.must("GET", s.auditPath(false), nil); strings.Contains(got.Raw, "login") {
		t.Errorf("an account hears of a user's sign-ins: %s", got.Raw)
	}
	token := s.must("POST", "/accounts/"+string(s.account)+"/tokens", map[string]any{
		"name": "off", "policies": []any{s.policy("allow", "com.cloudflare.api.account.zone.*", "Zone Read")}, "status": "disabled",
	}).object(t)["value"].(string)
	s.fails(403, 9109, "GET", "/zones", nil, bearer(token))
	if got := s.must("GET", s.auditPath(true)+always+"&action_result=failure", nil).list(t); len(got) != 1 {
		t.Errorf("refusals of the account's token: %v", got)
	}
}
