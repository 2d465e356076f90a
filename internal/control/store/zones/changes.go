package zones

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Changes are remembered for this long, and forgotten when so many new ones came.
const (
	changeLife  = time.Hour
	changeBatch = 512
)

// Expect names changes that SeenChange will be asked about. All of them are looked for at once; said before Lock, they are
// looked for together with what it locks.
func (t *Tx) Expect(changes []model.ID) { t.expected = changes }

// lookForChanges asks for those that are expected, once.
func (t *Tx) lookForChanges(ctx context.Context) error {
	if len(t.expected) == 0 || t.seen != nil {
		return nil
	}
	t.seen = make(map[model.ID]model.Seq, len(t.expected))
	for _, id := range t.expected {
		t.seen[id] = 0
	}
	return t.c.PostIn(ctx, func(r engine.Row) error {
		var id model.ID
		var seq int64
		err := r.Scan(engine.ToID(&id), &seq)
		t.seen[id] = model.Seq(seq)
		return err
	}, `SELECT id, seq FROM changes WHERE id IN (%s)`, engine.IDs(t.expected))
}

// SeenChange says whether a change of this ID was committed, and its seq. Commit remembers the ids given by MarkChange,
// for an hour.
func (t *Tx) SeenChange(ctx context.Context, change model.ID) (model.Seq, bool, error) {
	err := t.lookForChanges(ctx)
	if err == nil {
		err = t.c.Flush(ctx)
	}
	if err != nil {
		return 0, false, fmt.Errorf("look for %d changes: %w", len(t.expected), err)
	}
	if seq, looked := t.seen[change]; looked {
		return seq, seq != 0, nil
	}
	var seq int64
	err = t.c.One(ctx, []any{&seq}, `SELECT seq FROM changes WHERE id = ?`, engine.ID(change))
	switch {
	case errors.Is(err, model.ErrNotFound):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("look for change %s: %w", change, err)
	}
	return model.Seq(seq), true, nil
}

// MarkChange has Commit remember a change.
func (t *Tx) MarkChange(_ context.Context, id model.ID) error {
	t.marked = append(t.marked, id)
	return nil
}

func (t *Tx) rememberChanges(ctx context.Context, seq model.Seq) error {
	at := t.s.db.Config.Clock().UnixMicro()
	err := t.c.PostInsert(ctx, `changes (id, seq, at)`, "", len(t.marked), 3, func(b *engine.Binds, i int) {
		b.ID(t.marked[i])
		b.Int(int64(seq))
		b.Int(at)
	})
	if err != nil {
		return fmt.Errorf("remember changes: %w", err)
	}
	return nil
}

// forgetChanges deletes what rememberChanges wrote long ago, now and then and a bounded part at a time. Its failure costs
// nothing but space: the next call does its work.
func (s *Store) forgetChanges(ctx context.Context, more int) {
	n := s.marked.Add(uint64(more))
	if n < changeBatch || !s.marked.CompareAndSwap(n, 0) {
		return
	}
	err := s.db.Write(ctx, true, func(c engine.Conn) error {
		var old []any
		err := c.Each(ctx, func(r *engine.Rows) error {
			var change model.ID
			err := r.Scan(engine.ToID(&change))
			old = append(old, engine.ID(change))
			return err
		}, `SELECT id FROM changes WHERE at < ? ORDER BY at, id LIMIT ?`+c.Dialect.Lock, s.db.Config.Clock().Add(-changeLife).UnixMicro(), 4*int64(n))
		if err == nil {
			_, err = c.ExecIn(ctx, `DELETE FROM changes WHERE id IN (%s)`, nil, old)
		}
		return err
	})
	if err != nil {
		s.db.Config.Log.Debug("old change ids not forgotten", "error", err)
	}
}
