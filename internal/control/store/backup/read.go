package backup

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Contents are what a backup holds.
type Contents struct {
	Summary
	// Last is when the last change in it was made; zero where its journal is empty.
	Last  time.Time
	Zones []Zone // in the order in which they were made, without catalogs
	check []byte // which the right secret key opens
}

// Zone is a zone in a backup.
type Zone struct {
	ID, Account string // identifiers
	Name        string // without a dot at its end
	AccountName string
	Serial      uint32
	Records     int64
}

// Read goes through a whole backup without any database: one that is damaged, cut short or of another form is ErrBackup. That its rows
// make sense only a restore tells. progress may be nil.
func Read(r io.Reader, progress Progress) (*Contents, error) {
	in := &reader{stream: newStream(r, progress), accounts: map[string]string{}, byNumber: map[int64]int{}}
	err := in.begin()
	if err == nil {
		err = in.each(in.take)
	}
	if err == nil && len(in.out.check) == 0 {
		err = ErrBackup
	}
	if err != nil {
		return nil, fmt.Errorf("read backup: %w", err)
	}
	for i := range in.out.Zones {
		in.out.Zones[i].AccountName = in.accounts[in.out.Zones[i].Account]
	}
	return &in.out, nil
}

// Opens says whether a secret key, or one of several, is the one that the backup was made under; ErrSecretKey if not.
func (c *Contents) Opens(key [32]byte, older ...[32]byte) error {
	s, err := engine.NewSealer(key, older...)
	if err != nil {
		return err
	}
	if _, err := s.Open(engine.KeyCheck, c.check); err != nil {
		return engine.ErrSecretKey
	}
	return nil
}

// reader notes what a stream has.
type reader struct {
	*stream
	out      Contents
	accounts map[string]string // names by id
	byNumber map[int64]int     // places of zones in out
}

// take looks at rows of a table. Columns have the places that backupTables gives them.
func (r *reader) take(t *backupTable, values []any) error {
	for ; len(values) > 0; values = values[len(r.columns):] {
		if err := r.row(t.name, row{values: values[:len(r.columns)]}); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	return nil
}

func (r *reader) row(table string, v row) error {
	switch table {
	case "meta":
		if v.text(0) == engine.KeyCheck {
			r.out.check = v.octets(1)
		}
	case "counters":
		if v.text(0) == "seq" {
			r.out.Seq = model.Seq(v.number(1))
		}
	case "accounts":
		r.accounts[v.id(0)] = v.text(1)
	case "zones":
		r.out.Summary.Zones++
		if v.text(4) == model.StatusCatalog { // the server makes it by itself
			break
		}
		r.byNumber[v.number(0)] = len(r.out.Zones)
		r.out.Zones = append(r.out.Zones, Zone{ID: v.id(1), Account: v.id(2), Name: v.text(3), Serial: uint32(v.number(5))})
	case "records":
		r.out.Records++
		if i, ok := r.byNumber[v.number(0)]; ok {
			r.out.Zones[i].Records++
		}
	case "journal":
		if at := v.number(5); at > 0 {
			r.out.Last = time.UnixMicro(at)
		}
	}
	return v.err
}

// row is one row of a table; what is not there, or of another type, is an error that stays.
type row struct {
	values []any
	err    error
}

var errRow = errors.New("a row is not of the form of its table")

func column[T any](r *row, i int) (v T) {
	if i < len(r.values) {
		var ok bool
		if v, ok = r.values[i].(T); ok {
			return v
		}
	}
	r.err = errors.Join(errRow, ErrBackup)
	return v
}

func (r *row) text(i int) string   { return column[string](r, i) }
func (r *row) number(i int) int64  { return column[int64](r, i) }
func (r *row) octets(i int) []byte { return column[[]byte](r, i) }
func (r *row) id(i int) string     { return hex.EncodeToString(r.octets(i)) }
