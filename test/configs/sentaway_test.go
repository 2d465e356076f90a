package configs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// requests sends what the table says that sends somebody away, each time for a new member.
func (o *operations) requests() {
	o.t.Helper()
	row := regexp.MustCompile(`(?m)^\| [^|]+ \| (.*/headwater/v1/(?:users|accounts)/.*) \|$`)
	request := regexp.MustCompile("`(?:(GET|PATCH|PUT|DELETE) )?(/headwater/v1/[^ `]+)(?: (\\{.*?\\}))?`")
	_, chapter, _ := strings.Cut(o.text, "### Sending somebody away")
	chapter, _, _ = strings.Cut(chapter, "\n### ")
	sent := 0
	for _, line := range row.FindAllStringSubmatch(chapter, -1) {
		method := ""
		for _, m := range request.FindAllStringSubmatch(line[1], -1) {
			if m[1] != "" {
				method = m[1]
			}
			who := o.newcomer(sent)
			sent++
			path := strings.NewReplacer("users/{id}", "users/"+who.user, "accounts/{id}", "accounts/"+who.account, "{session_id}", who.session).Replace(m[2])
			var body any
			if m[3] != "" {
				body = json.RawMessage(m[3])
			}
			o.api.call(method, path, body, nil)
			ends := method != "GET" && strings.Contains(path, "/users/") && !strings.HasSuffix(path, "/tokens") && !strings.HasSuffix(path, "/key")
			if in := who.in(o.t); in == ends {
				o.t.Errorf("after %s %s the session is open: %v", method, path, in)
			}
		}
	}
	if sent < 9 {
		o.t.Errorf("the table has %d requests", sent)
	}
}

// newcomer is somebody who is signed in.
type newcomer struct {
	user, account, session string
	header                 http.Header
}

func (w *newcomer) in(t *testing.T) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, admin+"/client/v4/user", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header, r.Close = w.header, true
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (o *operations) newcomer(i int) *newcomer {
	o.t.Helper()
	var account struct{ ID string }
	o.api.call("POST", "/headwater/v1/accounts", map[string]any{"name": fmt.Sprint("team ", i)}, &account)
	email := fmt.Sprintf("member%d@example.com", i)
	var made struct{ Password string }
	o.api.call("POST", "/headwater/v1/accounts/"+account.ID+"/members", map[string]any{"email": email, "role": "administrator", "status": "accepted"}, &made)
	guest := &caller{t: o.t, header: http.Header{}}
	res := guest.call("POST", "/headwater/v1/session", map[string]any{"email": email, "password": made.Password}, nil)
	cookie, err := http.ParseSetCookie(res.Header.Get("Set-Cookie"))
	if err != nil {
		o.t.Fatal(err)
	}
	w := &newcomer{account: account.ID, header: http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}}}
	var users, sessions []struct{ ID, Email string }
	o.api.call("GET", "/headwater/v1/users?per_page=100", nil, &users)
	for _, u := range users {
		if u.Email == email {
			w.user = u.ID
		}
	}
	o.api.call("GET", "/headwater/v1/users/"+w.user+"/sessions", nil, &sessions)
	if len(sessions) != 1 {
		o.t.Fatalf("%s has %d sessions", email, len(sessions))
	}
	w.session = sessions[0].ID
	return w
}
