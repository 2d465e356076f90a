package drafts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Store is drafts outside of changes.
type Store struct{ db *engine.DB }

// New gives the drafts of a database.
func New(db *engine.DB) *Store { return &Store{db} }

// draftPart is a part of a draft as it is stored. Names are octets, which no JSON text can hold.
type draftPart struct {
	model.DraftPart

	Before, After *draftRecord `json:",omitempty"`
	// Of a zone its name is known.
	ZoneBefore, ZoneAfter *model.Zone `json:",omitempty"`
}

type draftRecord struct {
	model.Record

	Name []byte
}

func packRecord(r *model.Record) *draftRecord {
	if r == nil {
		return nil
	}
	return &draftRecord{*r, []byte(r.Name)}
}

func (r *draftRecord) record() *model.Record {
	if r == nil {
		return nil
	}
	r.Record.Name = wire.Name(r.Name)
	return &r.Record
}

func nameless(z *model.Zone) *model.Zone {
	if z == nil {
		return nil
	}
	c := *z
	c.Name = ""
	return &c
}

// scanDraft reads a draft; columns are head and, unless it is only the head that is wanted, parts.
func scanDraft(r engine.Row, whole bool) (d model.Draft, err error) {
	var parts []draftPart
	to := []any{engine.ToDoc(&d)}
	if whole {
		to = append(to, engine.ToDoc(&parts))
	}
	if err := r.Scan(to...); err != nil {
		return d, err
	}
	d.Parts = make([]model.DraftPart, len(parts))
	for i := range parts {
		p := &parts[i]
		d.Parts[i] = p.DraftPart
		d.Parts[i].Before, d.Parts[i].After = p.Before.record(), p.After.record()
		d.Parts[i].ZoneBefore, d.Parts[i].ZoneAfter = p.ZoneBefore, p.ZoneAfter
	}
	return d, nil
}

// Read reads a draft with its parts.
func Read(ctx context.Context, c engine.Conn, zone, id model.ID) (d model.Draft, err error) {
	found := false
	err = c.Each(ctx, func(r *engine.Rows) (err error) {
		found = true
		d, err = scanDraft(r, true)
		return err
	}, `SELECT head, parts FROM drafts WHERE id = ? AND zone = ?`, engine.ID(id), engine.ID(zone))
	if err == nil && !found {
		err = model.ErrNotFound
	}
	if err != nil {
		return d, fmt.Errorf("read draft %s: %w", id, err)
	}
	return d, nil
}

// List lists a zone's drafts without their parts, in order of id.
func List(ctx context.Context, c engine.Conn, zone model.ID) (out []model.Draft, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		d, err := scanDraft(r, false)
		out = append(out, d)
		return err
	}, `SELECT head FROM drafts WHERE zone = ? ORDER BY id`, engine.ID(zone))
	if err != nil {
		return nil, fmt.Errorf("list drafts of zone %s: %w", zone, err)
	}
	return out, nil
}

// Put inserts or replaces a draft.
func Put(ctx context.Context, c engine.Conn, d model.Draft) error {
	parts := make([]draftPart, len(d.Parts))
	for i, p := range d.Parts {
		parts[i] = draftPart{
			DraftPart: p, Before: packRecord(p.Before), After: packRecord(p.After), ZoneBefore: nameless(p.ZoneBefore), ZoneAfter: nameless(p.ZoneAfter),
		}
	}
	tail, err := engine.Doc(parts)
	if err != nil {
		return err
	}
	d.Parts = nil
	head, err := engine.Doc(d)
	if err != nil {
		return err
	}
	at := int64(0)
	if d.State == model.DraftScheduled {
		at = engine.Micros(d.ApplyAt)
	}
	const text = `INSERT INTO drafts (id, zone, state, at, head, parts) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id)
		DO UPDATE SET zone = excluded.zone, state = excluded.state, at = excluded.at, head = excluded.head, parts = excluded.parts`
	if _, err := c.Exec(ctx, text, engine.ID(d.ID), engine.ID(d.Zone), string(d.State), at, head, tail); err != nil {
		return fmt.Errorf("write draft %s: %w", d.ID, err)
	}
	return nil
}

// Lay lays the drafts of a zone by that is deleted and may come back: none is due at any time, for nobody knows what will be right then.
func Lay(ctx context.Context, c engine.Conn, zone model.ID) error {
	var due []model.Draft
	err := c.Each(ctx, func(r *engine.Rows) error {
		d, err := scanDraft(r, true)
		due = append(due, d)
		return err
	}, `SELECT head, parts FROM drafts WHERE zone = ? AND state = ?`, engine.ID(zone), string(model.DraftScheduled))
	if err != nil {
		return fmt.Errorf("lay drafts of zone %s by: %w", zone, err)
	}
	for i := range due {
		d := &due[i]
		d.State, d.ApplyAt, d.Scheduler = model.DraftOpen, time.Time{}, model.Author{}
		if err := Put(ctx, c, *d); err != nil {
			return err
		}
	}
	return nil
}

// Forget removes the drafts of a zone that does not come back.
func Forget(ctx context.Context, c engine.Conn, zone model.ID) error {
	if _, err := c.Exec(ctx, `DELETE FROM drafts WHERE zone = ?`, engine.ID(zone)); err != nil {
		return fmt.Errorf("delete drafts of zone %s: %w", zone, err)
	}
	return nil
}

// Delete removes a draft.
func Delete(ctx context.Context, c engine.Conn, zone, id model.ID) error {
	if err := c.DeleteOne(ctx, `DELETE FROM drafts WHERE id = ? AND zone = ?`, engine.ID(id), engine.ID(zone)); err != nil {
		return fmt.Errorf("delete draft %s: %w", id, err)
	}
	return nil
}

// Draft reads a draft.
func (s *Store) Draft(ctx context.Context, zone, id model.ID) (model.Draft, error) {
	return Read(ctx, s.db.Read, zone, id)
}

// Drafts lists a zone's drafts without their parts, in order of id.
func (s *Store) Drafts(ctx context.Context, zone model.ID) ([]model.Draft, error) {
	return List(ctx, s.db.Read, zone)
}

// DueDrafts lists scheduled drafts of all zones whose time comes by until, without their parts, in order of times and ids: the first behind a
// place, most of them at most.
func (s *Store) DueDrafts(ctx context.Context, until time.Time, after model.DraftPlace, most int) (out []model.Draft, err error) {
	at := int64(1)
	if !after.At.IsZero() {
		at = engine.Micros(after.At)
	}
	err = s.db.Read.Each(ctx, func(r *engine.Rows) error {
		d, err := scanDraft(r, false)
		out = append(out, d)
		return err
	}, `SELECT head FROM drafts WHERE at > 0 AND at >= ? AND at <= ? AND (at > ? OR id > ?) ORDER BY at, id LIMIT ?`,
		at, engine.Micros(until), at, engine.ID(after.ID), most)
	if err != nil && !errors.Is(err, context.Canceled) {
		return nil, fmt.Errorf("list scheduled drafts: %w", err)
	}
	return out, err
}
