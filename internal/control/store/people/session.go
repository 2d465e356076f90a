package people

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// endedSession names the row of a session that was ended early. Marks begin with the session's time, so that old rows
// stand together.
func endedSession(mark []byte) string { return "session-ended/" + hex.EncodeToString(mark) }

// EndSession remembers that the session of the mark is over, and forgets marks that sort before the oldest: their
// sessions have run out.
func (s *Store) EndSession(ctx context.Context, mark, oldest []byte) error {
	const add = `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`
	const forget = `DELETE FROM meta WHERE name >= ? AND name < ?`
	err := s.db.Write(ctx, false, func(c engine.Conn) error {
		if _, err := c.Exec(ctx, forget, endedSession(nil), endedSession(oldest)); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, add, endedSession(mark), []byte{}); err != nil {
			return err
		}
		return c.RightsMoved(ctx)
	})
	s.told()
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// SessionEnded says whether the session of the mark was ended early.
func (s *Store) SessionEnded(ctx context.Context, mark []byte) (bool, error) {
	var v []byte
	err := s.db.Read.One(ctx, []any{&v}, engine.SelectMeta, endedSession(mark))
	switch {
	case errors.Is(err, model.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look up session: %w", err)
	}
	return true, nil
}
