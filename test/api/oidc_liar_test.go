package api_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/oidc"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// Where a liar has what a sign-in asks for.
const (
	liarDiscovery = "/.well-known/openid-configuration"
	liarToken     = "/token"
	liarKeys      = "/keys"
	liarInfo      = "/userinfo"
)

// liar is a provider that does whatever a test has it do, and what it should where the test says nothing.
type liar struct {
	idp // for its option alone

	faults map[string]http.HandlerFunc // by path
	claims map[string]any              // of the ID token, in place of the right ones
	info   map[string]any              // of the userinfo endpoint, in place of the right ones
	sign   func(l *liar, claims []byte) string
	who    string // is who signs in
	nonce  string
	sent   atomic.Int64 // octets, by those that have no end
	mu     sync.Mutex
}

var liarKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newLiar(t *testing.T) *liar {
	t.Helper()
	l := &liar{idp: idp{t: t}, sign: signRS256, who: "ann"}
	l.at = httptest.NewServer(http.HandlerFunc(l.serve))
	t.Cleanup(l.at.Close)
	return l
}

// lies has it do something else from now on; nothing: what it should.
func (l *liar) lies(path string, h http.HandlerFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults, l.claims, l.info, l.sign = map[string]http.HandlerFunc{path: h}, nil, nil, signRS256
}

func (l *liar) serve(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	fault := l.faults[r.URL.Path]
	l.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	l.right(w, r)
}

func (l *liar) right(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key, err := liarKey()
	if err != nil {
		l.t.Error(err)
	}
	now := time.Now()
	var out any
	switch r.URL.Path {
	case liarDiscovery:
		out = map[string]any{
			"issuer": l.at.URL, "authorization_endpoint": l.at.URL + "/authorize", "token_endpoint": l.at.URL + liarToken, "jwks_uri": l.at.URL + liarKeys,
			"userinfo_endpoint": l.at.URL + liarInfo, "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		}
	case liarToken:
		claims := map[string]any{"iss": l.at.URL, "aud": "headwater", "sub": l.who, "nonce": l.nonce, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
		maps.Copy(claims, l.claims)
		raw, _ := json.Marshal(claims)
		out = map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": l.sign(l, raw)}
	case liarKeys:
		out = map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "use": "sig", "kid": "k", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}}
	case liarInfo:
		info := map[string]any{"sub": l.who, "email": l.who + "@example.com", "email_verified": true, "groups": []string{"dns"}, "given_name": "Ann"}
		maps.Copy(info, l.info)
		out = info
	default:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

func jws(header string, claims []byte, sign func(digest [32]byte, text string) []byte) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(sign(sha256.Sum256([]byte(text)), text))
}

func signRS256(l *liar, claims []byte) string {
	key, err := liarKey()
	if err != nil {
		l.t.Error(err)
	}
	return jws(`{"alg":"RS256","kid":"k"}`, claims, func(digest [32]byte, _ string) []byte {
		out, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		if err != nil {
			l.t.Error(err)
		}
		return out
	})
}

// begin begins a sign-in and gives what the browser would bring back; nil if it does not begin.
func (l *liar) begin(b *browser) (map[string]any, *reply) {
	r := b.do("POST", providerPath, map[string]any{"to": "/somewhere"})
	if r.Status != http.StatusOK {
		return nil, r
	}
	u, err := url.Parse(r.object(b.s.t)["url"].(string))
	if err != nil {
		l.t.Error(err)
		return nil, r
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nonce = u.Query().Get("nonce")
	return map[string]any{"state": u.Query().Get("state"), "code": "a-code"}, r
}

// enter signs in whole, as far as it gets.
func (l *liar) enter(b *browser) *reply {
	back, r := l.begin(b)
	if back == nil {
		return r
	}
	return b.do("PUT", providerPath, back)
}

// refused is a sign-in that failed by the provider's fault, of which a stranger is told nothing.
func (l *liar) refused(what string, r *reply) {
	l.t.Helper()
	if r.Status != http.StatusBadGateway || r.code() != model.CodeOIDCProvider || r.Success {
		l.t.Errorf("%s: %d %s", what, r.Status, r.Raw)
	}
	for _, word := range []string{l.at.URL, "evil", "token", "secret", "nonce"} {
		if strings.Contains(strings.ReplaceAll(r.Raw, "csrf_token", ""), word) {
			l.t.Errorf("%s: a stranger is told %s", what, r.Raw)
		}
	}
}

// heals has it do what it should, and people come in: at once or, patient, soon (who asks for keys that are being fetched shares that).
func (l *liar) heals(what string, s *server, patient bool) {
	l.t.Helper()
	l.lies("", nil)
	r := l.enter(s.browser())
	for deadline := time.Now().Add(testkit.Patience); r.Status == http.StatusBadGateway && patient && time.Now().Before(deadline); {
		r = l.enter(s.browser())
	}
	if r.Status != http.StatusOK || r.object(l.t)["to"] != "/somewhere" {
		l.t.Errorf("after %s: %d %s", what, r.Status, r.Raw)
	}
}

// TestProviderLies: an ID token that is not of this provider, this client, this sign-in and this hour opens nothing; nor do answers that
// are none, or that send us elsewhere with what we know. The next honest sign-in succeeds.
func TestProviderLies(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("it went elsewhere: %s %s", r.Method, r.URL) }))
	t.Cleanup(elsewhere.Close)
	plain := newServer(t)
	option := l.option(oidc.FactorAMR, "dns="+string(plain.account)+":read_only")
	s := plain.again(option)
	_, password := s.addMember(s.account, "bob@example.com", "read_only")
	now := time.Now()
	for what, claims := range map[string]map[string]any{
		"another issuer":            {"iss": "https://evil.example"},
		"another audience":          {"aud": "evil"},
		"two audiences, no azp":     {"aud": []string{"headwater", "evil"}},
		"two audiences, its azp":    {"aud": []string{"headwater", "evil"}, "azp": "evil"},
		"another nonce":             {"nonce": "evil"},
		"no nonce":                  {"nonce": nil},
		"expired":                   {"exp": now.Add(-time.Minute).Unix()},
		"without an end":            {"exp": nil},
		"issued long ago":           {"iat": now.Add(-time.Hour).Unix()},
		"issued never":              {"iat": nil},
		"not yet":                   {"nbf": now.Add(time.Hour).Unix()},
		"nobody":                    {"sub": ""},
		"somebody with a long name": {"sub": strings.Repeat("x", 256)},
		"somebody else than asked":  {"sub": "eve"},
		"times that are words":      {"exp": "tomorrow"},
	} {
		l.lies("", nil)
		l.claims = claims
		l.refused(what, l.enter(s.browser()))
	}
	for what, sign := range map[string]func(*liar, []byte) string{
		"no signature": func(_ *liar, c []byte) string {
			return jws(`{"alg":"none"}`, c, func([32]byte, string) []byte { return nil })
		},
		"none, but signed": func(l *liar, c []byte) string {
			return "eyJhbGciOiJub25lIn0." + strings.SplitN(signRS256(l, c), ".", 2)[1]
		},
		"the secret as key": func(_ *liar, c []byte) string {
			return jws(`{"alg":"HS256"}`, c, func(_ [32]byte, text string) []byte {
				m := hmac.New(sha256.New, []byte("secret"))
				m.Write([]byte(text))
				return m.Sum(nil)
			})
		},
		"another key": func(l *liar, c []byte) string {
			other, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				l.t.Error(err)
			}
			return jws(`{"alg":"RS256","kid":"k"}`, c, func(d [32]byte, _ string) []byte {
				b, _ := rsa.SignPKCS1v15(rand.Reader, other, crypto.SHA256, d[:])
				return b
			})
		},
		"changed": func(l *liar, c []byte) string {
			p := strings.Split(signRS256(l, c), ".")
			return p[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(c), "ann", "eve", 1))) + "." + p[2]
		},
		"nothing": func(*liar, []byte) string { return "" },
		"noise":   func(*liar, []byte) string { return "a.b.c" },
	} {
		l.lies("", nil)
		l.sign = sign
		l.refused(what, l.enter(s.browser()))
	}
	l.heals("wrong tokens", s, false)

	answers := map[string]http.HandlerFunc{
		"down":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"noise":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x00\xff<html>evil</html>")) },
		"null":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "null") },
		"a list": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[{"sub":"ann"}]`) },
		"depth": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat(`{"a":[`, 1<<17))
		},
		"cut off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"issuer":`)
		},
		"hangs up":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"elsewhere": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"with it": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"empty":      func(http.ResponseWriter, *http.Request) {},
		"no content": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	}
	for _, path := range []string{liarDiscovery, liarToken, liarKeys, liarInfo} {
		fresh := plain.again(option) // knows nothing of the provider yet
		for what, h := range answers {
			l.lies(path, h)
			l.refused(path+" "+what, l.enter(fresh.browser()))
		}
		fresh.must("POST", sessionPath, credentials("bob@example.com", password, ""), nobody)
		l.heals(path, fresh, false)
	}
}

// TestProviderHangs: one that takes a request and says nothing, says it by the octet, or never ends, costs a sign-in ten seconds and some megabytes,
// and nobody who has a password anything; it heals by itself.
func TestProviderHangs(t *testing.T) {
	t.Parallel()
	plain := newServer(t)
	_, password := plain.addMember(plain.account, "bob@example.com", "read_only")
	drips := func(ctx context.Context, w io.Writer, flush func(), each time.Duration, what []byte, sent *atomic.Int64) {
		for ctx.Err() == nil {
			n, err := w.Write(what)
			sent.Add(int64(n))
			if err != nil {
				return
			}
			flush()
			if each > 0 {
				select {
				case <-ctx.Done():
				case <-time.After(each):
				}
			}
		}
	}
	type ask struct {
		what string
		l    *liar
		s    *server
		met  chan struct{}
		got  chan *reply
	}
	var asks []*ask
	for _, path := range []string{liarDiscovery, liarToken, liarKeys, liarInfo} {
		for _, kind := range []string{"hangs", "drips", "spills", "spills headers"} {
			l := newLiar(t)
			l.who = fmt.Sprint("ann", len(asks))
			a := &ask{path + " " + kind, l, plain.again(l.option(oidc.FactorAMR, "dns="+string(plain.account)+":read_only")), make(chan struct{}), make(chan *reply, 1)}
			met := sync.OnceFunc(func() { close(a.met) })
			l.lies(path, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // or its context does not end with the connection
				met()
				flush := w.(http.Flusher).Flush
				switch kind {
				case "hangs":
					<-r.Context().Done()
				case "drips":
					drips(r.Context(), w, flush, 100*time.Millisecond, []byte(" "), &l.sent)
				case "spills":
					drips(r.Context(), w, flush, 0, slices.Repeat([]byte(" "), 1<<16), &l.sent)
				case "spills headers":
					c, buf, err := w.(http.Hijacker).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					defer c.Close()
					_, _ = buf.WriteString("HTTP/1.1 200 OK\r\n")
					drips(t.Context(), buf, func() { _ = buf.Flush() }, 0, []byte("X-Much: "+strings.Repeat("x", 1<<16)+"\r\n"), &l.sent)
				}
			})
			asks = append(asks, a)
		}
	}
	began := time.Now()
	for _, a := range asks {
		go func() { a.got <- a.l.enter(a.s.browser()) }()
	}
	for _, a := range asks {
		<-a.met
		a.s.must("POST", sessionPath, credentials("bob@example.com", password, ""), nobody)
		a.s.must("GET", "/zones", nil)
	}
	for _, a := range asks {
		a.l.refused(a.what, <-a.got)
		if n := a.l.sent.Load(); n > 32<<20 {
			t.Errorf("%s: %d octets were taken", a.what, n)
		}
		a.l.heals(a.what, a.s, true)
	}
	if took := time.Since(began); took > testkit.Patience {
		t.Errorf("it took %v", took)
	}
}

// TestProviderBusy: as many as may wait for a provider do, one more is told to come again, and when they are through there is room.
func TestProviderBusy(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	s := newServer(t)
	s = s.again(l.option(oidc.FactorAMR, "dns="+string(s.account)+":read_only"))
	const places = 16
	met, goOn := make(chan struct{}, 2*places), make(chan struct{})
	l.lies(liarDiscovery, func(w http.ResponseWriter, r *http.Request) {
		met <- struct{}{}
		<-goOn
		l.right(w, r)
	})
	var all sync.WaitGroup
	for range places {
		all.Go(func() {
			if r := l.enterOnce(s.browser()); r.Status != http.StatusOK {
				t.Errorf("%d %s", r.Status, r.Raw)
			}
		})
	}
	for range places {
		<-met
	}
	s.fails(http.StatusServiceUnavailable, model.CodeOIDCProvider, "POST", providerPath, `{}`, nobody)
	close(goOn)
	all.Wait()
	l.heals("a crowd", s, false)
}

// enterOnce begins and no more.
func (l *liar) enterOnce(b *browser) *reply { return b.do("POST", providerPath, map[string]any{}) }

// TestProviderMoves: what a provider says of itself is asked for again, so that one which said half of it once, or has moved, is found without a restart.
func TestProviderMoves(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	s := newServer(t)
	s = s.again(l.option(oidc.FactorAMR, "dns="+string(s.account)+":read_only"))
	for _, half := range []string{
		`{"issuer":"%s"}`, `{"issuer":"%[1]s","authorization_endpoint":"%[1]s/a","token_endpoint":"%[1]s/token"}`,
		`{"issuer":"%[1]s","authorization_endpoint":"%[1]s/a","jwks_uri":"%[1]s/keys"}`, `{"issuer":"%[1]s","token_endpoint":"%[1]s/token","jwks_uri":"%[1]s/keys"}`,
	} {
		l.lies(liarDiscovery, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, half, l.at.URL)
		})
		l.refused(half, l.enter(s.browser()))
		l.heals(half, s, false)
		s = s.again(l.option(oidc.FactorAMR, "dns="+string(s.account)+":read_only"))
	}
	// It was at other addresses a while ago.
	l.lies(liarDiscovery, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":"%[1]s","authorization_endpoint":"%[1]s/a","token_endpoint":"%[1]s/old","jwks_uri":"%[1]s/old"}`, l.at.URL)
	})
	var later atomic.Int64
	s = s.again(l.option(oidc.FactorAMR, "dns="+string(s.account)+":read_only"), func(c *api.Config) {
		cfg := l.config(oidc.FactorAMR, "dns="+string(s.account)+":read_only")
		cfg.Clock = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		var err error
		if c.Provider, err = oidc.New(cfg); err != nil {
			t.Error(err)
		}
	})
	l.refused("old addresses", l.enter(s.browser()))
	later.Store(int64(6 * time.Minute))
	l.heals("it has moved", s, false)
}

// TestProviderText: names that no database keeps, or that have no end, are a clear refusal or are cut, on either database.
func TestProviderText(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		l := newLiar(t)
		s = s.again(l.option(oidc.FactorAMR, "dns="+string(s.account)+":read_only"))
		l.lies("", nil)
		l.claims, l.info = map[string]any{"sub": "a\x00nn"}, map[string]any{"sub": "a\x00nn"}
		if r := l.enter(s.browser()); r.Status != http.StatusOK { // he is whom the provider calls that, and nobody else
			t.Errorf("a subject with NUL: %d %s", r.Status, r.Raw)
		}
		l.who = "bea"
		for what, info := range map[string]map[string]any{
			"NUL in an address": {"email": "a\x00nn@example.com"}, "a long address": {"email": strings.Repeat("a", 1<<19) + "@example.com"}, "no address": {"email": "ann"},
			"not verified": {"email_verified": false}, "verified in words": {"email_verified": "yes"},
		} {
			l.lies("", nil)
			l.info = info
			if r := l.enter(s.browser()); r.Status != http.StatusForbidden || r.code() != model.CodeOIDCEmail {
				if what != "verified in words" || r.Status != http.StatusBadGateway {
					t.Errorf("%s: %d %s", what, r.Status, r.Raw)
				}
			}
		}
		l.lies("", nil)
		l.info = map[string]any{"given_name": "A\x00n\nn" + strings.Repeat("n", 1<<19), "groups": []any{"dns", 1, nil, strings.Repeat("g", 1<<18)}}
		if r := l.enter(s.browser()); r.Status != http.StatusOK {
			t.Errorf("names: %d %s", r.Status, r.Raw)
		}
	})
}

// TestProviderAtTwoNodes: what one node began another finishes; no node takes it twice, not even with the cookie that somebody has kept.
func TestProviderAtTwoNodes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		p := newIDP(t)
		p.person("ann", "ann@example.com", true, "dns")
		option := p.option(oidc.FactorAMR, "dns="+string(s.account)+":read_only")
		nodes := []*server{s.node(option), s.node(option)}
		for i, first := range nodes {
			other := nodes[1-i]
			b := first.browser()
			back := b.begin(p, providerPath, "ann", map[string]any{"to": "/somewhere"})
			kept := maps.Clone(b.cookies)
			b.s = other
			if r := b.do("PUT", providerPath, back); r.Status != http.StatusOK || r.object(t)["to"] != "/somewhere" {
				t.Fatalf("begun at %d: %d %s", i, r.Status, r.Raw)
			}
			b.s = first
			if r := b.do("GET", sessionPath, nil); r.Status != http.StatusOK {
				t.Errorf("the session at the other node: %d %s", r.Status, r.Raw)
			}
			b.fails(b.do("PUT", providerPath, back), 400, model.CodeOIDCState)
			for _, n := range nodes {
				again := &browser{s: n, cookies: maps.Clone(kept)}
				again.fails(again.do("PUT", providerPath, back), 502, model.CodeOIDCProvider)
				stranger := n.browser()
				stranger.fails(stranger.do("PUT", providerPath, back), 400, model.CodeOIDCState)
			}
		}
	})
}

// TestProviderAnswerOnce: one answer of a provider opens one session, whichever nodes it is brought to at one moment, though the provider
// takes a code as often as it comes.
func TestProviderAnswerOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, s *server) {
		l := newLiar(t)
		option := l.option(oidc.FactorAMR, "dns="+string(s.account)+":read_only")
		nodes := []*server{s.node(option), s.node(option)}
		b := nodes[0].browser()
		back, r := l.begin(b)
		if back == nil {
			t.Fatalf("%d %s", r.Status, r.Raw)
		}
		var in atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			one := &browser{s: nodes[i%2], cookies: maps.Clone(b.cookies)}
			all.Go(func() {
				switch r := one.do("PUT", providerPath, back); r.Status {
				case http.StatusOK:
					in.Add(1)
				case http.StatusBadRequest, http.StatusServiceUnavailable:
				default:
					t.Errorf("%d %s", r.Status, r.Raw)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 {
			t.Errorf("%d sessions of one answer", in.Load())
		}
	})
}
