package backup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
	"github.com/headwaterdns/headwater/internal/control/store/zones"
)

// Store is all tables, into a stream and back.
type Store struct {
	db      *engine.DB
	journal *journal.Store
}

// New gives the backups of a database.
func New(db *engine.DB, log *journal.Store) *Store { return &Store{db, log} }

// ErrBackup is a backup that is damaged, cut short, or of a form that this program does not know.
var ErrBackup = errors.New("not a whole backup")

// Progress is told, now and then, how many rows of how many are done.
type Progress func(done, total int64)

// The stream's frame (docs/formats/backup.md).
const (
	backupMagic   = "headwater backup 1\n"
	blockStart    = 'S' // number of rows in all
	blockTable    = 'T' // name and columns of the table whose rows follow
	blockRows     = 'R'
	blockEnd      = 'E' // SHA-256 of everything before
	blockGoal     = 256 << 10
	blockMost     = 1 << 30
	valueNull     = 0
	valueInt      = 1
	valueText     = 2
	valueOctets   = 3
	progressEvery = 10000
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// backupTable is a table as it stands in backups: all its columns, those of the key first.
type backupTable struct {
	name    string
	keys    int
	columns []string
	owner   string // an expression for the number of the zone that a row is of; empty where that is not told by a number
	// optional says that a backup may be without it: older ones are.
	optional bool
	gone     bool                  // see former
	renew    func(row []any) error // brings a row of an older backup to what migrations have made of its like; may be nil
}

func table(name string, keys int, columns string) backupTable {
	return backupTable{name: name, keys: keys, columns: strings.Fields(columns)}
}

// renewed is a table whose older rows need something.
func (t backupTable) renewed(by func(row []any) error) backupTable {
	t.renew = by
	return t
}

// newer is a table that older backups do not have.
func (t backupTable) newer() backupTable {
	t.optional = true
	return t
}

// former is a table that older backups have, and nothing else: what it said is in other rows.
func (t backupTable) former() backupTable {
	t.optional, t.gone = true, true
	return t
}

// tablesNow are the tables that there are.
func tablesNow() []backupTable {
	return slices.DeleteFunc(slices.Clone(backupTables), func(t backupTable) bool { return t.gone })
}

// of is a table whose rows are of zones.
func (t backupTable) of(owner string) backupTable {
	t.owner = owner
	return t
}

// values are expressions for the columns. The journal's head does not stand in the same place everywhere.
func (t backupTable) values(d *engine.Dialect) string {
	if t.name == "counters" {
		return `name, CASE name WHEN 'seq' THEN ` + d.Head + ` ELSE value END`
	}
	return strings.Join(t.columns, ", ")
}

// backupTables are all tables, in the order of backups. The meta table is first: it tells whether the secret key fits.
var backupTables = []backupTable{
	table("meta", 1, "name value"),
	table("counters", 1, "name value"),
	table("accounts", 1, "id name doc"),
	table("zones", 1, "no id account name status serial seq records doc told_at told_id").renewed(zones.RenewZone),
	table("serials", 1, "name serial"),
	table("links", 2, "zone peer"),
	table("records", 4, `zone name type id content priority rdata ttl proxied switches comment tags created modified
		comment_modified tags_modified`).of("zone").renewed(zones.RenewRecord),
	table("record_tags", 3, "zone record pos name value").of("zone"),
	table("tsigs", 1, "id account doc secret"),
	table("peers", 1, "id account doc"),
	table("acls", 1, "id account doc"),
	table("journal", 1, "seq kind account zone serial at body secret"),
	table("images", 1, "part seq serial served size body").of("part / 65536"),
	table("zone_access", 1, "zone seq serial at body secret"),
	table("account_access", 1, "account seq at body secret").former(),
	table("changes", 1, "id seq at"),
	table("audits", 3, "account at id zone zone_name actor email ip action legacy resource resource_id doc"),
	table("audit_entries", 4, "account at id zone entry prev_at prev_id").newer(),
	table("users", 1, "id email doc"),
	table("members", 1, "id account person created doc"),
	table("tokens", 1, "id person account hash issued used doc maker"),
	table("peer_states", 2, "zone peer serial known data"),
	table("dnssec_keys", 1, "id zone doc secret").newer(),
	table("events", 1, "seq kind account zone at doc").newer(),
	table("alarms", 1, "id account rule zone object raised told quiet changed doc").newer(),
	table("alarm_rules", 1, "account doc").newer(),
	table("webhooks", 1, "id account doc secret").newer(),
	table("deliveries", 1, "id account webhook state next attempts created doc").newer(),
	table("deleted_zones", 1, "zone no account name serial records octets deleted_at told_at told_id doc").newer(),
	table("drafts", 1, "id zone state at head parts").newer(),
	table("second_factors", 1, "id doc secret").newer(),
	table("logins", 1, "id person doc").newer(),
	table("passkeys", 1, "id person doc").newer(),
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendValue writes a value as the drivers give it.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, valueNull), nil
	case int64:
		return binary.AppendVarint(append(b, valueInt), v), nil
	case string:
		return appendText(append(b, valueText), v), nil
	case []byte:
		b = binary.AppendUvarint(append(b, valueOctets), uint64(len(v)))
		return append(b, v...), nil
	}
	return b, fmt.Errorf("a column has a value of type %T", v)
}

// blockReader reads the payload of one block.
type blockReader struct{ b []byte }

func (r *blockReader) uvarint() (uint64, error) {
	n, k := binary.Uvarint(r.b)
	if k <= 0 {
		return 0, ErrBackup
	}
	r.b = r.b[k:]
	return n, nil
}

func (r *blockReader) octets() ([]byte, error) {
	n, err := r.uvarint()
	if err != nil || n > uint64(len(r.b)) {
		return nil, ErrBackup
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v, nil
}

func (r *blockReader) value() (any, error) {
	if len(r.b) == 0 {
		return nil, ErrBackup
	}
	kind := r.b[0]
	r.b = r.b[1:]
	switch kind {
	case valueNull:
		return nil, nil
	case valueInt:
		n, k := binary.Varint(r.b)
		if k <= 0 {
			return nil, ErrBackup
		}
		r.b = r.b[k:]
		return n, nil
	case valueText:
		v, err := r.octets()
		return string(v), err
	case valueOctets:
		return r.octets()
	}
	return nil, ErrBackup
}

// writeBlock writes kind, length, payload and checksum.
func writeBlock(w io.Writer, kind byte, payload []byte) error {
	head := binary.AppendUvarint([]byte{kind}, uint64(len(payload)))
	sum := crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload)
	for _, b := range [][]byte{head, payload, binary.BigEndian.AppendUint32(nil, sum)} {
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("write backup: %w", err)
		}
	}
	return nil
}
