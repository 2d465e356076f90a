package inspect

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
)

// numbers are those that rows may stand under: zones', deleted zones', and what is on its way in or out.
const numbers = `(SELECT no FROM zones UNION ALL SELECT no FROM deleted_zones UNION ALL SELECT no FROM stagings)`

// orphans are rows that belong to nothing: what they are, and which.
var orphans = []struct{ what, text string }{
	{"records", `records WHERE zone NOT IN ` + numbers},
	{"record tags", `record_tags WHERE zone NOT IN ` + numbers},
	{"record tags without their record", `record_tags t WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.zone = t.zone AND r.id = t.record)`},
	{"pieces of images", `images WHERE part / 65536 NOT IN ` + numbers},
	{"links", `links WHERE zone NOT IN ` + numbers + ` OR peer NOT IN (SELECT id FROM peers)`},
	{"access states", `zone_access WHERE zone NOT IN ` + numbers},
	{"DNSSEC keys", `dnssec_keys WHERE zone NOT IN (SELECT id FROM zones UNION ALL SELECT zone FROM deleted_zones)`},
	{"drafts", `drafts WHERE zone NOT IN (SELECT id FROM zones UNION ALL SELECT zone FROM deleted_zones)`},
	{"zones without an account", `zones WHERE account NOT IN (SELECT id FROM accounts)`},
}

// Orphans yields how many rows of a kind belong to nothing, where there are any.
func (s *Store) Orphans(ctx context.Context, yield func(what string, rows int64)) error {
	return s.db.View(ctx, func(c engine.Conn) error {
		for _, o := range orphans {
			var n int64
			if err := c.One(ctx, []any{&n}, `SELECT count(*) FROM `+o.text); err != nil {
				return fmt.Errorf("look for %s: %w", o.what, err)
			}
			if n > 0 {
				yield(o.what, n)
			}
		}
		return nil
	})
}

// Links goes through the whole journal and yields zones whose entries are not linked as they stand (on SQLite), which end elsewhere than
// their zone says, or whose zone is not there. It holds a few octets of each zone that the journal tells of.
func (s *Store) Links(ctx context.Context, yield func(zone model.ID, what string)) error {
	return s.db.View(ctx, func(c engine.Conn) error {
		last := map[model.ID]int64{}
		gone := map[model.ID]bool{}
		err := journal.EachLink(ctx, c, func(seq int64, kind model.EntryKind, zone model.ID, prev engine.NullInt64) error {
			if zone == "" {
				return nil
			}
			before, met := last[zone]
			if prev.Valid && met && prev.Int64 != before {
				yield(zone, fmt.Sprintf("the journal's entry %d names %d as the one before it, which is %d", seq, prev.Int64, before))
			}
			if last[zone] = seq; kind == model.EntryGone {
				gone[zone] = true
			} else {
				delete(gone, zone) // it has come back
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		for zone, seq := range last {
			var newest int64
			err := c.One(ctx, []any{&newest}, `SELECT seq FROM zones WHERE id = ?`, engine.ID(zone))
			switch {
			case errors.Is(err, model.ErrNotFound) && !gone[zone]:
				yield(zone, "the journal has entries of a zone that is not there")
			case errors.Is(err, model.ErrNotFound):
			case err != nil:
				return err
			case newest != seq:
				yield(zone, fmt.Sprintf("the journal's last entry of the zone is %d, and the zone's row says %d", seq, newest))
			}
		}
		return nil
	})
}

// Indexes yields what is wrong with indexes and with the pages of the tables, as the database itself tells it. checked is false where it
// has no means to.
func (s *Store) Indexes(ctx context.Context, yield func(what string)) (checked bool, err error) {
	if s.db.Dialect.Alone {
		var text string
		err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
			err := r.Scan(&text)
			if err == nil && text != "ok" {
				yield(text)
			}
			return err
		}, `PRAGMA integrity_check`)
		return err == nil, err
	}
	if err := s.db.Read.One(ctx, []any{&checked}, `SELECT count(*) > 0 FROM pg_extension WHERE extname = 'amcheck'`); err != nil || !checked {
		return false, err
	}
	var names []string
	var name string
	const all = `SELECT c.oid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
		WHERE a.amname = 'btree' AND c.relnamespace = current_schema()::regnamespace AND i.indisvalid`
	err = s.db.Read.Each(ctx, func(r *engine.Rows) error {
		err := r.Scan(&name)
		names = append(names, name)
		return err
	}, all)
	for _, n := range names {
		if err != nil {
			break
		}
		var none any
		if bad := s.db.Read.One(ctx, []any{&none}, `SELECT bt_index_check(CAST(CAST(? AS text) AS regclass), true)`, n); bad != nil {
			if errors.Is(bad, model.ErrUnavailable) || ctx.Err() != nil {
				return false, bad
			}
			yield(n + ": " + bad.Error())
		}
	}
	return err == nil, err
}
