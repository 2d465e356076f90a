package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// FactorName binds the sealed secrets of a second factor to their row.
func FactorName(user model.ID) string { return "second-factor/" + string(user) }

// factorSecrets are sealed together.
type factorSecrets struct {
	Secret, Pending []byte
}

// SecondFactor reads a user's second factor; a user without one has the zero value.
func (s *Store) SecondFactor(ctx context.Context, user model.ID) (model.SecondFactor, error) {
	return s.readFactor(ctx, s.db.Read, user)
}

func (s *Store) readFactor(ctx context.Context, c engine.Conn, user model.ID) (f model.SecondFactor, err error) {
	var box []byte
	err = c.One(ctx, []any{engine.ToDoc(&f), &box}, `SELECT doc, secret FROM second_factors WHERE id = ?`, engine.ID(user))
	if errors.Is(err, model.ErrNotFound) {
		return model.SecondFactor{User: user}, nil
	}
	if err != nil {
		return f, fmt.Errorf("read second factor: %w", err)
	}
	var in factorSecrets
	text, err := s.db.Secret.Open(FactorName(user), box)
	if err == nil {
		err = json.Unmarshal(text, &in)
	}
	if err != nil {
		return f, fmt.Errorf("open second factor of %s: %w", user, err)
	}
	f.User, f.Secret, f.Pending = user, in.Secret, in.Pending
	return f, nil
}

// EditSecondFactor hands edit the user's second factor, empty where there is none, and writes what edit makes of it.
func (t *peopleTx) EditSecondFactor(ctx context.Context, user model.ID, edit func(*model.SecondFactor) error) error {
	f, err := t.s.readFactor(ctx, t.c, user)
	if err != nil {
		return err
	}
	if err := edit(&f); err != nil {
		return err
	}
	d, err := engine.Doc(f)
	if err != nil {
		return err
	}
	text, err := json.Marshal(factorSecrets{f.Secret, f.Pending}) //nolint:gosec // sealed below
	if err != nil {
		return fmt.Errorf("write second factor: %w", err)
	}
	const put = `INSERT INTO second_factors (id, doc, secret) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET doc = excluded.doc, secret = excluded.secret`
	box, err := t.s.db.Secret.Seal(FactorName(user), text)
	if err != nil {
		return fmt.Errorf("write second factor: %w", err)
	}
	if _, err := t.c.Exec(ctx, put, engine.ID(user), d, box); err != nil {
		return fmt.Errorf("write second factor: %w", err)
	}
	return nil
}

// DeleteSecondFactor takes away all that is one: authenticator, recovery codes, passkeys.
func (t *peopleTx) DeleteSecondFactor(ctx context.Context, user model.ID) error {
	for _, text := range []string{`DELETE FROM second_factors WHERE id = ?`, `DELETE FROM passkeys WHERE person = ?`} {
		if _, err := t.c.Exec(ctx, text, engine.ID(user)); err != nil {
			return fmt.Errorf("delete second factor: %w", err)
		}
	}
	return nil
}
