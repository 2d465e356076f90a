package people

import (
	"context"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

func readPasskeys(ctx context.Context, c engine.Conn, rest string, arg any) (out []model.Passkey, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		var k model.Passkey
		err := r.Scan(engine.ToDoc(&k))
		out = append(out, k)
		return err
	}, `SELECT doc FROM passkeys`+rest, arg)
	if err != nil {
		return nil, fmt.Errorf("read passkeys: %w", err)
	}
	return out, nil
}

const (
	byKey    = ` WHERE id = ?`
	byPerson = ` WHERE person = ? ORDER BY id`
)

// Passkeys lists a user's.
func (s *Store) Passkeys(ctx context.Context, user model.ID) ([]model.Passkey, error) {
	return readPasskeys(ctx, s.db.Read, byPerson, engine.ID(user))
}

// Passkeys lists a user's.
func (t *peopleTx) Passkeys(ctx context.Context, user model.ID) ([]model.Passkey, error) {
	return readPasskeys(ctx, t.c, byPerson, engine.ID(user))
}

// Passkey reads one, ErrNotFound if there is none.
func (s *Store) Passkey(ctx context.Context, id model.ID) (model.Passkey, error) {
	return onePasskey(readPasskeys(ctx, s.db.Read, byKey, engine.ID(id)))
}

// Passkey reads one, ErrNotFound if there is none.
func (t *peopleTx) Passkey(ctx context.Context, id model.ID) (model.Passkey, error) {
	return onePasskey(readPasskeys(ctx, t.c, byKey, engine.ID(id)))
}

func onePasskey(list []model.Passkey, err error) (model.Passkey, error) {
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("read passkey: %w", model.ErrNotFound)
	}
	if err != nil {
		return model.Passkey{}, err
	}
	return list[0], nil
}

// AddPasskey inserts one.
func (t *peopleTx) AddPasskey(ctx context.Context, k model.Passkey) error {
	d, err := engine.Doc(k)
	if err != nil {
		return err
	}
	taken := &model.Invalid{Code: model.CodePasskey, Message: "This passkey is registered already."}
	return added(ctx, t.c, taken, `INSERT INTO passkeys (id, person, doc) VALUES (?, ?, ?)`, engine.ID(k.ID), engine.ID(k.User), d)
}

// PutPasskey writes one that is there.
func (t *peopleTx) PutPasskey(ctx context.Context, k model.Passkey) error {
	d, err := engine.Doc(k)
	if err != nil {
		return err
	}
	if _, err := t.c.Exec(ctx, `UPDATE passkeys SET doc = ? WHERE id = ? AND person = ?`, d, engine.ID(k.ID), engine.ID(k.User)); err != nil {
		return fmt.Errorf("write passkey: %w", err)
	}
	return nil
}

// DeletePasskey removes one of the user's.
func (t *peopleTx) DeletePasskey(ctx context.Context, user, id model.ID) error {
	if err := t.c.DeleteOne(ctx, `DELETE FROM passkeys WHERE id = ? AND person = ?`, engine.ID(id), engine.ID(user)); err != nil {
		return fmt.Errorf("delete passkey: %w", err)
	}
	return nil
}

// SpendChallenge notes that a challenge was answered, and forgets those that are too old to be answered at all.
func (t *peopleTx) SpendChallenge(ctx context.Context, id model.ID, now, until time.Time) (first bool, err error) {
	if _, err := t.c.Exec(ctx, `DELETE FROM spent_challenges WHERE until < ?`, engine.Micros(now)); err != nil {
		return false, fmt.Errorf("forget challenges: %w", err)
	}
	n, err := t.c.Exec(ctx, `INSERT INTO spent_challenges (id, until) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`, engine.ID(id), engine.Micros(until))
	if err != nil {
		return false, fmt.Errorf("note a challenge: %w", err)
	}
	return n == 1, nil
}
