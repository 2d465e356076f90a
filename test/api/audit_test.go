package api_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

const always = "?since=2026-01-01&before=2027-01-01"

func (s *server) auditPath(v2 bool) string {
	if v2 {
		return "/accounts/" + string(s.account) + "/logs/audit"
	}
	return "/accounts/" + string(s.account) + "/audit_logs"
}

// history makes some entries, a second apart, and returns the zone's id.
func (s *server) history() string {
	s.t.Helper()
	step := func() { s.clock.pass(time.Second) }
	zone, id := s.zone("example.com")
	step()
	rec := s.record(zone, `{"type":"A","name":"www","content":"192.0.2.1"}`)
	step()
	s.must("PATCH", zone+"/dns_records/"+rec, `{"content":"192.0.2.2"}`)
	step()
	s.must("DELETE", zone+"/dns_records/"+rec, nil)
	step()
	s.peer("peer", "192.0.2.3", s.tsig("key.example."))
	step()
	s.must("POST", zone+"/secondary_dns/outgoing", `{"peers":[]}`)
	step()
	s.must("POST", zone+"/secondary_dns/outgoing/enable", nil)
	return id
}

// names pulls one member out of each entry.
func pluck(list []map[string]any, path ...string) (out []string) {
	for _, e := range list {
		v := any(e)
		for _, p := range path {
			m, _ := v.(map[string]any)
			v = m[p]
		}
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}

func TestAuditV1(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.history()
	path := s.auditPath(false)
	all := s.must("GET", path, nil).list(t)
	types := pluck(all, "action", "type")
	for _, want := range []string{"rec_add", "rec_set", "rec_del", "add"} {
		if !slices.Contains(types, want) {
			t.Errorf("no %s in %v", want, types)
		}
	}
	if !slices.IsSortedFunc(pluck(all, "when"), func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("not newest first: %v", pluck(all, "when"))
	}
	set := s.must("GET", path+"?action.type=rec_set", nil).list(t)
	if len(set) != 1 || !strings.Contains(set[0]["oldValue"].(string), "192.0.2.1") || !strings.Contains(set[0]["newValue"].(string), "192.0.2.2") {
		t.Errorf("rec_set: %v", set)
	}
	if meta, _ := set[0]["metadata"].(map[string]any); meta["zone_name"] != "example.com" {
		t.Errorf("metadata %v", set[0]["metadata"])
	}
	for query, n := range map[string]int{
		"?actor.email=" + s.email: len(all) - 1, "?actor.email=x@y": 0, "?zone.name=example.com&action.type=rec_del": 1,
		"?actor.ip=127.0.0.1": len(all) - 1, "?id=" + all[0]["id"].(string): 1, "?since=2027-01-01": 0, "?before=2026-01-01": 0,
		"?since=2026-03-04T05:06:07Z&before=2026-03-04T05:06:08Z": countWhen(all, "2026-03-04T05:06:07.000000Z"),
	} {
		if got := s.must("GET", path+query, nil).list(t); len(got) != n {
			t.Errorf("%s: %d entries, want %d", query, len(got), n)
		}
	}
	var paged []map[string]any
	for page := 1; ; page++ {
		r := s.must("GET", path+"?direction=asc&per_page=2&page="+num(page).String(), nil)
		paged = append(paged, r.list(t)...)
		if r.Info.PerPage != 2 || r.Info.TotalPages < page && r.Info.Count > 0 {
			t.Errorf("info %+v", r.Info)
		}
		if r.Info.Count == 0 {
			break
		}
	}
	slices.Reverse(paged)
	if d := cmp.Diff(pluck(all, "id"), pluck(paged, "id")); d != "" {
		t.Error(d)
	}
	s.fails(400, model.CodeAuditQuery, "GET", path+"?since=yesterday", nil)
	s.fails(400, model.CodePaging, "GET", path+"?direction=up", nil)
}

func countWhen(list []map[string]any, when string) (n int) {
	for _, w := range pluck(list, "when") {
		if w == when {
			n++
		}
	}
	return n
}

// cursor is where the next page of an audit log begins.
func (r *reply) cursor(t *testing.T) string {
	t.Helper()
	var in struct {
		Info struct {
			Count   int    `json:"count"`
			Cursor  string `json:"cursor"`
			Cursors struct {
				After string `json:"after"`
			} `json:"cursors"`
		} `json:"result_info"`
	}
	decode(t, []byte(r.Raw), &in)
	if in.Info.Cursor != in.Info.Cursors.After || in.Info.Count != len(r.list(t)) {
		t.Errorf("result_info %+v", in.Info)
	}
	return in.Info.Cursor
}

func TestAuditV2(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone := s.history()
	path := s.auditPath(true)
	r := s.must("GET", path+always, nil)
	all := r.list(t)
	if r.cursor(t) != "" || len(all) < 8 {
		t.Fatalf("%d entries, cursor %q", len(all), r.cursor(t))
	}
	n := len(all)
	mine := n - 1 // the first account was made by the server itself
	ofZone := len(s.must("GET", path+always+"&zone_id="+zone, nil).list(t))
	for query, want := range map[string]int{
		"&action_type=create&action_type=update&action_type=delete": n,
		"&zone_id.not=" + zone:                             n - ofZone,
		"&zone_name=example.com":                           ofZone,
		"&resource_type=dns.record":                        3,
		"&resource_type=dns.record&action_type.not=delete": 2,
		"&actor_email=" + s.email:                          mine,
		"&actor_email.not=" + s.email:                      1,
		"&actor_context=api_token":                         mine,
		"&actor_context.not=api_token":                     1,
		"&actor_context=dash":                              0,
		"&actor_type=user&action_result=success":           mine,
		"&action_result=failure":                           0,
		"&account_name=Default&resource_product=dns":       n,
		"&resource_scope=zones":                            ofZone,
		"&id=" + all[3]["id"].(string):                     1,
		"&raw_method=POST":                                 0,
		"&actor_ip_address=127.0.0.1":                      mine,
	} {
		if got := s.must("GET", path+always+query, nil).list(t); len(got) != want {
			t.Errorf("%s: %d entries, want %d", query, len(got), want)
		}
	}
	for _, query := range []string{"", "&actor_context.not=dash", "&direction=asc"} {
		var got []map[string]any
		for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
			r := s.must("GET", path+always+query+"&limit=3&cursor="+url.QueryEscape(cursor), nil)
			if cursor = r.cursor(t); cursor != "" && len(r.list(t)) != 3 {
				t.Errorf("a page of %d with more to come", len(r.list(t)))
			}
			got = append(got, r.list(t)...)
		}
		if query == "&direction=asc" {
			slices.Reverse(got)
		}
		if d := cmp.Diff(pluck(all, "id"), pluck(got, "id")); d != "" {
			t.Errorf("%s: %s", query, d)
		}
	}
	for _, bad := range []string{"", "?since=2026-01-01", "?before=2026-01-01", "?since=x&before=2026-01-01", always + "&cursor=nonsense"} {
		s.fails(400, model.CodeAuditQuery, "GET", path+bad, nil)
	}
	for _, bad := range []string{"&limit=0", "&limit=x", "&direction=up"} {
		s.fails(400, model.CodePaging, "GET", path+always+bad, nil)
	}
}

// TestAuditNamesWho: a session is told as the dashboard, a key as a key, an account's token as an account.
func TestAuditNamesWho(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, csrf := s.signIn(firstPassword)
	value := s.must("POST", "/accounts/"+string(s.account)+"/tokens",
		tokenBody(s.policy("allow", "com.cloudflare.api.account.*", "Account Settings Write"))).object(t)["value"].(string)
	for _, who := range []struct {
		as            as
		context, kind string
	}{{csrf, "dash", "user"}, {keyed(s.email, s.key), "api_key", "user"}, {bearer(s.token), "api_token", "user"}, {bearer(value), "api_token", "account"}} {
		s.clock.pass(time.Second)
		id := s.must("POST", s.secondaryDNS()+"/acls", `{"name":"a","ip_range":"192.0.2.1"}`, who.as).id(t)
		e := s.must("GET", s.auditPath(true)+always+"&resource_id="+id, nil).list(t)
		if got := pluck(e, "actor", "context")[0] + " " + pluck(e, "actor", "type")[0]; got != who.context+" "+who.kind {
			t.Errorf("%s, want %s %s", got, who.context, who.kind)
		}
	}
}

// TestAuditLooksFurther: filters that the store does not answer are looked for beyond the first entries read.
func TestAuditLooksFurther(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acl := `{"name":"a","ip_range":"192.0.2.1"}`
	var want []string
	for i := range 12 {
		s.clock.pass(time.Second)
		if i%5 == 0 {
			want = append([]string{s.must("POST", s.secondaryDNS()+"/acls", acl, keyed(s.email, s.key)).id(t)}, want...)
		} else {
			s.must("POST", s.secondaryDNS()+"/acls", acl)
		}
	}
	var got []string
	for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
		r := s.must("GET", s.auditPath(true)+always+"&actor_context=api_key&limit=1&cursor="+url.QueryEscape(cursor), nil)
		got = append(got, pluck(r.list(t), "resource", "id")...)
		cursor = r.cursor(t)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestAuditOfABatch: a batch is one entry in the store, and in the log each of its records has a line of its own, in their order,
// with an id by which it is found, and shows the record as the API does.
func TestAuditOfABatch(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	zone, _ := s.zone("example.com")
	one := s.record(zone, `{"type":"A","name":"one","content":"192.0.2.1","ttl":300}`)
	two := s.record(zone, `{"type":"TXT","name":"two","content":"\"t\""}`)
	s.clock.pass(time.Second)
	s.must("POST", zone+"/dns_records/batch", `{"deletes":[{"id":"`+two+`"}],"patches":[{"id":"`+one+`","content":"192.0.2.2","comment":"moved"}],
		"posts":[{"type":"MX","name":"@","content":"mail.example.com","priority":10},{"type":"AAAA","name":"v6","content":"2001:DB8::1","proxied":true}]}`)
	all := s.must("GET", s.auditPath(true)+always+"&limit=4", nil).list(t)
	if got := fmt.Sprint(pluck(all, "action", "description")); got != "[rec_add rec_add rec_set rec_del]" {
		t.Fatalf("newest first: %s", got)
	}
	for i, id := range pluck(all, "id") {
		found := s.must("GET", s.auditPath(true)+always+"&id="+id, nil).list(t)
		if d := cmp.Diff(all[i:i+1], found); d != "" {
			t.Errorf("by its id: %s", d)
		}
	}
	for i, e := range all {
		shown, _ := e["resource"].(map[string]any)["request"].(map[string]any)
		if i == 3 {
			if shown != nil || !strings.Contains(fmt.Sprint(e), `"t"`) {
				t.Errorf("deleted: %v", e)
			}
			continue
		}
		now := s.must("GET", zone+"/dns_records/"+pluck(all, "resource", "id")[i], nil).object(t)
		for _, ofZone := range []string{"zone_id", "zone_name"} {
			delete(now, ofZone)
			delete(shown, ofZone)
		}
		if d := cmp.Diff(now, shown); d != "" {
			t.Errorf("%d: the log shows another record than the API: %s", i, d)
		}
	}
	if before := all[2]["resource"].(map[string]any)["response"].(map[string]any); before["content"] != "192.0.2.1" || before["comment"] != nil {
		t.Errorf("before the change: %v", before)
	}
}

// lockedBuffer is a log that many goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestNoSecretLeaves makes every kind of secret, uses each well and badly, and looks for them in logs, audit entries and
// the answers to failures.
func TestNoSecretLeaves(t *testing.T) {
	t.Parallel()
	logged := &lockedBuffer{}
	s := newServer(t, func(c *api.Config) {
		c.Log = slog.New(slog.NewTextHandler(logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	secret := "c2VjcmV0IG9mIGEgVFNJRyBrZXkgaW4gYmFzZTY0"
	secrets := []string{secret, s.token, s.key, firstPassword, "wrong password", "another wrong one"}
	tsigs := s.secondaryDNS() + "/tsigs"
	id := s.must("POST", tsigs, map[string]any{"name": "k.example", "algo": "hmac-sha256", "secret": secret}).id(t)
	drawn := s.must("PUT", tsigs+"/"+id, `{"name":"other.example","algo":"hmac-sha384","secret":"`+secret+`"}`)
	s.must("DELETE", tsigs+"/"+drawn.id(t), nil)
	second := s.must("POST", tsigs, `{"name":"k.example","algo":"hmac-sha256"}`).object(t)["secret"].(string)
	body := tokenBody(s.policy("allow", "com.cloudflare.api.account.zone.*", "DNS Read"))
	for _, path := range []string{"/user/tokens", "/accounts/" + string(s.account) + "/tokens"} {
		tok := s.must("POST", path, body).object(t)
		rolled := s.must("PUT", path+"/"+tok["id"].(string)+"/value", nil).text(t)
		secrets = append(secrets, tok["value"].(string), rolled)
	}
	_, first := s.addMember(s.account, "guest@example.com", "read_only")
	key := s.must("PUT", "/headwater/v1/user/key", `{"current_password":"`+firstPassword+`"}`).text(t)
	s.must("PUT", "/headwater/v1/user/password", `{"current_password":"`+firstPassword+`","new_password":"a new long password"}`)
	signed := s.must("POST", sessionPath, map[string]any{"email": s.email, "password": "a new long password"}, nobody)
	cookie, _, _ := strings.Cut(strings.TrimPrefix(signed.Header.Get("Set-Cookie"), api.SessionCookie+"="), ";")
	secrets = append(secrets, second, first, key, "a new long password", cookie)

	var answers strings.Builder
	refused := func(r *reply) {
		t.Helper()
		if r.Status < 400 {
			t.Errorf("not refused: %s", r.Raw)
		}
		answers.WriteString(r.Raw)
	}
	refused(s.do("GET", "/zones", nil, keyed(s.email, key+"x")))
	refused(s.do("GET", "/zones", nil, keyed("nobody@example.com", key)))
	refused(s.do("GET", "/zones", nil, func(h http.Header) { h.Set("Authorization", "Basic "+s.token) }))
	refused(s.do("POST", sessionPath, map[string]any{"email": s.email, "password": "another wrong one"}, nobody))
	refused(s.do("PUT", "/headwater/v1/user/key", `{"current_password":"wrong password"}`))
	refused(s.do("POST", tsigs, `{"name":"..","algo":"hmac-sha256","secret":"`+secret+`"}`))
	refused(s.do("POST", tsigs, `{"name":"k","algo":"md5","secret":"`+secret+`"}`))
	refused(s.do("POST", tsigs, `{"name":"k","algo":"hmac-sha256","secret":"`+secret+`!"}`))
	refused(s.do("POST", tsigs, `{"name":5,"algo":"hmac-sha256","secret":"`+secret+`"}`))

	v1, v2 := s.must("GET", s.auditPath(false), nil), s.must("GET", s.auditPath(true)+always, nil)
	if n := len(v2.list(t)); n < 8 || !strings.Contains(v2.Raw, "k.example") {
		t.Errorf("%d entries: %s", n, v2.Raw)
	}
	own, server := s.must("GET", "/headwater/v1/user/audit_logs", nil), s.must("GET", "/headwater/v1/audit_logs", nil)
	if n := len(own.list(t)); n < 4 {
		t.Errorf("%d entries of the user: %s", n, own.Raw)
	}
	for _, hay := range []struct{ where, text string }{
		{"log", logged.String()}, {"the user's audit log", own.Raw}, {"the server's audit log", server.Raw}, {"audit v1", v1.Raw}, {"audit v2", v2.Raw}, {"failures", answers.String()},
	} {
		for _, needle := range append(secrets, "argon2id") {
			if strings.Contains(hay.text, needle) {
				t.Errorf("%s holds a secret: %s", hay.where, needle)
			}
		}
	}
	if logged.String() == "" {
		t.Error("nothing was logged: the scan proves nothing")
	}
}
