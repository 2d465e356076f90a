package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// A cookie value is base64url of: kind, issued (Unix seconds, 8 octets), nonce, id (32 digits), fingerprint of the
// password hash or token digest, and HMAC-SHA256 over all of these.
const (
	sessionOfUser  = 'u'
	sessionOfToken = 't'
	nonceSize      = 8
	idSize         = 32
	printSize      = 8
	payloadSize    = 1 + 8 + nonceSize + idSize + printSize
	markSize       = 8 + nonceSize // an identifier's size: it names the session's row

	sessionsMost = 100 // of one owner
	agentMost    = 256
	touchEvery   = time.Minute // how exact the last use is
)

// session is an opened cookie.
type session struct {
	payload []byte
	csrf    string
	row     model.Session
}

func (s *session) kind() byte   { return s.payload[0] }
func (s *session) mark() []byte { return s.payload[1 : 1+markSize] }
func (s *session) id() model.ID { return model.ID(s.payload[1+markSize : 1+markSize+idSize]) }

// sessionID is the identifier of the session's row.
func (s *session) sessionID() model.ID { return model.ID(hex.EncodeToString(s.mark())) }

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

// opening is what a session begins with.
type opening struct {
	kind   byte
	id     model.ID // of the user or the token
	owner  model.ID
	token  model.ID
	way    string
	secret string
	from   netip.Addr
	agent  string
}

// issue opens a session. Its name is drawn here, whatever the browser had before.
func (s *Sessions) issue(ctx context.Context, now time.Time, o opening, u model.User) (NewSession, error) {
	p := make([]byte, 0, payloadSize+sha256.Size)
	p = append(p, o.kind)
	p = binary.BigEndian.AppendUint64(p, uint64(now.Unix()))
	var nonce [nonceSize]byte
	mustRead(nonce[:])
	p = append(p, nonce[:]...)
	p = append(p, o.id...)
	p = append(p, fingerprint(o.secret)...)
	row := model.Session{
		ID: (&session{payload: p}).sessionID(), Owner: o.owner, Token: o.token, Way: o.way, From: o.from.Unmap(), Agent: shownAgent(o.agent),
		Print: fingerprint(o.secret), Used: now, Last: o.from.Unmap(),
	}
	if err := s.store.AddSession(ctx, row, now.Add(-SessionLife), sessionsMost); err != nil {
		return NewSession{}, fmt.Errorf("open a session: %w", err)
	}
	return NewSession{
		CSRF: s.csrf(p), Expires: SessionEnds(row.ID), User: u,
		Cookie: base64.RawURLEncoding.EncodeToString(append(p, s.mac("cookie", p)...)),
	}, nil
}

// shownAgent is a stranger's text, made fit to be kept and shown.
func shownAgent(agent string) string {
	agent = strings.ToValidUTF8(agent, "")
	agent = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, agent)
	if len(agent) > agentMost {
		agent = strings.ToValidUTF8(agent[:agentMost], "")
	}
	return agent
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
	row, err := s.store.Session(ctx, v.sessionID())
	if errors.Is(err, model.ErrNotFound) {
		return nil, u, nil, sessionOver()
	}
	if err != nil {
		return nil, u, nil, fmt.Errorf("look up session: %w", err)
	}
	v.row = row
	return v, u, t, nil
}

// used notes that a session was used, where that is news.
func (s *Sessions) used(v *session, from netip.Addr) {
	now := s.clock()
	if from = from.Unmap(); now.Sub(v.row.Used) >= touchEvery || from.IsValid() && from != v.row.Last {
		s.store.TouchSession(v.row.ID, now, from)
	}
}

func sessionOver() *Failure {
	return &Failure{
		Status: statusUnauthorized, Code: model.CodeSessionOver, Why: WhySession, Message: "The session is over, please sign in again",
	}
}
