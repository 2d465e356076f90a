package engine

import (
	"context"
	"fmt"
)

// Statements about the table meta: the value of a name, and a value for a name.
const (
	SelectMeta = `SELECT value FROM meta WHERE name = ?`
	UpsertMeta = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
)

// Meta reads from a small table of names and values (first-start marks, server ids); model.ErrNotFound when the name is
// new. Names that begin with "store." are the store's own.
func (s *DB) Meta(ctx context.Context, key string) ([]byte, error) {
	var v []byte
	if err := s.Read.One(ctx, []any{&v}, SelectMeta, key); err != nil {
		return nil, fmt.Errorf("read meta %s: %w", key, err)
	}
	return v, nil
}

// PutMeta writes to it.
func (s *DB) PutMeta(ctx context.Context, key string, v []byte) error {
	err := s.Write(ctx, false, func(c Conn) error {
		_, err := c.Exec(ctx, UpsertMeta, key, Octets(v))
		return err
	})
	if err != nil {
		return fmt.Errorf("write meta %s: %w", key, err)
	}
	return nil
}

// LockPeople has transactions about people come one after another. On SQLite all do.
func (c Conn) LockPeople(ctx context.Context) error {
	if c.Dialect.Alone {
		return nil
	}
	const text = `INSERT INTO counters (name, value) VALUES ('people', 1)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + 1`
	if _, err := c.Exec(ctx, text); err != nil {
		return fmt.Errorf("wait for other changes of people: %w", err)
	}
	return nil
}

// RightsCounter is the counter that changes whenever somebody may do more or less than before.
const RightsCounter = "rights"

// RightsMoved notes that somebody may do more or less than before. It stands last in a transaction: others of its kind wait from here on.
func (c Conn) RightsMoved(ctx context.Context) error {
	const text = `INSERT INTO counters (name, value) VALUES ('` + RightsCounter + `', 1)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + 1`
	if _, err := c.Exec(ctx, text); err != nil {
		return fmt.Errorf("note that rights have changed: %w", err)
	}
	return nil
}
