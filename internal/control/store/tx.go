package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Tx is the one write transaction of a group of changes. On SQLite there is one at a time; on PostgreSQL it holds what Lock has
// locked until the end. It belongs to one goroutine.
type Tx struct {
	s       *Store
	c       conn
	session *session
	over    bool

	numbers map[model.ID]int64 // zone numbers met so far
	grown   map[int64]int      // by how much the zones' record counts change
	heavier map[int64]int64    // by how much their records' octets do
	images  map[model.ID]int64 // zone numbers of images whose position Commit sets
	gone    map[model.ID]goneZone
	marked  []model.ID
	locks   locks
	related map[wire.Name]relatives // what was told of names to be

	leaves bool // rows that are to be cleared away afterwards

	zones, accounts map[model.ID]struct{} // whose rows were written here, so that what is kept of them does not count
}

// Begin waits for the writer's place.
func (s *Store) Begin(ctx context.Context) (*Tx, error) { return s.begin(ctx, false) }

func (s *Store) begin(ctx context.Context, lazy bool) (*Tx, error) {
	if s.cfg.ReadOnly {
		return nil, errReadOnly
	}
	session, err := s.engine.begin(ctx, lazy)
	if err != nil {
		s.wrote(err)
		return nil, fmt.Errorf("begin change: %w", err)
	}
	return &Tx{
		s: s, c: session.conn, session: session,
		numbers: map[model.ID]int64{}, grown: map[int64]int{}, heavier: map[int64]int64{}, images: map[model.ID]int64{}, gone: map[model.ID]goneZone{},
		zones: map[model.ID]struct{}{}, accounts: map[model.ID]struct{}{}, locks: newLocks(),
		related: map[wire.Name]relatives{},
	}, nil
}

// Rollback ends the transaction without a trace; after Commit it does nothing.
func (t *Tx) Rollback() {
	if !t.over {
		t.over = true
		t.session.rollback()
	}
}

// Commit appends the entries to the journal, sets their Seq in place, records zones' new Serial and Seq, keeps the newest
// access entry of each zone and account as state beside the images, makes all durable and returns the last Seq. After
// it, or Rollback, the Tx is over. A lost race is model.ErrStale (wrapped); after model.ErrUnavailable it is not known
// whether the commit happened, which SeenChange tells.
func (t *Tx) Commit(ctx context.Context, entries []model.Entry) (model.Seq, error) {
	if t.over {
		return 0, errors.New("commit: the transaction is over")
	}
	started := time.Now()
	defer t.Rollback()
	if err := t.ownsAll(entries); err != nil {
		return 0, fmt.Errorf("commit %d entries: %w", len(entries), err)
	}
	seq, err := t.seal(ctx, entries)
	if err == nil {
		t.session.settle = func(committed bool) { t.settle(entries, committed) }
		err = t.session.commit(ctx)
		t.over = true
	}
	t.s.wrote(err)
	if err != nil {
		return 0, fmt.Errorf("commit %d entries: %w", len(entries), t.stale(err))
	}
	if t.leaves {
		t.s.sweepSoon()
	}
	if len(entries) > 0 {
		t.s.lineage.note(&entries[len(entries)-1])
	}
	t.s.count(entries, time.Since(started))
	t.s.wake.advance(seq)
	t.s.forgetChanges(ctx, len(t.marked))
	return seq, nil
}

// settle brings what is kept of the written rows in step with the database.
func (t *Tx) settle(entries []model.Entry, committed bool) {
	kept := &t.s.kept
	for account := range t.accounts {
		kept.accounts.drop(account)
	}
	if len(t.accounts) > 0 {
		kept.members.clear() // they tell whether the account is suspended
	}
	for zone := range t.zones {
		kept.zones.drop(zone)
	}
	for i := range entries {
		e := &entries[i]
		switch {
		case e.Zone == "":
		case !committed:
			kept.zones.drop(e.Zone)
		default:
			kept.zones.update(e.Zone, func(z *numberedZone) {
				z.Seq = e.Seq
				if e.Kind == model.EntryDelta || e.Kind == model.EntryReset {
					z.Serial = e.Serial
				}
			})
		}
	}
}

// stale takes a key that another node was quicker to use as a lost race: planning again will find it.
func (t *Tx) stale(err error) error {
	if errors.Is(err, errUnique) {
		return fmt.Errorf("%w: %w", model.ErrStale, err)
	}
	return err
}

// seal writes all that needs the entries' positions. Everything else is written before, because other nodes' commits wait
// from here on.
func (t *Tx) seal(ctx context.Context, entries []model.Entry) (model.Seq, error) {
	seq, err := t.takeSeq(ctx, len(entries))
	if err != nil {
		return 0, err
	}
	for i := range entries {
		entries[i].Seq = seq - model.Seq(len(entries)-1-i)
	}
	for _, step := range []func(context.Context, []model.Entry) error{
		t.holdRelatives, t.appendJournal, t.moveZones, t.moveImages, t.keepAccess, t.forgetZones,
	} {
		if err := step(ctx, entries); err != nil {
			return 0, err
		}
	}
	if err := t.rememberChanges(ctx, seq); err != nil {
		return 0, err
	}
	return seq, t.announce(ctx, seq)
}

// moveZones gives each zone the serial and position of its last entry, and its new number of records.
func (t *Tx) moveZones(ctx context.Context, entries []model.Entry) error {
	type move struct{ serial, seq any }
	moves := map[int64]*move{}
	order := make([]int64, 0, 4)
	at := func(no int64) *move {
		m := moves[no]
		if m == nil {
			m = &move{}
			moves[no] = m
			order = append(order, no)
		}
		return m
	}
	for i := range entries {
		e := &entries[i]
		if _, gone := t.gone[e.Zone]; gone || e.Zone == "" {
			continue
		}
		no, err := t.number(ctx, e.Zone)
		if errors.Is(err, model.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		m := at(no)
		m.seq = int64(e.Seq)
		if e.Kind == model.EntryDelta || e.Kind == model.EntryReset {
			m.serial = int64(e.Serial)
		}
	}
	for no := range t.grown {
		at(no)
	}
	for no := range t.heavier {
		at(no)
	}
	// All in few statements: other nodes' commits wait for this.
	for len(order) > 0 {
		size := t.c.d.chunk(len(order), 5)
		args := make([]any, 0, 5*size)
		for _, no := range order[:size] {
			m := moves[no]
			args = append(args, no, m.serial, m.seq, t.grown[no], t.heavier[no])
		}
		order = order[size:]
		if _, err := t.c.exec(ctx, fmt.Sprintf(moveZones, moveRow+strings.Repeat(", "+moveRow, size-1)), args...); err != nil {
			return fmt.Errorf("move zones: %w", err)
		}
	}
	return nil
}

const (
	moveZones = `WITH moves (zone, serial, seq, grown, heavier) AS (VALUES %s)
		UPDATE zones SET serial = coalesce(m.serial, zones.serial), seq = coalesce(m.seq, zones.seq),
		records = zones.records + m.grown, octets = zones.octets + m.heavier FROM moves m WHERE zones.no = m.zone`
	moveRow = `(CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT))`
)

// Changes are remembered for this long, and forgotten when so many new ones came.
const (
	changeLife  = time.Hour
	changeBatch = 512
)

// SeenChange says whether a change of this ID was committed, and its seq. Commit remembers the ids given by MarkChange,
// for an hour.
func (t *Tx) SeenChange(ctx context.Context, change model.ID) (model.Seq, bool, error) {
	var seq int64
	err := t.c.one(ctx, []any{&seq}, `SELECT seq FROM changes WHERE id = ?`, id(change))
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
	at := t.s.cfg.Clock().UnixMicro()
	_, err := t.c.insert(ctx, `changes (id, seq, at)`, "", len(t.marked), 3, func(args []any, i int) []any {
		return append(args, id(t.marked[i]), int64(seq), at)
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
	err := s.write(ctx, true, func(c conn) error {
		var old []any
		err := c.each(ctx, func(r *sql.Rows) error {
			var change model.ID
			err := r.Scan(toID{&change})
			old = append(old, id(change))
			return err
		}, `SELECT id FROM changes WHERE at < ? ORDER BY at, id LIMIT ?`+c.d.lock, s.cfg.Clock().Add(-changeLife).UnixMicro(), 4*int64(n))
		if err == nil {
			_, err = c.execIn(ctx, `DELETE FROM changes WHERE id IN (%s)`, nil, old)
		}
		return err
	})
	if err != nil {
		s.cfg.Log.Debug("old change ids not forgotten", "error", err)
	}
}
