package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// MarkRestored notes, while nobody else commits, that the database may be older than what was published from it: zones
// that have not changed since then, and those made anew, pass the serials that secondaries may hold. Every transaction that
// begins later knows, on every node. Restore does not do so by itself, because it also copies.
func (s *Store) MarkRestored(ctx context.Context) error {
	if err := s.db.Write(ctx, false, func(c engine.Conn) error { return s.markRestored(ctx, c) }); err != nil {
		return fmt.Errorf("mark restored: %w", err)
	}
	return nil
}

func (s *Store) markRestored(ctx context.Context, c engine.Conn) error {
	// The counter is written, though not moved, so that its lock is held to the end: positions above are given out later.
	if err := lockHead(ctx, c); err != nil {
		return err
	}
	head, err := TakeSeq(ctx, c, 0)
	if err != nil {
		return err
	}
	jump := model.JumpLeast + rand.N[uint32](model.JumpMost-model.JumpLeast)
	mark := fmt.Sprintf("%d %d %d", head, s.db.Config.Clock().UnixMicro(), jump)
	if _, err := c.Exec(ctx, engine.UpsertMeta, engine.RestoredAt, engine.Octets([]byte(mark))); err != nil {
		return err
	}
	// Zones that were deleted may have been made again and changed in what is lost.
	_, err = c.Exec(ctx, `UPDATE serials SET serial = (serial + ?) & 4294967295`, int64(jump))
	return err
}

// Restored is the last mark, zero if there never was one.
func (s *Store) Restored(ctx context.Context) (model.Restored, error) {
	return Restored(ctx, s.db.Read)
}

func Restored(ctx context.Context, c engine.Conn) (r model.Restored, err error) {
	var v []byte
	switch err := c.One(ctx, []any{&v}, engine.SelectMeta, engine.RestoredAt); {
	case errors.Is(err, model.ErrNotFound):
		return r, nil
	case err != nil:
		return r, fmt.Errorf("read meta %s: %w", engine.RestoredAt, err)
	}
	var at int64
	n, err := fmt.Sscan(string(v), &r.Seq, &at, &r.Jump)
	switch n {
	case 3:
		r.At = engine.FromMicros(at)
	case 1: // an earlier version's
		r.Jump = model.JumpLeast
	default:
		return r, fmt.Errorf("meta %s: %w", engine.RestoredAt, err)
	}
	return r, nil
}
