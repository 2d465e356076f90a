package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// peopleTx is a model.PeopleTx.
type peopleTx struct {
	s *Store
	c conn
}

// EditPeople runs f in a transaction about people and makes what it wrote durable. After a lost race f runs again, from
// the start.
func (s *Store) EditPeople(ctx context.Context, f func(model.PeopleTx) error) error {
	defer s.kept.people()
	return s.write(ctx, false, func(c conn) error {
		if err := c.lockPeople(ctx); err != nil {
			return err
		}
		return f(&peopleTx{s, c})
	})
}

// lockPeople has transactions about people come one after another. On SQLite all do.
func (c conn) lockPeople(ctx context.Context) error {
	if c.d.alone {
		return nil
	}
	const text = `INSERT INTO counters (name, value) VALUES ('people', 1)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + 1`
	if _, err := c.exec(ctx, text); err != nil {
		return fmt.Errorf("wait for other changes of people: %w", err)
	}
	return nil
}

// Account reads an account.
func (t *peopleTx) Account(ctx context.Context, account model.ID) (model.Account, error) {
	return t.c.account(ctx, account)
}

// Audit adds audit entries.
func (t *peopleTx) Audit(ctx context.Context, a ...model.Audit) error { return putAudits(ctx, t.c, a) }

// PutMeta notes a value under a name.
func (t *peopleTx) PutMeta(ctx context.Context, key string, v []byte) error {
	if _, err := t.c.exec(ctx, upsertMeta, key, octets(v)); err != nil {
		return fmt.Errorf("write meta %s: %w", key, err)
	}
	return nil
}

// edited reads a row, has edit change it and writes it back.
func edited[T any](read func() (T, error), edit func(*T) error, write func(*T) (int, error)) (T, error) {
	v, err := read()
	if err != nil {
		return v, err
	}
	if err := edit(&v); err != nil {
		return v, err
	}
	n, err := write(&v)
	if err == nil && n == 0 {
		err = model.ErrNotFound
	}
	return v, err
}

// added runs the INSERT of one row; a key that is there already is the error taken.
func added(ctx context.Context, c conn, taken error, text string, args ...any) error {
	_, err := c.exec(ctx, text, args...)
	if errors.Is(err, errUnique) {
		return taken
	}
	return err
}

// deleteOne runs a DELETE of one row; model.ErrNotFound when there is none.
func deleteOne(ctx context.Context, c conn, text string, args ...any) error {
	n, err := c.exec(ctx, text, args...)
	if err == nil && n == 0 {
		return model.ErrNotFound
	}
	return err
}
