// Package testkit is what tests beside the code share: the difference of two values, and goroutines that nobody has stopped.
// It knows the standard library alone, so that tests bring no dependency into the program's module.
package testkit

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Option makes Diff less strict.
type Option int

const (
	// EmptyIsNil takes slices and maps without elements for the same, nil or not.
	EmptyIsNil Option = iota
	// ExportedOnly leaves fields that are not exported out of the comparison.
	ExportedOnly
)

// most is how many lines Diff gives: who reads them wants to know where to look.
const most = 60

// Diff says where got is not what is wanted, one line for each place; "" means that both are alike. Values are compared deeply,
// with fields that are not exported, but for those with a method Equal of their own type (times, addresses), which decides. Octets
// count by what they are, nil or not. Of texts with more than one line, and of slices, the elements that differ are shown.
func Diff(want, got any, options ...Option) string {
	d := differ{empty: slices.Contains(options, EmptyIsNil), exported: slices.Contains(options, ExportedOnly)}
	d.compare("", reflect.ValueOf(want), reflect.ValueOf(got))
	if n := len(d.lines); n > most {
		d.lines = append(d.lines[:most], fmt.Sprintf("... and %d more", n-most))
	}
	return strings.Join(d.lines, "\n")
}

type differ struct {
	lines           []string
	empty, exported bool
	under           []pair // what is being compared, against cycles
}

type pair struct {
	want, got uintptr
	t         reflect.Type
}

// same says whether two values are alike, without telling where they are not.
func (d *differ) same(want, got reflect.Value) bool {
	quiet := differ{empty: d.empty, exported: d.exported, under: slices.Clip(d.under)}
	quiet.compare("", want, got)
	return len(quiet.lines) == 0
}

func (d *differ) tell(at string, want, got reflect.Value) {
	d.lines = append(d.lines, fmt.Sprintf("%s: want %s, got %s", name(at), show(want), show(got)))
}

func name(at string) string {
	if at == "" || at[0] == ' ' {
		return "value" + at
	}
	return strings.TrimPrefix(at, ".")
}

func (d *differ) compare(at string, want, got reflect.Value) {
	if !want.IsValid() || !got.IsValid() {
		if want.IsValid() != got.IsValid() {
			d.tell(at, want, got)
		}
		return
	}
	if want.Type() != got.Type() {
		d.lines = append(d.lines, fmt.Sprintf("%s: want %s %s, got %s %s", name(at), want.Type(), show(want), got.Type(), show(got)))
		return
	}
	if alike, decides := equal(want, got); decides {
		if !alike {
			d.tell(at, want, got)
		}
		return
	}
	switch want.Kind() {
	case reflect.Pointer:
		d.pointers(at, want, got)
	case reflect.Interface:
		d.compare(at, want.Elem(), got.Elem())
	case reflect.Struct:
		for i := range want.NumField() {
			if f := want.Type().Field(i); f.IsExported() || !d.exported {
				d.compare(at+"."+f.Name, want.Field(i), got.Field(i))
			}
		}
	case reflect.Map:
		d.maps(at, want, got)
	case reflect.Slice:
		if !d.nils(at, want, got) {
			d.lists(at, want, got)
		}
	case reflect.Array:
		d.lists(at, want, got)
	case reflect.String:
		d.texts(at, want, got)
	case reflect.Func:
		if want.IsNil() != got.IsNil() || !want.IsNil() {
			d.tell(at, want, got) // as reflect.DeepEqual has it
		}
	default:
		if !want.Equal(got) {
			d.tell(at, want, got)
		}
	}
}

// equal asks the values themselves: a method Equal, and the octets of a slice of bytes.
func equal(want, got reflect.Value) (alike, decides bool) {
	t := want.Type()
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
		return bytes.Equal(want.Bytes(), got.Bytes()), true
	}
	nilable := slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice}, t.Kind())
	m, ok := t.MethodByName("Equal")
	if !ok || nilable || !want.CanInterface() || m.Type.NumIn() != 2 || m.Type.In(1) != t || m.Type.NumOut() != 1 || m.Type.Out(0).Kind() != reflect.Bool {
		return false, false
	}
	return m.Func.Call([]reflect.Value{want, got})[0].Bool(), true
}

// nils compares whether there is something at all, and says whether nothing is left to compare.
func (d *differ) nils(at string, want, got reflect.Value) bool {
	if d.empty && want.Kind() != reflect.Pointer && want.Len() == 0 && got.Len() == 0 {
		return true
	}
	if want.IsNil() == got.IsNil() {
		return want.IsNil()
	}
	if d.empty && want.Kind() != reflect.Pointer {
		return false
	}
	d.tell(at, want, got)
	return true
}

func (d *differ) pointers(at string, want, got reflect.Value) {
	p := pair{want.Pointer(), got.Pointer(), want.Type()}
	if d.nils(at, want, got) || p.want == p.got || slices.Contains(d.under, p) {
		return
	}
	d.under = append(d.under, p)
	d.compare(at, want.Elem(), got.Elem())
	d.under = d.under[:len(d.under)-1]
}

func (d *differ) maps(at string, want, got reflect.Value) {
	if d.nils(at, want, got) {
		return
	}
	keys := want.MapKeys()
	for _, k := range got.MapKeys() {
		if !want.MapIndex(k).IsValid() {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(show(a), show(b)) })
	for _, k := range keys {
		d.compare(at+"["+show(k)+"]", want.MapIndex(k), got.MapIndex(k))
	}
}

// lists compares element by element where both have as many; else it shows what stands between a common head and a common tail.
func (d *differ) lists(at string, want, got reflect.Value) {
	n, m := want.Len(), got.Len()
	if n == m {
		for i := range n {
			d.compare(fmt.Sprintf("%s[%d]", at, i), want.Index(i), got.Index(i))
		}
		return
	}
	head := 0
	for head < min(n, m) && d.same(want.Index(head), got.Index(head)) {
		head++
	}
	tail := 0
	for tail < min(n, m)-head && d.same(want.Index(n-1-tail), got.Index(m-1-tail)) {
		tail++
	}
	d.lines = append(d.lines, fmt.Sprintf("%s: want %d elements, got %d; from [%d] on", name(at), n, m, head))
	for i := head; i < n-tail; i++ {
		d.lines = append(d.lines, "  - "+show(want.Index(i)))
	}
	for i := head; i < m-tail; i++ {
		d.lines = append(d.lines, "  + "+show(got.Index(i)))
	}
}

func (d *differ) texts(at string, want, got reflect.Value) {
	a, b := want.String(), got.String()
	if a == b {
		return
	}
	if !strings.Contains(a, "\n") && !strings.Contains(b, "\n") {
		d.tell(at, want, got)
		return
	}
	d.lists(at+" in lines", reflect.ValueOf(strings.Split(a, "\n")), reflect.ValueOf(strings.Split(b, "\n")))
}

// show writes a value on one line, and what it points to instead of where.
func show(v reflect.Value) string {
	if !v.IsValid() {
		return "nothing"
	}
	for (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && !v.IsNil() {
		v = v.Elem()
	}
	text := fmt.Sprintf("%+v", v)
	if v.Kind() == reflect.String {
		text = fmt.Sprintf("%q", v.String())
	}
	if len(text) > 400 {
		text = text[:400] + "..."
	}
	return text
}
