package zones

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
)

// Staging is what a zone will have when an import is complete: its records as they are, those that come, and its image. All
// of it stands under a number of its own that belongs to no zone. Every reader finds rows by the number of a zone, so nobody
// sees any of it, and to make all of it visible is to give the zone the number (Adopt). It is written in slices, each a
// short transaction, so that others write between them. What a crash leaves is cleared away in slices, too.
//
// While a zone is staged its records must not be changed (model.Zone.Importing): that is the caller's to see to.
type Staging struct {
	s        *Store
	zone     model.ID
	no, from int64 // its number, and that of the zone
	size     int   // of the next slice, in rows
}

// Bounds of a slice, and of how long an import may be silent before others take it for dead.
const (
	sliceRows   = 256 // of what is copied, and of the first that comes
	sliceLeast  = 64
	sliceMost   = 1024
	sliceTime   = 8 * time.Millisecond // in which a slice is to be written: so long others wait for the writer
	stagingLife = 60 * time.Second
)

// errAbandoned is an import that another node has taken for dead.
var errAbandoned = fmt.Errorf("the import was silent for too long and has been given up: %w", model.ErrUnavailable)

// Stage begins an import into a zone; model.ErrBusy while there is another one, model.ErrNotFound without the zone.
func (s *Store) Stage(ctx context.Context, zone model.ID) (*Staging, error) {
	st := &Staging{s: s, zone: zone, size: sliceRows}
	err := s.edit(ctx, false, func(t *Tx) error {
		if err := t.Lock(ctx, model.Locks{Zones: []model.ID{zone}}); err != nil {
			return err
		}
		z, err := t.zone(ctx, zone)
		if err != nil {
			return err
		}
		if z.Importing {
			return fmt.Errorf("zone %s has an import on its way: %w", zone, model.ErrBusy)
		}
		st.from = z.no
		t.zones[zone] = struct{}{}
		text := `INSERT INTO stagings (no, zone, expires) VALUES (` + t.c.Dialect.NextZone + `, ?, ` + t.c.Dialect.Now + ` + ?) RETURNING no`
		if err := t.c.One(ctx, []any{&st.no}, text, engine.ID(zone), stagingLife.Microseconds()); err != nil {
			return err
		}
		_, err = t.c.Exec(ctx, `UPDATE zones SET staging = ? WHERE no = ?`, st.no, z.no)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("begin import: %w", err)
	}
	return st, nil
}

// edit runs f in a write transaction that journals nothing. Lost races start again.
func (s *Store) edit(ctx context.Context, lazy bool, f func(t *Tx) error) error {
	for n := 1; ; n++ {
		err := s.editOnce(ctx, lazy, f)
		if err == nil || n == engine.Retries || !s.db.Dialect.LostRace(err) {
			return err
		}
		if engine.Pause(ctx, rand.N(time.Duration(n)*engine.RetryPause)); ctx.Err() != nil {
			return err
		}
	}
}

func (s *Store) editOnce(ctx context.Context, lazy bool, f func(t *Tx) error) error {
	t, err := s.begin(ctx, lazy)
	if err != nil {
		return err
	}
	defer t.Rollback()
	if err := f(t); err != nil {
		return err
	}
	t.session.Settle = func(committed bool) { t.settle(nil, committed) }
	err = t.session.Commit(ctx)
	t.over = true
	if err == nil && t.leaves {
		s.sweepSoon()
	}
	return err
}

// slice is one short transaction of an import, which also tells that it is alive.
func (st *Staging) slice(ctx context.Context, f func(t *Tx) error) error {
	return st.s.edit(ctx, true, func(t *Tx) error {
		text := `UPDATE stagings SET expires = ` + t.c.Dialect.Now + ` + ? WHERE no = ? AND zone = ?`
		n, err := t.c.Exec(ctx, text, stagingLife.Microseconds(), st.no, engine.ID(st.zone))
		if err == nil && n == 0 {
			err = errAbandoned
		}
		if err != nil {
			return err
		}
		return f(t)
	})
}

// Put adds records; best in the order of their names. It returns when all are written, or ctx ends.
func (st *Staging) Put(ctx context.Context, rows []*model.Record) error {
	for len(rows) > 0 {
		n := min(len(rows), st.size)
		var took time.Duration
		err := st.slice(ctx, func(t *Tx) error {
			begun := st.s.db.Config.Clock()
			defer func() { took = st.s.db.Config.Clock().Sub(begun) }()
			return t.putChunk(ctx, st.no, rows[:n])
		})
		if err != nil {
			return fmt.Errorf("stage records of zone %s: %w", st.zone, err)
		}
		rows = rows[n:]
		switch {
		case took > sliceTime:
			st.size = max(st.size/2, sliceLeast)
		case took < sliceTime/2 && n == st.size:
			st.size = min(st.size*2, sliceMost)
		}
	}
	return nil
}

// Copy adds the records that the zone has.
func (st *Staging) Copy(ctx context.Context) error {
	const (
		records = `INSERT INTO records (zone, ` + recordColumns + `) SELECT CAST(? AS BIGINT), ` + recordColumns +
			` FROM records WHERE zone = ? AND id > ? AND id <= ?`
		tags = `INSERT INTO record_tags (zone, record, pos, name, value) SELECT CAST(? AS BIGINT), record, pos, name, value
			FROM record_tags WHERE zone = ? AND record > ? AND record <= ?`
	)
	after, last := []byte{}, false
	for !last {
		err := st.slice(ctx, func(t *Tx) error {
			upto, err := st.nextID(ctx, t.c, after)
			if err != nil {
				return err
			}
			for _, text := range []string{records, tags} {
				if _, err := t.c.Exec(ctx, text, st.no, st.from, after, upto); err != nil {
					return err
				}
			}
			after, last = upto, len(upto) > engine.IDSize
			return nil
		})
		if err != nil {
			return fmt.Errorf("stage what zone %s has: %w", st.zone, err)
		}
	}
	return nil
}

// nextID is the id of the zone's last record of a slice that begins behind another; behind all of them, what is longer
// than an id.
func (st *Staging) nextID(ctx context.Context, c engine.Conn, after []byte) ([]byte, error) {
	const text = `SELECT id FROM records WHERE zone = ? AND id > ? ORDER BY id LIMIT 1 OFFSET ?`
	var upto []byte
	err := c.One(ctx, []any{&upto}, text, st.from, after, int64(sliceRows-1))
	if errors.Is(err, model.ErrNotFound) {
		upto, err = make([]byte, 17), nil
		for i := range upto {
			upto[i] = 0xff
		}
	}
	return upto, err
}

// PutImage writes the image that the zone will have, in place of one written before. Its Seq is set when it is adopted.
func (st *Staging) PutImage(ctx context.Context, img *model.Image) error {
	first := st.no << journal.PartBits
	err := st.slice(ctx, func(t *Tx) error { return journal.DeleteImage(ctx, t.c, st.no) })
	at := int64(0)
	for body := range journal.ImagePieces(img) {
		if err != nil {
			break
		}
		err = st.slice(ctx, func(t *Tx) error { return journal.PutPiece(ctx, t.c, first, at, img, body) })
		at++
	}
	if err != nil {
		return fmt.Errorf("stage image of zone %s: %w", st.zone, err)
	}
	return nil
}

// Adopt gives the zone all that was staged, which is so many records, and the image, with the commit of tx, a *Tx of this store
// that has locked the zone and journals an entry of it. model.ErrStale when the import has been given up.
func (st *Staging) Adopt(ctx context.Context, tx any, records int) error {
	t, ok := tx.(*Tx)
	if !ok {
		return fmt.Errorf("adopt an import in a %T", tx)
	}
	if err := t.owns(st.zone); err != nil {
		return err
	}
	none := []byte{}
	for _, step := range []struct {
		text string
		args []any
		must bool
	}{
		{`DELETE FROM stagings WHERE no = ? AND zone = ?`, []any{st.no, engine.ID(st.zone)}, true},
		{`INSERT INTO stagings (no, zone, expires) VALUES (?, ?, 0)`, []any{st.from, none}, true},
		{`UPDATE zones SET no = ?, staging = NULL, records = ? WHERE no = ?`, []any{st.no, int64(records), st.from}, true},
		{`UPDATE links SET zone = ? WHERE zone = ?`, []any{st.no, st.from}, false},
		{`UPDATE zone_access SET zone = ? WHERE zone = ?`, []any{st.no, st.from}, false},
	} {
		n, err := t.c.Exec(ctx, step.text, step.args...)
		if err == nil && step.must && n == 0 {
			err = fmt.Errorf("%w: %w", model.ErrStale, errAbandoned)
		}
		if err != nil {
			return fmt.Errorf("adopt the import of zone %s: %w", st.zone, t.stale(err))
		}
	}
	t.zones[st.zone], t.leaves = struct{}{}, true
	delete(t.locks.rows, st.zone)
	t.numbers[st.zone], t.images[st.zone] = st.no, st.no<<journal.PartBits
	return nil
}

// Abandon ends an import that is not adopted, without a trace; after Adopt it does nothing.
func (st *Staging) Abandon(ctx context.Context) error {
	err := st.s.edit(ctx, true, func(t *Tx) error {
		if err := t.Lock(ctx, model.Locks{Zones: []model.ID{st.zone}}); err != nil {
			return err
		}
		t.zones[st.zone], t.leaves = struct{}{}, true
		return giveUp(ctx, t.c, st.no)
	})
	if err != nil {
		return fmt.Errorf("abandon import into zone %s: %w", st.zone, err)
	}
	return nil
}

// giveUp leaves the rows of an import to be cleared away, and its zone as it is.
func giveUp(ctx context.Context, c engine.Conn, no int64) error {
	if _, err := c.Exec(ctx, `UPDATE zones SET staging = NULL WHERE staging = ?`, no); err != nil {
		return err
	}
	_, err := c.Exec(ctx, `UPDATE stagings SET zone = ? WHERE no = ?`, []byte{}, no)
	return err
}

// stagingNumbers lists numbers.
func stagingNumbers(ctx context.Context, c engine.Conn, where string, args ...any) (list []int64, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		var no int64
		err := r.Scan(&no)
		list = append(list, no)
		return err
	}, `SELECT no FROM stagings WHERE `+where+` ORDER BY no`, args...)
	return list, err
}
