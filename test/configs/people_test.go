package configs

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

const insidePeople = "CONFIGS_INSIDE_PEOPLE"

// TestPeople does what docs/people.md says: sessions are listed and ended, a sign-in takes its two steps, a member gets roles by zone, and
// servers start with passkeys and with a provider and offer both.
func TestPeople(t *testing.T) {
	t.Parallel()
	eachApart(t, map[string]int{"people": 0}, "TestInsidePeople", insidePeople)
}

// TestInsidePeople is TestPeople's other half, in the network of its own.
func TestInsidePeople(t *testing.T) {
	if os.Getenv(insidePeople) == "" {
		t.Skip("this is a part of TestPeople")
	}
	private(t)
	d := open(t, "docs/people.md")
	if err := os.Symlink(os.Getenv(program), filepath.Join(d.root, "bin", "headwater")); err != nil {
		t.Fatal(err)
	}
	_, stop := d.serve("headwater serve", admin+"/readyz")
	credentials, err := os.ReadFile(filepath.Join(d.dir, "data", "first-credentials.txt"))
	if err != nil {
		t.Fatal(err)
	}
	find := func(what string) string {
		return string(regexp.MustCompile(what + ` +(\S+)`).FindSubmatch(credentials)[1])
	}
	email, password, account := find("e-mail"), find("password"), find("account")
	api := &caller{t: t, token: find("API token")}
	var zone struct{ ID string }
	api.call("POST", "/client/v4/zones", map[string]any{"name": "example.com"}, &zone)
	signIn := func() *caller {
		guest, session := &caller{t: t, header: http.Header{}}, struct {
			CSRF string `json:"csrf_token"`
		}{}
		res := guest.call("POST", "/headwater/v1/session", map[string]any{"email": email, "password": password}, &session)
		cookie, err := http.ParseSetCookie(res.Header.Get("Set-Cookie"))
		if err != nil {
			t.Fatal(err)
		}
		guest.header = http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}, "X-Csrf-Token": {session.CSRF}}
		return guest
	}
	signIn()
	signIn()
	var open []struct{ ID string }
	api.call("GET", "/headwater/v1/user/sessions", nil, &open)
	if len(open) != 2 {
		t.Fatalf("%d sessions", len(open))
	}
	d.env = []string{"AUTH=Authorization: Bearer " + api.token, "API=" + admin, "SESSION=" + open[0].ID, "ZONE=" + zone.ID, "ACCOUNT=" + account}
	succeeds := func(script string, times int) string {
		t.Helper()
		out := d.shell(script)
		if strings.Count(out, `"success":true`) != times || strings.Contains(out, `"success":false`) {
			t.Errorf("%s\nsays\n%s", script, out)
		}
		return out
	}
	succeeds(d.block(`curl -s -H "$AUTH" $API/headwater/v1/user/sessions`), 3)
	api.call("GET", "/headwater/v1/user/sessions", nil, &open)
	if len(open) != 0 {
		t.Errorf("%d sessions after all have ended", len(open))
	}
	succeeds(d.block(`curl -s -H "$AUTH" $API/headwater/v1/accounts/$ACCOUNT/members`), 1)
	var members []struct {
		User  struct{ Email string }
		Roles []struct{ Role string } `json:"zone_roles"`
	}
	api.call("GET", "/headwater/v1/accounts/"+account+"/members", nil, &members)
	bob := ""
	for _, m := range members {
		if m.User.Email == "bob@example.com" {
			for _, r := range m.Roles {
				bob += r.Role + " "
			}
		}
	}
	if !strings.Contains(bob, "zone_editor ") || !strings.Contains(bob, "zone_acme ") {
		t.Errorf("bob has %q", bob)
	}

	// The authenticator's code that has been shown is used; that of the next half minute does.
	one := signIn()
	var begun struct{ Secret string }
	one.call("POST", "/headwater/v1/user/second_factor", map[string]any{"current_password": password}, &begun)
	code := func(at time.Time) string {
		c, err := totp.GenerateCode(begun.Secret, at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	one.call("PUT", "/headwater/v1/user/second_factor", map[string]any{"code": code(time.Now())}, nil)
	first, second, _ := strings.Cut(strings.NewReplacer("ann@example.com", email, "…", password).Replace(d.block("# step 1: the password is right")), "\n")
	steps := strings.Split(strings.TrimSpace(first+"\n"+second), "\n")
	if len(steps) != 3 {
		t.Fatalf("not a line of comment and two steps: %q", steps)
	}
	d.shell(steps[1], "13161")
	succeeds(strings.Replace(steps[2], "123456", code(time.Now().Add(30*time.Second)), 1), 1)
	stop()

	// Passkeys and providers: the addresses are those that are printed, and the sign-in page has what they open.
	d.shell(`openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=dns.example.com -addext subjectAltName=DNS:dns.example.com -keyout key.pem -out cert.pem 2>/dev/null
		printf secret >oidc.secret; chmod 600 key.pem oidc.secret`)
	const secure = "https://127.0.0.1:8053"
	_, stop = d.serve(strings.TrimSpace(d.block("headwater serve --tls-cert cert.pem --tls-key key.pem --passkey-origin")), secure+"/readyz")
	d.shell("curl -skf "+secure+"/headwater/v1/session/ways", `"passkey":true`)
	stop()
	provider := strings.ReplaceAll(strings.TrimSpace(d.block("headwater serve --tls-cert cert.pem --tls-key key.pem \\")), "023e105f4ecef8ad9ca31a8372d0c353", account)
	_, stop = d.serve(provider, secure+"/readyz")
	d.shell("curl -skf "+secure+"/headwater/v1/session/ways", "Company login")
	stop()
}
