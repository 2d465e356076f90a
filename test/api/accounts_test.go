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
	r := s.must("POST", "/headwater/v1/accounts/"+string(account)+"/members", map[string]any{
		"email": email, "role": role, "status": "accepted",
	})
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
	s.people(func(tx model.PeopleTx) error {
		_, err := tx.EditUser(s.t.Context(), u.ID, func(u *model.User) error { u.KeyHash = auth.Digest(key); return nil })
		return err
	})
	return key
}

// people runs f in a transaction about people.
func (s *server) people(f func(tx model.PeopleTx) error) {
	s.t.Helper()
	if err := s.store.EditPeople(s.t.Context(), f); err != nil {
		s.t.Fatal(err)
	}
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
	if got := s.must("GET", "/headwater/v1/audit_logs?action.type=set", nil); strings.Contains(got.Raw, password) || len(got.list(t)) != 2 {
		t.Errorf("audit: %s", got.Raw)
	}
	// Tokens and the key are another way in: the answer says so, and takes them away when asked to.
	key := keyed(u.Email, s.keyOf(u.Email))
	value := s.must("POST", "/user/tokens", tokenBody(s.policy("allow", "com.cloudflare.api.account.*", "Account Settings Read")), key).object(t)["value"].(string)
	kept := s.must("PUT", path, `{"revoke_tokens":false}`)
	if len(kept.Messages) != 1 || kept.Messages[0].Code != model.CodeTokensRemain {
		t.Errorf("reset: %s", kept.Raw)
	}
	s.must("GET", "/accounts", nil, bearer(value))
	if r := s.must("PUT", path, `{"revoke_tokens":true}`); len(r.Messages) != 0 {
		t.Errorf("reset: %s", r.Raw)
	}
	s.fails(403, 9109, "GET", "/accounts", nil, bearer(value))
	s.fails(403, 9103, "GET", "/accounts", nil, key)
}

// TestInvitation: a member is asked before he is one, and answers in person.
func TestInvitation(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	other := model.ID(s.must("POST", "/headwater/v1/accounts", `{"name":"Other"}`).id(t))
	s.addMember(s.account, "guest@example.com", "read_only")
	s.addMember(other, ownerEmail, "administrator")
	guest, owner := keyed("guest@example.com", s.keyOf("guest@example.com")), keyed(ownerEmail, s.keyOf(ownerEmail))
	path := "/headwater/v1/accounts/" + string(other) + "/members"
	body := map[string]any{"email": "guest@example.com", "role": "administrator"}
	invite := func() string {
		m := s.must("POST", path, body, owner).object(t)
		if m["status"] != "pending" || m["password"] != nil {
			t.Errorf("invited: %v", m)
		}
		return m["id"].(string)
	}
	id := invite()
	s.fails(400, model.CodeMemberInvalid, "POST", path, body, owner)
	body["status"] = "accepted"
	s.fails(400, model.CodeMemberInvalid, "POST", path, body, owner)
	body["status"] = "maybe"
	s.fails(400, model.CodeMemberInvalid, "POST", path, body, owner)
	delete(body, "status")
	s.fails(403, 9109, "GET", "/accounts/"+string(other), nil, guest)
	if n := len(s.must("GET", "/accounts", nil, guest).list(t)); n != 1 {
		t.Errorf("%d accounts", n)
	}
	if list := s.must("GET", "/memberships?status=pending", nil, guest).list(t); len(list) != 1 || list[0]["id"] != id {
		t.Errorf("invitations: %v", list)
	}
	// Nobody else answers, and no token: it would widen what it may itself.
	mine := "/memberships/" + id
	s.fails(404, model.CodeMemberNotFound, "PUT", mine, `{"status":"accepted"}`, owner)
	s.fails(404, model.CodeMemberNotFound, "GET", mine, nil, owner)
	value := s.must("POST", "/user/tokens", tokenBody(s.policy("allow", "com.cloudflare.api.user.*", "Memberships Write")), guest).object(t)["value"].(string)
	s.fails(403, model.CodeTokenBeyond, "PUT", mine, `{"status":"accepted"}`, bearer(value))
	s.fails(400, model.CodeMemberInvalid, "PUT", mine, `{"status":"pending"}`, guest)
	s.must("PUT", mine, `{"status":"rejected"}`, guest)
	s.fails(404, model.CodeMemberNotFound, "GET", mine, nil, guest)
	mine = "/memberships/" + invite()
	for range 2 {
		if got := s.must("PUT", mine, `{"status":"accepted"}`, guest).object(t)["status"]; got != "accepted" {
			t.Errorf("status %v", got)
		}
	}
	s.must("GET", mine, nil, guest)
	s.must("GET", "/accounts/"+string(other), nil, guest)
	// The upstream's forms.
	members := s.must("GET", "/accounts/"+string(other)+"/members?per_page=1&page=2", nil, owner)
	if members.Info.TotalCount != 2 || !strings.Contains(members.Raw, `"name":"Administrator"`) {
		t.Errorf("members: %s", members.Raw)
	}
	s.must("GET", "/accounts/"+string(other)+"/members/"+members.list(t)[0]["id"].(string), nil, owner)
	for _, r := range s.must("GET", "/accounts/"+string(other)+"/roles", nil, owner).list(t) {
		s.must("GET", "/accounts/"+string(other)+"/roles/"+r["id"].(string), nil, owner)
	}
	s.must("DELETE", mine, nil, guest)
	s.fails(403, 9109, "GET", "/accounts/"+string(other), nil, guest)
	last := s.must("GET", "/memberships", nil, owner).list(t)[0]["id"].(string)
	s.fails(400, model.CodeMemberInvalid, "DELETE", "/memberships/"+last, nil, owner)
}

// TestAccountLogTellsNothingElse: the audit log of an account holds nothing of what its members are and do elsewhere.
func TestAccountLogTellsNothingElse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	other := model.ID(s.must("POST", "/headwater/v1/accounts", `{"name":"Secret tenant"}`).id(t))
	s.addMember(s.account, "guest@example.com", "administrator")
	s.addMember(other, "guest@example.com", "administrator")
	guest := keyed("guest@example.com", s.keyOf("guest@example.com"))
	body := tokenBody(s.policy("allow", "com.cloudflare.api.account."+string(other), "Account Settings Read"))
	body["name"] = "of the other account"
	token := s.must("POST", "/user/tokens", body, guest).id(t)
	s.must("PUT", "/user/tokens/"+token, body, guest)
	s.must("DELETE", "/user/tokens/"+token, nil, guest)
	s.must("PATCH", "/headwater/v1/user", `{"first_name":"Guest"}`, guest)
	for _, account := range []model.ID{s.account, other} {
		log := s.must("GET", "/accounts/"+string(account)+"/audit_logs", nil)
		if strings.Contains(log.Raw, token) || strings.Contains(log.Raw, "Guest") {
			t.Errorf("log of an account: %s", log.Raw)
		}
	}
	if log := s.must("GET", s.auditPath(false), nil); strings.Contains(log.Raw, string(other)) {
		t.Errorf("one account hears of the other: %s", log.Raw)
	}
	own := s.must("GET", "/headwater/v1/user/audit_logs", nil, guest).list(t)
	if len(own) != 5 { // made, and what is above
		t.Errorf("%d entries in the user's own log: %v", len(own), own)
	}
	if list := s.must("GET", "/headwater/v1/user/audit_logs", nil).list(t); len(list) != 0 {
		t.Errorf("another user's log: %v", list)
	}
}

// TestSuspended: who is suspended comes in by nothing, and as before when he is let in again.
func TestSuspended(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id, password := s.addMember(s.account, "guest@example.com", "administrator")
	u, err := s.store.UserByEmail(t.Context(), "guest@example.com")
	if err != nil {
		t.Fatal(err)
	}
	key := keyed(u.Email, s.keyOf(u.Email))
	body := tokenBody(s.policy("allow", "com.cloudflare.api.account.*", "Account Settings Read", "Zone Read"))
	own := bearer(s.must("POST", "/user/tokens", body, key).object(t)["value"].(string))
	account := "/accounts/" + string(s.account)
	of := bearer(s.must("POST", account+"/tokens", body, key).object(t)["value"].(string))
	signIn := map[string]any{"email": u.Email, "password": password}
	cookie, _ := withSession(t, s.must("POST", sessionPath, signIn, nobody))
	_, zone := s.zone("example.com")

	path := "/headwater/v1/users/" + string(u.ID)
	suspend := func(path string, yes bool) { s.must("PATCH", path, map[string]any{"suspended": yes}) }
	suspend(path, true)
	for _, who := range []as{key, own} {
		s.fails(403, model.CodeSuspended, "GET", account, nil, who)
	}
	s.fails(401, model.CodeSessionOver, "GET", account, nil, cookie)
	s.fails(403, model.CodeSuspended, "POST", sessionPath, signIn, nobody)
	s.must("GET", account, nil, of)
	if got := s.must("GET", path, nil).object(t); got["suspended"] != true || got["has_key"] != true {
		t.Errorf("user: %v", got)
	}
	suspend(path, false)
	s.must("GET", account, nil, key)
	s.must("GET", account, nil, own)
	s.fails(401, model.CodeSessionOver, "GET", account, nil, cookie)
	cookie, _ = withSession(t, s.must("POST", sessionPath, signIn, nobody))
	s.must("DELETE", path+"/sessions", nil)
	s.fails(401, model.CodeSessionOver, "GET", account, nil, cookie)

	suspend("/headwater/v1"+account, true)
	for _, who := range []as{key, own} {
		s.fails(403, 9109, "GET", account, nil, who)
		s.fails(403, 9109, "GET", "/zones/"+zone, nil, who)
		if list := s.must("GET", "/zones", nil, who).list(t); len(list) != 0 {
			t.Errorf("zones of a suspended account: %v", list)
		}
	}
	s.fails(403, model.CodeSuspended, "GET", account, nil, of)
	s.must("GET", "/zones/"+zone, nil) // administrators of the server still may
	suspend("/headwater/v1"+account, false)
	s.must("GET", "/zones/"+zone, nil, of)

	if n := s.must("DELETE", "/headwater/v1"+account+"/tokens", nil).object(t)["revoked"]; fmt.Sprint(n) != "1" {
		t.Errorf("revoked %v", n)
	}
	s.fails(401, 10000, "GET", account, nil, of)
	s.must("DELETE", path+"/tokens", nil)
	s.fails(401, 10000, "GET", account, nil, own)
	s.must("DELETE", path+"/key", nil)
	s.fails(403, 9103, "GET", account, nil, key)
	none := strings.Repeat("e", 32)
	for rest, method := range map[string]string{"": "PATCH", "/key": "DELETE", "/tokens": "DELETE", "/sessions": "DELETE", "/password": "PUT"} {
		s.fails(404, model.CodeUserInvalid, method, "/headwater/v1/users/"+none+rest, `{"suspended":true}`)
	}
	s.fails(404, model.CodeUserInvalid, "GET", "/headwater/v1/users/"+none, nil)
	s.fails(404, model.CodeAccountInvalid, "PATCH", "/headwater/v1/accounts/"+none, `{"suspended":true}`)
	s.fails(400, model.CodeUserInvalid, "PATCH", path, `{}`)
	s.fails(400, model.CodeUserInvalid, "PATCH", "/headwater/v1/users/"+string(s.user), `{"suspended":true}`)
	s.must("DELETE", "/headwater/v1"+account+"/members/"+id, nil)
}
