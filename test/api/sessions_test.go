package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

const ownSessions = "/headwater/v1/user/sessions"

// person makes a user who is a member with a role, and signs him in.
func (s *server) person(email, role string) (id, password string, csrf as) {
	s.t.Helper()
	m := s.must("POST", "/headwater/v1/accounts/"+string(s.account)+"/members",
		map[string]any{"email": email, "role": role, "status": "accepted"}).object(s.t)
	id, password = m["user"].(map[string]any)["id"].(string), m["password"].(string)
	_, csrf = withSession(s.t, s.must("POST", sessionPath, map[string]any{"email": email, "password": password}, nobody))
	return id, password, csrf
}

// sessions lists the sessions of who asks, as their identifiers; the current one is named apart.
func (s *server) sessions(who as) (all []map[string]any, current string) {
	s.t.Helper()
	for _, v := range s.must("GET", ownSessions, nil, who).list(s.t) {
		all = append(all, v)
		if v["current"] == true {
			current = v["id"].(string)
		}
	}
	return all, current
}

// TestSessionsListedAndEnded: who is signed in from where stands in a list, and what is ended there is refused at once. Nobody ends a
// session of somebody else.
func TestSessionsListedAndEnded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	agent := func(h http.Header) { h.Set("User-Agent", "Mozilla/5.0\u0085 (X11; Linux)") }
	body := map[string]any{"email": s.email, "password": firstPassword}
	_, one := withSession(t, s.must("POST", sessionPath, body, nobody, agent))
	s.clock.pass(time.Hour)
	_, two := withSession(t, s.must("POST", sessionPath, body, nobody))
	ann, _, annCSRF := s.person("ann@example.com", "read_only")

	all, first := s.sessions(one)
	if len(all) != 2 || first == "" || all[1]["id"] != first {
		t.Fatalf("sessions %v", all)
	}
	got := all[1]
	if got["user_agent"] != "Mozilla/5.0 (X11; Linux)" || got["ip"] != "127.0.0.1" || got["last_ip"] != "127.0.0.1" || got["way"] != "password" ||
		got["created_on"] != "2026-03-04T05:06:07.000000Z" || got["expires_on"] != "2026-03-04T17:06:07.000000Z" {
		t.Errorf("session %v", got)
	}
	// Others' sessions are not there, whatever is known of them.
	_, second := s.sessions(two)
	s.fails(404, model.CodeSessionNotFound, "DELETE", ownSessions+"/"+second, nil, annCSRF)
	s.fails(403, 9109, "GET", "/headwater/v1/users/"+ann+"/sessions", nil, annCSRF)
	s.must("GET", sessionPath, nil, two)

	s.must("DELETE", ownSessions+"/"+second, nil, one)
	s.fails(401, model.CodeSessionOver, "GET", sessionPath, nil, two)
	s.fails(404, model.CodeSessionNotFound, "DELETE", ownSessions+"/"+second, nil, one)

	// An administrator of the server sees and ends those of others.
	theirs := s.must("GET", "/headwater/v1/users/"+ann+"/sessions", nil).list(t)
	if len(theirs) != 1 || theirs[0]["current"] != false {
		t.Fatalf("sessions of another %v", theirs)
	}
	at := "/headwater/v1/users/" + ann + "/sessions/" + theirs[0]["id"].(string)
	s.must("DELETE", at, nil)
	s.fails(404, model.CodeSessionNotFound, "DELETE", at, nil)
	s.fails(404, model.CodeUserInvalid, "GET", "/headwater/v1/users/"+string(s.account)+"/sessions", nil)
	s.fails(401, model.CodeSessionOver, "GET", sessionPath, nil, annCSRF)
}

// TestOtherSessionsEnd: all others at once, by a password that changes, and the one that a browser had before it signed in anew.
func TestOtherSessionsEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, one := s.signIn(firstPassword)
	_, two := s.signIn(firstPassword)
	if got := s.must("DELETE", ownSessions, nil, one).object(t); fmt.Sprint(got["ended"]) != "1" {
		t.Errorf("ended %v", got)
	}
	s.fails(401, model.CodeSessionOver, "GET", sessionPath, nil, two)

	_, two = s.signIn(firstPassword)
	const next = "another good password"
	out := s.must("PUT", "/headwater/v1/user/password", map[string]any{"current_password": firstPassword, "new_password": next}, one)
	s.fails(401, model.CodeSessionOver, "GET", sessionPath, nil, one)
	s.fails(401, model.CodeSessionOver, "GET", sessionPath, nil, two)
	c, err := http.ParseSetCookie(out.Header.Get("Set-Cookie"))
	if err != nil {
		t.Fatal(err)
	}
	renewed := func(h http.Header) {
		h.Del("Authorization")
		h.Set("Cookie", c.Name+"="+c.Value)
	}
	s.must("GET", sessionPath, nil, renewed)
	if all, _ := s.sessions(renewed); len(all) != 1 {
		t.Errorf("after another password: %v", all)
	}
	// Signed in anew by the same browser: one session, not two.
	_, again := withSession(t, s.must("POST", sessionPath, map[string]any{"email": s.email, "password": next}, renewed))
	if all, _ := s.sessions(again); len(all) != 1 {
		t.Errorf("after signing in anew: %v", all)
	}
	s.fails(401, model.CodeSessionOver, "GET", sessionPath, nil, renewed)
}
