package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

const password = "correct horse battery"

type signIn struct {
	store    *fakeStore
	sessions *auth.Sessions
	auth     *auth.Authenticator
}

func newSignIn(t *testing.T) *signIn {
	t.Helper()
	f := peopled()
	hash, err := auth.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	u := f.users[owner]
	u.PasswordHash = hash
	f.users[owner] = u
	s := auth.NewSessions(auth.SessionConfig{Store: f, Clock: f.clock, Key: []byte(strings.Repeat("k", 32))})
	return &signIn{f, s, auth.New(auth.Config{Store: f, Clock: f.clock, Sessions: s})}
}

var home = netip.MustParseAddr("192.0.2.7")

func (s *signIn) must(t *testing.T) auth.NewSession {
	t.Helper()
	n, err := s.sessions.SignIn(t.Context(), auth.SignInRequest{Email: "owner@example.com", Password: password, Addr: home})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wantCode(t *testing.T, err error, status, code int) {
	t.Helper()
	var f *auth.Failure
	if !errors.As(err, &f) || f.Status != status || f.Code != code {
		t.Errorf("error %v (%+v), want status %d code %d", err, f, status, code)
	}
}

func TestSessionLife(t *testing.T) {
	t.Parallel()
	s := newSignIn(t)
	n := s.must(t)
	id, err := s.auth.Authenticate(t.Context(), auth.Credentials{Session: n.Cookie})
	if err != nil {
		t.Fatal(err)
	}
	if id.User.ID != owner || id.Context != "dash" || id.CSRF() != n.CSRF {
		t.Errorf("identity %+v", id)
	}
	_, err = s.auth.Authenticate(t.Context(), auth.Credentials{Session: n.Cookie, Writes: true})
	wantCode(t, err, 403, model.CodeCSRF)
	_, err = s.auth.Authenticate(t.Context(), auth.Credentials{Session: n.Cookie, Writes: true, CSRF: n.CSRF + "x"})
	wantCode(t, err, 403, model.CodeCSRF)
	if _, err = s.auth.Authenticate(t.Context(), auth.Credentials{Session: n.Cookie, Writes: true, CSRF: n.CSRF}); err != nil {
		t.Error(err)
	}

	other := s.must(t)
	if err := s.sessions.SignOut(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	_, err = s.auth.Authenticate(t.Context(), auth.Credentials{Session: n.Cookie})
	wantCode(t, err, 401, model.CodeSessionOver)
	if _, err = s.auth.Authenticate(t.Context(), auth.Credentials{Session: other.Cookie}); err != nil {
		t.Errorf("another session ended, too: %v", err)
	}
	s.store.now = other.Expires
	_, err = s.auth.Authenticate(t.Context(), auth.Credentials{Session: other.Cookie})
	wantCode(t, err, 401, model.CodeSessionOver)
}

func TestSessionEndsWithPassword(t *testing.T) {
	t.Parallel()
	s := newSignIn(t)
	n := s.must(t)
	u := s.store.users[owner]
	u.PasswordHash = "changed"
	s.store.users[owner] = u
	_, err := s.auth.Authenticate(t.Context(), auth.Credentials{Session: n.Cookie})
	wantCode(t, err, 401, model.CodeSessionOver)
}

func TestSessionOfToken(t *testing.T) {
	t.Parallel()
	s := newSignIn(t)
	v := s.store.addToken(model.Token{
		User: owner, Status: "active", Expires: start.Add(time.Hour),
		Policies: []model.Policy{policy("allow", model.Scope{Kind: "zone", ID: "*"}, "DNS Read")},
	})
	id, err := s.auth.Authenticate(t.Context(), auth.Credentials{Authorization: "Bearer " + v})
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.sessions.Adopt(t.Context(), id, home, "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.auth.Authenticate(t.Context(), auth.Credentials{Session: n.Cookie})
	if err != nil {
		t.Fatal(err)
	}
	if got.Can([]string{"DNS Write"}, accA, zoneA) || !got.Can([]string{"DNS Read"}, accA, zoneA) {
		t.Error("the session may not just what its token may")
	}
	s.store.now = start.Add(time.Hour)
	_, err = s.auth.Authenticate(t.Context(), auth.Credentials{Session: n.Cookie})
	wantCode(t, err, 403, 9109)
}

func TestForgedCookies(t *testing.T) {
	t.Parallel()
	s := newSignIn(t)
	n := s.must(t)
	for i := range len(n.Cookie) {
		b := []byte(n.Cookie)
		b[i] ^= 1
		if string(b[:len(b)-1]) == n.Cookie[:len(b)-1] {
			continue // the last character's low bits carry nothing
		}
		if _, err := s.auth.Authenticate(t.Context(), auth.Credentials{Session: string(b)}); err == nil {
			t.Fatalf("a cookie changed at %d passes", i)
		}
	}
	for _, c := range []string{"x", strings.Repeat("A", len(n.Cookie)), n.Cookie + "AA"} {
		_, err := s.auth.Authenticate(t.Context(), auth.Credentials{Session: c})
		wantCode(t, err, 401, model.CodeSessionOver)
	}
	other := auth.NewSessions(auth.SessionConfig{Store: s.store, Clock: s.store.clock})
	a := auth.New(auth.Config{Store: s.store, Clock: s.store.clock, Sessions: other})
	_, err := a.Authenticate(t.Context(), auth.Credentials{Session: n.Cookie})
	wantCode(t, err, 401, model.CodeSessionOver)
}

// try signs in and returns what the browser keeps.
func (s *signIn) try(email, pw, from, browser string) (string, error) {
	n, err := s.sessions.SignIn(context.Background(), auth.SignInRequest{
		Email: email, Password: pw, Addr: netip.MustParseAddr(from), Browser: browser,
	})
	return n.Browser, err
}

const ownerEmail = "owner@example.com"

// TestThrottle: five failures of a stranger are free, then one every half minute.
func TestThrottle(t *testing.T) {
	t.Parallel()
	s := newSignIn(t)
	const here, elsewhere = "192.0.2.7", "192.0.2.8"
	for i := range 5 {
		_, err := s.try("OWNER@example.com", fmt.Sprintf("wrong password %d", i), here, "")
		wantCode(t, err, 403, model.CodeSignIn)
	}
	_, err := s.try(ownerEmail, password, here, "")
	wantCode(t, err, 429, model.CodeSignInTooOften)
	var f *auth.Failure
	if errors.As(err, &f) && (f.RetryAfter < 1 || f.RetryAfter > 30) {
		t.Errorf("retry after %d", f.RetryAfter)
	}
	if _, err := s.try(ownerEmail, password, elsewhere, ""); err != nil {
		t.Errorf("from another address: %v", err)
	}
	s.store.now = start.Add(31 * time.Second)
	if _, err := s.try(ownerEmail, password, here, ""); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

// TestNobodyIsLockedOut: strangers who guess, from the same address and for the same e-mail, keep nobody out who has the
// right password and has signed in before, by this browser or from this address.
func TestNobodyIsLockedOut(t *testing.T) {
	t.Parallel()
	s := newSignIn(t)
	const proxy = "192.0.2.1"
	browser, err := s.try(ownerEmail, password, "198.51.100.1", "")
	if err != nil {
		t.Fatal(err)
	}
	guess := func(n int, from string) {
		for i := range n {
			_, err := s.try(ownerEmail, fmt.Sprintf("wrong password %d", i), from, "")
			var f *auth.Failure
			if !errors.As(err, &f) || f.Status != 403 && f.Status != 429 {
				t.Fatal(err)
			}
		}
	}
	guess(8, proxy)
	if _, err := s.try(ownerEmail, password, proxy, browser); err != nil {
		t.Errorf("with the browser's cookie: %v", err)
	}
	// From there somebody has signed in now: the password alone does.
	guess(5, proxy)
	if _, err := s.try(ownerEmail, password, proxy, ""); err != nil {
		t.Errorf("from an address seen before: %v", err)
	}
	// Somebody else's cookie, or a forged one, is none.
	guess(5, "203.0.113.9")
	for _, other := range []string{"x", browser[1:] + "A", strings.Repeat("A", len(browser)), strings.Repeat("A", 1<<20)} {
		guess(1, "203.0.113.9")
		_, err := s.try(ownerEmail, password, "203.0.113.9", other)
		wantCode(t, err, 429, model.CodeSignInTooOften)
	}
}

// TestThirtyBadSignIns: thirty failures from one address, which may be that of a proxy, lock nobody out who is behind it.
func TestThirtyBadSignIns(t *testing.T) {
	t.Parallel()
	s := newSignIn(t)
	for i := range 30 {
		_, err := s.try(fmt.Sprintf("u%d@example.com", i), "some password", fmt.Sprintf("2001:db8::%x", i+1), "")
		wantCode(t, err, 403, model.CodeSignIn)
	}
	if _, err := s.try(ownerEmail, password, "2001:db8::ffff", ""); err != nil {
		t.Error(err)
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"", "short", strings.Repeat("x", auth.MaxPassword+1)} {
		if _, err := auth.HashPassword(p); !errors.Is(err, auth.ErrPasswordLength) {
			t.Errorf("%d octets: %v", len(p), err)
		}
	}
	a, _ := auth.HashPassword(password)
	b, _ := auth.HashPassword(password)
	if a == b || !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hashes %q, %q", a, b)
	}
	s := newSignIn(t)
	for _, bad := range []string{"plain", "$argon2id$v=19$m=99999999,t=1,p=1$AAAA$AAAA", "$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAA"} {
		u := s.store.users[owner]
		u.PasswordHash = bad
		s.store.users[owner] = u
		_, err := s.sessions.SignIn(t.Context(), auth.SignInRequest{Email: "owner@example.com", Password: password, Addr: home})
		if err == nil || strings.Contains(err.Error(), bad) {
			t.Errorf("hash %q: %v", bad, err)
		}
	}
}
