package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Where collects conditions with their parameters.
type Where struct {
	Dialect *Dialect
	any     bool // joined by OR
	and     []string
	args    []any
}

// Add adds a condition with its parameters.
func (w *Where) Add(cond string, args ...any) {
	w.and = append(w.and, cond)
	w.args = append(w.args, args...)
}

// NewWhere collects conditions that are joined by AND.
func NewWhere(d *Dialect) Where { return Where{Dialect: d} }

// Conditions is how many there are.
func (w *Where) Conditions() int { return len(w.and) }

// Arguments are the parameters' values.
func (w *Where) Arguments() []any { return w.args }

// Clone is a copy to which conditions can be added apart.
func (w *Where) Clone() Where {
	out := *w
	out.and, out.args = slices.Clone(w.and), slices.Clone(w.args)
	return out
}

// Text is the WHERE clause, or nothing.
func (w *Where) Text() string {
	if len(w.and) == 0 {
		return ""
	}
	return " WHERE " + w.Joined()
}

// Joined is all conditions.
func (w *Where) Joined() string {
	if w.any {
		return strings.Join(w.and, " OR ")
	}
	return strings.Join(w.and, " AND ")
}

// Group adds conditions in brackets. An empty group of alternatives is true, unless it was asked for none.
func (w *Where) Group(all bool, f func(*Where)) {
	g := Where{Dialect: w.Dialect, any: !all}
	f(&g)
	if len(g.and) > 0 {
		w.Add("("+g.Joined()+")", g.args...)
	}
}

// AnyOf asks for one of the identifiers; of none, for nothing.
func (w *Where) AnyOf(column string, list []model.ID) {
	if len(list) == 0 {
		w.Add("1 = 0")
		return
	}
	w.Add(column+" IN ("+Placeholders(len(list))+")", IDs(list)...)
}

// Contains adds that a text contains another, without case.
func (w *Where) Contains(expr, text string) {
	w.Add(w.Like(expr), "%"+Escaped(text)+"%")
}

// Like is a condition with a pattern, made of an Escaped text, for its parameter.
func (w *Where) Like(expr string) string { return w.Dialect.folded(expr) + " LIKE ? ESCAPE '!'" }

// Escaped makes a text literal inside a pattern.
func Escaped(text string) string { return likeEscaper.Replace(LowerASCII(text)) }

// Field is a column that filters may name.
type Field struct {
	expr string
	// kind tells how the value is written and compared.
	kind fieldKind
	// by adds the condition of a field that is compared in a way of its own; nil otherwise.
	by func(w *Where, f *model.Filter)
}

// Column is a field that is compared by its kind.
func Column(expr string, kind fieldKind) Field { return Field{expr: expr, kind: kind} }

// Special is a field that is compared in a way of its own.
func Special(by func(w *Where, f *model.Filter)) Field { return Field{by: by} }

type fieldKind uint8

// What fields hold.
const (
	TextField  fieldKind = iota // any text
	LowerField                  // text that is lower-case already
	IDField
	BoolField
)

// ErrField is a field that there is not.
func ErrField(name string) error { return fmt.Errorf("no field %q", name) }

// Filters adds the conditions of a list query.
func (w *Where) Filters(list []model.Filter, either bool, fields map[string]Field) (err error) {
	w.Group(!either, func(g *Where) {
		for _, f := range list {
			known, ok := fields[f.Field]
			if !ok {
				err = ErrField(f.Field)
				return
			}
			g.Filter(known, &f)
		}
	})
	return err
}

// Filter adds one condition.
func (w *Where) Filter(f Field, by *model.Filter) {
	op, value := by.Op, by.Value
	if f.by != nil {
		f.by(w, by)
		return
	}
	switch f.kind {
	case IDField:
		w.Equal(f.expr, ID(model.ID(value)), op)
	case BoolField:
		w.Equal(f.expr, Flag(value == "true"), op)
	default:
		w.Compare(f, op, value)
	}
}

// Equal adds a condition on a value that is not looked into.
func (w *Where) Equal(expr string, value any, op model.Op) {
	switch op {
	case model.OpNotEqual, model.OpNotEqualCase:
		w.Add(expr+" <> ?", value)
	case model.OpPresent:
		w.Add("1 = 1")
	case model.OpAbsent:
		w.Add("1 = 0")
	default:
		w.Add(expr+" = ?", value)
	}
}

// Compare adds a condition on text.
func (w *Where) Compare(f Field, op model.Op, value string) {
	folded, low := "lower("+f.expr+")", LowerASCII(value)
	if f.kind == LowerField {
		folded = f.expr
	}
	switch op {
	case model.OpExact:
		w.Add(folded+" = ?", low)
	case model.OpNotEqual:
		w.Add(folded+" <> ?", low)
	case model.OpContains:
		w.Contains(f.expr, value)
	case model.OpStartsWith:
		w.Add(w.Like(f.expr), Escaped(value)+"%")
	case model.OpEndsWith:
		w.Add(w.Like(f.expr), "%"+Escaped(value))
	case model.OpPresent:
		w.Add(f.expr + " <> ''")
	case model.OpAbsent:
		w.Add(f.expr + " = ''")
	default:
		w.compareCase(f.expr, op, value)
	}
}

// compareCase adds a condition on text that minds its case.
func (w *Where) compareCase(expr string, op model.Op, value string) {
	value = WellFormed(value)
	length := strconv.Itoa(len([]rune(value)))
	switch op {
	case model.OpExactCase:
		w.Add(expr+" = ?", value)
	case model.OpNotEqualCase:
		w.Add(expr+" <> ?", value)
	case model.OpContainsCase:
		w.Add(fmt.Sprintf(w.Dialect.Position, expr)+" > 0", value)
	case model.OpStartsWithCase:
		w.Add("substr("+expr+", 1, "+length+") = ?", value)
	case model.OpEndsWithCase:
		w.Add("length("+expr+") >= "+length+" AND substr("+expr+", length("+expr+") - "+length+" + 1) = ?", value)
	default:
		w.Add("1 = 0")
	}
}

// Ordered writes sort keys, all in one direction.
func Ordered(desc bool, keys ...string) string {
	dir := ""
	if desc {
		dir = " DESC"
	}
	return strings.Join(keys, dir+", ") + dir
}

// Paged adds LIMIT and OFFSET; a limit of 0 is none.
func Paged(text string, args []any, offset, limit int) (string, []any) {
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
