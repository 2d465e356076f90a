package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// restoredAt names a meta row that holds a model.Restored: position, time in microseconds and jump, in decimal. Marks of
// earlier versions are a position alone.
const restoredAt = "store.restored-at"

// MarkRestored notes, while nobody else commits, that the database may be older than what was published from it: zones
// that have not changed since then, and those made anew, pass the serials that secondaries may hold. Every transaction that
// begins later knows, on every node. Restore does not do so by itself, because it also copies.
func (s *Store) MarkRestored(ctx context.Context) error {
	tx, err := s.Begin(ctx)
	if err != nil {
		return fmt.Errorf("mark restored: %w", err)
	}
	defer tx.Rollback()
	if err := s.markRestored(ctx, tx.c); err != nil {
		return fmt.Errorf("mark restored: %w", err)
	}
	tx.over = true
	if err := tx.session.commit(ctx); err != nil {
		return fmt.Errorf("mark restored: %w", err)
	}
	return nil
}

func (s *Store) markRestored(ctx context.Context, c conn) error {
	// The counter is written, though not moved, so that its lock is held to the end: positions above are given out later.
	if err := c.lockHead(ctx); err != nil {
		return err
	}
	head, err := takeSeq(ctx, c, 0)
	if err != nil {
		return err
	}
	jump := model.JumpLeast + rand.N[uint32](model.JumpMost-model.JumpLeast)
	mark := fmt.Sprintf("%d %d %d", head, s.cfg.Clock().UnixMicro(), jump)
	if _, err := c.exec(ctx, upsertMeta, restoredAt, octets([]byte(mark))); err != nil {
		return err
	}
	// Zones that were deleted may have been made again and changed in what is lost.
	_, err = c.exec(ctx, `UPDATE serials SET serial = (serial + ?) & 4294967295`, int64(jump))
	return err
}

// Restored is the last mark, zero if there never was one.
func (s *Store) Restored(ctx context.Context) (model.Restored, error) { return restored(ctx, s.read) }

// Restored is the last mark that was committed before.
func (t *Tx) Restored(ctx context.Context) (model.Restored, error) { return restored(ctx, t.c) }

func restored(ctx context.Context, c conn) (r model.Restored, err error) {
	var v []byte
	switch err := c.one(ctx, []any{&v}, selectMeta, restoredAt); {
	case errors.Is(err, model.ErrNotFound):
		return r, nil
	case err != nil:
		return r, fmt.Errorf("read meta %s: %w", restoredAt, err)
	}
	var at int64
	n, err := fmt.Sscan(string(v), &r.Seq, &at, &r.Jump)
	switch n {
	case 3:
		r.At = fromMicros(at)
	case 1: // an earlier version's
		r.Jump = model.JumpLeast
	default:
		return r, fmt.Errorf("meta %s: %w", restoredAt, err)
	}
	return r, nil
}
