package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/headwaterdns/headwater/internal/control/model"
)

const (
	selectMeta = `SELECT value FROM meta WHERE name = ?`
	upsertMeta = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`
)

// Meta reads from a small table of names and values (first-start marks, server ids); model.ErrNotFound when the name is
// new. Names that begin with "store." are the store's own.
func (s *Store) Meta(ctx context.Context, key string) ([]byte, error) {
	var v []byte
	if err := s.read.one(ctx, []any{&v}, selectMeta, key); err != nil {
		return nil, fmt.Errorf("read meta %s: %w", key, err)
	}
	return v, nil
}

// PutMeta writes to it.
func (s *Store) PutMeta(ctx context.Context, key string, v []byte) error {
	err := s.write(ctx, false, func(c conn) error {
		_, err := c.exec(ctx, upsertMeta, key, octets(v))
		return err
	})
	if err != nil {
		return fmt.Errorf("write meta %s: %w", key, err)
	}
	return nil
}

// restoredAt names a meta row with a position of the journal.
const restoredAt = "store.restored-at"

// MarkRestored notes that the database may be older than what was published from it before: zones that have not changed
// since then must pass the serials that secondaries may hold. Restore does not do so by itself, because it also copies.
func (s *Store) MarkRestored(ctx context.Context) error {
	head, err := s.head(ctx)
	if err != nil {
		return fmt.Errorf("mark restored: %w", err)
	}
	return s.PutMeta(ctx, restoredAt, strconv.AppendUint(nil, uint64(head), 10))
}

// Restored is the position at which the database was last marked as restored, 0 if it never was.
func (s *Store) Restored(ctx context.Context) (model.Seq, error) {
	v, err := s.Meta(ctx, restoredAt)
	if errors.Is(err, model.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	seq, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("meta %s: %w", restoredAt, err)
	}
	return model.Seq(seq), nil
}
