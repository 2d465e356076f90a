package zones

import (
	"context"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Bounds of what is held of a list: whole records, and, where the order is not that of the table, ids of records. A list of
// more ids takes another look through the zone.
const (
	recordPage = 256
	idPage     = 1 << 15
)

// recordLister reads the records that a query selects, a page at a time. The table has the order of names. For every other
// order the rows of the zone are looked through, once for each idPage: of those that are wanted next, as few as there are on
// the page, the database keeps keys and ids; then the records are read by their ids. An index for such an order would cost
// every change of a record a page or two, so that a list of a zone with very many records is quicker by some milliseconds.
type recordLister struct {
	c     engine.Conn
	zone  model.ID
	q     *model.RecordQuery
	keys  []string // of the order
	where engine.Where
}

// inOrder says whether the order is the table's.
func (l *recordLister) inOrder() bool { return l.keys[0] == "name" }

// order is the ORDER BY clause.
func (l *recordLister) order() string { return ` ORDER BY ` + engine.Ordered(l.q.Desc, l.keys...) }

// read runs a query for records and closes its statement.
func (l *recordLister) read(ctx context.Context, text string, args []any) ([]model.Record, error) {
	var out []model.Record
	r := newRecordReader(l.zone)
	err := l.c.Each(ctx, func(rows *engine.Rows) error {
		p, err := r.scan(rows)
		if err == nil {
			out = append(out, *p)
		}
		return err
	}, text, args...)
	return out, err
}

func yieldAll(list []model.Record, yield func(*model.Record) error) error {
	for i := range list {
		if err := yield(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// once reads a list that is a single page, by one statement.
func (l *recordLister) once(ctx context.Context, yield func(*model.Record) error) error {
	where, args := l.where.Text(), l.where.Arguments()
	text, paged := engine.Paged(where+l.order(), args, l.q.Offset, l.q.Limit)
	if !l.inOrder() {
		text = ` WHERE zone = ` + zoneNumber + ` AND id IN (SELECT id FROM records` + text + `)` + l.order()
		paged = append([]any{engine.ID(l.zone)}, paged...)
	}
	list, err := l.read(ctx, `SELECT `+recordColumns+` FROM records`+text, paged)
	if err != nil {
		return err
	}
	return yieldAll(list, yield)
}

// walk reads a list of any length: each page begins behind the last record of the one before.
func (l *recordLister) walk(ctx context.Context, yield func(*model.Record) error) error {
	read, most := l.picked, idPage
	if l.inOrder() {
		read, most = l.rows, recordPage
	}
	left, offset := l.q.Limit, l.q.Offset
	w := l.where
	for {
		size := most
		if left > 0 {
			size = min(size, left)
		}
		n, last, err := read(ctx, w, offset, size, yield)
		if err != nil || n < size || left == size {
			return err
		}
		left, offset = max(0, left-size), 0
		w = l.behind(last)
	}
}

// rows reads a page of whole records in the order of the table. It returns how many there were and the keys of the last one.
func (l *recordLister) rows(ctx context.Context, w engine.Where, offset, size int, yield func(*model.Record) error) (int, []any, error) {
	text, args := engine.Paged(`SELECT `+recordColumns+` FROM records`+w.Text()+l.order(), w.Arguments(), offset, size)
	list, err := l.read(ctx, text, args)
	if err != nil || len(list) == 0 {
		return 0, nil, err
	}
	last := &list[len(list)-1]
	return len(list), []any{last.Name.Host(), typeText(last.Type), engine.ID(last.ID)}, yieldAll(list, yield)
}

// picked reads which records are on a page, and then the records.
func (l *recordLister) picked(ctx context.Context, w engine.Where, offset, size int, yield func(*model.Record) error) (int, []any, error) {
	text, args := engine.Paged(`SELECT id, `+strings.Join(l.keys, ", ")+` FROM records`+w.Text()+l.order(), w.Arguments(), offset, size)
	var id engine.RawBytes
	last := make([]any, len(l.keys))
	dest := []any{&id}
	for i := range last {
		dest = append(dest, &last[i])
	}
	var ids [][16]byte
	err := l.c.Each(ctx, func(rows *engine.Rows) error {
		err := rows.Scan(dest...)
		ids = append(ids, [16]byte{})
		copy(ids[len(ids)-1][:], id)
		return err
	}, text, args...)
	for rest := ids; len(rest) > 0 && err == nil; {
		n := min(recordPage, len(rest))
		err = l.pick(ctx, rest[:n], yield)
		rest = rest[n:]
	}
	return len(ids), last, err
}

// behind selects what comes after a record with these keys.
func (l *recordLister) behind(keys []any) engine.Where {
	w := l.where.Clone()
	than := " > "
	if l.q.Desc {
		than = " < "
	}
	w.Add("("+strings.Join(l.keys, ", ")+")"+than+"("+engine.Placeholders(len(keys))+")", keys...)
	return w
}

// pick yields records by their ids, in the order of these; those that are gone by now are left out.
func (l *recordLister) pick(ctx context.Context, ids [][16]byte, yield func(*model.Record) error) error {
	values := make([]any, len(ids))
	for i := range ids {
		values[i] = ids[i][:]
	}
	found := make(map[model.ID]*model.Record, len(ids))
	r := newRecordReader(l.zone)
	err := l.c.In(ctx, func(rows *engine.Rows) error {
		p, err := r.scan(rows)
		if err == nil {
			one := *p
			found[one.ID] = &one
		}
		return err
	}, `SELECT `+recordColumns+` FROM records WHERE zone = `+zoneNumber+` AND id IN (%s)`, []any{engine.ID(l.zone)}, values)
	if err != nil {
		return err
	}
	for i := range ids {
		var one model.ID
		if err := engine.ToID(&one).Scan(ids[i][:]); err != nil {
			return err
		}
		if rec := found[one]; rec != nil {
			if err := yield(rec); err != nil {
				return err
			}
		}
	}
	return nil
}
