package store

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// idSize is how many octets an identifier takes in the tables.
const idSize = 16

// noID matches no row and is refused by the tables: it stands for text that is no identifier.
var noID = []byte{0}

// id writes an identifier as its 16 octets; the empty one as no octet.
func id(v model.ID) []byte {
	if v == "" {
		return []byte{}
	}
	b, err := hex.DecodeString(string(v))
	if err != nil || len(b) != idSize {
		return noID
	}
	return b
}

func ids(list []model.ID) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = id(v)
	}
	return out
}

// toID scans an identifier.
type toID struct{ v *model.ID }

// Scan implements sql.Scanner.
func (t toID) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok && src != nil {
		return fmt.Errorf("%T is no identifier", src)
	}
	// Rows of one account, or of one zone, follow one another: the same identifier stays the same text.
	var text [2 * idSize]byte
	if len(b) != idSize {
		*t.v = model.ID(hex.EncodeToString(b))
		return nil
	}
	if hex.Encode(text[:], b); string(text[:]) != string(*t.v) {
		*t.v = model.ID(text[:])
	}
	return nil
}

// micros writes a time, the zero time as 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// toTime scans a time.
type toTime struct{ v *time.Time }

// Scan implements sql.Scanner.
func (t toTime) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("%T is no time", src)
	}
	*t.v = fromMicros(n)
	return nil
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// toName scans a domain name, which stands in the tables in host form.
type toName struct{ v *wire.Name }

// Scan implements sql.Scanner.
func (t toName) Scan(src any) (err error) {
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

// doc writes what no statement looks into.
func doc(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode row: %w", err)
	}
	return string(b), nil
}

// toDoc scans it back.
type toDoc struct{ v any }

// Scan implements sql.Scanner.
func (t toDoc) Scan(src any) error {
	switch s := src.(type) {
	case string:
		return json.Unmarshal([]byte(s), t.v)
	case []byte:
		return json.Unmarshal(s, t.v)
	}
	return fmt.Errorf("%T is no row", src)
}

// octets keeps nil out of columns that are never null.
func octets(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// orNil reads empty octets as none.
func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
