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
	head, err := Head(ctx, c)
	if err != nil {
		return err
	}
	s.mark.Clear()
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
	return readMark(ctx, s.db.Read)
}

// Restored is the last mark that a write transaction sees. Where nobody else writes, it is kept, because every commit asks for
// it: no two such transactions are open at once there, and one that sets a mark forgets what was kept.
func Restored(ctx context.Context, s *Store, c engine.Conn) (model.Restored, error) {
	return s.mark.Read(struct{}{}, func() (model.Restored, error) { return readMark(ctx, c) })
}

func readMark(ctx context.Context, c engine.Conn) (r model.Restored, err error) {
	var v []byte
	switch err := c.One(ctx, []any{&v}, engine.SelectMeta, engine.RestoredAt); {
	case errors.Is(err, model.ErrNotFound):
		return r, nil
	case err != nil:
		return r, fmt.Errorf("read meta %s: %w", engine.RestoredAt, err)
	}
	return parseMark(v)
}

// PostRestored asks for the mark together with what is sent next.
func PostRestored(ctx context.Context, c engine.Conn, hear func(model.Restored)) error {
	return c.PostQuery(ctx, func(row engine.Row) error {
		var v []byte
		if err := row.Scan(&v); err != nil {
			return fmt.Errorf("read meta %s: %w", engine.RestoredAt, err)
		}
		r, err := parseMark(v)
		if err == nil {
			hear(r)
		}
		return err
	}, `SELECT (`+engine.SelectMeta+`)`, engine.RestoredAt)
}

func parseMark(v []byte) (r model.Restored, err error) {
	if len(v) == 0 {
		return r, nil
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
