package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"slices"
)

// stream reads a backup block by block, and checks all that it tells of itself. What it has handed out holds only when each has
// come to the end.
type stream struct {
	in   *bufio.Reader
	sum  hash.Hash
	next int // index of the table that comes next
	// columns are those of the table that is being read, as the backup has them.
	columns []string
	done    int64
	total   int64
	told    Progress
}

func newStream(r io.Reader, progress Progress) *stream {
	return &stream{in: bufio.NewReaderSize(r, blockGoal), sum: sha256.New(), told: progress}
}

// begin reads what stands before the first table.
func (s *stream) begin() error {
	magic := make([]byte, len(backupMagic))
	if _, err := io.ReadFull(s.in, magic); err != nil || string(magic) != backupMagic {
		return fmt.Errorf("it does not begin as a backup of this form: %w", ErrBackup)
	}
	s.sum.Write(magic)
	kind, payload, err := s.block()
	if err != nil {
		return err
	}
	total, err := (&blockReader{payload}).uvarint()
	if err != nil || kind != blockStart || total > 1<<62 {
		return fmt.Errorf("first block: %w", ErrBackup)
	}
	s.total = int64(total)
	return nil
}

// each hands out the rows of all tables, some at a time, each with a value for each of s.columns.
func (s *stream) each(rows func(t *backupTable, values []any) error) error {
	for {
		before := s.sum.Sum(nil)
		kind, payload, err := s.block()
		if err != nil {
			return err
		}
		switch kind {
		case blockTable:
			err = s.table(payload)
		case blockRows:
			err = s.rows(payload, rows)
		case blockEnd:
			return s.end(payload, before)
		default:
			err = fmt.Errorf("block of kind %q: %w", kind, ErrBackup)
		}
		if err != nil {
			return err
		}
	}
}

// block reads one block. A length that is a lie costs no more memory than there are octets.
func (s *stream) block() (kind byte, payload []byte, err error) {
	if kind, err = s.in.ReadByte(); err != nil {
		return 0, nil, cut(err)
	}
	size, err := binary.ReadUvarint(s.in)
	if err != nil || size > blockMost {
		return 0, nil, cut(err)
	}
	var b bytes.Buffer
	if n, err := io.CopyN(&b, s.in, int64(size)+4); err != nil || n != int64(size)+4 {
		return 0, nil, cut(err)
	}
	payload, tail := b.Bytes()[:size], b.Bytes()[size:]
	head := binary.AppendUvarint([]byte{kind}, size)
	if crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload) != binary.BigEndian.Uint32(tail) {
		return 0, nil, fmt.Errorf("a checksum does not fit: %w", ErrBackup)
	}
	s.sum.Write(head)
	s.sum.Write(b.Bytes())
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
func (s *stream) table(payload []byte) error {
	in := &blockReader{payload}
	name, err := in.octets()
	if err != nil {
		return err
	}
	for s.next < len(backupTables) && backupTables[s.next].optional && backupTables[s.next].name != string(name) {
		s.next++
	}
	n, err := in.uvarint()
	if err != nil || n > 100 || s.next == len(backupTables) || backupTables[s.next].name != string(name) {
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
	// An older backup may lack the newest columns, which stand last: their rows get what the tables' defaults say. Who renews rows
	// knows whole ones.
	t := &backupTables[s.next]
	least := t.keys
	if t.renew != nil {
		least = len(t.columns)
	}
	if len(columns) < least || len(columns) > len(t.columns) || !slices.Equal(columns, t.columns[:len(columns)]) {
		return fmt.Errorf("table %q has the columns %q: %w", name, columns, ErrBackup)
	}
	s.columns = columns
	s.next++
	return nil
}

// rows hands out the rows of a block.
func (s *stream) rows(payload []byte, rows func(t *backupTable, values []any) error) error {
	if s.next == 0 {
		return fmt.Errorf("rows of no table: %w", ErrBackup)
	}
	t := &backupTables[s.next-1]
	in := &blockReader{payload}
	var values []any
	for len(in.b) > 0 {
		for range s.columns {
			v, err := in.value()
			if err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
			values = append(values, v)
		}
		if t.renew == nil {
			continue
		}
		if err := t.renew(values[len(values)-len(s.columns):]); err != nil {
			return fmt.Errorf("table %s: %w: %w", t.name, err, ErrBackup)
		}
	}
	if err := rows(t, values); err != nil {
		return err
	}
	s.done += int64(len(values) / len(s.columns))
	if s.told != nil {
		s.told(s.done, s.total)
	}
	return nil
}

// end checks what only the whole stream tells.
func (s *stream) end(payload, before []byte) error {
	_, err := s.in.ReadByte()
	switch {
	case err == nil:
		return fmt.Errorf("something follows its end: %w", ErrBackup)
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("read backup: %w", err)
	case !bytes.Equal(payload, before):
		return fmt.Errorf("its last checksum does not fit: %w", ErrBackup)
	case slices.ContainsFunc(backupTables[s.next:], func(t backupTable) bool { return !t.optional }) || s.done != s.total:
		return fmt.Errorf("it has %d of %d rows: %w", s.done, s.total, ErrBackup)
	}
	return nil
}
