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
	auditSlice  = 500
	auditSlices = 200
)

// PruneAudits removes entries that are older than keep, unless that is for ever (0), log by log, oldest first. It may leave some for the next
// time, and asks of each log no more than for its oldest entry.
func (s *Store) PruneAudits(ctx context.Context, keep time.Duration) error {
	if keep <= 0 {
		return nil
	}
	before := s.db.Config.Clock().Add(-keep).UnixMicro()
	const first = `SELECT account, at FROM audits WHERE account >= ? ORDER BY account, at LIMIT 1`
	const next = `SELECT account, at FROM audits WHERE account > ? ORDER BY account, at LIMIT 1`
	text, owner := first, []byte{}
	for left := auditSlices; left > 0; {
		var oldest int64
		err := s.db.Read.One(ctx, []any{&owner, &oldest}, text, engine.Octets(owner))
		if errors.Is(err, model.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for old audit entries: %w", err)
		}
		text = next
		if oldest >= before {
			continue
		}
		for n := auditSlice; n == auditSlice && left > 0; left-- {
			if n, err = s.pruneAuditSlice(ctx, owner, before); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) pruneAuditSlice(ctx context.Context, owner []byte, before int64) (n int, err error) {
	const text = `DELETE FROM audits WHERE account = ? AND (at, id) IN
		(SELECT at, id FROM audits WHERE account = ? AND at < ? ORDER BY at, id LIMIT ?)`
	err = s.db.Write(ctx, true, func(c engine.Conn) error {
		if err := c.LockPeople(ctx); err != nil { // two nodes may prune at once
			return err
		}
		n, err = c.Exec(ctx, text, engine.Octets(owner), engine.Octets(owner), before, auditSlice)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("remove old audit entries: %w", err)
	}
	return n, nil
}
