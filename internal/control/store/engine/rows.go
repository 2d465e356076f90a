package engine

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"zombiezen.com/go/sqlite"
)

// Row is what a row is scanned from.
type Row interface{ Scan(dest ...any) error }

// Rows is what scan functions are called with, once for each row.
type Rows struct {
	by   Row          // another driver's; nil on SQLite
	stmt *sqlite.Stmt // which stands on the row
	buf  []byte       // a value that somebody looks into
}

// RawBytes are octets that stay until the next row.
type RawBytes = sql.RawBytes

// NullInt64 is a number or nothing.
type NullInt64 = sql.NullInt64

// NullText is a text or nothing.
type NullText = sql.Null[string]

// Discard scans nothing.
func Discard(*Rows) error { return nil }

// errNull is NULL where there must be a value.
var errNull = errors.New("NULL is no value")

// columnScanner scans a column of SQLite's without a value in between.
type columnScanner interface {
	scanColumn(r *Rows, col int) error
}

// Scan puts the row's columns where they belong, by the rules of database/sql: numbers, texts, octets, yes or no, any of these,
// and whatever implements sql.Scanner.
func (r *Rows) Scan(dest ...any) error {
	if r.by != nil {
		return r.by.Scan(dest...)
	}
	if n := r.stmt.ColumnCount(); n != len(dest) {
		return fmt.Errorf("%d columns for %d places", n, len(dest))
	}
	for i, d := range dest {
		if err := r.column(i, d); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func (r *Rows) column(i int, dest any) (err error) {
	switch d := dest.(type) {
	case *int64:
		*d, err = r.number(i)
	case *string:
		*d, err = r.text(i)
	case *[]byte:
		*d = r.octets(i)
	case *RawBytes:
		*d = r.raw(i, *d)
	case *bool:
		*d, err = r.flag(i)
	case *NullInt64:
		if d.Int64, d.Valid = 0, !r.stmt.ColumnIsNull(i); d.Valid {
			d.Int64, err = r.number(i)
		}
	case columnScanner:
		err = d.scanColumn(r, i)
	case *any:
		*d = r.value(i)
	case sql.Scanner:
		err = d.Scan(r.value(i))
	default:
		err = r.other(i, reflect.ValueOf(dest).Elem())
	}
	return err
}

func (r *Rows) number(i int) (int64, error) {
	switch t := r.stmt.ColumnType(i); t {
	case sqlite.TypeInteger:
		return r.stmt.ColumnInt64(i), nil
	case sqlite.TypeNull:
		return 0, errNull
	default:
		return 0, fmt.Errorf("%s is no number", t)
	}
}

func (r *Rows) text(i int) (string, error) {
	if r.stmt.ColumnIsNull(i) {
		return "", errNull
	}
	return r.stmt.ColumnText(i), nil
}

func (r *Rows) flag(i int) (bool, error) {
	n, err := r.number(i)
	if err == nil && n>>1 != 0 {
		err = fmt.Errorf("%d is neither yes nor no", n)
	}
	return n == 1, err
}

// octets are a copy of a value; nil for NULL alone.
func (r *Rows) octets(i int) []byte {
	if r.stmt.ColumnIsNull(i) {
		return nil
	}
	b := make([]byte, r.stmt.ColumnLen(i))
	r.stmt.ColumnBytes(i, b)
	return b
}

// raw is octets in the room of those of another row.
func (r *Rows) raw(i int, room []byte) []byte {
	if r.stmt.ColumnIsNull(i) {
		return nil
	}
	n := r.stmt.ColumnLen(i)
	if room == nil || cap(room) < n {
		room = make([]byte, n, max(n, 64))
	}
	room = room[:n]
	r.stmt.ColumnBytes(i, room)
	return room
}

// look is octets that stay until the next value is looked into.
func (r *Rows) look(i int) []byte {
	b := r.raw(i, r.buf)
	if b != nil {
		r.buf = b
	}
	return b
}

func (r *Rows) value(i int) any {
	switch r.stmt.ColumnType(i) {
	case sqlite.TypeInteger:
		return r.stmt.ColumnInt64(i)
	case sqlite.TypeFloat:
		return r.stmt.ColumnFloat(i)
	case sqlite.TypeText:
		return r.stmt.ColumnText(i)
	case sqlite.TypeBlob:
		return r.octets(i)
	default:
		return nil
	}
}

// other fills numbers and texts of types with names of their own.
func (r *Rows) other(i int, v reflect.Value) error {
	if v.Kind() == reflect.String {
		s, err := r.text(i)
		v.SetString(s)
		return err
	}
	n, err := r.number(i)
	switch {
	case err != nil:
		return err
	case v.CanInt() && !v.OverflowInt(n):
		v.SetInt(n)
	case v.CanUint() && n >= 0 && !v.OverflowUint(uint64(n)):
		v.SetUint(uint64(n))
	default:
		return fmt.Errorf("%d is no %s", n, v.Type())
	}
	return nil
}
