package passkey

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Life is how long a browser has to answer a challenge.
const Life = 5 * time.Minute

// Config is the relying party, as the operator names it.
type Config struct {
	// Domain is what passkeys are bound to (the RP ID): that of the first origin, or one above it; empty for the first.
	Domain  string
	Origins []string // where browsers have the dashboard; browsers do passkeys over https, or at localhost
}

// Party is the relying party. It is safe for concurrent use.
type Party struct{ web *webauthn.WebAuthn }

// New checks the settings and returns a Party.
func New(cfg Config) (*Party, error) {
	if len(cfg.Origins) == 0 {
		return nil, errors.New("passkeys need the address at which people have the dashboard")
	}
	var origins []string
	for _, s := range cfg.Origins {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost") {
			return nil, fmt.Errorf("passkeys work at https addresses, and at http ones of localhost: %q", s)
		}
		if cfg.Domain == "" {
			cfg.Domain = strings.ToLower(u.Hostname())
		}
		if host := strings.ToLower(u.Hostname()); host != cfg.Domain && !strings.HasSuffix(host, "."+cfg.Domain) {
			return nil, fmt.Errorf("passkeys of %s do not work at %q: browsers take a domain above the address alone", cfg.Domain, s)
		}
		origins = append(origins, u.Scheme+"://"+strings.ToLower(u.Host))
	}
	web, err := webauthn.New(&webauthn.Config{
		RPID: cfg.Domain, RPDisplayName: "Headwater (" + cfg.Domain + ")", RPOrigins: origins,
		AttestationPreference: protocol.PreferNoAttestation, // which make a key is of decides nothing here
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationPreferred,
		},
		// What a client tells beside what it was asked is no reason to refuse (WebAuthn Level 3 section 7.1 step 20).
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys of %s: %w", cfg.Domain, err)
	}
	return &Party{web}, nil
}

// Use is what a challenge is for: an answer to one does for no other.
type Use string

// What challenges are for.
const (
	ToRegister Use = "register"
	ToProve    Use = "prove"    // of somebody who is signed in
	ToEnter    Use = "enter"    // by the passkey alone: it has to verify its user
	ToFollow   Use = "follow"   // a password that was right
	ToComplete Use = "complete" // a sign-in at a provider's
)

// Attempt is one challenge on its way. It is kept by the browser that was given it, sealed, so that any node can take the answer and
// strangers who ask for challenges fill nothing.
type Attempt struct {
	Use       Use
	Challenge string   // base64url
	User      model.ID // whose answer it has to be; empty for ToEnter
	Session   model.ID // in which it was asked for, where somebody was signed in
	Print     []byte   // of what the user's sessions hung on then (auth.Print)
	To        string   // where the person was going
}

// ID names the challenge among those that have been answered.
func (a *Attempt) ID() model.ID { return idOf([]byte(a.Challenge)) }

func idOf(b []byte) model.ID { return model.ID(hex.EncodeToString(auth.Digest(string(b))[:16])) }

// Refused is an answer that does not do. Back says that everything is right with it but the signature counter, which has gone back or stood
// still: a copy of the key may be in use (WebAuthn Level 3 section 6.1.1).
type Refused struct {
	Err  error
	Back bool
}

func (r *Refused) Error() string { return "passkey: " + r.Err.Error() }

// Unwrap gives the cause.
func (r *Refused) Unwrap() error { return r.Err }

func refused(err error) error {
	var p *protocol.Error
	if errors.As(err, &p) && p.DevInfo != "" {
		err = fmt.Errorf("%w (%s)", err, p.DevInfo)
	}
	return &Refused{Err: err}
}

// person is a user as the library sees one.
type person struct {
	*model.User

	keys []webauthn.Credential
}

// WebAuthnID is the user handle: it tells a stranger who finds the authenticator nothing.
func (p person) WebAuthnID() []byte {
	b, err := hex.DecodeString(string(p.ID))
	if err != nil {
		return []byte(p.ID)
	}
	return b
}

// WebAuthnName is what the authenticator lists.
func (p person) WebAuthnName() string { return p.Email }

// WebAuthnDisplayName is what the authenticator shows.
func (p person) WebAuthnDisplayName() string {
	if name := strings.TrimSpace(p.FirstName + " " + p.LastName); name != "" {
		return name
	}
	return p.Email
}

// WebAuthnCredentials are the user's keys.
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.keys }

func personOf(u *model.User, has []model.Passkey) (person, error) {
	p := person{User: u}
	for i := range has {
		var c webauthn.Credential
		if err := json.Unmarshal(has[i].Credential, &c); err != nil {
			return p, fmt.Errorf("read passkey %s: %w", has[i].ID, err)
		}
		p.keys = append(p.keys, c)
	}
	return p, nil
}

// session is what the library wants to know of a challenge again.
func (p *Party) session(a *Attempt, user []byte) webauthn.SessionData {
	s := webauthn.SessionData{
		Challenge: a.Challenge, RelyingPartyID: p.web.Config.RPID, UserID: user,
		UserVerification: protocol.VerificationPreferred, CredParams: webauthn.CredentialParametersRecommendedL3(),
	}
	if a.Use == ToEnter {
		s.UserVerification, s.UserID = protocol.VerificationRequired, nil
	}
	return s
}
