package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Bounds of taking old audit entries away: how many go in one transaction, and how many transactions at one time.
const (
	pruneSlice  = 500
	pruneSlices = 200
)

// PruneAudits removes entries that are older than keep, unless that is for ever (0), log by log, oldest first. It may leave some for the next
// time, and asks of each log no more than for its oldest entry. longer says how long a log is kept at least, whatever keep says: entries
// are the history of zones, too.
func (s *Store) PruneAudits(ctx context.Context, keep time.Duration, longer func(ctx context.Context, account model.ID) (time.Duration, error)) error {
	if keep <= 0 {
		return nil
	}
	left, now := pruneSlices, s.db.Config.Clock()
	before := func(account model.ID) (int64, error) {
		least, err := longer(ctx, account)
		return now.Add(-max(keep, least)).UnixMicro(), err
	}
	for _, table := range []string{"audit_entries", "audits"} {
		if err := s.prune(ctx, table, now.Add(-keep).UnixMicro(), before, &left); err != nil {
			return err
		}
	}
	return nil
}

// prune is that for one table, in so many slices at most.
func (s *Store) prune(ctx context.Context, table string, young int64, end func(account model.ID) (int64, error), left *int) error {
	first := `SELECT account, at FROM ` + table + ` WHERE account >= ? ORDER BY account, at LIMIT 1`
	next := `SELECT account, at FROM ` + table + ` WHERE account > ? ORDER BY account, at LIMIT 1`
	text, owner := first, []byte{}
	for *left > 0 {
		var oldest int64
		err := s.db.Read.One(ctx, []any{&owner, &oldest}, text, engine.Octets(owner))
		if errors.Is(err, model.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for old audit entries: %w", err)
		}
		text = next
		if oldest >= young {
			continue
		}
		var log model.ID
		if err := engine.ToID(&log).Scan(owner); err != nil {
			return fmt.Errorf("look for old audit entries: %w", err)
		}
		before, err := end(log)
		if err != nil {
			return fmt.Errorf("how long entries are kept: %w", err)
		}
		if oldest >= before {
			continue
		}
		for n := pruneSlice; n == pruneSlice && *left > 0; *left-- {
			if n, err = s.pruneSlice(ctx, table, owner, before); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) pruneSlice(ctx context.Context, table string, owner []byte, before int64) (n int, err error) {
	text := `DELETE FROM ` + table + ` WHERE account = ? AND (at, id) IN
		(SELECT at, id FROM ` + table + ` WHERE account = ? AND at < ? ORDER BY at, id LIMIT ?)`
	err = s.db.Write(ctx, true, func(c engine.Conn) error {
		if err := c.LockPeople(ctx); err != nil { // two nodes may prune at once
			return err
		}
		n, err = c.Exec(ctx, text, engine.Octets(owner), engine.Octets(owner), before, pruneSlice)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remove old audit entries: %w", err)
	}
	return n, nil
}
