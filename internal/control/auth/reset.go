package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// ResetOptions say whom to give a way back in, and what goes with it.
type ResetOptions struct {
	Email    string // of the administrator; may be empty where there is one alone
	Password string // default: one is made up
	Create   bool   // make an administrator with the address where there is none
	Revoke   bool   // tokens of the administrator no longer work
	Now      time.Time
	// Show hands over what will count, before it does.
	Show func(c *FirstCredentials) error
}

// Errors of ResetAdmin.
var (
	ErrNoAdmin   = errors.New("there is no such user")
	ErrWhichOne  = errors.New("there are several administrators: name one by the e-mail address")
	ErrNotBegun  = errors.New("the server has not had its first start yet: start it, and it makes an administrator")
	errNeedsMail = errors.New("a new administrator needs an e-mail address")
)

// ResetAdmin gives an administrator of the server a new password and a new Global API key, whoever holds the old ones: for
// people who stand at the machine. Sessions, a suspension and a second factor end, and a user who was none becomes an administrator.
func ResetAdmin(ctx context.Context, st BootstrapStore, o ResetOptions) error {
	if _, err := st.Meta(ctx, bootstrapMark); errors.Is(err, model.ErrNotFound) {
		return ErrNotBegun
	} else if err != nil {
		return fmt.Errorf("look for the first start's mark: %w", err)
	}
	c := &FirstCredentials{Email: o.Email, Password: o.Password, Key: NewKey(), KeyGenerated: true}
	if c.Password == "" {
		c.Password, c.PasswordGenerated = NewPassword(), true
	}
	hash, err := HashPassword(c.Password)
	if err != nil {
		return err
	}
	// Whom it is about is looked up first, so that what is shown names him.
	var u model.User
	if err := st.EditPeople(ctx, func(tx model.PeopleTx) (err error) {
		u, err = whoIsReset(ctx, tx, &o)
		return err
	}); err != nil {
		return err
	}
	c.Email, c.User = u.Email, u.ID
	if o.Show != nil {
		if err := o.Show(c); err != nil {
			return fmt.Errorf("show the credentials: %w", err)
		}
	}
	return st.EditPeople(ctx, func(tx model.PeopleTx) error { return reset(ctx, tx, &o, u, c, hash) })
}

// whoIsReset finds the administrator, or the one that is to be made.
func whoIsReset(ctx context.Context, tx model.PeopleTx, o *ResetOptions) (model.User, error) {
	if o.Email != "" {
		u, err := tx.UserByEmail(ctx, o.Email)
		switch {
		case !errors.Is(err, model.ErrNotFound):
			return u, err
		case !o.Create:
			return u, fmt.Errorf("%w: %s (--create makes one)", ErrNoAdmin, o.Email)
		case !ValidEmail(o.Email):
			return u, errors.New("the e-mail address is not one")
		}
		return model.User{ID: NewID(), Email: o.Email, Created: o.Now}, nil
	}
	if o.Create {
		return model.User{}, errNeedsMail
	}
	list, err := tx.Administrators(ctx)
	switch {
	case err != nil:
		return model.User{}, err
	case len(list) == 0:
		return model.User{}, ErrNoAdmin
	case len(list) > 1:
		return model.User{}, ErrWhichOne
	}
	return list[0], nil
}

func reset(ctx context.Context, tx model.PeopleTx, o *ResetOptions, u model.User, c *FirstCredentials, hash string) error {
	change := func(u *model.User) {
		u.Admin, u.Suspended, u.PasswordHash, u.KeyHash = true, false, hash, Digest(c.Key)
		u.Sessions, u.Modified, u.TwoFactor = NewSessionsValue(), o.Now, time.Time{}
	}
	if err := tx.DeleteSecondFactor(ctx, u.ID); err != nil {
		return err
	}
	_, err := tx.User(ctx, u.ID)
	if err := ensure(err, func() error {
		change(&u)
		return tx.AddUser(ctx, u)
	}, func() error {
		_, err := tx.EditUser(ctx, u.ID, func(u *model.User) error { change(u); return nil })
		return err
	}); err != nil {
		return err
	}
	if o.Revoke {
		tokens, err := tx.Tokens(ctx, u.ID, "")
		if err != nil {
			return err
		}
		for i := range tokens {
			if err := tx.DeleteToken(ctx, tokens[i].ID); err != nil {
				return err
			}
		}
	}
	entry := func(in model.ID) model.Audit {
		return model.Audit{
			AuditHead: model.AuditHead{ID: NewID(), Account: in, Actor: model.Actor{Context: "system"}, When: o.Now},
			Parts:     []model.AuditPart{{Action: "update", Legacy: "update", Resource: "user.reset", ResourceID: u.ID}},
		}
	}
	return tx.Audit(ctx, entry(""), entry(u.ID))
}
