package zones

import (
	"context"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
)

// sweepPause is how often a store looks for rows that belong to no zone, besides when it knows of some.
const sweepPause = 20 * time.Second

// sweepSoon has them cleared away now.
func (s *Store) sweepSoon() {
	select {
	case s.sweeps <- struct{}{}:
	default:
	}
}

// Run clears away, in slices, what imports have left, and large zones that were deleted, until ctx ends.
func (s *Store) Run(ctx context.Context) {
	tick := time.NewTicker(sweepPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !s.db.Config.Tidies() {
				continue
			}
		case <-s.sweeps:
		}
		if err := s.sweepOnce(ctx); err != nil && ctx.Err() == nil {
			s.db.Config.Log.Warn("what an import or a deleted zone has left is not cleared away yet", "error", err)
		}
	}
}

func (s *Store) sweepOnce(ctx context.Context) error {
	if err := s.expireDeleted(ctx); err != nil {
		return err
	}
	dead, err := stagingNumbers(ctx, s.db.Read, `zone <> ? AND expires < `+s.db.Dialect.Now, []byte{})
	if err == nil && len(dead) > 0 {
		err = s.expire(ctx, `expires < `+s.db.Dialect.Now)
	}
	if err != nil {
		return err
	}
	left, err := stagingNumbers(ctx, s.db.Read, `zone = ?`, []byte{})
	if err != nil {
		return err
	}
	for _, no := range left {
		if err := s.clear(ctx, no); err != nil {
			return fmt.Errorf("clear rows of number %d: %w", no, err)
		}
	}
	return nil
}

// ForgetImports gives up those that an end of this process has cut off: on a database of its own there are no others.
func (s *Store) ForgetImports(ctx context.Context) error {
	list, err := stagingNumbers(ctx, s.db.Read, `no >= 0`)
	if err != nil || len(list) == 0 {
		return err
	}
	defer s.sweepSoon()
	return s.expire(ctx, `no >= 0`)
}

// expire gives up imports of which nobody is alive.
func (s *Store) expire(ctx context.Context, which string) error {
	const where = ` FROM stagings WHERE zone <> ? AND `
	return s.edit(ctx, false, func(t *Tx) error {
		var need model.Locks
		err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
			var zone model.ID
			err := r.Scan(engine.ToID(&zone))
			need.Zones = append(need.Zones, zone)
			return err
		}, `SELECT zone`+where+which, []byte{})
		if err == nil {
			err = t.Lock(ctx, need)
		}
		if err != nil {
			return err
		}
		dead, err := stagingNumbers(ctx, t.c, `zone <> ? AND `+which, []byte{})
		for _, no := range dead {
			if err == nil {
				err = giveUp(ctx, t.c, no)
			}
		}
		for _, zone := range need.Zones {
			t.zones[zone] = struct{}{}
		}
		return err
	})
}

// clear removes all rows of a number, and then the number.
func (s *Store) clear(ctx context.Context, no int64) error {
	first := no << journal.PartBits
	for _, step := range []struct {
		text string
		args []any
	}{
		{`DELETE FROM records WHERE zone = ? AND (name, type, id) IN (
			SELECT name, type, id FROM records WHERE zone = ? ORDER BY name, type, id LIMIT ?)`, []any{no, no, int64(sliceRows)}},
		{`DELETE FROM record_tags WHERE zone = ? AND (record, pos) IN (
			SELECT record, pos FROM record_tags WHERE zone = ? ORDER BY record, pos LIMIT ?)`, []any{no, no, int64(sliceRows)}},
		{`DELETE FROM images WHERE part = (SELECT min(part) FROM images WHERE part >= ? AND part <= ?)`, []any{first, first | journal.PartMost}},
		{`DELETE FROM stagings WHERE no = ?`, []any{no}},
	} {
		for n := 1; n > 0; {
			err := s.db.Write(ctx, true, func(c engine.Conn) (err error) {
				n, err = c.Exec(ctx, step.text, step.args...)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
