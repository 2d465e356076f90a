package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	provider "github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/oidc"
)

const (
	callback     = "https://dns.example.com/sign-in/callback"
	providerPath = sessionPath + "/provider"
	loginsPath   = "/headwater/v1/user/logins"
)

// idp is a provider that others have written, with people whose groups a test changes.
type idp struct {
	*storage.Storage

	t      *testing.T
	at     *httptest.Server
	mu     sync.Mutex
	people map[string]*storage.User
	groups map[string][]string
	broken http.HandlerFunc // answers in its place
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	p := &idp{t: t, people: map[string]*storage.User{}, groups: map[string][]string{}}
	p.Storage = storage.NewStorageWithClients(p, map[string]*storage.Client{"headwater": storage.WebClient("headwater", "secret", callback)})
	var h http.Handler
	p.at = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		broken := p.broken
		p.mu.Unlock()
		if broken != nil {
			broken(w, r)
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(p.at.Close)
	h = exampleop.SetupServer(p.at.URL, p, nil, false)
	return p
}

func (p *idp) GetUserByID(id string) *storage.User {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.people[id]
}
func (p *idp) GetUserByUsername(name string) *storage.User { return p.GetUserByID(name) }
func (p *idp) ExampleClientID() string                     { return "" }

// SetUserinfoFromToken adds the groups.
func (p *idp) SetUserinfoFromToken(ctx context.Context, info *provider.UserInfo, token, subject, origin string) error {
	err := p.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin)
	p.mu.Lock()
	defer p.mu.Unlock()
	info.AppendClaims("groups", p.groups[subject])
	return err
}

func (p *idp) person(name, email string, verified bool, groups ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.people[name] = &storage.User{ID: name, Username: name, Password: "pw", FirstName: name, LastName: "Person", Email: email, EmailVerified: verified}
	p.groups[name] = groups
}

func (p *idp) breaks(h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = h
}

// config is what a server is told of the provider.
func (p *idp) config(factor string, rules ...string) oidc.Config {
	transport := &http.Transport{}
	p.t.Cleanup(transport.CloseIdleConnections)
	cfg := oidc.Config{
		Issuer: p.at.URL, ClientID: "headwater", ClientSecret: "secret", Redirect: callback, Scopes: []string{"openid", "email", "profile"},
		GroupsClaim: "groups", Factor: factor, Clock: time.Now, Transport: transport,
	}
	for _, s := range rules {
		r, err := oidc.ParseRule(s)
		if err != nil {
			p.t.Fatal(err)
		}
		cfg.Rules = append(cfg.Rules, r)
	}
	return cfg
}

// option has a server let people in by the provider.
func (p *idp) option(factor string, rules ...string) option {
	return func(c *api.Config) {
		var err error
		if c.Provider, err = oidc.New(p.config(factor, rules...)); err != nil {
			p.t.Fatal(err)
		}
		c.ProviderName = "Example"
	}
}

// browser keeps cookies.
type browser struct {
	s       *server
	cookies map[string]string
	csrf    string
}

func (s *server) browser() *browser { return &browser{s: s, cookies: map[string]string{}} }

func (b *browser) as(h http.Header) {
	h.Del("Authorization")
	var list []string
	for n, v := range b.cookies {
		list = append(list, n+"="+v)
	}
	h.Set("Cookie", strings.Join(list, "; "))
	h.Set("X-Csrf-Token", b.csrf)
}

func (b *browser) do(method, path string, body any) *reply {
	r := b.s.do(method, path, body, b.as)
	for _, line := range r.Header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		switch {
		case err != nil:
			b.s.t.Fatal(err)
		case c.MaxAge < 0:
			delete(b.cookies, c.Name)
		case c.SameSite != http.SameSiteStrictMode || !c.HttpOnly:
			b.s.t.Errorf("the cookie %s", line)
			fallthrough
		default:
			b.cookies[c.Name] = c.Value
		}
	}
	if r.Status == http.StatusOK && strings.HasPrefix(path, sessionPath) && method == http.MethodPut {
		b.csrf = r.object(b.s.t)["csrf_token"].(string)
	}
	return r
}

// begin goes to the provider and comes back with what it gives the browser.
func (b *browser) begin(p *idp, path, name string, body map[string]any) map[string]any {
	b.s.t.Helper()
	r := b.do("POST", path, body)
	if r.Status != http.StatusOK {
		b.s.t.Fatalf("begin: %d %s", r.Status, r.Raw)
	}
	return p.signIn(r.object(b.s.t)["url"].(string), name)
}

// signIn is the page of the provider.
func (p *idp) signIn(address, name string) map[string]any {
	p.t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer c.CloseIdleConnections()
	next := func(r *http.Response, err error) *url.URL {
		if err != nil {
			p.t.Fatal(err)
		}
		_ = r.Body.Close()
		u, err := r.Location()
		if err != nil {
			p.t.Fatalf("%s: %s", r.Request.URL, r.Status)
		}
		return u
	}
	login := next(c.Get(address))
	form := url.Values{"id": {login.Query().Get("authRequestID")}, "username": {name}, "password": {"pw"}}
	back := next(c.Get(next(c.PostForm(p.at.URL+"/login/username", form)).String()))
	if !strings.HasPrefix(back.String(), callback) {
		p.t.Fatalf("sent to %s", back)
	}
	return map[string]any{"state": back.Query().Get("state"), "code": back.Query().Get("code")}
}

// enter signs in whole.
func (b *browser) enter(p *idp, name string) *reply {
	return b.do("PUT", providerPath, b.begin(p, providerPath, name, map[string]any{"to": "/somewhere"}))
}

func (b *browser) fails(r *reply, status, code int) {
	b.s.t.Helper()
	if r.Status != status || r.code() != code {
		b.s.t.Errorf("got %d %s, want %d with %d", r.Status, r.Raw, status, code)
	}
}

// TestProviderSignIn: who is in a group comes in as what the group says, again and again, and as something else when the groups are others;
// out with all of it when he is in none.
func TestProviderSignIn(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	var rules []string
	s := newServer(t)
	rules = []string{"dns=" + string(s.account) + ":zone_editor", "cn=admins,dc=x=" + string(s.account) + ":administrator", "gone=" + strings.Repeat("a", 32) + ":administrator"}
	s = s.again(p.option(oidc.FactorAMR, rules...))
	p.person("ann", "ann@example.com", true, "dns", "other")
	if r := s.must("GET", sessionPath+"/ways", nil, nobody); !strings.Contains(r.Raw, `"provider":{"name":"Example"}`) {
		t.Error(r.Raw)
	}
	b := s.browser()
	in := b.enter(p, "ann")
	if in.Status != http.StatusOK || in.object(t)["to"] != "/somewhere" || in.object(t)["user"].(map[string]any)["email"] != "ann@example.com" {
		t.Fatalf("%d %s", in.Status, in.Raw)
	}
	user := in.object(t)["user"].(map[string]any)["id"].(string)
	roles := func() (out []string) {
		list, err := s.store.Members(t.Context(), "", model.ID(user))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			out = append(out, fmt.Sprint(m.Role, m.Zones))
		}
		return out
	}
	if d := cmp.Diff([]string{"by_zone[{* zone_editor}]"}, roles()); d != "" {
		t.Error(d)
	}
	if r := b.do("GET", "/headwater/v1/user/sessions", nil); !strings.Contains(r.Raw, `"way":"provider"`) {
		t.Error(r.Raw)
	}
	for _, step := range []struct {
		groups []string
		want   []string
	}{
		{[]string{"cn=admins,dc=x", "dns"}, []string{"administrator[]"}}, {[]string{"dns"}, []string{"by_zone[{* zone_editor}]"}}, {nil, nil}, {[]string{"dns"}, []string{"by_zone[{* zone_editor}]"}},
	} {
		p.person("ann", "else@example.com", false, step.groups...) // the e-mail matters when the user is made, and never again
		again := s.browser().enter(p, "ann")
		if again.Status != http.StatusOK || again.object(t)["user"].(map[string]any)["id"] != user {
			t.Fatalf("%v: %d %s", step.groups, again.Status, again.Raw)
		}
		if d := cmp.Diff(step.want, roles()); d != "" {
			t.Errorf("%v: %s", step.groups, d)
		}
	}
	// What somebody gave by hand stays.
	list, err := s.store.Members(t.Context(), "", model.ID(user))
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	s.must("PATCH", "/headwater/v1/accounts/"+string(s.account)+"/members/"+string(list[0].ID), `{"role":"read_only","zone_roles":[]}`)
	p.person("ann", "ann@example.com", true)
	s.browser().enter(p, "ann")
	if d := cmp.Diff([]string{"read_only[]"}, roles()); d != "" {
		t.Error(d)
	}
	b.do("DELETE", sessionPath, nil)
	b.fails(b.do("GET", sessionPath, nil), 400, 9106)
	// A suspended user has no way in by a provider either.
	s.must("PATCH", "/headwater/v1/users/"+user, `{"suspended":true}`)
	b.fails(s.browser().enter(p, "ann"), 403, model.CodeSuspended)
}

// TestProviderTakesNobodyOver: an e-mail address at a provider opens no user of ours; he links it himself, signed in.
func TestProviderTakesNobodyOver(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	s := newServer(t)
	s = s.again(p.option(oidc.FactorAMR, "dns="+string(s.account)+":read_only"))
	_, password := s.addMember(s.account, "ann@example.com", "read_only")
	p.person("ann", "ann@example.com", true, "dns")
	p.person("eve", "eve@example.com", false, "dns")
	p.person("bob", "bob@example.com", true, "other")
	b := s.browser()
	b.fails(b.enter(p, "ann"), 409, model.CodeOIDCTaken)
	b.fails(b.enter(p, "eve"), 403, model.CodeOIDCEmail)
	b.fails(b.enter(p, "bob"), 403, model.CodeOIDCNobody)

	in := b.do("POST", sessionPath, credentials("ann@example.com", password, ""))
	b.csrf = in.object(t)["csrf_token"].(string)
	b.fails(b.do("POST", loginsPath, `{"current_password":"wrong"}`), 403, model.CodeSignIn)
	s.fails(400, model.CodeLogin, "POST", loginsPath, `{}`)
	back := b.begin(p, loginsPath, "ann", map[string]any{"current_password": password})
	stranger := s.browser()
	stranger.cookies = map[string]string{}
	for n, v := range b.cookies {
		if n != "headwater_session" {
			stranger.cookies[n] = v
		}
	}
	stranger.fails(stranger.do("PUT", providerPath, back), 400, model.CodeOIDCState) // begun to link, not to sign in
	if r := b.do("PUT", loginsPath, back); r.Status != http.StatusOK {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	b.fails(b.do("PUT", loginsPath, back), 400, model.CodeOIDCState)
	list := s.do("GET", loginsPath, nil, b.as).list(t)
	if len(list) != 1 || list[0]["subject"] != "ann" || list[0]["issuer"] != p.at.URL {
		t.Fatalf("%v", list)
	}
	other := s.browser()
	if r := other.enter(p, "ann"); r.Status != http.StatusOK {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	// Another user cannot have it, too; and taken away it opens nothing, nor what it had opened.
	_, second := s.addMember(s.account, "second@example.com", "read_only")
	two := s.browser()
	two.csrf = two.do("POST", sessionPath, credentials("second@example.com", second, "")).object(t)["csrf_token"].(string)
	two.fails(two.do("PUT", loginsPath, two.begin(p, loginsPath, "ann", map[string]any{"current_password": second})), 400, model.CodeLogin)
	if r := b.do("DELETE", loginsPath+"/"+list[0]["id"].(string), nil); r.Status != http.StatusOK {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	other.fails(other.do("GET", sessionPath, nil), 401, model.CodeSessionOver)
	other.fails(other.enter(p, "ann"), 409, model.CodeOIDCTaken)
	b.fails(b.do("DELETE", loginsPath+"/"+list[0]["id"].(string), nil), 404, model.CodeLogin)
}

// TestProviderAttempts: what comes back does once, in the browser that began it, whichever tab; on another node as well.
func TestProviderAttempts(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	s := newServer(t)
	rule := "dns=" + string(s.account) + ":read_only"
	s = s.again(p.option(oidc.FactorAMR, rule))
	node := s.again(p.option(oidc.FactorAMR, rule))
	p.person("ann", "ann@example.com", true, "dns")
	b := s.browser()
	one, two := b.begin(p, providerPath, "ann", map[string]any{}), b.begin(p, providerPath, "ann", map[string]any{})
	stolen := s.browser()
	stolen.fails(stolen.do("PUT", providerPath, one), 400, model.CodeOIDCState)
	mixed := map[string]any{"state": one["state"], "code": one["code"], "iss": "https://evil.example"}
	kept := b.cookies["headwater_attempt_"+one["state"].(string)[:16]]
	b.fails(b.do("PUT", providerPath, mixed), 400, model.CodeOIDCState)
	b.fails(b.do("PUT", providerPath, one), 400, model.CodeOIDCState) // that was the once
	b.cookies["headwater_attempt_"+one["state"].(string)[:16]] = kept + "x"
	b.fails(b.do("PUT", providerPath, one), 400, model.CodeOIDCState)
	// Another tab is on its own, and another node goes on with it.
	away := &browser{s: node, cookies: b.cookies}
	if r := away.do("PUT", providerPath, two); r.Status != http.StatusOK {
		t.Fatalf("at another node: %d %s", r.Status, r.Raw)
	}
	// Replayed with the cookie that somebody has kept: the provider knows its code no more.
	three := b.begin(p, providerPath, "ann", map[string]any{})
	name := "headwater_attempt_" + three["state"].(string)[:16]
	kept = b.cookies[name]
	if r := b.do("PUT", providerPath, three); r.Status != http.StatusOK {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	b.cookies[name] = kept
	b.fails(b.do("PUT", providerPath, three), 502, model.CodeOIDCProvider)
	// The code of one sign-in does not do for another (nonce and verifier are its own).
	four, five := b.begin(p, providerPath, "ann", map[string]any{}), b.begin(p, providerPath, "ann", map[string]any{})
	four["code"] = five["code"]
	b.fails(b.do("PUT", providerPath, four), 502, model.CodeOIDCProvider)
	s.clock.pass(11 * time.Minute)
	b.fails(b.do("PUT", providerPath, five), 400, model.CodeOIDCState)
	newServer(t).fails(404, 10404, "POST", providerPath, `{}`, nobody)
}

// TestProviderInTrouble: a provider that is down, says what cannot be or sends without end keeps nobody who has a password out.
func TestProviderInTrouble(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	s := newServer(t)
	s = s.again(p.option(oidc.FactorAMR, "dns="+string(s.account)+":read_only"))
	_, password := s.addMember(s.account, "bob@example.com", "read_only")
	p.person("ann", "ann@example.com", true, "dns")
	b := s.browser()
	for what, h := range map[string]http.HandlerFunc{
		"down":           func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"another issuer": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"issuer":"https://evil.example"}`) },
		"sends us on": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		},
		"without end": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(slices.Repeat([]byte(" "), 1<<16)); err != nil {
					return
				}
			}
		},
	} {
		p.breaks(h)
		r := b.do("POST", providerPath, `{}`)
		b.fails(r, 502, model.CodeOIDCProvider)
		if strings.Contains(r.Raw, "evil") || strings.Contains(r.Raw, p.at.URL) {
			t.Errorf("%s: a stranger is told %s", what, r.Raw)
		}
		s.must("POST", sessionPath, credentials("bob@example.com", password, ""), nobody)
	}
	p.breaks(nil)
	back := b.begin(p, providerPath, "ann", map[string]any{})
	p.breaks(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"a","token_type":"Bearer","id_token":"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ."}`)
	})
	b.fails(b.do("PUT", providerPath, back), 502, model.CodeOIDCProvider)
	p.breaks(nil)
	if r := b.enter(p, "ann"); r.Status != http.StatusOK {
		t.Errorf("when it is back: %d %s", r.Status, r.Raw)
	}
}

// TestProviderSecondFactor: who has a second factor here is asked for it unless the provider's counts; an account that asks for one takes
// either.
func TestProviderSecondFactor(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	s := newServer(t)
	rule := "dns=" + string(s.account) + ":read_only"
	ours, theirs := s.again(p.option(oidc.FactorAMR, rule)), s.again(p.option(oidc.FactorProvider, rule))
	p.person("ann", "ann@example.com", true, "dns")
	u := ours.browser().enter(p, "ann").object(t)["user"].(map[string]any)["id"].(string)
	s.people(func(tx model.PeopleTx) error {
		_, err := tx.EditUser(t.Context(), s.user, func(u *model.User) error { u.TwoFactor = s.clock.time(); return nil })
		return err
	})
	s.must("PUT", "/headwater/v1/accounts/"+string(s.account)+"/second_factor", `{"enforced":true}`, keyed(s.email, s.key))
	account := "/accounts/" + string(s.account)
	without, with := ours.browser(), theirs.browser()
	without.enter(p, "ann")
	with.enter(p, "ann")
	without.fails(without.do("GET", account, nil), 403, model.CodeFactorEnforced)
	if r := with.do("GET", account, nil); r.Status != http.StatusOK {
		t.Errorf("the provider's factor counts, and yet: %d %s", r.Status, r.Raw)
	}
	secret := auth.NewFactorSecret()
	s.people(func(tx model.PeopleTx) error {
		_, err := tx.EditUser(t.Context(), model.ID(u), func(u *model.User) error { u.TwoFactor = s.clock.time(); return nil })
		if err != nil {
			return err
		}
		return tx.EditSecondFactor(t.Context(), model.ID(u), func(f *model.SecondFactor) error { f.Secret, f.Since = secret, s.clock.time(); return nil })
	})
	b := ours.browser()
	// What the provider has said holds for ten minutes, however many codes are tried.
	b.fails(b.enter(p, "ann"), 403, model.CodeFactorNeeded)
	for range 2 {
		b.fails(b.do("PUT", providerPath, `{"second_factor":"000000"}`), 403, model.CodeFactorCode)
		s.clock.pass(5 * time.Minute)
	}
	b.fails(b.do("PUT", providerPath, map[string]any{"second_factor": s.codeOf(auth.FactorText(secret))}), 400, model.CodeOIDCState)
	b.fails(b.enter(p, "ann"), 403, model.CodeFactorNeeded)
	b.fails(b.do("PUT", providerPath, `{"second_factor":"000000"}`), 403, model.CodeFactorCode)
	if r := b.do("PUT", providerPath, map[string]any{"second_factor": s.codeOf(auth.FactorText(secret))}); r.Status != http.StatusOK {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	if r := b.do("GET", account, nil); r.Status != http.StatusOK {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
	b.fails(b.do("PUT", providerPath, `{"second_factor":"000000"}`), 400, model.CodeOIDCState)
	if r := theirs.browser().enter(p, "ann"); r.Status != http.StatusOK {
		t.Errorf("asked twice: %d %s", r.Status, r.Raw)
	}
}

// TestProviderLinkTakesTheSecondFactor: who knows a password and finds a browser open links no provider of his own, at which a second factor of
// his would count in place of the user's.
func TestProviderLinkTakesTheSecondFactor(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	s := newServer(t)
	s = s.again(p.option(oidc.FactorProvider, "dns="+string(s.account)+":read_only"), withPasskeys)
	id, password, _ := s.person("ann@example.com", "read_only")
	p.person("ann", "ann@example.com", true, "dns")
	b := s.inBrowser("ann@example.com", password)
	k := newKey(t, id)
	codes := b.adds(k, "key", map[string]any{"current_password": password}).object(t)["recovery_codes"].([]any)
	with := func(more map[string]any) map[string]any {
		more["current_password"] = password
		return more
	}
	b.fails(b.do("POST", loginsPath, with(map[string]any{})), 403, model.CodeFactorNeeded)
	b.fails(b.do("POST", loginsPath, with(map[string]any{"code": "000000"})), 403, model.CodeFactorCode)
	b.fails(b.do("POST", loginsPath, map[string]any{"code": codes[0]}), 403, model.CodeSignIn)
	for _, proof := range []map[string]any{with(map[string]any{"code": codes[0]}), b.proves(k, password)} {
		if r := b.do("POST", loginsPath, proof); r.Status != http.StatusOK {
			t.Errorf("%d %s", r.Status, r.Raw)
		}
	}
	b.fails(b.do("POST", loginsPath, with(map[string]any{"code": codes[0]})), 403, model.CodeFactorCode) // it does once
	back := b.begin(p, loginsPath, "ann", with(map[string]any{"code": codes[1]}))
	if r := b.do("PUT", loginsPath, back); r.Status != http.StatusOK {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
}
