package audit

import (
	"context"
	"fmt"

	packed "github.com/headwaterdns/headwater/internal/control/audit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// historyPage is how many entries of a history one statement follows.
const historyPage = 128

// selectHistory follows the links of a zone's entries, newest first.
const selectHistory = `WITH RECURSIVE h (n, account, at, id, zone, entry, prev_at, prev_id) AS (
	SELECT 1, account, at, id, zone, entry, prev_at, prev_id FROM audit_entries WHERE account = ? AND at = ? AND id = ? AND zone = ?
	UNION ALL
	SELECT h.n + 1, e.account, e.at, e.id, e.zone, e.entry, e.prev_at, e.prev_id FROM h JOIN audit_entries e
	ON e.account = h.account AND e.at = h.prev_at AND e.id = h.prev_id AND e.zone = h.zone WHERE h.n < ?)
SELECT at, id, entry, prev_at, prev_id FROM h ORDER BY n`

// ZoneHistory yields a zone's history, newest first, from a place in it on, and with each entry the place of the one before it; the zero
// Place where there is none, or none is kept. yield returns false to end it. What one statement has read is held meanwhile, and no
// statement is open while yield runs.
func (s *Store) ZoneHistory(ctx context.Context, account, zone model.ID, from model.Place, yield func(e *model.Audit, before model.Place) (bool, error)) error {
	type entry struct {
		model.Audit

		before model.Place
	}
	for size := 8; from.ID != ""; size = historyPage {
		var list []entry
		err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
			e := entry{Audit: model.Audit{AuditHead: model.AuditHead{Account: account, Zone: zone}}}
			var octets []byte
			if err := r.Scan(engine.ToTime(&e.When), engine.ToID(&e.ID), &octets, &e.before.At, engine.ToID(&e.before.ID)); err != nil {
				return fmt.Errorf("scan entry: %w", err)
			}
			list = append(list, e)
			return packed.Decode(octets, &list[len(list)-1].Audit)
		}, selectHistory, engine.ID(account), from.At, engine.ID(from.ID), engine.ID(zone), int64(size))
		if err != nil {
			return fmt.Errorf("history of zone %s: %w", zone, err)
		}
		if len(list) == 0 {
			return nil // it is too old, and gone
		}
		for i := range list {
			more, err := yield(&list[i].Audit, list[i].before)
			if err != nil || !more {
				return err
			}
			from = list[i].before
		}
	}
	return nil
}
