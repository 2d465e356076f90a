package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Reader is what an identity is made of: a store, or a transaction about people. Misses are model.ErrNotFound.
type Reader interface {
	Account(ctx context.Context, id model.ID) (model.Account, error)
	User(ctx context.Context, id model.ID) (model.User, error)
	Members(ctx context.Context, account, user model.ID) ([]model.Member, error)
	Token(ctx context.Context, id model.ID) (model.Token, error)
	Session(ctx context.Context, id model.ID) (model.Session, error)
}

// Store is what authentication reads. Misses are model.ErrNotFound.
type Store interface {
	Reader
	TokenByHash(ctx context.Context, hash []byte) (model.Token, error)
	UserByEmail(ctx context.Context, email string) (model.User, error)
	TouchToken(id model.ID, at time.Time)
}

// Config makes an Authenticator.
type Config struct {
	Store Store
	Clock func() time.Time
	// Sessions checks session cookies; nil refuses them.
	Sessions *Sessions
}

// Authenticator turns credentials into identities. It is safe for concurrent use.
type Authenticator struct {
	store    Store
	clock    func() time.Time
	sessions *Sessions
	hashing  *Hashing
}

// New returns an Authenticator. It shares the places for hashing with the sessions.
func New(cfg Config) *Authenticator {
	a := &Authenticator{store: cfg.Store, clock: cfg.Clock, sessions: cfg.Sessions}
	if a.hashing = NewHashing(); cfg.Sessions != nil {
		a.hashing = cfg.Sessions.hashing
	}
	return a
}

// HashPassword hashes a password once there is a place; account, or else the identity, says on whose account that is.
func (a *Authenticator) HashPassword(ctx context.Context, i *Identity, account model.ID, password string) (string, error) {
	if account == "" {
		account = i.User.ID
	}
	return a.hashing.Hash(ctx, string(account), password)
}

// Credentials are what a request carries, as plain values; empty means absent.
type Credentials struct {
	Authorization string // the header's value, "Bearer …"
	Email, Key    string // X-Auth-Email and X-Auth-Key
	Session       string // value of the session cookie
	CSRF          string // X-CSRF-Token
	// Writes is set when the request may change something: then a session cookie alone does not do.
	Writes bool
	// Account is set for endpoints under /accounts/{id}, which fail with other codes than the rest.
	Account bool
	Addr    netip.Addr // who asks, for tokens bound to addresses
}

// Authenticate finds out who asks. It returns a *Failure when the credentials do not pass, another error when the store
// fails. A token decides over a key that is sent beside it, and both over a session.
func (a *Authenticator) Authenticate(ctx context.Context, c Credentials) (*Identity, error) {
	switch {
	case c.Authorization != "":
		return a.byToken(ctx, c)
	case c.Email != "" || c.Key != "":
		return a.byKey(ctx, c)
	case c.Session != "" && a.sessions != nil:
		return a.bySession(ctx, c)
	}
	return nil, nothingSent()
}

func (a *Authenticator) byToken(ctx context.Context, c Credentials) (*Identity, error) {
	value, ok := bearer(c.Authorization)
	if !ok || !ValidToken(value) {
		return nil, malformedToken(c.Account)
	}
	t, err := a.store.TokenByHash(ctx, Digest(value))
	if errors.Is(err, model.ErrNotFound) {
		return nil, unknownToken(c.Account)
	}
	if err != nil {
		return nil, fmt.Errorf("look up token: %w", err)
	}
	return a.ofToken(ctx, &t, c)
}

// bearer cuts the token out of an Authorization header (RFC 6750 section 2.1; the scheme has no case).
func bearer(h string) (string, bool) {
	scheme, value, ok := strings.Cut(strings.TrimSpace(h), " ")
	return strings.TrimSpace(value), ok && strings.EqualFold(scheme, "Bearer")
}

func (a *Authenticator) ofToken(ctx context.Context, t *model.Token, c Credentials) (*Identity, error) {
	id, err := a.whose(ctx, a.store, t, c.Account)
	if err != nil {
		return nil, err
	}
	if !addressAllowed(t, c.Addr) {
		return nil, &Failure{
			Status: statusForbidden, Code: 9109, Why: WhyAddress, Owner: ownerOf(t),
			Message: "Cannot use the access token from location: " + c.Addr.Unmap().String(),
		}
	}
	a.store.TouchToken(t.ID, a.clock())
	return id, nil
}

func ownerOf(t *model.Token) model.ID {
	if t.User != "" {
		return t.User
	}
	return t.Account
}

// whose makes the identity of a token's owner, if the token is good today.
func (a *Authenticator) whose(ctx context.Context, r Reader, t *model.Token, account bool) (*Identity, error) {
	now := a.clock()
	if TokenStatus(t, now) != StatusActive || now.Before(t.NotBefore) {
		return nil, unknownToken(account).of(ownerOf(t))
	}
	if t.User == "" {
		acc, err := r.Account(ctx, t.Account)
		switch {
		case errors.Is(err, model.ErrNotFound):
			return nil, unknownToken(account)
		case err != nil:
			return nil, fmt.Errorf("look up token's account: %w", err)
		case acc.Suspended:
			return nil, suspended("account").of(t.Account)
		}
		return &Identity{Token: t, Context: ContextToken}, nil
	}
	u, err := r.User(ctx, t.User)
	if errors.Is(err, model.ErrNotFound) {
		return nil, unknownToken(account)
	}
	if err != nil {
		return nil, fmt.Errorf("look up token's user: %w", err)
	}
	id, err := ofUser(ctx, r, u, false)
	if err != nil {
		return nil, err
	}
	id.Token, id.Context = t, ContextToken
	return id, nil
}

// ofUser makes a user's identity. Memberships that wait to be accepted, and those in suspended accounts, give nothing; nor do those in
// accounts that ask for a second factor which the user has not. That holds for his tokens and his key, too: whoever had the password alone
// could have made them. shown says that he has come by a session for which he has shown one elsewhere.
func ofUser(ctx context.Context, r Reader, u model.User, shown bool) (*Identity, error) {
	if u.Suspended {
		return nil, suspended("user").of(u.ID)
	}
	id := &Identity{User: u, members: map[model.ID]membership{}}
	list, err := r.Members(ctx, "", u.ID)
	if err != nil {
		return nil, fmt.Errorf("look up memberships: %w", err)
	}
	for _, m := range list {
		switch {
		case m.Status != MemberAccepted || m.Suspended:
		case m.Strict && u.TwoFactor.IsZero() && !shown:
			id.locked = append(id.locked, m.Account)
		default:
			id.members[m.Account] = membership{m.Role, m.Zones}
		}
	}
	return id, nil
}

// Renew asks inside a transaction whether an identity is still what it was when its request came, and returns it as it is
// now: who was sent away a moment ago writes nothing any more.
func (a *Authenticator) Renew(ctx context.Context, r Reader, was *Identity) (*Identity, error) {
	id, err := a.renew(ctx, r, was)
	if err != nil {
		return nil, err
	}
	if was.session != nil {
		_, err := r.Session(ctx, was.session.sessionID())
		if errors.Is(err, model.ErrNotFound) {
			return nil, sessionOver()
		}
		if err != nil {
			return nil, fmt.Errorf("look up session: %w", err)
		}
	}
	id.Context, id.session = was.Context, was.session
	return id, nil
}

func (a *Authenticator) renew(ctx context.Context, r Reader, was *Identity) (*Identity, error) {
	if was.Token != nil {
		t, err := r.Token(ctx, was.Token.ID)
		if errors.Is(err, model.ErrNotFound) || err == nil && !bytes.Equal(t.Hash, was.Token.Hash) {
			return nil, unknownToken(false)
		}
		if err != nil {
			return nil, fmt.Errorf("look up token: %w", err)
		}
		return a.whose(ctx, r, &t, false)
	}
	u, err := r.User(ctx, was.User.ID)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return nil, fmt.Errorf("look up user: %w", err)
	}
	switch {
	case err != nil:
		return nil, unknownKey()
	case was.session != nil && !was.session.of(sessionSecret(&u)):
		return nil, sessionOver()
	case was.session == nil && !bytes.Equal(u.KeyHash, was.User.KeyHash):
		return nil, unknownKey()
	}
	return ofUser(ctx, r, u, was.session.shown())
}

func (a *Authenticator) byKey(ctx context.Context, c Credentials) (*Identity, error) {
	switch {
	case c.Email == "":
		return nil, halfSent("X-Auth-Email")
	case c.Key == "":
		return nil, halfSent("X-Auth-Key")
	case !ValidEmail(c.Email):
		return nil, badHeader(6102, "X-Auth-Email")
	case !ValidKey(c.Key):
		return nil, badHeader(6103, "X-Auth-Key")
	}
	u, err := a.store.UserByEmail(ctx, c.Email)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return nil, fmt.Errorf("look up user: %w", err)
	}
	if err != nil || len(u.KeyHash) == 0 || !sameDigest(u.KeyHash, c.Key) {
		return nil, unknownKey().of(u.ID)
	}
	id, err := ofUser(ctx, a.store, u, false)
	if err != nil {
		return nil, err
	}
	id.Context = ContextKey
	return id, nil
}

func (a *Authenticator) bySession(ctx context.Context, c Credentials) (*Identity, error) {
	s, u, t, err := a.sessions.open(ctx, c.Session)
	if err != nil {
		return nil, err
	}
	if c.Writes && !s.allows(c.CSRF) {
		return nil, &Failure{
			Status: statusForbidden, Code: model.CodeCSRF, Why: WhyCSRF,
			Message: "The X-CSRF-Token header is missing or is not of this session",
		}
	}
	var id *Identity
	if t != nil {
		id, err = a.ofToken(ctx, t, c)
	} else {
		id, err = ofUser(ctx, a.store, u, s.shown())
	}
	if err != nil {
		return nil, err
	}
	id.Context, id.session = ContextSession, s
	a.sessions.used(s, c.Addr)
	return id, nil
}

// The states of a token as clients see them.
const (
	StatusActive   = "active"
	StatusDisabled = "disabled"
	StatusExpired  = "expired"
)

// TokenStatus is the token's status at a time: expired follows from the clock, it is not stored.
func TokenStatus(t *model.Token, now time.Time) string {
	switch {
	case t.Status == StatusDisabled:
		return StatusDisabled
	case !t.Expires.IsZero() && !now.Before(t.Expires):
		return StatusExpired
	}
	return StatusActive
}

func addressAllowed(t *model.Token, addr netip.Addr) bool {
	addr = addr.Unmap()
	for _, p := range t.NotIn {
		if p.Contains(addr) {
			return false
		}
	}
	if len(t.In) == 0 {
		return true
	}
	for _, p := range t.In {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
