package oidc

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Bounds of what a provider may cost.
const (
	patience   = 10 * time.Second // of one request to it, and of all for one sign-in
	answerMost = 1 << 20          // octets of one answer
	atOnce     = 16               // sign-ins that talk to it; others are told to come again
	groupsMost = 1000             // of a person that are looked at
	agoMost    = 10 * time.Minute // since an ID token was issued
	knownMost  = 5 * time.Minute  // for which what it says of itself is taken to hold
)

// What makes a sign-in at the provider count as one with a second factor.
const (
	FactorAMR      = "amr"      // what the ID token says of it (amr, RFC 8176)
	FactorProvider = "provider" // every one does: the provider asks for it
	FactorNever    = "never"    // none does
)

// Config is a provider, as the operator names it.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret string // empty for a public client
	Redirect     string // where the provider sends browsers back to
	Scopes       []string
	GroupsClaim  string
	Factor       string
	Rules        []Rule
	Clock        func() time.Time
	Transport    http.RoundTripper // nil: the usual one
}

// Provider is one provider. It is asked for what it is when somebody signs in, and again some minutes later, since it may have moved: a start
// never waits for it. It is safe for concurrent use.
type Provider struct {
	cfg    Config
	client *http.Client
	places chan struct{}

	mu    sync.Mutex
	known *oidc.Provider
	since time.Time // when it said what is known
}

// New checks the settings and returns a Provider; it asks nobody.
func New(cfg Config) (*Provider, error) {
	for what, s := range map[string]string{"issuer": cfg.Issuer, "redirect": cfg.Redirect} {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return nil, fmt.Errorf("the %s of OpenID Connect must be an https address, or an http one of this machine: %q", what, s)
		}
	}
	if cfg.ClientID == "" {
		return nil, errors.New("OpenID Connect needs a client id")
	}
	transport := cfg.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	return &Provider{
		cfg: cfg, places: make(chan struct{}, atOnce),
		client: &http.Client{
			Timeout: patience, Transport: bounded{transport},
			// What is fetched is where the issuer says; it has no business sending us on.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// bounded cuts answers that are too long.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err //nolint:wrapcheck // as an http.RoundTripper must
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, answerMost), res.Body}
	return res, nil
}

// Attempt is one sign-in on its way. It is kept by the browser that began it, sealed, so that any node can finish it and no other browser.
type Attempt struct {
	State, Nonce, Verifier string
	To                     string   // where the person was going
	Link                   model.ID // the user to whom what comes back is to be linked; empty for a sign-in
}

// Person is who came back.
type Person struct {
	Issuer, Subject string
	Email           string // empty unless the provider says that it is verified
	First, Last     string
	Groups          []string
	Factor          bool // he has shown a second factor there
}

// Trouble is a fault of the provider's, or of the way to it.
type Trouble struct{ Err error }

func (t *Trouble) Error() string { return "the provider: " + t.Err.Error() }

// Unwrap gives the cause.
func (t *Trouble) Unwrap() error { return t.Err }

// ErrBusy says that too many sign-ins are under way.
var ErrBusy = errors.New("too many sign-ins are under way")

// enter takes a place, and bounds all that a sign-in waits for.
func (p *Provider) enter(ctx context.Context) (context.Context, func(), error) {
	select {
	case p.places <- struct{}{}:
	default:
		return nil, nil, ErrBusy
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), patience)
	return ctx, func() { cancel(); <-p.places }, nil
}

// discover asks the provider what it is, unless it has just said so.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	now := p.cfg.Clock()
	p.mu.Lock()
	known, age := p.known, now.Sub(p.since)
	p.mu.Unlock()
	if known != nil && age >= 0 && age < knownMost {
		return known, nil
	}
	known, err := oidc.NewProvider(ctx, p.cfg.Issuer)
	if err != nil {
		return nil, &Trouble{err}
	}
	// The library takes a document that says nothing but the issuer; kept, it would be in the way of the whole one.
	var said struct {
		Keys string `json:"jwks_uri"`
	}
	if err := known.Claims(&said); err != nil {
		return nil, &Trouble{err}
	}
	if e := known.Endpoint(); e.AuthURL == "" || e.TokenURL == "" || said.Keys == "" {
		return nil, &Trouble{errors.New("its discovery document lacks an endpoint for authorization, tokens or keys")}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.since = known, now
	return known, nil
}

func (p *Provider) oauth(known *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: known.Endpoint(), RedirectURL: p.cfg.Redirect, Scopes: p.cfg.Scopes,
	}
}

// Begin says where to send a browser, and what it must bring back.
func (p *Provider) Begin(ctx context.Context, to string, link model.ID) (address string, a Attempt, err error) {
	ctx, leave, err := p.enter(ctx)
	if err != nil {
		return "", a, err
	}
	defer leave()
	known, err := p.discover(ctx)
	if err != nil {
		return "", a, err
	}
	a = Attempt{State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), To: to, Link: link}
	return p.oauth(known).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), a, nil
}

func random() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// claims are what is read of an ID token, and of the answer to a question about its person.
type claims struct {
	Subject  string   `json:"sub"`
	Email    string   `json:"email"`
	Verified flag     `json:"email_verified"`
	First    string   `json:"given_name"`
	Last     string   `json:"family_name"`
	Party    string   `json:"azp"`
	Methods  []string `json:"amr"`
}

// flag is true, or "true" as some providers write it.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	*f = flag(string(b) == "true" || string(b) == `"true"`)
	return nil
}

// Finish hands in what came back and says who it is.
func (p *Provider) Finish(ctx context.Context, a *Attempt, code string) (Person, error) {
	ctx, leave, err := p.enter(ctx)
	if err != nil {
		return Person{}, err
	}
	defer leave()
	known, err := p.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	token, err := p.oauth(known).Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return Person{}, &Trouble{err}
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := known.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, Now: p.cfg.Clock}).Verify(ctx, raw)
	if err != nil {
		return Person{}, &Trouble{err}
	}
	var c claims
	var all map[string]any
	if err := errors.Join(id.Claims(&c), id.Claims(&all)); err != nil {
		return Person{}, &Trouble{err}
	}
	switch {
	case id.Nonce != a.Nonce:
		return Person{}, &Trouble{errors.New("the ID token is of another sign-in")}
	case c.Party != "" && c.Party != p.cfg.ClientID || len(id.Audience) > 1 && c.Party == "":
		return Person{}, &Trouble{errors.New("the ID token is for another client")}
	case id.Subject == "" || len(id.Subject) > 255: // OpenID Connect Core section 2
		return Person{}, &Trouble{errors.New("the ID token names nobody")}
	case id.IssuedAt.Before(p.cfg.Clock().Add(-agoMost)):
		return Person{}, &Trouble{errors.New("the ID token is an old one")}
	}
	if c.Email == "" || all[p.cfg.GroupsClaim] == nil {
		if err := p.ask(ctx, known, token, id.Subject, &c, all); err != nil {
			return Person{}, err
		}
	}
	return p.person(id, &c, all), nil
}

// ask asks the provider for what the ID token does not say.
func (p *Provider) ask(ctx context.Context, known *oidc.Provider, token *oauth2.Token, subject string, c *claims, all map[string]any) error {
	if known.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := known.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return &Trouble{err}
	}
	if info.Subject != subject { // OpenID Connect Core section 5.3.2
		return &Trouble{errors.New("the provider tells of somebody else")}
	}
	var more claims
	var rest map[string]any
	if err := errors.Join(info.Claims(&more), info.Claims(&rest)); err != nil {
		return &Trouble{err}
	}
	if c.Email == "" {
		c.Email, c.Verified = more.Email, more.Verified
	}
	if c.First == "" && c.Last == "" {
		c.First, c.Last = more.First, more.Last
	}
	if all[p.cfg.GroupsClaim] == nil {
		all[p.cfg.GroupsClaim] = rest[p.cfg.GroupsClaim]
	}
	return nil
}

func (p *Provider) person(id *oidc.IDToken, c *claims, all map[string]any) Person {
	out := Person{Issuer: id.Issuer, Subject: id.Subject, First: short(c.First), Last: short(c.Last)}
	if c.Verified {
		out.Email = c.Email
	}
	list, _ := all[p.cfg.GroupsClaim].([]any)
	if one, ok := all[p.cfg.GroupsClaim].(string); ok {
		list = []any{one}
	}
	for _, g := range list[:min(len(list), groupsMost)] {
		if name, ok := g.(string); ok {
			out.Groups = append(out.Groups, name)
		}
	}
	strong := func(m string) bool { return m == "mfa" || m == "otp" || m == "hwk" }
	out.Factor = p.cfg.Factor == FactorProvider || p.cfg.Factor == FactorAMR && slices.ContainsFunc(c.Methods, strong)
	return out
}

// short is a name as users have it.
func short(s string) string {
	if s = strings.ToValidUTF8(strings.TrimSpace(s), ""); len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "")
	}
	return s
}
