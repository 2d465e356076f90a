package store

import (
	"context"
	"fmt"
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
