package engine

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Binds takes the parameters of a statement in their order. On SQLite each goes straight to the prepared statement, and none is
// boxed; for PostgreSQL they are gathered.
type Binds struct {
	stmt   *sqlite.Stmt // nil: gathered
	n      int          // parameters so far
	octets int          // of texts and octets
	err    error        // of a value that is none of SQL's
	list   []any
}

// Int is a number.
func (b *Binds) Int(v int64) {
	if b.stmt == nil {
		b.list = append(b.list, v)
		return
	}
	b.n++
	b.stmt.BindInt64(b.n, v)
}

// Flag is yes or no.
func (b *Binds) Flag(v bool) { b.Int(Flag(v)) }

// Time is a time, the zero time 0.
func (b *Binds) Time(t time.Time) { b.Int(Micros(t)) }

// Text is a text.
func (b *Binds) Text(v string) {
	if b.stmt == nil {
		b.list = append(b.list, v)
		return
	}
	b.n++
	b.octets += len(v)
	b.stmt.BindText(b.n, v)
}

// Octets are octets; nil is none of them, and not NULL.
func (b *Binds) Octets(v []byte) {
	if b.stmt == nil {
		b.list = append(b.list, Octets(v))
		return
	}
	b.put(v)
}

// put is Octets on SQLite, which keeps nothing of v.
func (b *Binds) put(v []byte) {
	b.n++
	b.octets += len(v)
	b.stmt.BindBytes(b.n, v)
}

// Null is no value.
func (b *Binds) Null() {
	if b.stmt == nil {
		b.list = append(b.list, nil)
		return
	}
	b.n++
	b.stmt.BindNull(b.n)
}

// ID is an identifier, in the form of the function ID.
func (b *Binds) ID(v model.ID) {
	if b.stmt == nil {
		b.list = append(b.list, ID(v))
		return
	}
	var octets [IDSize]byte
	switch {
	case v == "":
		b.put(nil)
	case len(v) != 2*IDSize:
		b.put(noID)
	default:
		if _, err := hex.Decode(octets[:], []byte(v)); err != nil {
			b.put(noID)
			return
		}
		b.put(octets[:])
	}
}

// Any is a value of any of SQL's types; nil, and octets that are nil, are NULL.
func (b *Binds) Any(v any) {
	if b.stmt == nil {
		b.list = append(b.list, v)
		return
	}
	switch v := v.(type) {
	case nil:
		b.Null()
	case int64:
		b.Int(v)
	case string:
		b.Text(v)
	case []byte:
		if v == nil {
			b.Null()
			return
		}
		b.Octets(v)
	case bool:
		b.Flag(v)
	default:
		b.other(reflect.ValueOf(v))
	}
}

// other takes numbers and texts of types with names of their own.
func (b *Binds) other(v reflect.Value) {
	switch {
	case v.CanInt():
		b.Int(v.Int())
	case v.CanUint() && v.Uint() <= 1<<63-1:
		b.Int(int64(v.Uint()))
	case v.Kind() == reflect.String:
		b.Text(v.String())
	default:
		b.n++
		b.err = fmt.Errorf("parameter %d: %s is no value of SQL's", b.n, v.Type())
	}
}
