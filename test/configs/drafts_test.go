package configs

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const insideDrafts = "CONFIGS_INSIDE_DRAFTS"

// TestDrafts does what docs/drafts.md says: plans that change nothing, a draft that is filled and applied, one at a time, one that two
// have seen, and a call that waits.
func TestDrafts(t *testing.T) {
	t.Parallel()
	eachApart(t, map[string]int{"drafts": 0}, "TestInsideDrafts", insideDrafts)
}

// TestInsideDrafts is TestDrafts' other half, in the network of its own.
func TestInsideDrafts(t *testing.T) {
	if os.Getenv(insideDrafts) == "" {
		t.Skip("this is a part of TestDrafts")
	}
	private(t)
	doc, dir := text(t, "docs/drafts.md"), t.TempDir()
	for _, err := range []error{
		os.Chmod(dir, 0o777), os.Mkdir(filepath.Join(dir, "bin"), 0o755), os.Symlink(os.Getenv(program), filepath.Join(dir, "bin", "headwater")),
		os.WriteFile(filepath.Join(dir, "new.zone"), []byte("imported A 192.0.2.77\n"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	server := daemon(t, dir, os.Getenv(program), "serve")
	wait(t, server, "the program to be ready", func() bool { return get("http://127.0.0.1:8053/readyz") == http.StatusOK })
	credentials, err := os.ReadFile(filepath.Join(dir, "data", "first-credentials.txt"))
	if err != nil {
		t.Fatal(err)
	}
	find := func(what string) string {
		return string(regexp.MustCompile(what + ` +(\S+)`).FindSubmatch(credentials)[1])
	}
	api := &caller{t: t, token: find("API token")}
	var zone struct{ ID string }
	api.call("POST", "/client/v4/zones", map[string]any{"name": "example.com"}, &zone)
	api.call("POST", "/client/v4/zones/"+zone.ID+"/dns_records", map[string]any{"type": "A", "name": "www", "content": "192.0.2.1"}, nil)
	colleague := api.colleague(find("account"))
	run := func(script string) string {
		t.Helper()
		return shell(t, dir, script, "HEADWATER_TOKEN="+api.token, "COLLEAGUE="+colleague, "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	}
	records := func() string { return run("headwater zone export example.com") }
	before := records()
	if out := run(block(t, doc, "transfers or accounts tells what it would do:")); !strings.Contains(out, `"dry_run":true`) || !strings.Contains(out, "example.net") {
		t.Errorf("plan: %s", out)
	}
	if out := run(block(t, doc, "In the terminal:")); !strings.Contains(out, "+ imported.example.com 300 A 192.0.2.77") || !strings.Contains(out, "1 added, 0 changed, 0 removed") {
		t.Errorf("plan of an import: %s", out)
	}
	run(block(t, doc, "Anybody who may change the zone can add to it:"))
	if out := run(block(t, doc, "drafts; of those that are done the oldest make room. What the draft does:")); !strings.Contains(out, "- www.example.com 300 A 192.0.2.1") || !strings.Contains(out, "+ example.com 300 MX 10 mail2.example.com.") || !strings.Contains(out, "3 added, 0 changed, 1 removed") {
		t.Errorf("the draft: %s", out)
	}
	if after := records(); serialless(after) != serialless(before) {
		t.Errorf("something was done:\n%s", after)
	}
	if out := run(block(t, doc, "And to do it:")); !strings.Contains(out, "applied, serial ") {
		t.Errorf("applied: %s", out)
	}
	if after := records(); !strings.Contains(after, "imported") || !strings.Contains(after, "mail2") || strings.Contains(after, "www") {
		t.Errorf("after the draft:\n%s", after)
	}
	run(`headwater zone draft new example.com "at night"; headwater zone draft add example.com "at night" A night 192.0.2.8`)
	if out := run(block(t, doc, "## At a time")); !strings.Contains(out, "scheduled for ") || !strings.Contains(out, "T02:00:00Z") {
		t.Errorf("scheduled: %s", out)
	}
	run(block(t, doc, "A zone can ask that two people see each change:"))
	run(`headwater zone draft new example.com "seen by two"; headwater zone draft add example.com "seen by two" A two 192.0.2.2`)
	apply := `headwater zone draft apply example.com "seen by two"`
	if out := run(apply + " || true"); !strings.Contains(out, "13110") {
		t.Errorf("applied by one: %s", out)
	}
	if out := run(`headwater zone draft approve example.com "seen by two" || true`); !strings.Contains(out, "13114") {
		t.Errorf("approved by the author: %s", out)
	}
	run(block(t, doc, "credential. Records and settings go through a draft that somebody has approved who has no part in it:"))
	if out := run(apply); !strings.Contains(out, "applied, serial ") {
		t.Errorf("applied: %s", out)
	}
	api.call("PUT", "/headwater/v1/zones/"+zone.ID+"/four_eyes", map[string]any{"enabled": false}, nil) // by the server's administrator
	if out := run("ZONE_ID=" + zone.ID + "\n" + block(t, doc, "is answered when the secondaries serve what it did:")); !strings.Contains(out, `"live":{"zone_id":`) {
		t.Errorf("waited: %s", out)
	}
}

// serialless is a zone file without the SOA.
func serialless(file string) string {
	return regexp.MustCompile(`(?m)^.*SOA.*$|^;.*$`).ReplaceAllString(file, "")
}

// caller calls the API of the program at its usual address.
type caller struct {
	t      *testing.T
	token  string
	header http.Header // in place of the token, if there is one
}

func (c *caller) call(method, path string, body, out any) *http.Response {
	c.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, "http://127.0.0.1:8053"+path, bytes.NewReader(b))
	if err != nil {
		c.t.Fatal(err)
	}
	if r.Header = c.header; r.Header == nil {
		r.Header = http.Header{"Authorization": {"Bearer " + c.token}}
	}
	r.Close = true // the process at the address may be another one the next time
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		c.t.Fatalf("%s %s: %v, %d %s", method, path, err, res.StatusCode, raw)
	}
	if out != nil {
		if err := json.Unmarshal(raw, &struct{ Result any }{out}); err != nil {
			c.t.Fatalf("%s: %v", raw, err)
		}
	}
	return res
}

// colleague makes another administrator of the account, and gives a token of his.
func (c *caller) colleague(account string) string {
	c.t.Helper()
	var made struct{ Password string }
	c.call("POST", "/headwater/v1/accounts/"+account+"/members", map[string]any{"email": "colleague@example.com", "role": "administrator", "status": "accepted"}, &made)
	guest := &caller{t: c.t, header: http.Header{}}
	var session struct {
		CSRF string `json:"csrf_token"`
	}
	res := guest.call("POST", "/headwater/v1/session", map[string]any{"email": "colleague@example.com", "password": made.Password}, &session)
	cookie, err := http.ParseSetCookie(res.Header.Get("Set-Cookie"))
	if err != nil {
		c.t.Fatal(err)
	}
	guest.header = http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}, "X-Csrf-Token": {session.CSRF}}
	var groups []struct{ ID, Name string }
	guest.call("GET", "/client/v4/user/tokens/permission_groups", nil, &groups)
	var may []map[string]string
	for _, g := range groups {
		if g.Name == "DNS Write" || g.Name == "Zone Read" {
			may = append(may, map[string]string{"id": g.ID})
		}
	}
	var token struct{ Value string }
	guest.call("POST", "/client/v4/user/tokens", map[string]any{"name": "mine", "policies": []any{map[string]any{
		"effect": "allow", "permission_groups": may, "resources": map[string]string{"com.cloudflare.api.account.zone.*": "*"},
	}}}, &token)
	return token.Value
}
