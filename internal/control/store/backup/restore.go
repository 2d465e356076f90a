package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
	"github.com/headwaterdns/headwater/internal/control/store/zones"
)

// ErrNotEmpty is a restore into a database that holds something already.
var ErrNotEmpty = errors.New("the database is not empty")

// Restore reads what Dump wrote into an empty database, in one transaction: a backup that is damaged (ErrBackup) or was
// made under another secret key (ErrSecretKey) leaves nothing behind. progress may be nil.
func (s *Store) Restore(ctx context.Context, r io.Reader, progress Progress) error {
	tx, err := s.db.Begin(ctx, false)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer tx.Rollback()
	in := &restorer{s: s, c: tx.Conn, in: bufio.NewReaderSize(r, blockGoal), sum: sha256.New(), told: progress}
	if err := in.run(ctx); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	head, err := journal.Head(ctx, tx.Conn)
	if err == nil {
		journal.Unsettle(s.journal)
		err = tx.Commit(ctx)
	}
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	journal.Advance(s.journal, head)
	return nil
}

// restorer reads blocks.
type restorer struct {
	s    *Store
	c    engine.Conn
	in   *bufio.Reader
	sum  hash.Hash
	next int // index of the table that comes next
	// columns are those of the table that is being read, as the backup has them.
	columns []string
	done    int64
	total   int64
	told    Progress
}

func (r *restorer) run(ctx context.Context) error {
	if err := r.empty(ctx); err != nil {
		return err
	}
	magic := make([]byte, len(backupMagic))
	if _, err := io.ReadFull(r.in, magic); err != nil || string(magic) != backupMagic {
		return fmt.Errorf("it does not begin as a backup of this form: %w", ErrBackup)
	}
	r.sum.Write(magic)
	kind, payload, err := r.block()
	if err != nil {
		return err
	}
	total, err := (&blockReader{payload}).uvarint()
	if err != nil || kind != blockStart || total > 1<<62 {
		return fmt.Errorf("first block: %w", ErrBackup)
	}
	r.total = int64(total)
	if r.c.Bulk != nil {
		if err := r.c.Bulk(); err != nil {
			return err
		}
	}
	return r.blocks(ctx)
}

// empty makes sure that nobody's data are overwritten, and clears what every new database holds.
func (r *restorer) empty(ctx context.Context) error {
	for _, t := range backupTables[2:] {
		var n int64
		if err := r.c.One(ctx, []any{&n}, `SELECT count(*) FROM (SELECT 1 FROM `+t.name+` LIMIT 1) AS r`); err != nil {
			return fmt.Errorf("look into %s: %w", t.name, err)
		}
		if n > 0 {
			return fmt.Errorf("table %s: %w", t.name, ErrNotEmpty)
		}
	}
	for _, t := range backupTables[:2] {
		if _, err := r.c.Exec(ctx, `DELETE FROM `+t.name); err != nil {
			return fmt.Errorf("clear %s: %w", t.name, err)
		}
	}
	return nil
}

func (r *restorer) blocks(ctx context.Context) error {
	for {
		before := r.sum.Sum(nil)
		kind, payload, err := r.block()
		if err != nil {
			return err
		}
		switch kind {
		case blockTable:
			err = r.table(ctx, payload)
		case blockRows:
			err = r.rows(ctx, payload)
		case blockEnd:
			return r.end(ctx, payload, before)
		default:
			err = fmt.Errorf("block of kind %q: %w", kind, ErrBackup)
		}
		if err != nil {
			return err
		}
	}
}

// block reads one block. A length that is a lie costs no more memory than there are octets.
func (r *restorer) block() (kind byte, payload []byte, err error) {
	if kind, err = r.in.ReadByte(); err != nil {
		return 0, nil, cut(err)
	}
	size, err := binary.ReadUvarint(r.in)
	if err != nil || size > blockMost {
		return 0, nil, cut(err)
	}
	var b bytes.Buffer
	if n, err := io.CopyN(&b, r.in, int64(size)+4); err != nil || n != int64(size)+4 {
		return 0, nil, cut(err)
	}
	payload, tail := b.Bytes()[:size], b.Bytes()[size:]
	head := binary.AppendUvarint([]byte{kind}, size)
	if crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload) != binary.BigEndian.Uint32(tail) {
		return 0, nil, fmt.Errorf("a checksum does not fit: %w", ErrBackup)
	}
	r.sum.Write(head)
	r.sum.Write(b.Bytes())
	return kind, payload, nil
}

// cut explains a stream that ends early; other errors of the reader pass.
func cut(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it ends early: %w", ErrBackup)
	}
	return fmt.Errorf("read backup: %w", err)
}

// table begins the next table: tables come in one order, and with the columns that this program knows.
func (r *restorer) table(_ context.Context, payload []byte) error {
	in := &blockReader{payload}
	name, err := in.octets()
	if err != nil {
		return err
	}
	for r.next < len(backupTables) && backupTables[r.next].optional && backupTables[r.next].name != string(name) {
		r.next++
	}
	n, err := in.uvarint()
	if err != nil || n > 100 || r.next == len(backupTables) || backupTables[r.next].name != string(name) {
		return fmt.Errorf("table %q is not the one that comes next: %w", name, ErrBackup)
	}
	var columns []string
	for range n {
		c, err := in.octets()
		if err != nil {
			return err
		}
		columns = append(columns, string(c))
	}
	// An older backup may lack the newest columns, which stand last: their rows get what the tables' defaults say.
	t := backupTables[r.next]
	if len(columns) < t.keys || len(columns) > len(t.columns) || !slices.Equal(columns, t.columns[:len(columns)]) {
		return fmt.Errorf("table %q has the columns %q: %w", name, columns, ErrBackup)
	}
	r.columns = columns
	r.next++
	return nil
}

func (r *restorer) rows(ctx context.Context, payload []byte) error {
	if r.next == 0 {
		return fmt.Errorf("rows of no table: %w", ErrBackup)
	}
	t := backupTables[r.next-1]
	in := &blockReader{payload}
	var values []any
	for len(in.b) > 0 {
		for range r.columns {
			v, err := in.value()
			if err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
			values = append(values, v)
		}
		if t.renew == nil {
			continue
		}
		if err := t.renew(values[len(values)-len(t.columns):]); err != nil {
			return fmt.Errorf("table %s: %w: %w", t.name, err, ErrBackup)
		}
	}
	width := len(r.columns)
	n := len(values) / width
	into := t.name + ` (` + strings.Join(r.columns, ", ") + `)`
	_, err := r.c.Insert(ctx, into, "", n, width, func(b *engine.Binds, i int) {
		for _, v := range values[i*width : (i+1)*width] {
			b.Any(v)
		}
	})
	if err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	r.done += int64(n)
	if r.told != nil {
		r.told(r.done, r.total)
	}
	return nil
}

// end checks what only the whole stream tells.
func (r *restorer) end(ctx context.Context, payload, before []byte) error {
	_, err := r.in.ReadByte()
	switch {
	case err == nil:
		return fmt.Errorf("something follows its end: %w", ErrBackup)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("read backup: %w", err)
	case !bytes.Equal(payload, before):
		return fmt.Errorf("its last checksum does not fit: %w", ErrBackup)
	case slices.ContainsFunc(backupTables[r.next:], func(t backupTable) bool { return !t.optional }) || r.done != r.total:
		return fmt.Errorf("it has %d of %d rows: %w", r.done, r.total, ErrBackup)
	}
	var box []byte
	if err := r.c.One(ctx, []any{&box}, engine.SelectMeta, engine.KeyCheck); err != nil {
		if errors.Is(err, model.ErrNotFound) {
			err = ErrBackup
		}
		return fmt.Errorf("key check: %w", err)
	}
	if _, err := r.s.db.Secret.Open(engine.KeyCheck, box); err != nil {
		return engine.ErrSecretKey
	}
	if _, err := r.c.Exec(ctx, zones.CountOctets); err != nil {
		return fmt.Errorf("count octets: %w", err)
	}
	if err := zones.FillPaths(ctx, r.c); err != nil {
		return err
	}
	if err := journal.Link(ctx, r.c); err != nil {
		return err
	}
	if r.c.Dialect.AfterRestore == "" {
		return nil
	}
	return r.c.Each(ctx, engine.Discard, r.c.Dialect.AfterRestore)
}
