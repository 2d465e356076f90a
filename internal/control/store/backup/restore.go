package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	in := &restorer{s: s, c: tx.Conn, stream: newStream(r, progress)}
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

// restorer writes what a stream has into an empty database.
type restorer struct {
	*stream
	s *Store
	c engine.Conn
}

func (r *restorer) run(ctx context.Context) error {
	if err := r.empty(ctx); err != nil {
		return err
	}
	if err := r.begin(); err != nil {
		return err
	}
	if r.c.Bulk != nil {
		if err := r.c.Bulk(); err != nil {
			return err
		}
	}
	if err := r.each(func(t *backupTable, values []any) error { return r.rows(ctx, t, values) }); err != nil {
		return err
	}
	return r.fits(ctx)
}

// empty makes sure that nobody's data are overwritten, and clears what every new database holds.
func (r *restorer) empty(ctx context.Context) error {
	for _, t := range tablesNow()[2:] {
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

// rows writes rows of a table.
func (r *restorer) rows(ctx context.Context, t *backupTable, values []any) error {
	if t.gone {
		return nil
	}
	width := len(r.columns)
	into := t.name + ` (` + strings.Join(r.columns, ", ") + `)`
	_, err := r.c.Insert(ctx, into, "", len(values)/width, width, func(b *engine.Binds, i int) {
		for _, v := range values[i*width : (i+1)*width] {
			b.Any(v)
		}
	})
	if err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	return nil
}

// fits checks that the secrets can be opened, and makes what is derived from rows.
func (r *restorer) fits(ctx context.Context) error {
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
