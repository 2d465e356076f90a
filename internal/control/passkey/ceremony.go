package passkey

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Register asks for a new passkey of a user who has some already: what to hand to the browser (PublicKeyCredentialCreationOptionsJSON), and
// what it must bring back.
func (p *Party) Register(u *model.User, has []model.Passkey) (options any, a Attempt, err error) {
	who, err := personOf(u, has)
	if err != nil {
		return nil, a, err
	}
	var known []protocol.CredentialDescriptor
	for i := range who.keys {
		known = append(known, who.keys[i].Descriptor())
	}
	out, s, err := p.web.BeginRegistration(who,
		webauthn.WithExclusions(known), webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()))
	if err != nil {
		return nil, a, fmt.Errorf("ask for a passkey: %w", err)
	}
	return out.Response, Attempt{Use: ToRegister, Challenge: s.Challenge, User: u.ID}, nil
}

// Registered checks what came back (RegistrationResponseJSON) and makes a passkey of it. An answer that does not do is a *Refused.
func (p *Party) Registered(u *model.User, a *Attempt, answer []byte, now time.Time) (model.Passkey, error) {
	if a.User != u.ID {
		return model.Passkey{}, refused(errOther)
	}
	r, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return model.Passkey{}, refused(err)
	}
	who := person{User: u}
	c, err := p.web.CreateCredential(who, p.session(a, who.WebAuthnID()), r)
	if err != nil {
		return model.Passkey{}, refused(err)
	}
	c.Attestation = webauthn.CredentialAttestation{} // was not asked for, and is never looked at again
	out := model.Passkey{ID: idOf(c.ID), User: u.ID, Created: now}
	out.Credential, err = json.Marshal(c)
	if err != nil {
		return out, fmt.Errorf("write passkey: %w", err)
	}
	return out, nil
}

// Ask asks one of the user's passkeys to sign (PublicKeyCredentialRequestOptionsJSON); without a user any that knows this server.
func (p *Party) Ask(use Use, u *model.User, has []model.Passkey) (options any, a Attempt, err error) {
	var out *protocol.CredentialAssertion
	var s *webauthn.SessionData
	a = Attempt{Use: use}
	if use == ToEnter {
		out, s, err = p.web.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	} else {
		var who person
		if who, err = personOf(u, has); err != nil {
			return nil, a, err
		}
		a.User = u.ID
		// Something else has been shown already: to have the key is enough, and nobody is made to set up a PIN.
		out, s, err = p.web.BeginLogin(who, webauthn.WithUserVerification(protocol.VerificationDiscouraged))
	}
	if err != nil {
		return nil, a, fmt.Errorf("ask for a signature: %w", err)
	}
	a.Challenge = s.Challenge
	return out.Response, a, nil
}

// Answer is what came back, read but not checked.
type Answer struct {
	// Key is the id of the passkey that it says has signed.
	Key    model.ID
	parsed *protocol.ParsedCredentialAssertionData
}

// Read reads an answer (AuthenticationResponseJSON). One that cannot be read is a *Refused.
func Read(answer []byte) (Answer, error) {
	r, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Answer{}, refused(err)
	}
	return Answer{idOf(r.RawID), r}, nil
}

// Check says whether the user's key has signed the challenge, for this server and at an address of its, and returns the key as it is to be
// kept from now on. An answer that does not do is a *Refused.
func (p *Party) Check(u *model.User, k model.Passkey, a *Attempt, answer Answer, now time.Time) (model.Passkey, error) {
	if a.User != "" && a.User != u.ID || k.User != u.ID {
		return k, refused(errOther)
	}
	who, err := personOf(u, []model.Passkey{k})
	if err != nil {
		return k, err
	}
	s := p.session(a, who.WebAuthnID())
	var c *webauthn.Credential
	if a.Use == ToEnter {
		_, c, err = p.web.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return who, nil }, s, answer.parsed)
	} else {
		c, err = p.web.ValidateLogin(who, s, answer.parsed)
	}
	if err != nil {
		return k, refused(err)
	}
	if c.Authenticator.CloneWarning {
		return k, &Refused{Err: errBack, Back: true}
	}
	k.Used = now
	if k.Credential, err = json.Marshal(c); err != nil {
		return k, fmt.Errorf("write passkey: %w", err)
	}
	return k, nil
}

var (
	errBack  = errors.New("the signature counter has gone back: there may be a copy of the key")
	errOther = errors.New("it is somebody else's")
)
