package engine

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// IDSize is how many octets an identifier takes in the tables.
const IDSize = 16

// noID matches no row and is refused by the tables: it stands for text that is no identifier.
var noID = []byte{0}

// ID writes an identifier as its 16 octets; the empty one as no octet.
func ID(v model.ID) []byte {
	if v == "" {
		return []byte{}
	}
	b, err := hex.DecodeString(string(v))
	if err != nil || len(b) != IDSize {
		return noID
	}
	return b
}

// IDs writes identifiers.
func IDs(list []model.ID) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = ID(v)
	}
	return out
}

// ToID scans an identifier.
func ToID(v *model.ID) sql.Scanner { return idScanner{v} }

type idScanner struct{ v *model.ID }

// Scan implements sql.Scanner.
func (t idScanner) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok && src != nil {
		return fmt.Errorf("%T is no identifier", src)
	}
	t.take(b)
	return nil
}

func (t idScanner) scanColumn(r *Rows, col int) error {
	kind := r.stmt.ColumnType(col)
	if kind != sqlite.TypeBlob && kind != sqlite.TypeNull {
		return fmt.Errorf("%s is no identifier", kind)
	}
	t.take(r.look(col))
	return nil
}

func (t idScanner) take(b []byte) {
	// Rows of one account, or of one zone, follow one another: the same identifier stays the same text.
	var text [2 * IDSize]byte
	if len(b) != IDSize {
		*t.v = model.ID(hex.EncodeToString(b))
		return
	}
	if hex.Encode(text[:], b); string(text[:]) != string(*t.v) {
		*t.v = model.ID(text[:])
	}
}

// Micros writes a time, the zero time as 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// ToTime scans a time.
func ToTime(v *time.Time) sql.Scanner { return timeScanner{v} }

type timeScanner struct{ v *time.Time }

// Scan implements sql.Scanner.
func (t timeScanner) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("%T is no time", src)
	}
	*t.v = FromMicros(n)
	return nil
}

func (t timeScanner) scanColumn(r *Rows, col int) error {
	n, err := r.number(col)
	*t.v = FromMicros(n)
	return err
}

// FromMicros reads a time.
func FromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// ToName scans a domain name, which stands in the tables in host form.
func ToName(v *wire.Name) sql.Scanner { return nameScanner{v} }

type nameScanner struct{ v *wire.Name }

// Scan implements sql.Scanner.
func (t nameScanner) Scan(src any) (err error) {
	switch s := src.(type) {
	case string:
		*t.v, err = wire.ParseName(s)
	case []byte:
		*t.v, err = wire.ParseName(string(s))
	default:
		err = fmt.Errorf("%T is no name", src)
	}
	return err
}

func (t nameScanner) scanColumn(r *Rows, col int) error {
	s, err := r.text(col)
	if err == nil {
		*t.v, err = wire.ParseName(s)
	}
	return err
}

// Doc writes what no statement looks into.
func Doc(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode row: %w", err)
	}
	return string(b), nil
}

// ToDoc scans it back.
func ToDoc(v any) sql.Scanner { return docScanner{v} }

type docScanner struct{ v any }

// Scan implements sql.Scanner.
func (t docScanner) Scan(src any) error {
	switch s := src.(type) {
	case string:
		return json.Unmarshal([]byte(s), t.v)
	case []byte:
		return json.Unmarshal(s, t.v)
	}
	return fmt.Errorf("%T is no row", src)
}

func (t docScanner) scanColumn(r *Rows, col int) error { return json.Unmarshal(r.look(col), t.v) }

// Octets keeps nil out of columns that are never null.
func Octets(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// OrNil reads empty octets as none.
func OrNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// Flag writes yes or no.
func Flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
