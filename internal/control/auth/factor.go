package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// How authenticators count (RFC 6238 with what all of them know: SHA-1, six digits, half a minute).
const (
	factorStep   = 30 // seconds
	factorSkew   = 1  // steps by which a clock may differ, before and after
	factorDigits = 6
	factorSecret = 20 // octets, as RFC 4226 section 4 recommends
)

// FactorPending is how long a secret waits to be confirmed by its first code.
const FactorPending = 15 * time.Minute

// RecoveryCodes is how many of them there are. Each has 80 bits: a digest of it tells nobody the code.
const (
	RecoveryCodes  = 10
	recoveryOctets = 10
)

// ofCodes bounds wrong codes of one user, on all nodes together and across restarts: a code has a million values of which three are
// right at a time, and who guesses has the password already. It locks nobody else out, and recovery codes pass it.
var ofCodes = allowance{5, 5 * time.Minute}

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewFactorSecret draws an authenticator's secret.
func NewFactorSecret() []byte {
	b := make([]byte, factorSecret)
	mustRead(b)
	return b
}

// FactorText is a secret as people type it, and FactorURI as authenticators scan it.
func FactorText(secret []byte) string { return base32Text.EncodeToString(secret) }

// FactorURI is the address that authenticators read from a QR code.
func FactorURI(secret []byte, host, email string) string {
	issuer := "Headwater (" + host + ")"
	u := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + email,
		// Blanks as %20: some authenticators show a plus as one.
		RawQuery: "secret=" + FactorText(secret) + "&issuer=" + url.PathEscape(issuer),
	}
	return u.String()
}

// NewRecoveryCodes draws codes for people, in groups of four, and the digests that are kept.
func NewRecoveryCodes() (codes []string, digests [][]byte) {
	for range RecoveryCodes {
		b := make([]byte, recoveryOctets)
		_, _ = rand.Read(b) // never fails
		text := strings.ToLower(base32Text.EncodeToString(b))
		digests = append(digests, Digest(text))
		codes = append(codes, strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-"))
	}
	return codes, digests
}

// plainCode is a code without what people write between its parts.
func plainCode(code string) string {
	if len(code) > 64 {
		return ""
	}
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, code))
}

// codeStep finds the step whose code it is; zero for none. Of those that could be it takes the newest.
func codeStep(secret []byte, code string, now time.Time) int64 {
	found, key := int64(0), FactorText(secret)
	for d := int64(-factorSkew); d <= factorSkew; d++ {
		step := now.Unix()/factorStep + d
		want, err := hotp.GenerateCodeCustom(key, uint64(step), hotp.ValidateOpts{Digits: factorDigits, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = step
		}
	}
	return found
}

// ConfirmFactor makes the pending secret the user's, if the code is its own, and gives it recovery codes.
func ConfirmFactor(f *model.SecondFactor, code string, now time.Time) (recovery []string, err error) {
	if len(f.Pending) == 0 || now.Sub(f.PendingSince) > FactorPending {
		return nil, &model.Invalid{Code: model.CodeFactorState, Message: "Nothing waits to be confirmed: begin again."}
	}
	step := codeStep(f.Pending, plainCode(code), now)
	if step == 0 {
		return nil, &model.Invalid{Code: model.CodeFactorCode, Pointer: "/code", Message: "This is not the code of now. Does the clock of your device go right?"}
	}
	recovery, digests := NewRecoveryCodes()
	*f = model.SecondFactor{User: f.User, Secret: f.Pending, Since: now, Step: step, Recovery: digests}
	return recovery, nil
}

// UseFactor takes a code once: one of the authenticator, or a recovery code. What it notes has to be written whatever it answers: wrong ones
// are counted.
func UseFactor(f *model.SecondFactor, code string, now time.Time) *Failure {
	code = plainCode(code)
	if len(code) != factorDigits {
		digest := Digest(code)
		at := slices.IndexFunc(f.Recovery, func(d []byte) bool { return subtle.ConstantTimeCompare(d, digest) == 1 })
		if at < 0 {
			return wrongCode()
		}
		f.Recovery = slices.Delete(slices.Clone(f.Recovery), at, at+1)
		return nil
	}
	if wait := f.Guessed.Add(-time.Duration(ofCodes.burst-1) * ofCodes.every).Sub(now); wait > 0 {
		return tooOften(wait)
	}
	// A step is taken once, and none before it any more: a code that somebody has seen being typed opens nothing.
	step := codeStep(f.Secret, code, now)
	if len(f.Secret) == 0 || step <= f.Step {
		if f.Guessed.Before(now) {
			f.Guessed = now
		}
		f.Guessed = f.Guessed.Add(ofCodes.every)
		return wrongCode()
	}
	f.Step, f.Guessed = step, time.Time{}
	return nil
}

func wrongCode() *Failure {
	return &Failure{
		Status: statusForbidden, Code: model.CodeFactorCode, Why: WhyCode,
		Message: "The code is wrong, has been used, or has run out",
	}
}

// FactorNeeded says that a second factor has yet to be shown.
func FactorNeeded() *Failure {
	return &Failure{
		Status: statusForbidden, Code: model.CodeFactorNeeded, Why: WhyCodeNeeded,
		Message: "A second factor is needed, too: a code of your authenticator, a recovery code, or a passkey",
	}
}

// passFactor takes the code of a sign-in whose password was right. Two that come with one code are one after the other here, on all nodes.
func (s *Sessions) passFactor(ctx context.Context, u *model.User, code string) error {
	if u.TwoFactor.IsZero() {
		return nil
	}
	if code == "" {
		return FactorNeeded()
	}
	var refused *Failure
	err := s.store.EditPeople(ctx, func(tx model.PeopleTx) error {
		now, err := tx.User(ctx, u.ID)
		if err != nil {
			return err
		}
		if sessionSecret(&now) != sessionSecret(u) { // another password, or another factor, since it was checked
			refused = wrongPassword()
			return nil
		}
		return tx.EditSecondFactor(ctx, u.ID, func(f *model.SecondFactor) error {
			refused = UseFactor(f, code, s.clock())
			return nil
		})
	})
	if errors.Is(err, model.ErrNotFound) {
		return wrongPassword()
	}
	if err != nil {
		return fmt.Errorf("check the second factor: %w", err)
	}
	if refused != nil {
		return refused.of(u.ID)
	}
	return nil
}
