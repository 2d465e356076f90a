package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// BootstrapStore is what the first start reads and writes. Misses are model.ErrNotFound.
type BootstrapStore interface {
	Meta(ctx context.Context, key string) ([]byte, error)
	EditPeople(ctx context.Context, f func(model.PeopleTx) error) error
}

// BootstrapOptions is what the operator chose for the first start; what is empty is generated.
type BootstrapOptions struct {
	Email    string // default "admin@localhost"
	Key      string
	Token    string
	Password string
	Now      time.Time
	// CreateAccount makes the first account through the one way in; an account of this ID may be there already.
	CreateAccount func(ctx context.Context, a model.Account) error
	// Show hands the credentials to whoever is to have them, before they count: what nobody was shown lets nobody in, and an
	// end between the two has the next start show others. nil shows nothing.
	Show func(c *FirstCredentials) error
}

// FirstCredentials are the first administrator's, in clear: to be shown once, never logged again.
type FirstCredentials struct {
	Account, User               model.ID
	Email, Key, Token, Password string
	// Which of them were made up here rather than given.
	KeyGenerated, TokenGenerated, PasswordGenerated bool
}

const bootstrapMark = "bootstrap-done"

// Bootstrap makes the server administrator, the first account, a global key and a token that may everything, unless that
// was done before: then it returns nil. The account comes first, under an id that follows from the e-mail address, so that
// a first start that was cut short is simply done again; all else comes in one transaction.
func Bootstrap(ctx context.Context, st BootstrapStore, o BootstrapOptions) (*FirstCredentials, error) {
	_, err := st.Meta(ctx, bootstrapMark)
	if err == nil {
		return nil, nil
	}
	if !errors.Is(err, model.ErrNotFound) {
		return nil, fmt.Errorf("look for the first start's mark: %w", err)
	}
	c, err := o.credentials()
	if err != nil {
		return nil, err
	}
	hash, err := HashPassword(c.Password)
	if err != nil {
		return nil, fmt.Errorf("administrator: %w", err)
	}
	if err := o.CreateAccount(ctx, firstAccount(c, o.Now)); err != nil {
		return nil, fmt.Errorf("create the first account: %w", err)
	}
	if o.Show != nil {
		if err := o.Show(c); err != nil {
			return nil, fmt.Errorf("show the credentials: %w", err)
		}
	}
	if err := st.EditPeople(ctx, func(tx model.PeopleTx) error { return firstPeople(ctx, tx, c, hash, o.Now) }); err != nil {
		return nil, fmt.Errorf("create the administrator: %w", err)
	}
	return c, nil
}

// firstPeople makes the administrator, the membership and the token, and marks the first start as done. What a start of an
// earlier version has left, which broke off, gets the new credentials.
func firstPeople(ctx context.Context, tx model.PeopleTx, c *FirstCredentials, hash string, now time.Time) error {
	u := model.User{
		ID: c.User, Email: c.Email, Admin: true, PasswordHash: hash, KeyHash: Digest(c.Key), Created: now, Modified: now,
	}
	_, err := tx.User(ctx, u.ID)
	if err := ensure(err, func() error { return tx.AddUser(ctx, u) }, func() error {
		_, err := tx.EditUser(ctx, u.ID, func(old *model.User) error { *old = u; return nil })
		return err
	}); err != nil {
		return err
	}
	m := model.Member{
		ID: derivedID("member", c.Email), Account: c.Account, User: c.User,
		Role: RoleAdministrator, Status: MemberAccepted, Created: now,
	}
	there, err := tx.Members(ctx, m.Account, m.User)
	if err == nil && len(there) == 0 {
		err = tx.AddMember(ctx, m)
	}
	if err != nil {
		return err
	}
	t := firstToken(c, now)
	_, err = tx.Token(ctx, t.ID)
	if err := ensure(err, func() error { return tx.AddToken(ctx, t) }, func() error {
		_, err := tx.EditToken(ctx, t.ID, func(old *model.Token) error { *old = t; return nil })
		return err
	}); err != nil {
		return err
	}
	return tx.PutMeta(ctx, bootstrapMark, []byte(c.User))
}

// ensure adds what was not found, and edits what was.
func ensure(found error, add, edit func() error) error {
	switch {
	case found == nil:
		return edit()
	case errors.Is(found, model.ErrNotFound):
		return add()
	}
	return found
}

func (o *BootstrapOptions) credentials() (*FirstCredentials, error) {
	c := &FirstCredentials{Email: o.Email, Key: o.Key, Token: o.Token, Password: o.Password}
	if c.Email == "" {
		c.Email = "admin@localhost"
	}
	if c.Key == "" {
		c.Key, c.KeyGenerated = NewKey(), true
	}
	if c.Token == "" {
		c.Token, c.TokenGenerated = NewUserToken(), true
	}
	if c.Password == "" {
		c.Password, c.PasswordGenerated = NewPassword(), true
	}
	switch {
	case !ValidEmail(c.Email):
		return nil, errors.New("administrator: the e-mail address is not one")
	case !ValidKey(c.Key):
		return nil, errors.New("administrator: the key must be 32 to 256 letters, digits, '-' or '_'")
	case !ValidToken(c.Token):
		return nil, errors.New("administrator: the token must be 35 to 50 letters, digits, '-' or '_'")
	}
	c.Account, c.User = derivedID("account", c.Email), derivedID("user", c.Email)
	return c, nil
}

func derivedID(kind, email string) model.ID {
	d := sha256.Sum256([]byte("first " + kind + " of " + email))
	return model.ID(hex.EncodeToString(d[:16]))
}

func firstAccount(c *FirstCredentials, now time.Time) model.Account {
	return model.Account{
		ID: c.Account, Name: "Default", Type: "standard", Created: now, OutgoingTransfers: true,
		ZoneDefaults: model.DefaultSettings(), TransferMode: model.ModeOrigin,
	}
}

// firstToken may everything that its user may.
func firstToken(c *FirstCredentials, now time.Time) model.Token {
	var zone, account, user []model.ID
	for _, g := range groups {
		switch g.Scope {
		case ScopeZone:
			zone = append(zone, g.ID)
		case ScopeAccount:
			account = append(account, g.ID)
		default:
			user = append(user, g.ID)
		}
	}
	policy := func(n string, groups []model.ID, resource string, s model.Scope) model.Policy {
		return model.Policy{
			ID: derivedID("policy "+n, c.Email), Effect: EffectAllow, Groups: groups,
			Resources: []byte(`{"` + resource + `":"*"}`), Scopes: []model.Scope{s},
		}
	}
	return model.Token{
		ID: derivedID("token", c.Email), Name: "First token", User: c.User, Hash: Digest(c.Token),
		Status: StatusActive, Issued: now, Modified: now,
		Policies: []model.Policy{
			policy("zone", zone, ScopeZone+".*", model.Scope{Kind: KindZone, ID: "*"}),
			policy("account", account, ScopeAccount+".*", model.Scope{Kind: KindAccount, ID: "*"}),
			policy("user", user, ScopeUser+"."+string(c.User), model.Scope{Kind: KindUser, ID: string(c.User)}),
		},
	}
}
