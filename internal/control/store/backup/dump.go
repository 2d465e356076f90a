package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
)

// dumper writes rows in blocks.
type dumper struct {
	out   io.Writer
	sum   hash.Hash
	block []byte
	done  int64
	total int64
	told  Progress
	all   bool // every row belongs to a zone
	sized Summary
}

// Summary is how much a store or a backup holds.
type Summary struct {
	Zones, Records int64
	Seq            model.Seq // the journal's last position
}

// Summary counts what the store holds.
func (s *Store) Summary(ctx context.Context) (out Summary, err error) {
	err = s.db.View(ctx, func(c engine.Conn) error {
		err := c.One(ctx, []any{&out.Zones}, `SELECT count(*) FROM zones`)
		if err == nil {
			err = c.One(ctx, []any{&out.Records}, `SELECT count(*) FROM records WHERE zone IN (SELECT no FROM zones)`)
		}
		if err == nil {
			out.Seq, err = journal.Head(ctx, c)
		}
		return err
	})
	return out, err
}

// where leaves out rows that belong to no zone.
func (d *dumper) where(t backupTable) string {
	if d.all || t.owner == "" {
		return ""
	}
	return ` WHERE ` + t.owner + ` IN (SELECT no FROM zones UNION SELECT no FROM deleted_zones)`
}

// Dump writes a backup of everything, from one consistent snapshot, in a form that either engine restores. Secrets stay
// encrypted with the store's secret key, which the backup does not hold. Two dumps of equal contents are equal, whatever
// the engines. progress may be nil.
func (s *Store) Dump(ctx context.Context, w io.Writer, progress Progress) error {
	_, err := s.DumpCounting(ctx, w, progress)
	return err
}

// DumpCounting is Dump, and tells how much it wrote.
func (s *Store) DumpCounting(ctx context.Context, w io.Writer, progress Progress) (Summary, error) {
	buffered := bufio.NewWriterSize(w, blockGoal)
	sum := sha256.New()
	d := &dumper{out: io.MultiWriter(buffered, sum), sum: sum, told: progress}
	err := s.db.View(ctx, func(c engine.Conn) error { return d.run(ctx, c) })
	if err == nil {
		err = buffered.Flush()
	}
	if err != nil {
		return Summary{}, fmt.Errorf("dump: %w", err)
	}
	return d.sized, nil
}

func (d *dumper) run(ctx context.Context, c engine.Conn) error {
	var staged bool // rows of imports on their way belong to no zone, and to no backup
	if err := c.One(ctx, []any{&staged}, `SELECT count(*) > 0 FROM stagings`); err != nil {
		return fmt.Errorf("look for imports: %w", err)
	}
	if !staged {
		d.all = true
	}
	for _, t := range tablesNow() {
		var n int64
		if err := c.One(ctx, []any{&n}, `SELECT count(*) FROM `+t.name+d.where(t)); err != nil {
			return fmt.Errorf("count %s: %w", t.name, err)
		}
		d.total += n
		switch t.name {
		case "zones":
			d.sized.Zones = n
		case "records":
			d.sized.Records = n
		}
	}
	var err error
	if d.sized.Seq, err = journal.Head(ctx, c); err != nil {
		return err
	}
	if _, err := io.WriteString(d.out, backupMagic); err != nil {
		return err
	}
	if err := writeBlock(d.out, blockStart, binary.AppendUvarint(nil, uint64(d.total))); err != nil {
		return err
	}
	for _, t := range tablesNow() {
		if err := d.table(ctx, c, t); err != nil {
			return fmt.Errorf("table %s: %w", t.name, err)
		}
	}
	d.tell(true)
	return writeBlock(d.out, blockEnd, d.sum.Sum(nil))
}

func (d *dumper) table(ctx context.Context, c engine.Conn, t backupTable) error {
	head := binary.AppendUvarint(appendText(nil, t.name), uint64(len(t.columns)))
	for _, column := range t.columns {
		head = appendText(head, column)
	}
	if err := writeBlock(d.out, blockTable, head); err != nil {
		return err
	}
	values := make([]any, len(t.columns))
	dest := make([]any, len(values))
	for i := range values {
		dest[i] = &values[i]
	}
	err := c.Each(ctx, func(r *engine.Rows) (err error) {
		if err = r.Scan(dest...); err != nil {
			return err
		}
		for _, v := range values {
			if d.block, err = appendValue(d.block, v); err != nil {
				return err
			}
		}
		d.done++
		d.tell(false)
		if len(d.block) >= blockGoal {
			return d.flush()
		}
		return nil
	}, `SELECT `+t.values(c.Dialect)+` FROM `+t.name+d.where(t)+` ORDER BY `+strings.Join(t.columns[:t.keys], ", "))
	if err != nil {
		return err
	}
	return d.flush()
}

func (d *dumper) flush() error {
	if len(d.block) == 0 {
		return nil
	}
	err := writeBlock(d.out, blockRows, d.block)
	d.block = d.block[:0]
	return err
}

func (d *dumper) tell(always bool) {
	if d.told != nil && (always || d.done%progressEvery == 0) {
		d.told(d.done, d.total)
	}
}
