package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// SessionLife is how long a session lasts after signing in.
const SessionLife = 12 * time.Hour

// SessionStore is what sessions read and write. Misses are model.ErrNotFound.
type SessionStore interface {
	User(ctx context.Context, id model.ID) (model.User, error)
	UserByEmail(ctx context.Context, email string) (model.User, error)
	Token(ctx context.Context, id model.ID) (model.Token, error)
	// Tokens lists tokens, Sessions what is signed in, as rows.
	Tokens(ctx context.Context, user, account model.ID, desc bool, offset, limit int) ([]model.Token, int, error)
	Session(ctx context.Context, id model.ID) (model.Session, error)
	Sessions(ctx context.Context, owner model.ID) ([]model.Session, error)
	// AddSession inserts a session, and forgets those opened before oldest, and of the owner's all beyond most.
	AddSession(ctx context.Context, v model.Session, oldest time.Time, most int) error
	// TouchSession records the last use, lazily.
	TouchSession(id model.ID, at time.Time, from netip.Addr)
	EditPeople(ctx context.Context, f func(model.PeopleTx) error) error
}

// SessionConfig makes Sessions.
type SessionConfig struct {
	Store SessionStore
	Clock func() time.Time
	// Key signs the cookies; all nodes of one database share it. Empty draws one that lives as long as the process.
	Key []byte
}

// Sessions signs people in to the dashboard. A session is a signed cookie value that says who and since when, and a row in the
// store, without which it is over on every node. Changing the password, or rolling the token, that opened a session ends
// it, too.
type Sessions struct {
	store    SessionStore
	clock    func() time.Time
	key      []byte
	throttle throttle
	hashing  *Hashing
}

// NewSessions returns Sessions.
func NewSessions(cfg SessionConfig) *Sessions {
	key := cfg.Key
	if len(key) == 0 {
		key = make([]byte, 32)
		mustRead(key)
	}
	return &Sessions{
		store: cfg.Store, clock: cfg.Clock, key: key,
		throttle: newThrottle(), hashing: NewHashing(),
	}
}

// NewSession is what signing in gives: the cookie's secret value, the token that changing requests must carry, the end.
type NewSession struct {
	Cookie  string
	CSRF    string
	Expires time.Time
	User    model.User // zero for an account's token
	// Browser is for the browser to keep and to send when it signs in again (SignInRequest); empty for a token's session.
	Browser string
}

// SignInRequest is what a stranger sends, and from where.
type SignInRequest struct {
	Email, Password string
	Code            string // of the second factor, where there is one
	Addr            netip.Addr
	Agent           string // what the browser says of itself
	// Browser is what an earlier sign-in has left in the browser: by it the right person is told from who guesses for
	// the same e-mail, even from the same address. It opens nothing.
	Browser string
}

// SignIn opens a session by e-mail and password. It fails with a *Failure, the same for an unknown e-mail as for a wrong
// password, and with another when there were too many failures.
func (s *Sessions) SignIn(ctx context.Context, r SignInRequest) (NewSession, error) {
	u, err := s.Password(ctx, &r, func(u *model.User) error { return s.passFactor(ctx, u, r.Code) })
	if err != nil {
		return NewSession{}, err
	}
	return s.Enter(ctx, u, wayOf(&u), r.Addr, r.Agent)
}

// Password checks the password alone, as SignIn does, and then what comes after it: a wrong code counts as a wrong password.
func (s *Sessions) Password(ctx context.Context, r *SignInRequest, then func(*model.User) error) (model.User, error) {
	browser := ""
	if s.leftBy(r.Browser, r.Email) {
		browser = r.Browser
	}
	return s.guarded(ctx, newAttempt(r.Email, r.Addr, browser), func() (model.User, bool, error) {
		u, err := s.store.UserByEmail(ctx, r.Email)
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			return u, false, fmt.Errorf("look up user: %w", err)
		}
		ok, err := s.hashing.verify(ctx, stranger, network(r.Addr), u.PasswordHash, r.Password)
		return u, ok, err
	}, then)
}

// guarded runs the check of a password, and what there is to check after it, under the throttle: a wrong code counts as a wrong password
// does. Who has yet to be asked for the code has done nothing wrong.
func (s *Sessions) guarded(
	ctx context.Context, at attempt, check func() (model.User, bool, error), then func(*model.User) error,
) (model.User, error) {
	wait, slow := s.throttle.take(at, s.clock())
	if wait > 0 {
		return model.User{}, tooOften(wait)
	}
	if err := s.throttle.pass(ctx, slow); err != nil {
		return model.User{}, fmt.Errorf("wait to sign in: %w", err)
	}
	u, ok, err := check()
	if err != nil {
		return u, err
	}
	if !ok {
		return u, wrongPassword().of(u.ID)
	}
	err = then(&u)
	var f *Failure
	if err == nil || errors.As(err, &f) && f.Code == model.CodeFactorNeeded {
		s.throttle.forgive(at, s.clock())
	}
	return u, err
}

func wrongPassword() *Failure {
	return &Failure{
		Status: statusForbidden, Code: model.CodeSignIn, Why: WhyPassword, Message: "The e-mail address or the password is wrong",
	}
}

// wayOf is how a user who has just shown all that is asked of him has come in.
func wayOf(u *model.User) string {
	if u.TwoFactor.IsZero() {
		return WayPassword
	}
	return WayFactor
}

// newBrowser makes what a browser keeps: base64url of a nonce and HMAC-SHA256 over it and the e-mail.
func (s *Sessions) newBrowser(email string) string {
	nonce := make([]byte, nonceSize)
	mustRead(nonce)
	return base64.RawURLEncoding.EncodeToString(append(nonce, s.browserMAC(nonce, email)...))
}

func (s *Sessions) browserMAC(nonce []byte, email string) []byte {
	return s.mac("browser", append(bytes.Clone(nonce), strings.ToLower(email)...))
}

// leftBy says whether a sign-in for the e-mail has left the value.
func (s *Sessions) leftBy(value, email string) bool {
	if len(value) > 128 {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(value)
	return err == nil && len(b) == nonceSize+sha256.Size && hmac.Equal(b[nonceSize:], s.browserMAC(b[:nonceSize], email))
}

func tooOften(wait time.Duration) *Failure {
	sec := int((wait + time.Second - 1) / time.Second)
	return &Failure{
		Status: statusTooManyRequests, Code: model.CodeSignInTooOften, Why: WhyThrottled, RetryAfter: sec,
		Message: fmt.Sprintf("Too many failed sign-ins, please wait %d seconds", sec),
	}
}

// CheckPassword says whether the password is the user's: asked again before a new one is set. It is throttled as SignIn, for
// the user alone.
func (s *Sessions) CheckPassword(ctx context.Context, u model.User, password string) error {
	own := subjectOf("user", string(u.ID))
	_, err := s.guarded(ctx, attempt{own: limit{own, ofBrowser}, pair: own}, func() (model.User, bool, error) {
		ok, err := s.hashing.verify(ctx, known, string(u.ID), u.PasswordHash, password)
		return u, ok, err
	}, func(*model.User) error { return nil })
	return err
}

// Adopt opens a session for an identity that came by a token, so that a dashboard need not keep the token itself.
func (s *Sessions) Adopt(ctx context.Context, i *Identity, from netip.Addr, agent string) (NewSession, error) {
	o := opening{sessionOfToken, i.Token.ID, ownerOf(i.Token), i.Token.ID, WayToken, string(i.Token.Hash), from, agent}
	return s.issue(ctx, s.clock(), o, i.User)
}

// Renew opens a session in place of the identity's, which has ended with what it hung on: u is the user as he is now.
func (s *Sessions) Renew(ctx context.Context, i *Identity, u model.User, from netip.Addr, agent string) (NewSession, error) {
	out, err := s.issue(ctx, s.clock(), opening{sessionOfUser, u.ID, u.ID, "", wayOf(&u), sessionSecret(&u), from, agent}, u)
	if err != nil {
		return out, err
	}
	return out, s.SignOut(ctx, i)
}

// SignOut ends the identity's session on every node. Without a session it does nothing.
func (s *Sessions) SignOut(ctx context.Context, i *Identity) error {
	if i.session == nil {
		return nil
	}
	owner := i.User.ID
	if i.Token != nil {
		owner = ownerOf(i.Token)
	}
	return s.end(ctx, owner, i.session.sessionID())
}

func (s *Sessions) end(ctx context.Context, owner, id model.ID) error {
	err := s.store.EditPeople(ctx, func(tx model.PeopleTx) error { return tx.EndSession(ctx, owner, id) })
	if err != nil && !errors.Is(err, model.ErrNotFound) { // ended already is ended
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

// Replace ends the session of a cookie that a browser still had when it signed in anew; what is no session is none.
func (s *Sessions) Replace(ctx context.Context, cookie string) error {
	v, ok := s.read(cookie)
	if !ok {
		return nil
	}
	row, err := s.store.Session(ctx, v.sessionID())
	if errors.Is(err, model.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look up session: %w", err)
	}
	return s.end(ctx, row.Owner, row.ID)
}

// Live lists a user's sessions that still open something, those of his tokens among them, the last used first.
func (s *Sessions) Live(ctx context.Context, u *model.User) ([]model.Session, error) {
	list, err := s.store.Sessions(ctx, u.ID)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	prints := map[model.ID][]byte{"": fingerprint(sessionSecret(u))}
	if slices.ContainsFunc(list, func(v model.Session) bool { return v.Token != "" }) {
		tokens, _, err := s.store.Tokens(ctx, u.ID, "", false, 0, 0)
		if err != nil {
			return nil, fmt.Errorf("list tokens of sessions: %w", err)
		}
		for i := range tokens {
			prints[tokens[i].ID] = fingerprint(string(tokens[i].Hash))
		}
	}
	from := s.clock().Add(-SessionLife)
	return slices.DeleteFunc(list, func(v model.Session) bool {
		return !bytes.Equal(prints[v.Token], v.Print) || !SessionIssued(v.ID).After(from)
	}), nil
}

// SessionIssued is when a session was opened, SessionEnds when it runs out.
func SessionIssued(id model.ID) time.Time {
	b, err := hex.DecodeString(string(id))
	if err != nil || len(b) < 8 {
		return time.Time{}
	}
	return issuedAt(b).UTC()
}

// SessionEnds is when a session runs out by itself.
func SessionEnds(id model.ID) time.Time { return SessionIssued(id).Add(SessionLife) }

// The ways in which a session is opened, as lists of sessions tell them.
const (
	WayPassword = "password"
	WayFactor   = "second_factor" // password and code, or passkey
	WayPasskey  = "passkey"       // which has verified its user
	WayToken    = "token"
	WayProvider = "provider" // at a provider's
	// WayProviderFactor is WayProvider with a second factor that counts, be it the provider's or one of ours.
	WayProviderFactor = "provider_factor"
)
