package zones

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/drafts"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Tx is the one write transaction of a group of changes. On SQLite there is one at a time; on PostgreSQL it holds what Lock has
// locked until the end. It belongs to one goroutine.
type Tx struct {
	s       *Store
	c       engine.Conn
	session *engine.Session
	over    bool
	handed  func()   // what is done with the entries first; may be nil
	news    []string // what other processes are told

	numbers map[model.ID]int64 // zone numbers met so far
	grown   map[int64]int      // by how much the zones' record counts change
	heavier map[int64]int64    // by how much their records' octets do
	images  map[model.ID]int64 // first rows of images whose position Commit sets
	gone    map[model.ID]goneZone
	told    map[model.ID]lastTold // the ends of the histories of zones met so far
	marked  []model.ID
	locks   locks
	related map[wire.Name]relatives // what was told of names to be
	mark    *model.Restored         // of the last restore, where it was read with the locks

	expected []model.ID             // changes that are asked for together
	seen     map[model.ID]model.Seq // of these, once they were: 0 for none

	leaves bool // rows that are to be cleared away afterwards

	zones, accounts map[model.ID]struct{} // whose rows were written here, so that what is kept of them does not count
}

// Begin waits for the writer's place.
func (s *Store) Begin(ctx context.Context) (*Tx, error) { return s.begin(ctx, false) }

func (s *Store) begin(ctx context.Context, lazy bool) (*Tx, error) {
	session, err := s.db.Begin(ctx, lazy)
	if err != nil {
		return nil, fmt.Errorf("begin change: %w", err)
	}
	return &Tx{
		s: s, c: session.Conn, session: session,
		numbers: map[model.ID]int64{}, grown: map[int64]int{}, heavier: map[int64]int64{}, images: map[model.ID]int64{}, gone: map[model.ID]goneZone{},
		told:  map[model.ID]lastTold{},
		zones: map[model.ID]struct{}{}, accounts: map[model.ID]struct{}{}, locks: newLocks(),
		related: map[wire.Name]relatives{},
	}, nil
}

// Rollback ends the transaction without a trace; after Commit it does nothing.
func (t *Tx) Rollback() {
	if !t.over {
		t.over = true
		t.session.Rollback()
	}
}

// Commit appends the entries to the journal, sets their Seq in place, records zones' new Serial and Seq, keeps the newest
// access entry of each zone and account as state beside the images, makes all durable and returns the last Seq. After
// it, or Rollback, the Tx is over. A lost race is model.ErrStale (wrapped); after model.ErrUnavailable it is not known
// whether the commit happened, which SeenChange tells, unless it is model.ErrUncommitted, too.
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
	if err != nil {
		err = fmt.Errorf("%w: %w", model.ErrUncommitted, err)
	} else {
		t.session.Settle = func(committed bool) {
			t.settle(entries, committed)
			journal.Settle(t.s.journal, seq, committed)
		}
		err = t.session.Commit(ctx)
		t.over = true
	}
	t.s.db.Wrote(err)
	if err != nil {
		err = t.stale(err)
		journal.Failed(t.s.journal, err)
		return 0, fmt.Errorf("commit %d entries: %w", len(entries), err)
	}
	if t.leaves {
		t.s.sweepSoon()
	}
	journal.Committed(t.s.journal, entries, time.Since(started))
	if t.handed != nil {
		t.handed()
	}
	journal.Advance(t.s.journal, seq)
	t.s.forgetChanges(ctx, len(t.marked))
	return seq, nil
}

// OnCommit has f called once the commit is durable, before those hear of it who wait for the journal: who is handed the entries by
// then need not be woken.
func (t *Tx) OnCommit(f func()) { t.handed = f }

// Tell has the other processes hear of something (engine.Conn.Tell) once the commit is durable, where the database tells them at all.
func (t *Tx) Tell(news []string) { t.news = news }

// settle brings what is kept of the written rows in step with the database.
func (t *Tx) settle(entries []model.Entry, committed bool) {
	for account := range t.accounts {
		t.s.accounts.Drop(account)
	}
	if len(t.accounts) > 0 {
		t.s.rewritten()
	}
	for zone := range t.zones {
		t.s.zones.Drop(zone)
	}
	t.settleTold(committed)
	for i := range entries {
		e := &entries[i]
		switch {
		case e.Zone == "":
		case !committed:
			t.s.zones.Drop(e.Zone)
		default:
			t.s.zones.Update(e.Zone, func(z *numberedZone) {
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
	if errors.Is(err, engine.ErrUnique) {
		return fmt.Errorf("%w: %w", model.ErrStale, err)
	}
	return err
}

// seal writes all that needs the entries' positions. Everything else is written before, because other nodes' commits wait
// from here on.
func (t *Tx) seal(ctx context.Context, entries []model.Entry) (model.Seq, error) {
	if len(t.accounts) > 0 { // one of them may have been suspended
		if err := t.c.RightsMoved(ctx); err != nil {
			return 0, err
		}
	}
	seq, err := journal.Take(ctx, t.s.journal, t.c, len(entries))
	if err != nil {
		return 0, err
	}
	for i := range entries {
		entries[i].Seq = seq - model.Seq(len(entries)-1-i)
	}
	if err := t.holdRelatives(ctx); err != nil {
		return 0, err
	}
	if err := journal.Append(ctx, t.s.journal, t.c, entries, t.lastEntry); err != nil {
		return 0, err
	}
	for _, step := range []func(context.Context, []model.Entry) error{t.moveZones, t.moveImages, t.keepAccess, t.forgetZones} {
		if err := step(ctx, entries); err != nil {
			return 0, err
		}
	}
	if err := t.rememberChanges(ctx, seq); err != nil {
		return 0, err
	}
	if err := t.c.Tell(ctx, t.news); err != nil {
		return 0, err
	}
	return seq, journal.Announce(ctx, t.s.journal, t.c, seq)
}

// lastEntry is the position of a zone's last entry that was committed, 0 for none.
func (t *Tx) lastEntry(ctx context.Context, zone model.ID) (model.Seq, error) {
	if _, gone := t.gone[zone]; gone {
		return 0, nil
	}
	z, err := t.zone(ctx, zone)
	if errors.Is(err, model.ErrNotFound) {
		return 0, nil
	}
	return z.Seq, err
}

// keepAccess keeps the newest access entry of each zone and account.
func (t *Tx) keepAccess(ctx context.Context, entries []model.Entry) error {
	return journal.KeepAccess(ctx, t.s.journal, t.c, entries, func(ctx context.Context, zone model.ID) (int64, bool, error) {
		if _, gone := t.gone[zone]; gone {
			return 0, false, nil
		}
		no, err := t.number(ctx, zone)
		return no, err == nil, err
	})
}

// move is what becomes of a zone's narrow numbers; nil leaves one as it is.
type move struct {
	no                        int64
	serial, seq, toldAt, told any
}

// moves gathers what has to be moved, each zone once.
func (t *Tx) moves(ctx context.Context, entries []model.Entry) ([]*move, error) {
	by := map[int64]*move{}
	order := make([]*move, 0, 4)
	at := func(no int64) *move {
		m := by[no]
		if m == nil {
			m = &move{no: no}
			by[no] = m
			order = append(order, m)
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
			return nil, err
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
	for zone, last := range t.told {
		if _, gone := t.gone[zone]; !gone && last.moved {
			m := at(t.numbers[zone])
			m.toldAt, m.told = last.At, engine.ID(last.ID)
		}
	}
	return order, nil
}

// moveZones gives each zone the serial and position of its last entry, and its new number of records.
func (t *Tx) moveZones(ctx context.Context, entries []model.Entry) error {
	order, err := t.moves(ctx, entries)
	if err != nil {
		return err
	}
	if t.c.Dialect.Alone {
		for _, m := range order {
			if err := t.c.Post(ctx, nil, moveZone, m.serial, m.seq, t.grown[m.no], t.heavier[m.no], m.toldAt, m.told, m.no); err != nil {
				return fmt.Errorf("move zone: %w", err)
			}
		}
		return nil
	}
	// All in few statements: other nodes' commits wait for this.
	for len(order) > 0 {
		size := t.c.Dialect.Chunk(len(order), moveWidth)
		args := make([]any, 0, moveWidth*size)
		for _, m := range order[:size] {
			args = append(args, m.no, m.serial, m.seq, t.grown[m.no], t.heavier[m.no], m.toldAt, m.told)
		}
		order = order[size:]
		if err := t.c.Post(ctx, nil, fmt.Sprintf(moveZones, t.moveRows(size)), args...); err != nil {
			return fmt.Errorf("move zones: %w", err)
		}
	}
	return nil
}

const (
	// moveZone is for SQLite, which makes a table of the rows of moveZones before it reads them: that took as long as to write a record.
	moveZone = `UPDATE zones SET serial = coalesce(?, serial), seq = coalesce(?, seq), records = records + ?, octets = octets + ?,
		told_at = coalesce(?, told_at), told_id = coalesce(?, told_id) WHERE no = ?`
	moveZones = `WITH moves (zone, serial, seq, grown, heavier, told_at, told_id) AS (VALUES %s)
		UPDATE zones SET serial = coalesce(m.serial, zones.serial), seq = coalesce(m.seq, zones.seq),
		records = zones.records + m.grown, octets = zones.octets + m.heavier,
		told_at = coalesce(m.told_at, zones.told_at), told_id = coalesce(m.told_id, zones.told_id) FROM moves m WHERE zones.no = m.zone`
	moveRow   = `(CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS %s))`
	moveWidth = 7
)

// moveRows is so many rows of moveZones.
func (t *Tx) moveRows(n int) string {
	row := fmt.Sprintf(moveRow, t.c.Dialect.Blob)
	return row + strings.Repeat(", "+row, n-1)
}

// Draft reads a draft of a zone that is locked.
func (t *Tx) Draft(ctx context.Context, zone, id model.ID) (model.Draft, error) {
	if err := t.owns(zone); err != nil {
		return model.Draft{}, err
	}
	return drafts.Read(ctx, t.c, zone, id)
}

// Drafts lists a zone's drafts without their parts, in order of id.
func (t *Tx) Drafts(ctx context.Context, zone model.ID) ([]model.Draft, error) {
	if err := t.owns(zone); err != nil {
		return nil, err
	}
	return drafts.List(ctx, t.c, zone)
}

// PutDraft inserts or replaces a draft.
func (t *Tx) PutDraft(ctx context.Context, d model.Draft) error {
	if err := t.owns(d.Zone); err != nil {
		return err
	}
	return drafts.Put(ctx, t.c, d)
}

// DeleteDraft removes a draft.
func (t *Tx) DeleteDraft(ctx context.Context, zone, id model.ID) error {
	if err := t.owns(zone); err != nil {
		return err
	}
	return drafts.Delete(ctx, t.c, zone, id)
}
