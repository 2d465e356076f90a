package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// addMember makes a user who is a member and returns the membership's id and the first password.
func (s *server) addMember(account model.ID, email, role string) (id, password string) {
	s.t.Helper()
	r := s.must("POST", "/headwater/v1/accounts/"+string(account)+"/members", map[string]any{"email": email, "role": role})
	password, _ = r.object(s.t)["password"].(string)
	return r.id(s.t), password
}

// keyOf gives a user a global key.
func (s *server) keyOf(email string) string {
	s.t.Helper()
	u, err := s.store.UserByEmail(s.t.Context(), email)
	if err != nil {
		s.t.Fatal(err)
	}
	key := auth.NewKey()
	u.KeyHash = auth.Digest(key)
	if err := s.store.PutUser(s.t.Context(), u); err != nil {
		s.t.Fatal(err)
	}
	return key
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	made := s.must("POST", "/headwater/v1/accounts", `{"name":"Second","type":"enterprise"}`)
	second := made.id(t)
	want := map[string]any{
		"id": second, "name": "Second", "type": "enterprise", "settings": map[string]any{"enforce_twofactor": false},
		"created_on": "2026-03-04T05:06:07.000000Z",
	}
	for _, r := range []*reply{made, s.must("GET", "/accounts/"+second, nil)} {
		if d := cmp.Diff(want, r.object(t)); d != "" {
			t.Error(d)
		}
	}
	list := s.must("GET", "/accounts?per_page=1&page=2", nil)
	if got := list.list(t); len(got) != 1 || got[0]["id"] != second || list.Info.TotalCount != 2 || list.Info.TotalPages != 2 {
		t.Errorf("list: %s", list.Raw)
	}
	if got := s.must("GET", "/accounts?direction=desc", nil).list(t); len(got) != 2 || got[0]["id"] != second {
		t.Errorf("descending: %v", got)
	}
	if got := s.must("GET", "/accounts?name=second", nil).list(t); len(got) != 1 {
		t.Errorf("by name: %v", got)
	}
	s.fails(404, model.CodeAccountInvalid, "GET", "/accounts/"+strings.Repeat("e", 32), nil)
	for _, bad := range []string{`{}`, `{"name":" "}`, `{"name":"` + strings.Repeat("n", 101) + `"}`, `{"name":"x","type":"free"}`} {
		s.fails(400, model.CodeUserInvalid, "POST", "/headwater/v1/accounts", bad)
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := "/headwater/v1/accounts/" + string(s.account) + "/members"
	id, password := s.addMember(s.account, "guest@example.com", "read_only")
	if len(password) < auth.MinPassword {
		t.Errorf("first password %q", password)
	}
	list := s.must("GET", path, nil)
	if list.Info.TotalCount != 2 || strings.Contains(list.Raw, password) || strings.Contains(list.Raw, "argon2") {
		t.Errorf("members: %s", list.Raw)
	}
	guest := keyed("guest@example.com", s.keyOf("guest@example.com"))
	zone, _ := s.zone("example.com")
	s.must("GET", zone+"/dns_records", nil, guest)
	s.fails(403, 10000, "POST", zone+"/dns_records", `{"type":"A","name":"a","content":"192.0.2.1"}`, guest)
	if got := s.must("PATCH", path+"/"+id, `{"role":"administrator"}`).object(t)["role"]; got != "administrator" {
		t.Errorf("role %v", got)
	}
	s.must("PATCH", path+"/"+id, `{"role":"administrator"}`)
	s.must("POST", zone+"/dns_records", `{"type":"A","name":"a","content":"192.0.2.1"}`, guest)

	other := s.must("POST", "/headwater/v1/accounts", `{"name":"Other"}`).id(t)
	if _, again := s.addMember(model.ID(other), "Guest@Example.com", "administrator"); again != "" {
		t.Error("a known user got another password")
	}
	members := s.must("GET", "/memberships?order=account.name", nil, guest)
	if got := members.list(t); len(got) != 2 || got[1]["account"].(map[string]any)["name"] != "Other" {
		t.Errorf("memberships: %s", members.Raw)
	}
	for query, n := range map[string]int{
		"?account.name=other": 1, "?name=nothing": 0, "?status=accepted&direction=desc&order=status": 2, "?status=pending": 0,
		"?page=2&per_page=1": 1, "?page=3&per_page=1": 0,
	} {
		if got := s.must("GET", "/memberships"+query, nil, guest).list(t); len(got) != n {
			t.Errorf("%s: %d memberships, want %d", query, len(got), n)
		}
	}
	s.fails(400, model.CodePaging, "GET", "/memberships?order=size", nil, guest)

	for _, bad := range []string{
		`{"email":"x@example.com","role":"owner"}`, `{"email":"x","role":"read_only"}`,
		`{"email":"guest@example.com","role":"read_only"}`,
	} {
		s.fails(400, model.CodeMemberInvalid, "POST", path, bad)
	}
	s.fails(400, model.CodeMemberInvalid, "PATCH", path+"/"+id, `{}`)
	none := strings.Repeat("e", 32)
	s.fails(404, model.CodeMemberNotFound, "PATCH", path+"/"+none, `{"role":"read_only"}`)
	s.fails(404, model.CodeMemberNotFound, "DELETE", path+"/"+none, nil)
	s.fails(404, model.CodeAccountInvalid, "POST", "/headwater/v1/accounts/"+none+"/members", `{"email":"x@example.com","role":"read_only"}`)

	s.must("DELETE", path+"/"+id, nil)
	s.fails(403, 9109, "GET", zone, nil, guest)
	for _, m := range s.must("GET", path, nil).list(t) { // the last administrator stays
		s.fails(400, model.CodeMemberInvalid, "DELETE", fmt.Sprintf("%s/%s", path, m["id"]), nil)
		s.fails(400, model.CodeMemberInvalid, "PATCH", fmt.Sprintf("%s/%s", path, m["id"]), `{"role":"read_only"}`)
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	u := s.must("GET", "/user", nil).object(t)
	orgs, _ := u["organizations"].([]any)
	if u["id"] != string(s.user) || u["email"] != s.email || u["first_name"] != nil || len(orgs) != 1 {
		t.Errorf("user: %v", u)
	}
	s.clock.pass(time.Second)
	u = s.must("PATCH", "/headwater/v1/user", `{"first_name":"Ada","last_name":"Lovelace"}`).object(t)
	if u["first_name"] != "Ada" || u["last_name"] != "Lovelace" || u["modified_on"] != "2026-03-04T05:06:08.000000Z" {
		t.Errorf("user: %v", u)
	}
	s.clock.pass(time.Second)
	u = s.must("PATCH", "/headwater/v1/user", `{"first_name":"Ada"}`).object(t)
	if u["modified_on"] != "2026-03-04T05:06:08.000000Z" {
		t.Errorf("nothing changed, yet: %v", u)
	}
	if u = s.must("PATCH", "/headwater/v1/user", `{"last_name":null}`).object(t); u["last_name"] != nil {
		t.Errorf("user: %v", u)
	}
	s.fails(400, model.CodeUserInvalid, "PATCH", "/headwater/v1/user", `{"first_name":"`+strings.Repeat("n", 61)+`"}`)
	s.fails(400, model.CodeUserInvalid, "PATCH", "/headwater/v1/user", `{"first_name":"two\nlines"}`)
}

const firstPassword = "correct horse battery staple"

func TestReplaceCredentials(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := "/headwater/v1/user"
	s.fails(403, model.CodeSignIn, "PUT", path+"/key", `{"current_password":"wrong password"}`)
	key := s.must("PUT", path+"/key", `{"current_password":"`+firstPassword+`"}`).text(t)
	s.must("GET", "/user", nil, keyed(s.email, key))
	s.fails(403, 9103, "GET", "/user", nil, keyed(s.email, s.key))

	cookie, _ := s.signIn(firstPassword)
	s.must("GET", "/user", nil, cookie)
	s.fails(403, model.CodeSignIn, "PUT", path+"/password", `{"current_password":"wrong password","new_password":"a new long password"}`)
	s.fails(400, model.CodeUserInvalid, "PUT", path+"/password", `{"current_password":"`+firstPassword+`","new_password":"short"}`)
	s.must("PUT", path+"/password", `{"current_password":"`+firstPassword+`","new_password":"a new long password"}`)
	s.fails(401, model.CodeSessionOver, "GET", "/user", nil, cookie)
	s.signIn("a new long password")
}

func TestResetPassword(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addMember(s.account, "guest@example.com", "read_only")
	u, err := s.store.UserByEmail(t.Context(), "guest@example.com")
	if err != nil {
		t.Fatal(err)
	}
	path := "/headwater/v1/users/" + string(u.ID) + "/password"
	password := s.must("PUT", path, nil).text(t)
	body := map[string]any{"email": u.Email, "password": password}
	cookie, csrf := withSession(t, s.must("POST", sessionPath, body, nobody))
	s.fails(403, 9109, "PUT", path, nil, csrf)
	s.must("PUT", path, nil)
	s.fails(401, model.CodeSessionOver, "GET", "/user", nil, cookie)
	s.fails(404, model.CodeUserInvalid, "PUT", "/headwater/v1/users/"+strings.Repeat("e", 32)+"/password", nil)
	if got := s.must("GET", s.auditPath(false)+"?action.type=set", nil); strings.Contains(got.Raw, password) || len(got.list(t)) != 2 {
		t.Errorf("audit: %s", got.Raw)
	}
}
