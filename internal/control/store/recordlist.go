package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// contentKey is what an index orders contents by; its size keeps long texts out of the index.
const (
	contentKey  = `lower(substr(content, 1, 64))`
	contentSize = 64
)

// keyOf is contentKey of a folded text.
func keyOf(folded string) string {
	n := 0
	for i := range folded {
		if n == contentSize {
			return folded[:i]
		}
		n++
	}
	return folded
}

var recordFields = map[string]field{
	"id": {"id", idField}, "name": {"name", lowerField}, "type": {"type", typeField}, "content": {"content", contentField},
	"comment": {"comment", textField}, "proxied": {"proxied", boolField},
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
		return fmt.Errorf("list records: %w", errField(q.Order))
	}
	w, scans, err := s.selectRecords(zone, &q)
	if err != nil {
		return fmt.Errorf("list records: %w", err)
	}
	l := &recordLister{c: s.read, zone: zone, q: &q, keys: keys, where: w}
	switch {
	case q.Limit > 0 && q.Limit <= recordPage:
		err = l.once(ctx, scans, yield)
	case scans || !walked[q.Order]:
		err = l.picked(ctx, scans, yield)
	default:
		err = l.walk(ctx, yield)
	}
	if err != nil {
		return fmt.Errorf("list records of zone %s: %w", zone, err)
	}
	return nil
}

// CountRecords counts what the query selects (Offset and Limit ignored).
func (s *Store) CountRecords(ctx context.Context, zone model.ID, q model.RecordQuery) (int, error) {
	w, _, err := s.selectRecords(zone, &q)
	if err != nil {
		return 0, fmt.Errorf("count records: %w", err)
	}
	text := `SELECT count(*) FROM records` + w.text()
	if len(w.and) == 1 { // nothing but the zone
		text, w.args = `SELECT coalesce(max(records), 0) FROM zones WHERE id = ?`, []any{id(zone)}
	}
	var n int
	if err := s.read.one(ctx, []any{&n}, text, w.args...); err != nil {
		return 0, fmt.Errorf("count records of zone %s: %w", zone, err)
	}
	return n, nil
}

// selectRecords writes the query's conditions and says whether what they select is better sorted than found by walking an
// index in order, which looks up every record of the zone.
func (s *Store) selectRecords(zone model.ID, q *model.RecordQuery) (w where, scans bool, err error) {
	w = where{d: s.d, zone: zone, only: onlyType(q)}
	w.add("zone = "+zoneNumber, id(zone))
	if err := w.filters(q.Filters, q.Any, recordFields); err != nil {
		return w, false, err
	}
	w.group(!q.AnyTag, func(g *where) {
		for _, f := range q.Tags {
			g.tag(zone, f)
		}
	})
	if q.Search != "" {
		scans = true
		w.group(false, func(g *where) {
			pattern := "%" + escaped(q.Search) + "%"
			g.add(fmt.Sprintf(s.d.position, "name")+" > 0", lowerASCII(q.Search)) // names are in lower case, and this is the cheaper test
			g.add(notAddresses(q.Search)+g.like("content"), pattern)
			g.add("(comment <> '' AND "+g.like("comment")+")", pattern)
			g.add("(tags <> '' AND "+g.like("tags")+")", pattern)
		})
	}
	for _, f := range q.Filters {
		scans = scans || f.Op != model.OpExact || f.Field == "content" || f.Field == "id"
	}
	return w, scans, nil
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
	switch low := lowerASCII(search); {
	case strings.Trim(low, "0123456789abcdef:.") != "":
		return "type NOT IN ('A', 'AAAA') AND "
	case strings.Trim(low, "0123456789.") != "":
		return "type <> 'A' AND "
	}
	return ""
}

// tag adds a condition on the tags of a record.
func (w *where) tag(zone model.ID, f model.TagFilter) {
	g := where{d: w.d}
	g.add("zone = "+zoneNumber, id(zone))
	g.add("name = ?", lowerASCII(f.Name))
	in := " IN "
	switch f.Op {
	case model.OpPresent:
	case model.OpAbsent:
		in = " NOT IN "
	default:
		g.compare(field{"value", lowerField}, f.Op, f.Value)
	}
	w.add("id"+in+"(SELECT record FROM record_tags WHERE "+g.joined()+")", g.args...)
}
