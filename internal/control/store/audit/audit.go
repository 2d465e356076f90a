package audit

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	packed "github.com/headwaterdns/headwater/internal/control/audit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Store is the audit log.
type Store struct{ db *engine.DB }

// New gives the audit log of a database.
func New(db *engine.DB) *Store { return &Store{db} }

// Telling leaves out the entries that tell nothing.
func Telling(list []model.Audit) []model.Audit {
	return slices.DeleteFunc(slices.Clone(list), func(e model.Audit) bool { return len(e.Parts) == 0 })
}

// Put writes entries, each with the place of the one before it in the history of its zone; without places, those of no zone.
func Put(ctx context.Context, c engine.Conn, list []model.Audit, before []model.Place) error {
	packs := make([][]byte, len(list))
	for i := range list {
		var err error
		if packs[i], err = packed.Append(nil, &list[i]); err != nil {
			return fmt.Errorf("pack audit entry: %w", err)
		}
	}
	err := c.PostInsert(ctx, `audit_entries (account, at, id, zone, entry, prev_at, prev_id)`, "", len(list), 7, func(b *engine.Binds, i int) {
		e := &list[i]
		b.ID(e.Account)
		b.Time(e.When)
		b.ID(e.ID)
		b.ID(e.Zone)
		b.Octets(packs[i])
		var prev model.Place
		if before != nil {
			prev = before[i]
		}
		b.Int(prev.At)
		b.ID(prev.ID)
	})
	if err != nil {
		return fmt.Errorf("write %d audit entries: %w", len(list), err)
	}
	return nil
}

// Cursor is the AuditQuery.After that continues after the line.
func Cursor(l *model.AuditLine) string {
	return strconv.FormatInt(engine.Micros(l.When), 10) + "_" + string(l.ID)
}

// cursor is a place in the log: that of a line.
type cursor struct {
	at int64
	id model.ID
}

func parseCursor(s string) (cursor, error) {
	when, rest, ok := strings.Cut(s, "_")
	at, err := strconv.ParseInt(when, 10, 64)
	if err != nil || !ok || len(engine.ID(model.ID(rest))) != engine.IDSize {
		return cursor{}, &model.Invalid{Code: model.CodeAuditQuery, Message: "The cursor is not one that this server gave out."}
	}
	return cursor{at, model.ID(strings.ToLower(rest))}, nil
}

// Rows of one statement: as many as are asked for, within these bounds.
const (
	leastRows = 64
	mostRows  = 1024
)

// AuditLog lists lines in the query's direction. Since is inclusive, Before is exclusive. Filters on one field with
// OpExact are alternatives; everything else is joined by and. A Zone empty means every line of the account.
func (s *Store) AuditLog(ctx context.Context, q model.AuditQuery) ([]model.AuditLine, error) {
	r, err := s.newReader(&q)
	if err != nil {
		return nil, err
	}
	for !r.over {
		if err := r.some(ctx); err != nil {
			return nil, fmt.Errorf("list audit log: %w", err)
		}
	}
	return r.out, nil
}

// reader goes through a log, some rows at a time.
type reader struct {
	s      *Store
	q      *model.AuditQuery
	passes func(*model.AuditLine) bool
	after  *cursor // the line that was last, none before the first
	skip   int
	out    []model.AuditLine
	over   bool
}

func (s *Store) newReader(q *model.AuditQuery) (*reader, error) {
	r := &reader{s: s, q: q, skip: q.Offset}
	var err error
	if r.passes, err = filtersOf(q.Filters); err != nil {
		return nil, err
	}
	if q.After != "" {
		c, err := parseCursor(q.After)
		if err != nil {
			return nil, err
		}
		r.after = &c
	}
	return r, nil
}

// where is what the key can answer.
func (r *reader) where() engine.Where {
	w := engine.NewWhere(r.s.db.Dialect)
	w.Add("account = ?", engine.ID(r.q.Account))
	if r.q.Since != 0 {
		w.Add("at >= ?", r.q.Since)
	}
	if r.q.Before != 0 {
		w.Add("at < ?", r.q.Before)
	}
	if r.q.Zone != "" {
		w.Add("zone = ?", engine.ID(r.q.Zone))
	}
	if zones := exact(r.q.Filters, fieldZone); len(zones) == 1 {
		w.Add("zone = ?", engine.ID(zones[0]))
	}
	if ids := exact(r.q.Filters, fieldID); len(ids) == 1 {
		w.Add("id >= ? AND id <= ?", engine.ID(packed.First(ids[0])), engine.ID(ids[0]))
	}
	return w
}

// some reads the next rows.
func (r *reader) some(ctx context.Context) error {
	w := r.where()
	if c := r.after; c != nil {
		// The entry that the line is of begins with the same id or a lesser one; its lines before and at the cursor are passed over.
		if r.q.Ascending {
			w.Add("(at, id) >= (?, ?)", c.at, engine.ID(packed.First(c.id)))
		} else {
			w.Add("(at, id) <= (?, ?)", c.at, engine.ID(c.id))
		}
	}
	size := mostRows
	if r.q.Limit > 0 {
		size = min(max(r.skip+r.q.Limit-len(r.out)+1, leastRows), mostRows)
	}
	order := ` ORDER BY ` + engine.Ordered(!r.q.Ascending, "at", "id")
	entries, args := engine.Paged(`SELECT account, at, id, zone, entry, `+noColumns+` FROM audit_entries`+w.Text()+order, w.Arguments(), 0, size)
	earlier, more := engine.Paged(`SELECT account, at, id, zone, `+noOctets+`, `+earlierColumns+` FROM audits`+w.Text()+order, w.Arguments(), 0, size)
	// Each side is cut by itself: PostgreSQL would sort whole logs to cut what comes of both.
	text, args := engine.Paged(`SELECT * FROM (`+entries+`) AS entries UNION ALL SELECT * FROM (`+earlier+`) AS earlier`+order, slices.Concat(args, more), 0, size)
	rows, was := 0, r.after
	err := r.s.db.Read.Each(ctx, func(in *engine.Rows) error {
		rows++
		if r.over {
			return nil
		}
		e, err := scan(in)
		if err != nil {
			return err
		}
		r.take(&e)
		return nil
	}, text, args...)
	r.over = r.over || rows < size || r.after == was
	return err
}

// take goes through the lines of an entry.
func (r *reader) take(e *model.Audit) {
	lines := packed.Lines(e)
	if !r.q.Ascending {
		slices.Reverse(lines)
	}
	for i := range lines {
		l := &lines[i]
		at := cursor{engine.Micros(l.When), l.ID}
		if !r.beyond(at) {
			continue
		}
		r.after = &at
		switch {
		case !r.passes(l):
		case r.skip > 0:
			r.skip--
		default:
			r.out = append(r.out, *l)
			if r.q.Limit > 0 && len(r.out) == r.q.Limit {
				r.over = true
				return
			}
		}
	}
}

// beyond says that a line comes after the cursor.
func (r *reader) beyond(at cursor) bool {
	switch c := r.after; {
	case c == nil:
		return true
	case at.at != c.at:
		return at.at > c.at == r.q.Ascending
	default:
		return at.id != c.id && at.id > c.id == r.q.Ascending
	}
}

func scan(in *engine.Rows) (e model.Audit, err error) {
	var entry []byte
	var row earlierRow
	head := []any{engine.ToID(&e.Account), engine.ToTime(&e.When), engine.ToID(&e.ID), engine.ToID(&e.Zone), &entry}
	if err := in.Scan(append(head, row.dest()...)...); err != nil {
		return e, fmt.Errorf("scan audit entry: %w", err)
	}
	if entry == nil {
		return e, row.into(&e)
	}
	return e, packed.Decode(entry, &e)
}
