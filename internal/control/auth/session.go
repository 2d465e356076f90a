package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
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
	// EndSession remembers that the session of a mark is over, and may forget marks that sort before the oldest.
	EndSession(ctx context.Context, mark, oldest []byte) error
	SessionEnded(ctx context.Context, mark []byte) (bool, error)
}

// SessionConfig makes Sessions.
type SessionConfig struct {
	Store SessionStore
	Clock func() time.Time
	// Key signs the cookies; all nodes of one database share it. Empty draws one that lives as long as the process.
	Key []byte
}

// Sessions signs people in to the dashboard. A session is a signed cookie value that says who and since when; only
// sessions that were ended early are remembered, in the store, so that every node knows. Changing the password, or
// rolling the token, that opened a session ends it.
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
	Addr            netip.Addr
	// Browser is what an earlier sign-in has left in the browser: by it the right person is told from who guesses for
	// the same e-mail, even from the same address. It opens nothing.
	Browser string
}

// SignIn opens a session by e-mail and password. It fails with a *Failure, the same for an unknown e-mail as for a wrong
// password, and with another when there were too many failures.
func (s *Sessions) SignIn(ctx context.Context, r SignInRequest) (NewSession, error) {
	now := s.clock()
	browser := ""
	if s.leftBy(r.Browser, r.Email) {
		browser = r.Browser
	}
	at := newAttempt(r.Email, r.Addr, browser)
	u, err := s.guarded(ctx, at, func() (model.User, bool, error) {
		u, err := s.store.UserByEmail(ctx, r.Email)
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			return u, false, fmt.Errorf("look up user: %w", err)
		}
		ok, err := s.hashing.verify(ctx, stranger, network(r.Addr), u.PasswordHash, r.Password)
		return u, ok, err
	})
	if err != nil {
		return NewSession{}, err
	}
	if u.Suspended {
		return NewSession{}, suspended("user").of(u.ID)
	}
	out := s.issue(now, sessionOfUser, u.ID, sessionSecret(&u), u)
	out.Browser = s.newBrowser(r.Email)
	return out, nil
}

// guarded runs the check of a password under the throttle.
func (s *Sessions) guarded(ctx context.Context, at attempt, check func() (model.User, bool, error)) (model.User, error) {
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
		return u, (&Failure{
			Status: statusForbidden, Code: model.CodeSignIn, Why: WhyPassword, Message: "The e-mail address or the password is wrong",
		}).of(u.ID)
	}
	s.throttle.forgive(at, s.clock())
	return u, nil
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
	})
	return err
}

// Adopt opens a session for an identity that came by a token, so that a dashboard need not keep the token itself.
func (s *Sessions) Adopt(i *Identity) NewSession {
	return s.issue(s.clock(), sessionOfToken, i.Token.ID, string(i.Token.Hash), i.User)
}

// SignOut ends the identity's session on every node. Without a session it does nothing.
func (s *Sessions) SignOut(ctx context.Context, i *Identity) error {
	if i.session == nil {
		return nil
	}
	oldest := binary.BigEndian.AppendUint64(nil, uint64(s.clock().Add(-SessionLife).Unix()))
	if err := s.store.EndSession(ctx, i.session.mark(), oldest); err != nil {
		return fmt.Errorf("remember the ended session: %w", err)
	}
	return nil
}

// A cookie value is base64url of: kind, issued (Unix seconds, 8 octets), nonce, id (32 digits), fingerprint of the
// password hash or token digest, and HMAC-SHA256 over all of these.
const (
	sessionOfUser  = 'u'
	sessionOfToken = 't'
	nonceSize      = 12
	idSize         = 32
	printSize      = 8
	payloadSize    = 1 + 8 + nonceSize + idSize + printSize
	markSize       = 8 + nonceSize
)

// session is an opened cookie.
type session struct {
	payload []byte
	csrf    string
}

func (s *session) kind() byte    { return s.payload[0] }
func (s *session) mark() []byte  { return s.payload[1 : 1+markSize] }
func (s *session) id() model.ID  { return model.ID(s.payload[1+markSize : 1+markSize+idSize]) }
func (s *session) print() []byte { return s.payload[1+markSize+idSize:] }

// of says whether the session was opened under the secret.
func (s *session) of(secret string) bool {
	return subtle.ConstantTimeCompare(fingerprint(secret), s.print()) == 1
}

// sessionSecret is what a user's sessions hang on: another password ends them, and so does another value of Sessions.
func sessionSecret(u *model.User) string {
	if len(u.Sessions) == 0 {
		return u.PasswordHash
	}
	return u.PasswordHash + "\x00" + string(u.Sessions)
}

// NewSessionsValue is a fresh value of model.User.Sessions.
func NewSessionsValue() []byte {
	b := make([]byte, printSize)
	mustRead(b)
	return b
}

func (s *session) allows(csrf string) bool {
	return subtle.ConstantTimeCompare([]byte(csrf), []byte(s.csrf)) == 1
}

func issuedAt(mark []byte) time.Time { return time.Unix(int64(binary.BigEndian.Uint64(mark)), 0) }

func fingerprint(secret string) []byte {
	d := sha256.Sum256([]byte("session of " + secret))
	return d[:printSize]
}

func (s *Sessions) mac(use string, payload []byte) []byte {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(use))
	m.Write(payload)
	return m.Sum(nil)
}

func (s *Sessions) csrf(payload []byte) string {
	return base64.RawURLEncoding.EncodeToString(s.mac("csrf", payload))
}

func (s *Sessions) issue(now time.Time, kind byte, id model.ID, secret string, u model.User) NewSession {
	p := make([]byte, 0, payloadSize+sha256.Size)
	p = append(p, kind)
	p = binary.BigEndian.AppendUint64(p, uint64(now.Unix()))
	var nonce [nonceSize]byte
	mustRead(nonce[:])
	p = append(p, nonce[:]...)
	p = append(p, id...)
	p = append(p, fingerprint(secret)...)
	return NewSession{
		CSRF: s.csrf(p), Expires: time.Unix(now.Unix(), 0).Add(SessionLife).UTC(), User: u,
		Cookie: base64.RawURLEncoding.EncodeToString(append(p, s.mac("cookie", p)...)),
	}
}

// read checks a cookie's signature and age.
func (s *Sessions) read(cookie string) (*session, bool) {
	b, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil || len(b) != payloadSize+sha256.Size {
		return nil, false
	}
	p := b[:payloadSize:payloadSize]
	if !hmac.Equal(b[payloadSize:], s.mac("cookie", p)) {
		return nil, false
	}
	v := &session{payload: p, csrf: s.csrf(p)}
	return v, s.clock().Before(issuedAt(v.mark()).Add(SessionLife))
}

// open finds whom a cookie speaks for: a user, or a token when t is not nil.
func (s *Sessions) open(ctx context.Context, cookie string) (v *session, u model.User, t *model.Token, err error) {
	v, ok := s.read(cookie)
	if !ok {
		return nil, u, nil, sessionOver()
	}
	var secret string
	if v.kind() == sessionOfToken {
		var tok model.Token
		tok, err = s.store.Token(ctx, v.id())
		t, secret = &tok, string(tok.Hash)
	} else {
		u, err = s.store.User(ctx, v.id())
		secret = sessionSecret(&u)
	}
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return nil, u, nil, fmt.Errorf("look up session: %w", err)
	}
	if err != nil || !v.of(secret) {
		return nil, u, nil, sessionOver()
	}
	ended, err := s.store.SessionEnded(ctx, v.mark())
	if err != nil {
		return nil, u, nil, fmt.Errorf("look up session: %w", err)
	}
	if ended {
		return nil, u, nil, sessionOver()
	}
	return v, u, t, nil
}

func sessionOver() *Failure {
	return &Failure{
		Status: statusUnauthorized, Code: model.CodeSessionOver, Why: WhySession, Message: "The session is over, please sign in again",
	}
}
