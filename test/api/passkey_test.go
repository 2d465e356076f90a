package api_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authenticator "github.com/descope/virtualwebauthn"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/oidc"
	"github.com/headwaterdns/headwater/internal/control/passkey"
	"github.com/headwaterdns/headwater/internal/control/store"
)

const (
	keysPath  = "/headwater/v1/user/passkeys"
	entryPath = sessionPath + "/passkey"
)

// here is where the dashboard is, as authenticators see it.
var here = authenticator.RelyingParty{ID: "dns.example.com", Name: "Headwater", Origin: "https://dns.example.com"}

func withPasskeys(c *api.Config) {
	var err error
	if c.Passkeys, err = passkey.New(passkey.Config{Origins: []string{here.Origin}}); err != nil {
		panic(err)
	}
}

// key is a passkey in an authenticator that others have written.
type key struct {
	in   authenticator.Authenticator
	cred authenticator.Credential
	// still says that it does not count.
	still bool
}

// newKey makes an authenticator of a user's, with a counter as most have one.
func newKey(t *testing.T, user string) *key {
	t.Helper()
	handle, err := hex.DecodeString(user)
	if err != nil {
		t.Fatal(err)
	}
	k := &key{in: authenticator.NewAuthenticatorWithOptions(authenticator.AuthenticatorOptions{UserHandle: handle})}
	// The library leaves leading zeros of coordinates out, which RFC 9053 section 7.1.1 forbids: one key of 128 is none.
	for whole := false; !whole; {
		k.cred = authenticator.NewCredential(authenticator.KeyTypeEC2)
		private, err := x509.ParsePKCS8PrivateKey(k.cred.Key.Data)
		if err != nil {
			t.Fatal(err)
		}
		point, err := private.(*ecdsa.PrivateKey).PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		whole = point[1] != 0 && point[33] != 0
	}
	k.cred.Counter = 1
	return k
}

// newCopiedKey is one without a counter, as those are that a provider copies to all of a user's devices.
func newCopiedKey(t *testing.T, user string) *key {
	t.Helper()
	k := newKey(t, user)
	k.cred.Counter, k.still = 0, true
	return k
}

func options(r *reply) string {
	var out struct {
		Options json.RawMessage `json:"public_key"`
	}
	if err := json.Unmarshal(r.Result, &out); err != nil {
		return ""
	}
	return string(out.Options)
}

// makes is what the authenticator answers to a request for a new key.
func (k *key) makes(t *testing.T, r *reply, at authenticator.RelyingParty) json.RawMessage {
	t.Helper()
	o, err := authenticator.ParseAttestationOptions(options(r))
	if err != nil || r.Status != http.StatusOK {
		t.Fatalf("%v: %d %s", err, r.Status, r.Raw)
	}
	return json.RawMessage(authenticator.CreateAttestationResponse(at, k.in, k.cred, *o))
}

// signs is what it answers to a request for a signature.
func (k *key) signs(t *testing.T, r *reply, at authenticator.RelyingParty) json.RawMessage {
	t.Helper()
	o, err := authenticator.ParseAssertionOptions(options(r))
	if err != nil || r.Status != http.StatusOK {
		t.Fatalf("%v: %d %s", err, r.Status, r.Raw)
	}
	if !k.still {
		k.cred.Counter++
	}
	return json.RawMessage(authenticator.CreateAssertionResponse(at, k.in, k.cred, *o))
}

func answer(a json.RawMessage) map[string]any { return map[string]any{"passkey": a} }

// inBrowser signs in by password and knows the session from then on.
func (s *server) inBrowser(email, password string) *browser {
	s.t.Helper()
	b := s.browser()
	b.csrf = b.do("POST", sessionPath, credentials(email, password, "")).object(s.t)["csrf_token"].(string)
	return b
}

// renewed takes up the session that an answer has renewed.
func (b *browser) renewed() {
	b.s.t.Helper()
	b.csrf = b.do("GET", sessionPath, nil).object(b.s.t)["csrf_token"].(string)
}

// adds registers a passkey.
func (b *browser) adds(k *key, name string, proof map[string]any) *reply {
	b.s.t.Helper()
	r := b.do("PUT", keysPath, map[string]any{"name": name, "passkey": k.makes(b.s.t, b.do("POST", keysPath, proof), here)})
	if r.Status == http.StatusOK {
		b.renewed()
	}
	return r
}

// proves shows the key in place of a code.
func (b *browser) proves(k *key, password string) map[string]any {
	b.s.t.Helper()
	return map[string]any{"current_password": password, "passkey": k.signs(b.s.t, b.do("POST", keysPath+"/proof", nil), here)}
}

// enters signs in by the passkey alone, begun at one node and finished at another.
func (b *browser) enters(k *key, at *server) *reply {
	b.s.t.Helper()
	a := k.signs(b.s.t, b.do("POST", entryPath, `{}`), here)
	b.s = at
	return b.do("PUT", entryPath, answer(a))
}

// TestPasskeys walks the whole way: registered, asked for beside the password and instead of it, listed, used as a proof, taken away.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	s := newServer(t, withPasskeys)
	id, password, _ := s.person("ann@example.com", "administrator")
	other := s.inBrowser("ann@example.com", password)
	b := s.inBrowser("ann@example.com", password)
	if r := s.must("GET", sessionPath+"/ways", nil, nobody); !strings.Contains(r.Raw, `"passkey":true`) {
		t.Error(r.Raw)
	}

	// Neither a token nor who does not know the password registers one.
	s.fails(400, model.CodeFactorState, "POST", keysPath, map[string]any{"current_password": firstPassword})
	b.fails(b.do("POST", keysPath, map[string]any{"current_password": "wrong password"}), 403, model.CodeSignIn)
	b.fails(b.do("POST", keysPath+"/proof", nil), 404, model.CodePasskeyNone)
	b.fails(b.do("POST", entryPath, map[string]any{"email": "ann@example.com", "password": password}), 404, model.CodePasskeyNone)
	k, second := newKey(t, id), newKey(t, id)
	with := map[string]any{"current_password": password}
	b.fails(b.adds(k, " ", with), 400, model.CodePasskey)
	added := b.adds(k, "Ann's key", with)
	if n := len(added.object(t)["recovery_codes"].([]any)); n != auth.RecoveryCodes {
		t.Fatalf("%d recovery codes", n)
	}
	recovery := added.object(t)["recovery_codes"].([]any)[0].(string)
	other.fails(other.do("GET", sessionPath, nil), 401, model.CodeSessionOver) // it was opened by the password alone
	b.fails(b.do("POST", keysPath, with), 403, model.CodeFactorNeeded)
	s.clock.pass(time.Second)
	if r := b.adds(second, "another", b.proves(k, password)); len(r.object(t)["recovery_codes"].([]any)) != 0 {
		t.Errorf("recovery codes again: %s", r.Raw)
	}
	list := b.do("GET", keysPath, nil).list(t)
	if len(list) != 2 || list[0]["name"] != "Ann's key" || list[0]["last_used_on"] == nil || list[1]["last_used_on"] != nil {
		t.Errorf("passkeys %v", list)
	}
	if f := b.do("GET", factorPath, nil).object(t); f["enabled"] != false || f["passkeys"] != json.Number("2") {
		t.Errorf("second factor %v", f)
	}

	// The password alone does not do; the key beside it does, even one that does not know its user; alone it has to.
	s.fails(403, model.CodeFactorNeeded, "POST", sessionPath, credentials("ann@example.com", password, ""), nobody)
	c := s.browser()
	k.in.Options.UserNotVerified = true
	r := c.do("PUT", entryPath, answer(k.signs(t, c.do("POST", entryPath, map[string]any{"email": "ann@example.com", "password": password}), here)))
	if r.Status != http.StatusOK || r.object(t)["user"].(map[string]any)["email"] != "ann@example.com" {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	c.fails(s.browser().enters(k, s), 403, model.CodePasskeyRefused)
	k.in.Options.UserNotVerified = false
	if r := c.enters(k, s); r.Status != http.StatusOK {
		t.Fatalf("%d %s", r.Status, r.Raw)
	}
	if r := c.do("GET", ownSessions, nil); !strings.Contains(r.Raw, `"way":"passkey"`) || len(r.list(t)) != 2 {
		t.Errorf("the session before it: %s", r.Raw)
	}
	s.must("POST", sessionPath, credentials("ann@example.com", password, recovery), nobody)

	// An authenticator for codes beside it takes the key, and comes and goes without it.
	secret := b.do("POST", factorPath, b.proves(k, password)).object(t)["secret"].(string)
	b.do("PUT", factorPath, map[string]any{"code": s.codeOf(secret)})
	b.renewed()
	b.fails(b.do("POST", factorPath+"/remove", with), 403, model.CodeFactorNeeded)
	if r := b.do("POST", factorPath+"/remove", b.proves(second, password)); r.Status != http.StatusOK {
		t.Fatal(r.Raw)
	}
	b.renewed()
	if f := b.do("GET", factorPath, nil).object(t); f["enabled"] != false || f["recovery_codes_left"] != json.Number("10") {
		t.Errorf("second factor %v", f)
	}

	// Taken away one by one; the last takes the recovery codes with it, and not while an account asks for a second factor.
	_, admin := s.signIn(firstPassword)
	_, _, admin = s.factor(admin, firstPassword)
	enforce := "/headwater/v1/accounts/" + string(s.account) + "/second_factor"
	s.must("PUT", enforce, map[string]any{"enforced": true}, admin)
	b.fails(b.do("POST", keysPath+"/"+strings.Repeat("a", 32)+"/remove", b.proves(k, password)), 404, model.CodePasskeyNone)
	remove := func(i int, by *key) *reply {
		r := b.do("POST", keysPath+"/"+list[i]["id"].(string)+"/remove", b.proves(by, password))
		if r.Status == http.StatusOK {
			b.renewed()
		}
		return r
	}
	if r := remove(0, k); r.Status != http.StatusOK {
		t.Fatal(r.Raw)
	}
	b.fails(s.browser().enters(k, s), 403, model.CodePasskeyRefused)
	b.fails(remove(1, second), 400, model.CodeFactorState)
	s.must("PUT", enforce, map[string]any{"enforced": false}, admin)
	if r := remove(1, second); r.Status != http.StatusOK {
		t.Fatal(r.Raw)
	}
	s.must("POST", sessionPath, credentials("ann@example.com", password, ""), nobody)
	if f := b.do("GET", factorPath, nil).object(t); f["recovery_codes_left"] != json.Number("0") {
		t.Errorf("second factor %v", f)
	}

	// An administrator takes all away at once.
	b.adds(k, "once more", with)
	s.must("DELETE", "/headwater/v1/users/"+id+"/second_factor", nil)
	b.fails(s.browser().enters(k, s), 403, model.CodePasskeyRefused)
	b = s.inBrowser("ann@example.com", password)
	b.adds(k, "and again", with)
	if r := s.must("GET", s.auditPath(false), nil); strings.Contains(r.Raw, "passkey") {
		t.Error("the account hears of its member's passkeys")
	}
	if r := b.do("GET", "/headwater/v1/user/audit_logs?per_page=1000", nil); strings.Count(r.Raw, `"type":"passkey"`) != 6 {
		t.Errorf("the audit log: %s", r.Raw)
	}
}

// TestPasskeyRefused: what is not the answer of that user's key to that challenge, at this server's address, in the browser that was given
// it, in time, opens nothing; nor does a key whose counter goes back.
func TestPasskeyRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, withPasskeys)
	id, password, _ := s.person("ann@example.com", "administrator")
	eves, evesPassword, _ := s.person("eve@example.com", "read_only")
	b := s.inBrowser("ann@example.com", password)
	k, eve := newKey(t, id), newKey(t, eves)
	b.adds(k, "key", map[string]any{"current_password": password})
	s.inBrowser("eve@example.com", evesPassword).adds(eve, "key", map[string]any{"current_password": evesPassword})
	beside := map[string]any{"email": "ann@example.com", "password": password}
	at := func(id, origin string) authenticator.RelyingParty {
		return authenticator.RelyingParty{ID: id, Origin: origin}
	}
	for name, c := range map[string]struct {
		begin  any
		answer func(c *browser, r *reply) json.RawMessage
		code   int
	}{
		"another origin": {`{}`, func(_ *browser, r *reply) json.RawMessage {
			return k.signs(t, r, at(here.ID, "https://dns.example.net"))
		}, 0},
		"another port": {`{}`, func(_ *browser, r *reply) json.RawMessage { return k.signs(t, r, at(here.ID, here.Origin+":8443")) }, 0},
		"without TLS": {`{}`, func(_ *browser, r *reply) json.RawMessage {
			return k.signs(t, r, at(here.ID, "http://dns.example.com"))
		}, 0},
		"a domain below": {`{}`, func(_ *browser, r *reply) json.RawMessage {
			return k.signs(t, r, at(here.ID, "https://eve.dns.example.com"))
		}, 0},
		"another server":  {`{}`, func(_ *browser, r *reply) json.RawMessage { return k.signs(t, r, at("example.com", here.Origin)) }, 0},
		"somebody else's": {beside, func(_ *browser, r *reply) json.RawMessage { return eve.signs(t, r, here) }, 0},
		"of another name": {`{}`, func(_ *browser, r *reply) json.RawMessage {
			k := *k
			k.in.Options.UserHandle = eve.in.Options.UserHandle
			return k.signs(t, r, here)
		}, 0},
		"of nobody": {`{}`, func(_ *browser, r *reply) json.RawMessage {
			k := *k
			k.in.Options.UserHandle = nil
			return k.signs(t, r, here)
		}, 0},
		"an unknown key": {`{}`, func(_ *browser, r *reply) json.RawMessage { return newKey(t, id).signs(t, r, here) }, 0},
		"a wrong signature": {`{}`, func(_ *browser, r *reply) json.RawMessage {
			k := *k
			k.cred.Key = eve.cred.Key
			return k.signs(t, r, here)
		}, 0},
		"nobody was there": {`{}`, func(_ *browser, r *reply) json.RawMessage {
			k := *k
			k.in.Options.UserNotPresent = true
			return k.signs(t, r, here)
		}, 0},
		"no JSON of that": {`{}`, func(*browser, *reply) json.RawMessage { return json.RawMessage(`{"id":7}`) }, 0},
		"nothing":         {`{}`, func(*browser, *reply) json.RawMessage { return nil }, 0},
		"for another use": {`{}`, func(c *browser, r *reply) json.RawMessage {
			a := k.signs(t, r, here)
			c.cookies["headwater_passkey"] = b.cookies["headwater_passkey"]
			return a
		}, model.CodePasskeyOver},
		"another challenge": {`{}`, func(_ *browser, _ *reply) json.RawMessage {
			return k.signs(t, s.browser().do("POST", entryPath, `{}`), here)
		}, 0},
		"another browser": {`{}`, func(c *browser, r *reply) json.RawMessage {
			delete(c.cookies, "headwater_passkey")
			return k.signs(t, r, here)
		}, model.CodePasskeyOver},
		"too late": {`{}`, func(_ *browser, r *reply) json.RawMessage { s.clock.pass(passkey.Life); return k.signs(t, r, here) }, model.CodePasskeyOver},
		"a new password since": {beside, func(_ *browser, r *reply) json.RawMessage {
			password = strings.Trim(string(s.must("PUT", "/headwater/v1/users/"+id+"/password", `{}`).Result), `"`)
			return k.signs(t, r, here)
		}, 0},
	} {
		status, code := 403, model.CodePasskeyRefused
		if c.code != 0 {
			status, code = 400, c.code
		}
		b.do("POST", keysPath+"/proof", nil)
		s.clock.pass(10 * time.Minute) // what was refused before slows nobody down
		if name == "for another use" {
			b.do("POST", keysPath+"/proof", nil)
		}
		who := s.browser()
		begun := who.do("POST", entryPath, c.begin)
		r := who.do("PUT", entryPath, map[string]any{"passkey": c.answer(who, begun)})
		if r.Status != status || r.code() != code || who.cookies[api.SessionCookie] != "" {
			t.Errorf("%s: %d %s, want %d with %d", name, r.Status, r.Raw, status, code)
		}
		if name == "a new password since" {
			b = s.browser()
			a := k.signs(t, b.do("POST", entryPath, `{}`), here)
			b.do("PUT", entryPath, answer(a))
		}
		beside["password"] = password
	}

	// An answer that has opened a session opens no other, though the browser keeps its cookie; of many at once one does.
	who, free := s.browser(), newCopiedKey(t, id)
	if r := b.adds(free, "on all devices", b.proves(k, password)); r.Status != http.StatusOK {
		t.Fatal(r.Raw)
	}
	a := free.signs(t, who.do("POST", entryPath, `{}`), here)
	cookie := who.cookies["headwater_passkey"]
	var all sync.WaitGroup
	got := make([]*reply, 4)
	for i := range got {
		all.Go(func() {
			got[i] = s.do("PUT", entryPath, answer(a), func(h http.Header) { nobody(h); h.Set("Cookie", "headwater_passkey="+cookie) })
		})
	}
	all.Wait()
	in := 0
	for _, r := range got {
		if r.Status == http.StatusOK {
			in++
		} else {
			b.fails(r, 403, model.CodePasskeyRefused)
		}
	}
	if in != 1 {
		t.Errorf("%d sessions were opened by one answer", in)
	}

	// A copy of the key, which has not counted on, is told of and opens nothing; the key itself goes on.
	copied := *k
	copied.cred.Counter = 1
	s.clock.pass(time.Hour)
	r := s.browser().enters(&copied, s)
	b.fails(r, 403, model.CodePasskeyRefused)
	if !strings.Contains(r.Raw, "counter") || !strings.Contains(s.must("GET", "/headwater/v1/users/"+id+"/sessions", nil).Raw, "passkey") {
		t.Error(r.Raw)
	}
	if r := b.enters(k, s); r.Status != http.StatusOK {
		t.Error(r.Raw)
	}
	if r := b.do("GET", "/headwater/v1/user/audit_logs?per_page=1000", nil); !strings.Contains(r.Raw, api.RefusedAction) || !strings.Contains(r.Raw, auth.WhyCounter) {
		t.Errorf("the audit log: %s", r.Raw)
	}

	// Registering: of another address, another server, twice, and more than there may be.
	s.clock.pass(time.Hour)
	refusedKey := newKey(t, id)
	for name, where := range map[string]authenticator.RelyingParty{"another origin": at(here.ID, "https://example.net"), "another server": at("example.net", here.Origin)} {
		made := refusedKey.makes(t, b.do("POST", keysPath, b.proves(k, password)), where)
		if r := b.do("PUT", keysPath, map[string]any{"name": name, "passkey": made}); r.Status != 400 || r.code() != model.CodePasskey {
			t.Errorf("registering at %s: %d %s", name, r.Status, r.Raw)
		}
	}
	b.fails(b.do("PUT", keysPath, map[string]any{"name": "late", "passkey": json.RawMessage(`{}`)}), 400, model.CodePasskeyOver)
	b.fails(b.adds(eve, "stolen", b.proves(k, password)), 400, model.CodePasskey)
	for i := 3; ; i++ {
		next := newKey(t, id)
		r := b.do("POST", keysPath, b.proves(k, password))
		if r.Status == http.StatusOK {
			b.do("PUT", keysPath, map[string]any{"name": "one more", "passkey": next.makes(t, r, here)})
			continue
		}
		b.fails(r, 400, model.CodePasskey)
		if i != 21 {
			t.Errorf("the %dth was refused", i)
		}
		break
	}

	// A server without passkeys has none of it.
	bare := s.again()
	bare.fails(404, 10404, "POST", entryPath, `{}`, nobody)
	bare.fails(404, 10404, "PUT", entryPath, `{}`, nobody)
}

// TestPasskeyGuessed: signatures that do not do are throttled as passwords are, and lock nobody out but who sends them.
func TestPasskeyGuessed(t *testing.T) {
	t.Parallel()
	s := newServer(t, withPasskeys)
	id, password, _ := s.person("ann@example.com", "administrator")
	k := newKey(t, id)
	s.inBrowser("ann@example.com", password).adds(k, "key", map[string]any{"current_password": password})
	forged := *k
	forged.cred.Key = newKey(t, id).cred.Key
	for range 5 {
		s.browser().fails(s.browser().enters(&forged, s), 403, model.CodePasskeyRefused)
	}
	s.browser().fails(s.browser().enters(&forged, s), 429, model.CodeSignInTooOften)
	evesID, password, _ := s.person("eve@example.com", "read_only")
	eve := newKey(t, evesID)
	b := s.inBrowser("eve@example.com", password)
	b.adds(eve, "key", map[string]any{"current_password": password})
	if r := b.enters(eve, s); r.Status != http.StatusOK {
		t.Error(r.Raw)
	}
	s.clock.pass(time.Minute)
	if r := s.browser().enters(k, s); r.Status != http.StatusOK {
		t.Error(r.Raw)
	}
}

// TestPasskeyAfterProvider: who comes by a provider and has a passkey is asked for it, and any node takes the answer.
func TestPasskeyAfterProvider(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		p := newIDP(t)
		p.person("ann", "ann@example.com", true, "dns")
		both := func(c *api.Config) {
			withPasskeys(c)
			p.option(oidc.FactorAMR, "dns="+string(s.account)+":read_only")(c)
		}
		nodes := []*server{s.node(both), s.node(both)}
		s = nodes[0]
		b := s.browser()
		b.enter(p, "ann")
		id := b.do("GET", sessionPath, nil).object(t)["user"].(map[string]any)["id"].(string)
		k := newCopiedKey(t, id)
		// She has no password: a session of now stands for it, an old one does not.
		made := b.do("POST", keysPath, `{}`)
		b.s = nodes[1]
		if r := b.do("PUT", keysPath, map[string]any{"name": "key", "passkey": k.makes(t, made, here)}); r.Status != http.StatusOK {
			t.Fatal(r.Raw)
		}
		b.renewed()
		s.clock.pass(11 * time.Minute)
		b.fails(b.do("POST", keysPath, `{}`), 400, model.CodeFactorState)

		c := s.browser()
		c.fails(c.do("POST", entryPath, `{"provider":true}`), 400, model.CodeOIDCState)
		c.fails(c.enter(p, "ann"), 403, model.CodeFactorNeeded)
		a := k.signs(t, c.do("POST", entryPath, `{"provider":true}`), here)
		c.s = nodes[1]
		if r := c.do("PUT", entryPath, answer(a)); r.Status != http.StatusOK || r.object(t)["to"] != "/somewhere" {
			t.Fatal(r.Raw)
		}
		if r := c.do("GET", ownSessions, nil); !strings.Contains(r.Raw, `"way":"provider_factor"`) {
			t.Error(r.Raw)
		}
		// Alone it does, too; and what one node took no other takes again.
		d := nodes[1].browser()
		begun := d.do("POST", entryPath, `{}`)
		a = k.signs(t, begun, here)
		cookie := d.cookies["headwater_passkey"]
		for i, want := range []int{200, 403} {
			d.s = nodes[i]
			d.cookies["headwater_passkey"] = cookie
			if r := d.do("PUT", entryPath, answer(a)); r.Status != want {
				t.Errorf("node %d: %d %s", i, r.Status, r.Raw)
			}
		}
	})
}

// node is another node of the server as again is, with a connection of its own to the database where that can be.
func (s *server) node(opts ...option) *server {
	s.t.Helper()
	if strings.HasPrefix(s.database, "sqlite:") {
		return s.again(opts...)
	}
	out := *s
	st, err := store.Open(s.t.Context(), store.Config{URL: s.database, Clock: s.clock.time})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = st.Close() })
	out.store, out.cfg.Store = st, st
	return out.again(opts...)
}

// writes counts transactions about people.
type writes struct {
	api.Store

	n atomic.Int32
}

func (w *writes) EditPeople(ctx context.Context, f func(model.PeopleTx) error) error {
	w.n.Add(1)
	return w.Store.EditPeople(ctx, f)
}

// TestPasskeyMadeUp: answers that strangers make up are refused without a write, which would take a turn from others and have everybody's rights
// read anew, but for the lines that a key's owner is told of some of them by; and one that does is still done once.
func TestPasskeyMadeUp(t *testing.T) {
	t.Parallel()
	s := newServer(t, withPasskeys)
	id, password, _ := s.person("ann@example.com", "administrator")
	k := newKey(t, id)
	s.inBrowser("ann@example.com", password).adds(k, "key", map[string]any{"current_password": password})
	var counted *writes
	at := s.again(withPasskeys, func(c *api.Config) { counted = &writes{Store: c.Store}; c.Store = counted })
	forged := *k
	forged.cred.Key = newKey(t, id).cred.Key
	const tried = 3
	for range tried {
		for _, made := range []*key{newKey(t, id), &forged} {
			b := at.browser()
			b.fails(b.enters(made, at), 403, model.CodePasskeyRefused)
		}
	}
	if n := counted.n.Load(); n > tried {
		t.Errorf("%d writes of %d answers", n, 2*tried)
	}
	b := at.browser()
	r := b.do("POST", entryPath, `{}`)
	a, cookie := k.signs(t, r, here), b.cookies["headwater_passkey"]
	if r := b.do("PUT", entryPath, answer(a)); r.Status != http.StatusOK {
		t.Errorf("%d %s", r.Status, r.Raw)
	}
	again := at.browser()
	again.cookies = map[string]string{"headwater_passkey": cookie}
	again.fails(again.do("PUT", entryPath, answer(a)), 403, model.CodePasskeyRefused)
}
