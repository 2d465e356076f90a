package zones

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// contentKey is what contents are ordered by; its size bounds what is held of long texts.
const contentKey = `lower(substr(content, 1, 64))`

// recordWhere adds conditions on the records of a zone.
type recordWhere struct {
	only wire.Type // of the records selected, as far as that is known; 0 is any
}

func (r *recordWhere) fields() map[string]engine.Field {
	return map[string]engine.Field{
		"id": engine.Column("id", engine.IDField), "name": engine.Column("name", engine.LowerField), "comment": engine.Column("comment", engine.TextField),
		"proxied": engine.Column("proxied", engine.BoolField), "content": engine.Special(r.content),
		"type": engine.Special(func(w *engine.Where, f *model.Filter) { w.Equal("type", typeFilter(f.Value), f.Op) }),
	}
}

// recordOrders are the sort keys of each order; the id is always the last. Contents are ordered by their first 64
// characters without case.
var recordOrders = map[string][]string{
	"":        {"type", "name", "id"},
	"type":    {"type", "name", "id"},
	"name":    {"name", "type", "id"},
	"content": {contentKey, "name", "type", "id"},
	"ttl":     {"ttl", "name", "type", "id"},
	"proxied": {"proxied", "name", "type", "id"},
}

// Records streams the records that the query selects; the pointer is valid during the call only. No statement and no
// snapshot of the database is open while yield runs, however long it takes: who reads a list of more than a page sees each
// record as it was when its page was read. Records that are there from beginning to end come exactly once, unless their
// place in the order changes meanwhile.
func (s *Store) Records(ctx context.Context, zone model.ID, q model.RecordQuery, yield func(*model.Record) error) error {
	keys, ok := recordOrders[q.Order]
	if !ok {
		return fmt.Errorf("list records: %w", engine.ErrField(q.Order))
	}
	w, err := s.selectRecords(zone, &q)
	if err != nil {
		return fmt.Errorf("list records: %w", err)
	}
	l := &recordLister{c: s.db.Read, zone: zone, q: &q, keys: keys, where: w}
	read := l.walk
	if q.Limit > 0 && q.Limit <= recordPage {
		read = l.once
	}
	if err := read(ctx, yield); err != nil {
		return fmt.Errorf("list records of zone %s: %w", zone, err)
	}
	return nil
}

// CountRecords counts what the query selects (Offset and Limit ignored).
func (s *Store) CountRecords(ctx context.Context, zone model.ID, q model.RecordQuery) (int, error) {
	w, err := s.selectRecords(zone, &q)
	if err != nil {
		return 0, fmt.Errorf("count records: %w", err)
	}
	text, args := `SELECT count(*) FROM records`+w.Text(), w.Arguments()
	if w.Conditions() == 1 { // nothing but the zone
		text, args = `SELECT coalesce(max(records), 0) FROM zones WHERE id = ?`, []any{engine.ID(zone)}
	}
	var n int
	if err := s.db.Read.One(ctx, []any{&n}, text, args...); err != nil {
		return 0, fmt.Errorf("count records of zone %s: %w", zone, err)
	}
	return n, nil
}

// selectRecords writes the query's conditions.
func (s *Store) selectRecords(zone model.ID, q *model.RecordQuery) (w engine.Where, err error) {
	r, w := recordWhere{onlyType(q)}, engine.NewWhere(s.db.Dialect)
	w.Add("zone = "+zoneNumber, engine.ID(zone))
	if err := w.Filters(q.Filters, q.Any, r.fields()); err != nil {
		return w, err
	}
	if err := w.Filters(q.Only, false, r.fields()); err != nil {
		return w, err
	}
	w.Group(!q.AnyTag, func(g *engine.Where) {
		for _, f := range q.Tags {
			tagged(g, zone, f)
		}
	})
	if q.Search != "" {
		w.Group(false, func(g *engine.Where) {
			pattern := "%" + engine.Escaped(q.Search) + "%"
			g.Add(fmt.Sprintf(s.db.Dialect.Position, "name")+" > 0", engine.LowerASCII(cmp.Or(q.SearchName, q.Search))) // names are in lower case, and this is the cheaper test
			g.Add(notAddresses(q.Search)+g.Like("content"), pattern)
			g.Add("(comment <> '' AND "+g.Like("comment")+")", pattern)
			g.Add("(tags <> '' AND "+g.Like("tags")+")", pattern)
		})
	}
	return w, nil
}

// onlyType is the type that all records have that a query selects, 0 if it may select several.
func onlyType(q *model.RecordQuery) wire.Type {
	if q.Any {
		return 0
	}
	for i := range q.Filters {
		if f := &q.Filters[i]; f.Field == "type" && f.Op == model.OpExact {
			t, err := typeOf(f.Value)
			if err == nil {
				return t
			}
		}
	}
	return 0
}

// notAddresses leaves the contents of addresses out of a search for what no address has a character of. They are most of a
// large zone, and a look at the type costs less than one through the text.
func notAddresses(search string) string {
	switch low := engine.LowerASCII(search); {
	case strings.Trim(low, "0123456789abcdef:.") != "":
		return "type NOT IN ('A', 'AAAA') AND "
	case strings.Trim(low, "0123456789.") != "":
		return "type <> 'A' AND "
	}
	return ""
}

// tag adds a condition on the tags of a record.
func tagged(w *engine.Where, zone model.ID, f model.TagFilter) {
	g := engine.NewWhere(w.Dialect)
	g.Add("zone = "+zoneNumber, engine.ID(zone))
	g.Add("name = ?", engine.LowerASCII(f.Name))
	in := " IN "
	switch f.Op {
	case model.OpPresent:
	case model.OpAbsent:
		in = " NOT IN "
	default:
		g.Compare(engine.Column("value", engine.LowerField), f.Op, f.Value)
	}
	w.Add("id"+in+"(SELECT record FROM record_tags WHERE "+g.Joined()+")", g.Arguments()...)
}
