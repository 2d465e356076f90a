package zones

import (
	"context"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// recordPage is how many records are read at a time of a list that may be long. All of them are held.
const recordPage = 256

// walked are the orders that an index has, so that a list goes on from where a page has ended.
var walked = map[string]bool{"": true, "type": true, "name": true, "content": true}

// recordLister reads the records that a query selects, a page at a time.
type recordLister struct {
	c     engine.Conn
	zone  model.ID
	q     *model.RecordQuery
	keys  []string // of the order
	where engine.Where
}

// page reads one page and closes its statement.
func (l *recordLister) page(ctx context.Context, text string, args []any) ([]model.Record, error) {
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

// order is the ORDER BY clause. Where the rows to sort are few beside those to look through, it is hidden from the planner.
func (l *recordLister) order(scans bool) string {
	keys := l.keys
	if scans {
		keys = make([]string, len(l.keys))
		for i, k := range l.keys {
			keys[i] = l.c.Dialect.Unordered(k)
		}
	}
	return ` ORDER BY ` + engine.Ordered(l.q.Desc, keys...)
}

// once reads a list that is a single page.
func (l *recordLister) once(ctx context.Context, scans bool, yield func(*model.Record) error) error {
	text, args := engine.Paged(`SELECT `+recordColumns+` FROM records`+l.where.Text()+l.order(scans), l.where.Arguments(), l.q.Offset, l.q.Limit)
	list, err := l.page(ctx, text, args)
	if err != nil {
		return err
	}
	return yieldAll(list, yield)
}

// walk goes along an index: each page begins behind the last record of the one before.
func (l *recordLister) walk(ctx context.Context, yield func(*model.Record) error) error {
	left, offset := l.q.Limit, l.q.Offset
	w := l.where
	for {
		size := recordPage
		if left > 0 {
			size = min(size, left)
		}
		text, args := engine.Paged(`SELECT `+recordColumns+` FROM records`+w.Text()+l.order(false), w.Arguments(), offset, size)
		list, err := l.page(ctx, text, args)
		if err != nil {
			return err
		}
		if err := yieldAll(list, yield); err != nil || len(list) < size || left == size {
			return err
		}
		left, offset = max(0, left-size), 0
		w = l.behind(&list[len(list)-1])
	}
}

// behind selects what comes after a record.
func (l *recordLister) behind(r *model.Record) engine.Where {
	w := l.where.Clone()
	than := " > "
	if l.q.Desc {
		than = " < "
	}
	values := make([]any, 0, len(l.keys))
	for _, key := range l.keys {
		values = append(values, keyValue(key, r))
	}
	w.Add("("+strings.Join(l.keys, ", ")+")"+than+"("+engine.Placeholders(len(values))+")", values...)
	return w
}

// keyValue is what a record has for one of the sort keys of walked orders.
func keyValue(key string, r *model.Record) any {
	switch key {
	case "name":
		return r.Name.Host()
	case "type":
		return typeText(r.Type)
	case contentKey:
		return keyOf(engine.LowerASCII(r.Content))
	}
	return engine.ID(r.ID)
}

// picked reads which records there are, in their order, and then the records: their order has no index, or most of the
// zone has to be looked through for them, once rather than for each page. What it holds is 16 octets a record.
func (l *recordLister) picked(ctx context.Context, scans bool, yield func(*model.Record) error) error {
	text, args := engine.Paged(`SELECT id FROM records`+l.where.Text()+l.order(scans), l.where.Arguments(), l.q.Offset, l.q.Limit)
	var picked [][16]byte
	err := l.c.Each(ctx, func(rows *engine.Rows) error {
		var b engine.RawBytes
		err := rows.Scan(&b)
		picked = append(picked, [16]byte{})
		copy(picked[len(picked)-1][:], b)
		return err
	}, text, args...)
	for len(picked) > 0 && err == nil {
		n := min(recordPage, len(picked))
		err = l.pick(ctx, picked[:n], yield)
		picked = picked[n:]
	}
	return err
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
