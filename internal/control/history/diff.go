package history

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Diff is what two versions of a zone differ in.
type Diff struct {
	From, To model.Zone // as they were then, with their serials
	FromTime time.Time  // of the change that led there, as far as that is told
	ToTime   time.Time
	Edits    []RecordChange // in the order of names, types and ids
	Settings []SettingChange

	from, to *past
	rows     map[model.ID]*model.Record // that the two differ in, or may, as of to's head
}

// Diff compares two versions of a zone. kept is how long history is.
func (h *Reader) Diff(ctx context.Context, z *model.Zone, from, to Point, kept time.Duration) (*Diff, error) {
	a, err := h.before(ctx, z, &from, kept)
	if err != nil {
		return nil, err
	}
	b, err := h.before(ctx, z, &to, kept)
	if err != nil {
		return nil, err
	}
	d := &Diff{From: a.zone, To: b.zone, FromTime: a.when, ToTime: b.when, from: a, to: b, rows: map[model.ID]*model.Record{}}
	if err := h.readRows(ctx, z, d); err != nil {
		return nil, err
	}
	d.Settings = settingsBetween(&a.zone, &b.zone)
	ids := map[model.ID]struct{}{}
	for _, m := range []map[model.ID]*model.Record{a.records, b.records, d.rows} {
		for id := range m {
			ids[id] = struct{}{}
		}
	}
	for id := range ids {
		was, is := a.is(id, d.rows[id]), b.is(id, d.rows[id])
		if was == nil && is == nil || was != nil && is != nil && rules.Same(was, is) {
			continue
		}
		d.Edits = append(d.Edits, RecordChange{id, was, is})
	}
	slices.SortFunc(d.Edits, func(x, y RecordChange) int { return inOrder(x.One(), y.One()) })
	return d, nil
}

// One is the record before the change, or else after it.
func (c *RecordChange) One() *model.Record {
	if c.Before != nil {
		return c.Before
	}
	return c.After
}

// inOrder is the order of the tables.
func inOrder(a, b *model.Record) int {
	return cmp.Or(cmp.Compare(a.Name.Host(), b.Name.Host()), cmp.Compare(a.Type.String(), b.Type.String()), cmp.Compare(a.ID, b.ID))
}

// readRows reads what is now of the records that the versions may differ in.
func (h *Reader) readRows(ctx context.Context, z *model.Zone, d *Diff) error {
	var ids []model.ID
	for _, one := range [][2]*past{{d.from, d.to}, {d.to, d.from}} {
		for id := range one[0].records {
			if _, told := one[1].records[id]; !told {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	list, err := h.Store.RecordsByID(ctx, z.ID, slices.Compact(ids))
	if err != nil {
		return err
	}
	for i := range list {
		d.rows[list[i].ID] = &list[i]
	}
	if err := h.readImported(ctx, z, d); err != nil {
		return err
	}
	return h.since(ctx, z, z.Told, func(p *past) error {
		// What has changed while this was read is as it was before that.
		for id, r := range p.records {
			if d.rows[id] = r; r == nil {
				delete(d.rows, id)
			}
		}
		for id, r := range d.rows {
			if p.imported(r) {
				delete(d.rows, id)
			}
		}
		return nil
	})
}

// readImported reads the records that imports between the versions have brought.
func (h *Reader) readImported(ctx context.Context, z *model.Zone, d *Diff) error {
	if len(d.from.imports) == len(d.to.imports) { // one holds all that the other does
		return nil
	}
	most := len(d.rows) + mostTouched
	return h.Store.Records(ctx, z.ID, model.RecordQuery{Order: "name"}, func(r *model.Record) error {
		if d.from.imported(r) == d.to.imported(r) {
			return nil
		}
		one := r.Clone()
		if d.rows[r.ID] = &one; len(d.rows) > most {
			return tooMuch("Imports have brought more than %d records meanwhile.", mostTouched)
		}
		return nil
	})
}

// names are those at which records differ, in order.
func (d *Diff) names() []wire.Name {
	seen := map[wire.Name]struct{}{}
	for i := range d.Edits {
		for _, r := range []*model.Record{d.Edits[i].Before, d.Edits[i].After} {
			if r != nil {
				seen[r.Name] = struct{}{}
			}
		}
	}
	out := make([]wire.Name, 0, len(seen))
	for n := range seen {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b wire.Name) int { return strings.Compare(a.Host(), b.Host()) })
	return out
}
