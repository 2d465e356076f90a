package engine

import (
	"database/sql"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// RestoredAt names a meta row that holds a model.Restored: position, time in microseconds and jump, in decimal. Marks of
// earlier versions are a position alone.
const RestoredAt = "store.restored-at"

// Standing is what the database says of its history.
type Standing struct {
	Head            model.Seq
	Mark            string
	Noted, Timeline string // empty where it is not known
	Limits          Limits // of who may use the tables; without the program's name
}

// Names of meta rows: the timeline on which the last commit was made, and the cluster of servers that it belongs to.
const (
	NotedTimeline = "store.timeline"
	NotedSystem   = "store.system"
)

// SelectStanding reads mark, noted timeline, and present one, all as octets, and the limits.
func (d *Dialect) SelectStanding() string {
	return `(SELECT value FROM meta WHERE name = '` + RestoredAt + `'), (SELECT value FROM meta WHERE name = '` + NotedTimeline + `'), ` + d.Timeline + `, ` + selectLimits
}

// Dest scans selectStanding.
func (s *Standing) Dest() []any {
	return []any{ToText(&s.Mark), ToText(&s.Noted), ToText(&s.Timeline), &s.Limits.Readable, &s.Limits.Writable}
}

// Moved says that the server has another timeline than the one that was noted.
func (s *Standing) Moved() bool { return s.Noted != "" && s.Timeline != "" && s.Noted != s.Timeline }

// ToText scans octets or text; null is empty.
func ToText(v *string) sql.Scanner { return textScanner{v} }

type textScanner struct{ v *string }

// Scan implements sql.Scanner.
func (t textScanner) Scan(src any) error {
	switch s := src.(type) {
	case nil:
		*t.v = ""
	case []byte:
		*t.v = string(s)
	case string:
		*t.v = s
	default:
		return fmt.Errorf("%T is no text", src)
	}
	return nil
}

func (t textScanner) scanColumn(r *Rows, col int) error {
	if kind := r.stmt.ColumnType(col); kind == sqlite.TypeInteger || kind == sqlite.TypeFloat {
		return fmt.Errorf("%s is no text", kind)
	}
	*t.v = string(r.look(col))
	return nil
}
