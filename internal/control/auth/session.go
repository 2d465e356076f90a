package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
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
		throttle: throttle{count: map[string]counter{}}, hashing: NewHashing(),
	}
}

// NewSession is what signing in gives: the cookie's secret value, the token that changing requests must carry, the end.
type NewSession struct {
	Cookie  string
	CSRF    string
	Expires time.Time
	User    model.User // zero for an account's token
}

// SignIn opens a session by e-mail and password. It fails with a *Failure, the same for an unknown e-mail as for a wrong
// password, and with another when there were too many failures.
func (s *Sessions) SignIn(ctx context.Context, email, password string, addr netip.Addr) (NewSession, error) {
	now := s.clock()
	at := newAttempt(email, addr)
	if wait := s.throttle.take(at, now); wait > 0 {
		return NewSession{}, tooOften(wait)
	}
	u, err := s.store.UserByEmail(ctx, email)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return NewSession{}, fmt.Errorf("look up user: %w", err)
	}
	ok, err := s.hashing.verify(ctx, stranger, network(addr), u.PasswordHash, password)
	if err != nil {
		return NewSession{}, err
	}
	if !ok {
		return NewSession{}, &Failure{
			Status: statusForbidden, Code: model.CodeSignIn, Message: "The e-mail address or the password is wrong",
		}
	}
	s.throttle.forgive(at)
	return s.issue(now, sessionOfUser, u.ID, sessionSecret(&u), u), nil
}

func tooOften(wait time.Duration) *Failure {
	sec := int((wait + time.Second - 1) / time.Second)
	return &Failure{
		Status: statusTooManyRequests, Code: model.CodeSignInTooOften, RetryAfter: sec,
		Message: fmt.Sprintf("Too many failed sign-ins, please wait %d seconds", sec),
	}
}

// CheckPassword says whether the password is the user's: asked again before a new one is set. It is throttled as SignIn.
func (s *Sessions) CheckPassword(ctx context.Context, u model.User, password string, addr netip.Addr) error {
	_, err := s.SignIn(ctx, u.Email, password, addr)
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
