package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// bearer sends a token.
func bearer(token string) as { return func(h http.Header) { h.Set("Authorization", "Bearer "+token) } }

// keyed sends an e-mail address and a global key.
func keyed(email, key string) as {
	return func(h http.Header) {
		h.Del("Authorization")
		h.Set("X-Auth-Email", email)
		h.Set("X-Auth-Key", key)
	}
}

func nobody(h http.Header) { h.Del("Authorization") }

func groupID(t *testing.T, name string) string {
	t.Helper()
	for _, g := range auth.Groups() {
		if g.Name == name {
			return string(g.ID)
		}
	}
	t.Fatalf("no group %s", name)
	return ""
}

// policy is one policy of a token's body.
func (s *server) policy(effect, resource string, groups ...string) map[string]any {
	s.t.Helper()
	refs := []map[string]any{}
	for _, g := range groups {
		refs = append(refs, map[string]any{"id": groupID(s.t, g)})
	}
	return map[string]any{"effect": effect, "permission_groups": refs, "resources": map[string]any{resource: "*"}}
}

func tokenBody(policies ...map[string]any) map[string]any {
	return map[string]any{"name": "t", "policies": policies}
}

func TestTokenLife(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, path := range []string{"/user/tokens", "/accounts/" + string(s.account) + "/tokens"} {
		dns, zones := groupID(t, "DNS Read"), groupID(t, "Zone Read")
		resources := `{"com.cloudflare.api.account.zone.*":"*","com.cloudflare.api.account.` + string(s.account) +
			`":{"com.cloudflare.api.account.zone.` + strings.Repeat("a", 32) + `":"*"}}`
		condition := `{"request_ip":{"in":["127.0.0.1/8","::1"],"not_in":["203.0.113.0/24"]}}`
		body := `{"name":"pipeline","policies":[{"id":"","effect":"allow","resources":` + resources + `,"permission_groups":[{"id":"` +
			dns + `","name":"whatever","meta":{}},{"id":"` + zones + `"}]}],"condition":` + condition +
			`,"not_before":"2026-03-04T00:00:00Z","expires_on":"2026-03-05T06:07:08+01:00"}`
		made := s.must("POST", path, body)
		got := made.object(t)
		value, _ := got["value"].(string)
		if !auth.ValidToken(value) || got["status"] != "active" || got["expires_on"] != "2026-03-05T05:07:08Z" {
			t.Errorf("made: %s", made.Raw)
		}
		for _, want := range []string{`"resources":` + resources, `"condition":` + condition, `"name":"DNS Read"`} {
			if !strings.Contains(made.Raw, want) {
				t.Errorf("%s is not in %s", want, made.Raw)
			}
		}
		one := path + "/" + made.id(t)
		read := s.must("GET", one, nil)
		if strings.Contains(read.Raw, value) || strings.Contains(s.must("GET", path, nil).Raw, value) {
			t.Error("the value is answered again")
		}
		// What was read can be put back, and reads the same: ids of policies stay.
		put := s.must("PUT", one, string(read.Result))
		if d := cmp.Diff(read.object(t)["policies"], put.object(t)["policies"]); d != "" {
			t.Error(d)
		}
		verify := s.must("GET", strings.TrimSuffix(path, "/")+"/verify", nil, bearer(value))
		if len(verify.Messages) != 1 || verify.Messages[0].Code != 10000 || verify.id(t) != made.id(t) {
			t.Errorf("verify: %s", verify.Raw)
		}
		rolled := s.must("PUT", one+"/value", nil).text(t)
		if rolled == value || !auth.ValidToken(rolled) {
			t.Errorf("rolled to %q", rolled)
		}
		s.must("GET", path+"/verify", nil, bearer(rolled))
		s.fails(failStatus(path), failCode(path), "GET", path+"/verify", nil, bearer(value))

		s.must("PUT", one, `{"name":"off","status":"disabled","policies":[{"effect":"deny","permission_groups":[{"id":"`+dns+`"}],"resources":`+resources+`}]}`)
		off := s.must("GET", one, nil).object(t)
		if off["status"] != "disabled" || off["condition"] != nil || off["expires_on"] != nil {
			t.Errorf("put keeps what was not sent: %v", off)
		}
		s.fails(failStatus(path), failCode(path), "GET", path+"/verify", nil, bearer(rolled))
		if got := s.must("DELETE", one, nil).object(t); len(got) != 1 {
			t.Errorf("delete answers %v", got)
		}
		for _, m := range []string{"GET", "DELETE"} {
			s.fails(404, model.CodeTokenNotFound, m, one, nil)
		}
		s.fails(404, model.CodeTokenNotFound, "PUT", one+"/value", nil)
	}
}

// failStatus and failCode are what an unknown token gets there (contract section 2.2).
func failStatus(path string) int {
	if strings.HasPrefix(path, "/accounts/") {
		return 401
	}
	return 403
}

func failCode(path string) int {
	if strings.HasPrefix(path, "/accounts/") {
		return 10000
	}
	return 9109
}

func TestTokenRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	g := groupID(t, "DNS Read")
	policy := func(effect, groups, resources string) string {
		return `{"name":"t","policies":[{"effect":"` + effect + `","permission_groups":` + groups + `,"resources":` + resources + `}]}`
	}
	groups, all := `[{"id":"`+g+`"}]`, `{"com.cloudflare.api.account.zone.*":"*"}`
	with := func(members string) string {
		return strings.TrimSuffix(policy("allow", groups, all), "}") + "," + members + "}"
	}
	id := strings.Repeat("a", 32)
	tests := []struct{ body, pointer string }{
		{`{"policies":[]}`, "/name"},
		{`{"name":"` + strings.Repeat("n", 121) + `","policies":[]}`, "/name"},
		{`{"name":"t"}`, "/policies"},
		{`{"name":"t","policies":[]}`, "/policies"},
		{policy("permit", groups, all), "/policies/0/effect"},
		{policy("allow", `[]`, all), "/policies/0/permission_groups"},
		{policy("allow", `[{"id":"`+id+`"}]`, all), "/policies/0/permission_groups/0/id"},
		{policy("allow", groups, `{}`), "/policies/0/resources"},
		{policy("allow", groups, `[]`), "/policies/0/resources"},
		{policy("allow", groups, `null`), "/policies/0/resources"},
		{policy("allow", groups, `{"com.cloudflare.api.account.zone.x":"*"}`), "/policies/0/resources/com.cloudflare.api.account.zone.x"},
		{policy("allow", groups, `{"a/b~c":"*"}`), "/policies/0/resources/a~1b~0c"},
		{policy("allow", groups, `{"com.cloudflare.api.account.zone.*":"all"}`), "/policies/0/resources/com.cloudflare.api.account.zone.*"},
		{policy("allow", groups, `{"com.cloudflare.api.account.zone.*":{"com.cloudflare.api.account.zone.*":"*"}}`), "/policies/0/resources/com.cloudflare.api.account.zone.*"},
		{policy("allow", groups, `{"com.cloudflare.api.account.*":{}}`), "/policies/0/resources/com.cloudflare.api.account.*"},
		{
			policy("allow", groups, `{"com.cloudflare.api.account.*":{"com.cloudflare.api.user.*":"*"}}`),
			"/policies/0/resources/com.cloudflare.api.account.*/com.cloudflare.api.user.*",
		},
		{policy("allow", groups, `{"com.cloudflare.api.user.`+id+`":"*"}`), "/policies/0/resources"},
		{with(`"expires_on":"tomorrow"`), "/expires_on"},
		{with(`"not_before":"2026-13-01T00:00:00Z"`), "/not_before"},
		{with(`"not_before":"2026-05-02T00:00:00Z","expires_on":"2026-05-01T00:00:00Z"`), "/expires_on"},
		{with(`"expires_on":"2026-03-04T05:06:07Z"`), "/expires_on"},
		{with(`"status":"sleeping"`), "/status"},
		{with(`"condition":[]`), "/condition"},
		{with(`"condition":{}`), "/condition"},
		{with(`"condition":"192.0.2.1"`), "/condition"},
		{with(`"condition":{"requestip":{"in":["192.0.2.1"]}}`), "/condition"},
		{with(`"condition":{"request_ip":{"in":["192.0.2.1"]},"request.ip":{"in":["192.0.2.2"]}}`), "/condition"},
		{with(`"condition":{"request_ip":{"in":["192.0.2.1"]},"request_ip":{"not_in":["192.0.2.2"]}}`), "/condition"},
		{with(`"condition":{"request_ip":{}}`), "/condition"},
		{with(`"condition":{"request_ip":null}`), "/condition"},
		{with(`"condition":{"request_ip":{"in":null}}`), "/condition"},
		{with(`"condition":{"request_ip":{"ins":["192.0.2.1"]}}`), "/condition"},
		{with(`"condition":{"request_ip":{"in":["192.0.2.1"],"notin":["192.0.2.2"]}}`), "/condition"},
		{with(`"condition":{"request_ip":{"in":[]}}`), "/condition/request_ip/in"},
		{with(`"condition":{"request_ip":{"in":["192.0.2.1"],"not_in":[]}}`), "/condition/request_ip/not_in"},
		{with(`"condition":{"request_ip":{"not_in":["::ffff:192.0.2.1"]}}`), "/condition/request_ip/not_in/0"},
		{with(`"condition":{"request_ip":{"in":["::ffff:192.0.2.0/120"]}}`), "/condition/request_ip/in/0"},
		{with(`"condition":{"request.ip":{"in":["nowhere"]}}`), "/condition/request.ip/in/0"},
		{with(`"condition":{"request_ip":{"not_in":["192.0.2.0/24","192.0.2.0/99"]}}`), "/condition/request_ip/not_in/1"},
	}
	for _, path := range []string{"/user/tokens", "/accounts/" + string(s.account) + "/tokens"} {
		for _, tt := range tests {
			if r := s.fails(400, model.CodeTokenInvalid, "POST", path, tt.body); r.pointer() != tt.pointer {
				t.Errorf("%s: pointer %q, want %q", tt.body, r.pointer(), tt.pointer)
			}
		}
	}
	account := "/accounts/" + string(s.account) + "/tokens"
	s.fails(400, model.CodeTokenInvalid, "POST", account, policy("allow", groups, `{"com.cloudflare.api.account.`+id+`":"*"}`))
	s.fails(400, model.CodeTokenInvalid, "POST", account, policy("allow", groups, `{"com.cloudflare.api.user.*":"*"}`))
	s.fails(400, model.CodeTokenInvalid, "GET", "/user/tokens/verify", nil, keyed(s.email, s.key))
}

func TestTokenListsAndExpiry(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	path := "/accounts/" + string(s.account) + "/tokens"
	body := tokenBody(s.policy("allow", "com.cloudflare.api.account.zone.*", "DNS Read"))
	var ids []string
	for i := range 5 {
		s.clock.pass(time.Second)
		body["expires_on"] = nil
		if i == 2 {
			body["expires_on"] = s.clock.time().Add(time.Minute).Format(time.RFC3339)
		}
		ids = append(ids, s.must("POST", path, body).id(t))
	}
	listed := func(query string) (out []string, r *reply) {
		r = s.must("GET", path+query, nil)
		for _, o := range r.list(t) {
			out = append(out, o["id"].(string))
		}
		return out, r
	}
	got, r := listed("?page=2&per_page=2")
	if d := cmp.Diff([]string{ids[2], ids[1]}, got); d != "" || r.Info.TotalCount != 5 || r.Info.TotalPages != 3 {
		t.Errorf("newest first: %s %+v", d, r.Info)
	}
	got, _ = listed("?direction=asc&per_page=3")
	if d := cmp.Diff(ids[:3], got); d != "" {
		t.Error(d)
	}
	if got, r = listed("?page=9"); len(got) != 0 || r.Info.TotalCount != 5 {
		t.Errorf("past the end: %s", r.Raw)
	}
	s.clock.pass(time.Hour)
	if got := s.must("GET", path+"/"+ids[2], nil).object(t)["status"]; got != "expired" {
		t.Errorf("status %v", got)
	}
	got, r = listed("?include_expired=false&per_page=3")
	if d := cmp.Diff([]string{ids[4], ids[3], ids[1]}, got); d != "" || r.Info.TotalCount != 4 {
		t.Errorf("without expired: %s %+v", d, r.Info)
	}
	s.fails(400, model.CodePaging, "GET", path+"?direction=up", nil)
	s.fails(400, model.CodePaging, "GET", path+"?page=0", nil)
}

// TestTokensOfOthers: nobody reaches a token through a path that is not its owner's.
func TestTokensOfOthers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	body := tokenBody(s.policy("allow", "com.cloudflare.api.account.zone.*", "DNS Read"))
	account := "/accounts/" + string(s.account) + "/tokens"
	ofUser, ofAccount := s.must("POST", "/user/tokens", body).object(t), s.must("POST", account, body).object(t)
	id := func(o map[string]any) string { return o["id"].(string) }
	s.fails(404, model.CodeTokenNotFound, "GET", account+"/"+id(ofUser), nil)
	s.fails(404, model.CodeTokenNotFound, "GET", "/user/tokens/"+id(ofAccount), nil)
	s.fails(404, model.CodeTokenNotFound, "DELETE", account+"/"+id(ofUser), nil)
	s.fails(403, 9109, "GET", account+"/verify", nil, bearer(ofUser["value"].(string)))
	s.must("GET", "/user/tokens/verify", nil, bearer(ofAccount["value"].(string)))
}

func TestPermissionGroups(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	user := s.must("GET", "/user/tokens/permission_groups", nil)
	if len(user.list(t)) != len(auth.Groups()) || user.Info.TotalCount != len(auth.Groups()) {
		t.Errorf("%d groups of %d", len(user.list(t)), len(auth.Groups()))
	}
	account := s.must("GET", "/accounts/"+string(s.account)+"/tokens/permission_groups", nil)
	if strings.Contains(account.Raw, "com.cloudflare.api.user") {
		t.Error("the token of an account is offered groups of users")
	}
	one := s.must("GET", "/user/tokens/permission_groups?name=DNS%20Write&scope=com.cloudflare.api.account.zone", nil).list(t)
	if len(one) != 1 || one[0]["id"] != "4755a26eedb94da69e1066d98aa820be" {
		t.Errorf("filtered: %v", one)
	}
	// Some clients escape the name twice.
	for _, name := range []string{"DNS%2520Write", "DNS%2BWrite"} {
		if list := s.must("GET", "/user/tokens/permission_groups?name="+name, nil).list(t); len(list) != 1 || list[0]["name"] != "DNS Write" {
			t.Errorf("%s: %v", name, list)
		}
	}
}

// TestTokensMadeByTokens: what a token makes or changes is never more than it may itself.
func TestTokensMadeByTokens(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, zone := s.zone("example.com")
	_, other := s.zone("example.net")
	const zones, tokens = "com.cloudflare.api.account.zone.", "com.cloudflare.api.user."
	body := tokenBody(
		s.policy("allow", zones+zone, "DNS Read", "DNS Write"), s.policy("allow", zones+"*", "Zone Read"),
		s.policy("deny", zones+other, "Zone Read"), s.policy("allow", tokens+string(s.user), "API Tokens Write"),
	)
	expires, in := "2026-03-05T00:00:00Z", []string{"127.0.0.0/8", "2001:db8::/32"}
	body["expires_on"], body["condition"] = expires, map[string]any{"request_ip": map[string]any{"in": in, "not_in": []string{"127.9.0.0/16"}}}
	made := s.must("POST", "/user/tokens", body).object(t)
	by, id := bearer(made["value"].(string)), made["id"].(string)
	if by := made["made_by"].(map[string]any); by["user_id"] != string(s.user) || by["token_id"] == nil {
		t.Errorf("made by %v", by)
	}
	child := func(expires, ips any, policies ...map[string]any) map[string]any {
		b := tokenBody(policies...)
		b["expires_on"] = expires
		if ips != nil {
			b["condition"] = map[string]any{"request_ip": ips}
		}
		return b
	}
	fits := map[string]any{"in": []string{"127.0.0.1/32"}}
	read := s.policy("allow", zones+zone, "DNS Read")
	first := s.must("POST", "/user/tokens", child(expires, fits, read), by).object(t)
	if m := first["made_by"].(map[string]any); m["token_id"] != id || m["user_id"] != string(s.user) {
		t.Errorf("made by %v", m)
	}
	s.must("POST", "/user/tokens", child("2026-03-04T06:00:00Z", map[string]any{"in": []string{"127.0.0.0/8"}, "not_in": []string{"127.9.0.0/16"}},
		s.policy("allow", zones+"*", "Zone Read"), s.policy("deny", zones+other, "Zone Read")), by)
	for title, b := range map[string]map[string]any{
		"another group":          child(expires, fits, s.policy("allow", zones+zone, "Zone Write")),
		"another zone":           child(expires, fits, s.policy("allow", zones+other, "DNS Read")),
		"all zones":              child(expires, fits, s.policy("allow", zones+"*", "DNS Read")),
		"the whole account":      child(expires, fits, s.policy("allow", "com.cloudflare.api.account."+string(s.account), "DNS Read")),
		"without the denial":     child(expires, fits, s.policy("allow", zones+"*", "Zone Read")),
		"what is denied":         child(expires, fits, s.policy("allow", zones+other, "Zone Read")),
		"server administration":  child(expires, fits, s.policy("allow", tokens+"*", auth.GroupServerAdmin)),
		"no end":                 child(nil, fits, read),
		"a later end":            child("2026-03-05T00:00:01Z", fits, read),
		"from everywhere":        child(expires, nil, read),
		"from elsewhere":         child(expires, map[string]any{"in": []string{"192.0.2.1"}}, read),
		"from a wider range":     child(expires, map[string]any{"in": []string{"127.0.0.0/7"}}, read),
		"from what is taken out": child(expires, map[string]any{"in": []string{"127.0.0.0/8"}}, read),
		"out of one":             child(expires, map[string]any{"not_in": []string{"127.9.0.0/16"}}, read),
	} {
		if r := s.do("POST", "/user/tokens", b, by); r.Status != 403 || r.code() != model.CodeTokenBeyond {
			t.Errorf("%s: %d %s", title, r.Status, r.Raw)
		}
		if r := s.do("PUT", "/user/tokens/"+first["id"].(string), b, by); r.Status != 403 || r.code() != model.CodeTokenBeyond {
			t.Errorf("changed to %s: %d %s", title, r.Status, r.Raw)
		}
	}
	// What may more is not its to change, to have anew, or to remove.
	strong := s.must("POST", "/user/tokens", tokenBody(s.policy("allow", zones+"*", "DNS Write"))).id(t)
	for _, try := range [][2]string{{"PUT", strong}, {"PUT", strong + "/value"}, {"DELETE", strong}} {
		s.fails(403, model.CodeTokenBeyond, try[0], "/user/tokens/"+try[1], child(expires, fits, read), by)
	}
	// A token of the account does not help either, nor does a member.
	rest := s.policy("allow", "com.cloudflare.api.account."+string(s.account), "Account API Tokens Write", "Account Settings Write")
	narrow := bearer(s.must("POST", "/user/tokens", tokenBody(rest)).object(t)["value"].(string))
	account := "/accounts/" + string(s.account)
	s.fails(403, model.CodeTokenBeyond, "POST", account+"/tokens", tokenBody(s.policy("allow", zones+"*", "DNS Write")), narrow)
	s.must("POST", account+"/tokens", tokenBody(s.policy("allow", "com.cloudflare.api.account.*", "Account Settings Write")), narrow)
	for _, role := range []string{"administrator", "read_only"} {
		s.fails(403, model.CodeTokenBeyond, "POST", "/headwater/v1"+account+"/members", map[string]any{"email": "new@example.com", "role": role}, narrow)
	}
	// Deleting tells what was made, or takes it along.
	gone := s.must("DELETE", "/user/tokens/"+id+"?made=delete", nil).object(t)
	if n := len(gone["removed"].([]any)); n != 2 || gone["made"] != nil {
		t.Errorf("deleted: %v", gone)
	}
	s.fails(404, model.CodeTokenNotFound, "GET", "/user/tokens/"+first["id"].(string), nil)
	maker := s.must("POST", "/user/tokens", tokenBody(s.policy("allow", tokens+"*", "API Tokens Write"))).object(t)
	kept := s.must("POST", "/user/tokens", tokenBody(s.policy("allow", tokens+"*", "API Tokens Write")), bearer(maker["value"].(string))).id(t)
	told := s.must("DELETE", "/user/tokens/"+maker["id"].(string), nil).object(t)
	if list, _ := told["made"].([]any); len(list) != 1 || list[0].(map[string]any)["id"] != kept {
		t.Errorf("left: %v", told)
	}
}
