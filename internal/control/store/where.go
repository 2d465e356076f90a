package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// where collects conditions with their parameters.
type where struct {
	d    *dialect
	zone model.ID  // whose records are selected
	only wire.Type // of the records selected, as far as that is known; 0 is any
	any  bool      // joined by OR
	and  []string
	args []any
}

func (w *where) add(cond string, args ...any) {
	w.and = append(w.and, cond)
	w.args = append(w.args, args...)
}

// text is the WHERE clause, or nothing.
func (w *where) text() string {
	if len(w.and) == 0 {
		return ""
	}
	return " WHERE " + w.joined()
}

func (w *where) joined() string {
	if w.any {
		return strings.Join(w.and, " OR ")
	}
	return strings.Join(w.and, " AND ")
}

// group adds conditions in brackets. An empty group of alternatives is true, unless it was asked for none.
func (w *where) group(all bool, f func(*where)) {
	g := where{d: w.d, zone: w.zone, only: w.only, any: !all}
	f(&g)
	if len(g.and) > 0 {
		w.add("("+g.joined()+")", g.args...)
	}
}

// anyOf asks for one of the identifiers; of none, for nothing.
func (w *where) anyOf(column string, list []model.ID) {
	if len(list) == 0 {
		w.add("1 = 0")
		return
	}
	w.add(column+" IN ("+placeholders(len(list))+")", ids(list)...)
}

// contains, without case.
func (w *where) contains(expr, text string) {
	w.add(w.like(expr), "%"+escaped(text)+"%")
}

func (w *where) like(expr string) string { return w.d.folded(expr) + " LIKE ? ESCAPE '!'" }

func escaped(text string) string { return likeEscaper.Replace(lowerASCII(text)) }

// field is a column that filters may name.
type field struct {
	expr string
	// kind tells how the value is written and compared.
	kind fieldKind
}

type fieldKind uint8

const (
	textField    fieldKind = iota
	lowerField             // text that is lower-case already
	typeField              // the mnemonic of a type
	contentField           // records' contents, which are found by several spellings
	idField
	boolField
)

var zoneFields = map[string]field{
	"id": {"z.id", idField}, "name": {"z.name", lowerField}, "status": {"z.status", textField},
	"account.id": {"z.account", idField}, "account.name": {"a.name", textField},
}

func errField(name string) error { return fmt.Errorf("no field %q", name) }

// filters adds the conditions of a list query.
func (w *where) filters(list []model.Filter, either bool, fields map[string]field) (err error) {
	w.group(!either, func(g *where) {
		for _, f := range list {
			known, ok := fields[f.Field]
			if !ok {
				err = errField(f.Field)
				return
			}
			if known.kind == contentField {
				g.content(&f)
				continue
			}
			g.filter(known, f.Op, f.Value)
		}
	})
	return err
}

// filter adds one condition.
func (w *where) filter(f field, op model.Op, value string) {
	switch f.kind {
	case idField:
		w.equal(f.expr, id(model.ID(value)), op)
	case boolField:
		w.equal(f.expr, flag(value == "true"), op)
	case typeField:
		w.equal(f.expr, typeFilter(value), op)
	default:
		w.compare(f, op, value)
	}
}

func (w *where) equal(expr string, value any, op model.Op) {
	switch op {
	case model.OpNotEqual, model.OpNotEqualCase:
		w.add(expr+" <> ?", value)
	case model.OpPresent:
		w.add("1 = 1")
	case model.OpAbsent:
		w.add("1 = 0")
	default:
		w.add(expr+" = ?", value)
	}
}

// compare adds a condition on text.
func (w *where) compare(f field, op model.Op, value string) {
	folded, low := "lower("+f.expr+")", lowerASCII(value)
	if f.kind == lowerField {
		folded = f.expr
	}
	switch op {
	case model.OpExact:
		w.add(folded+" = ?", low)
	case model.OpNotEqual:
		w.add(folded+" <> ?", low)
	case model.OpContains:
		w.contains(f.expr, value)
	case model.OpStartsWith:
		w.add(w.like(f.expr), escaped(value)+"%")
	case model.OpEndsWith:
		w.add(w.like(f.expr), "%"+escaped(value))
	case model.OpPresent:
		w.add(f.expr + " <> ''")
	case model.OpAbsent:
		w.add(f.expr + " = ''")
	default:
		w.compareCase(f.expr, op, value)
	}
}

// compareCase adds a condition on text that minds its case.
func (w *where) compareCase(expr string, op model.Op, value string) {
	value = wellFormed(value)
	length := strconv.Itoa(len([]rune(value)))
	switch op {
	case model.OpExactCase:
		w.add(expr+" = ?", value)
	case model.OpNotEqualCase:
		w.add(expr+" <> ?", value)
	case model.OpContainsCase:
		w.add(fmt.Sprintf(w.d.position, expr)+" > 0", value)
	case model.OpStartsWithCase:
		w.add("substr("+expr+", 1, "+length+") = ?", value)
	case model.OpEndsWithCase:
		w.add("length("+expr+") >= "+length+" AND substr("+expr+", length("+expr+") - "+length+" + 1) = ?", value)
	default:
		w.add("1 = 0")
	}
}

// ordered writes sort keys, all in one direction.
func ordered(desc bool, keys ...string) string {
	dir := ""
	if desc {
		dir = " DESC"
	}
	return strings.Join(keys, dir+", ") + dir
}

// paged adds LIMIT and OFFSET; a limit of 0 is none.
func paged(text string, args []any, offset, limit int) (string, []any) {
	args = slices.Clip(args)
	if limit > 0 || offset > 0 {
		if limit <= 0 {
			limit = 1 << 62
		}
		text, args = text+" LIMIT ?", append(args, int64(limit))
	}
	if offset > 0 {
		text, args = text+" OFFSET ?", append(args, int64(offset))
	}
	return text, args
}
