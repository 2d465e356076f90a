package inspect

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
	"github.com/headwaterdns/headwater/internal/control/store/zones"
)

// Store is all tables, to be looked at.
type Store struct {
	db    *engine.DB
	zones *zones.Store
}

// New gives the inspection of a database.
func New(db *engine.DB, z *zones.Store) *Store { return &Store{db, z} }

// InspectZones yields the zones with one of some names, or all of them if there are none, in order of id. No statement is open while
// yield runs.
func (s *Store) InspectZones(ctx context.Context, names []string, yield func(id model.ID, name string) error) error {
	const page = 1000
	for after := []byte{}; after != nil; {
		type one struct {
			id   model.ID
			name string
		}
		var list []one
		var raw []byte
		scan := func(r *engine.Rows) error {
			var z one
			if err := r.Scan(engine.ToID(&z.id), &z.name, &raw); err != nil {
				return err
			}
			list = append(list, z)
			return nil
		}
		var err error
		if len(names) > 0 {
			values := make([]any, len(names))
			for i, n := range names {
				values[i] = n
			}
			err = s.db.Read.In(ctx, scan, `SELECT id, name, id FROM zones WHERE name IN (%s) ORDER BY id`, nil, values)
		} else {
			err = s.db.Read.Each(ctx, scan, `SELECT id, name, id FROM zones WHERE id > ? ORDER BY id LIMIT ?`, after, int64(page))
		}
		if err != nil {
			return fmt.Errorf("list zones: %w", err)
		}
		if after = nil; len(names) == 0 && len(list) == page {
			after = raw
		}
		for _, z := range list {
			if err := yield(z.id, z.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// InspectZone has look see what there is of a zone, as one state of the database has it. linked says that the journal's links of the zone
// may be trusted. model.ErrNotFound where there is no such zone. What is wrong with octets is told by the functions that read them.
func (s *Store) InspectZone(ctx context.Context, zone model.ID, linked bool, look func(*model.Stored) error) error {
	err := s.db.View(ctx, func(c engine.Conn) error {
		row, no, holds, err := zones.Read(ctx, c, zone)
		if err != nil {
			return err
		}
		account, err := zones.ReadAccount(ctx, c, row.Account)
		if err != nil {
			return fmt.Errorf("account %s: %w", row.Account, err)
		}
		st := &model.Stored{
			Zone: row, Account: account, Holds: holds,
			Image: func() (model.Image, error) { return journal.ReadImage(ctx, c, zone) },
			Entries: func(yield func(model.Entry) error) error {
				return journal.ReadEntries(ctx, c, zone, linked, yield)
			},
			Records: func(yield func(*model.Record) error) error { return zones.EachRecord(ctx, c, zone, no, yield) },
			Keys:    func() ([]model.ZoneKey, error) { return s.zones.Keys(ctx, c, zone) },
		}
		err = c.One(ctx, []any{&st.Access}, `SELECT count(*) > 0 FROM zone_access WHERE zone = ?`, no)
		if err == nil && row.Told.ID != "" {
			err = s.history(ctx, c, &row, st)
		}
		if err != nil {
			return err
		}
		return look(st)
	})
	if err != nil {
		return fmt.Errorf("zone %s: %w", zone, err)
	}
	return nil
}

// history sees whether the newest entry of a zone's history is there, or may be gone because of its age.
func (s *Store) history(ctx context.Context, c engine.Conn, row *model.Zone, st *model.Stored) error {
	var there, older bool
	const text = `SELECT EXISTS (SELECT 1 FROM audit_entries WHERE account = ? AND at = ? AND id = ?),
		EXISTS (SELECT 1 FROM audit_entries WHERE account = ? AND at < ?)`
	account := engine.ID(row.Account)
	err := c.One(ctx, []any{&there, &older}, text, account, row.Told.At, engine.ID(row.Told.ID), account, row.Told.At)
	st.HistoryLost = !there && older
	return err
}
