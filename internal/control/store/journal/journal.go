package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Store is the journal with the images beside it.
type Store struct {
	db      *engine.DB
	wake    *engine.Waker
	lineage lineage
	mark    engine.Cache[struct{}, model.Restored] // of the last restore, for write transactions
	stats   counters
	last    model.Seq // the last position, 0 if it has to be read; of whoever has the writer's place
	// accounts yields the access of every account that has any, as whole entries.
	accounts func(ctx context.Context, c engine.Conn, yield func(model.Entry) error) error
}

// counters are what the journal took since it was opened.
type counters struct {
	commits, nanos, rows, bytes atomic.Uint64
	took                        [len(bounds)]atomic.Uint64
	failed                      [len(failures)]atomic.Uint64
}

// bounds are the times in which commits are counted; those that took longer are in none.
var bounds = [...]time.Duration{
	200 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
}

type failure struct {
	reason string
	is     []error
}

// failures are why commits fail; the last one is whatever is none of the others.
var failures = [...]failure{
	{"race", []error{model.ErrStale}},
	{"unavailable", []error{model.ErrUnavailable}},
	{"given_up", []error{context.Canceled, context.DeadlineExceeded}},
	{"other", nil},
}

// Counts are write transactions of changes, the time they took in Commit, and the journal rows and octets they wrote. Took counts those that
// took no longer than a time, Failed those that did not come about, by the reason.
type Counts struct {
	Commits, Nanos, Rows, Bytes uint64
	Took                        map[time.Duration]uint64
	Failed                      map[string]uint64
}

// Open reads where the journal stands.
func Open(ctx context.Context, db *engine.DB) (*Store, error) {
	s := &Store{db: db, wake: engine.NewWaker()}
	if db.Alone() {
		s.mark.Open()
	}
	if !db.Config.ReadOnly {
		if err := s.noteTimeline(ctx); err != nil {
			return nil, err
		}
	}
	head, err := s.Head(ctx)
	if err != nil {
		return nil, err
	}
	s.wake.Advance(head)
	if db.Dialect.Linked && db.Alone() {
		return s, s.link(ctx)
	}
	return s, nil
}

// AccessBy says who knows the access of accounts, before anything is loaded.
func AccessBy(s *Store, each func(ctx context.Context, c engine.Conn, yield func(model.Entry) error) error) {
	s.accounts = each
}

// Run hears of the commits of other processes until ctx ends.
func (s *Store) Run(ctx context.Context) { s.db.Follow(ctx, s.wake, s.hear) }

// Counts returns the counters as they are now.
func (s *Store) Counts() Counts {
	out := Counts{
		Commits: s.stats.commits.Load(), Nanos: s.stats.nanos.Load(), Rows: s.stats.rows.Load(), Bytes: s.stats.bytes.Load(),
		Took: map[time.Duration]uint64{}, Failed: map[string]uint64{},
	}
	sum := uint64(0)
	for i, b := range bounds {
		sum += s.stats.took[i].Load()
		out.Took[b] = sum
	}
	for i := range failures {
		out.Failed[failures[i].reason] = s.stats.failed[i].Load()
	}
	return out
}

// Failed takes note of a commit that did not come about.
func Failed(s *Store, err error) {
	at := slices.IndexFunc(failures[:], func(f failure) bool {
		return f.is == nil || slices.ContainsFunc(f.is, func(target error) bool { return errors.Is(err, target) })
	})
	s.stats.failed[at].Add(1)
}

// Advance says that a position was committed.
func Advance(s *Store, seq model.Seq) { s.wake.Advance(seq) }

// Head reads the journal's last position.
func Head(ctx context.Context, c engine.Conn) (model.Seq, error) {
	var seq int64
	if err := c.One(ctx, []any{&seq}, `SELECT `+c.Dialect.Head); err != nil {
		return 0, fmt.Errorf("read the journal's head: %w", err)
	}
	return model.Seq(seq), nil
}

// Head is the journal's last position.
func (s *Store) Head(ctx context.Context) (model.Seq, error) { return Head(ctx, s.db.Read) }

// Take gives the position of the last of n entries that the transaction will append. On PostgreSQL it moves a counter, for
// which other commits wait from here to the end of the transaction. Where nobody else writes, the journal itself says where
// it ends, and who has written its last entry knows.
func Take(ctx context.Context, s *Store, c engine.Conn, n int) (model.Seq, error) {
	switch {
	case n == 0:
		return Head(ctx, c)
	case !c.Dialect.Alone:
		var seq int64
		var none any
		text := `UPDATE counters SET value = value + ? WHERE name = 'seq' RETURNING value, ` + c.Dialect.Hurry
		if err := c.One(ctx, []any{&seq, &none}, text, int64(n)); err != nil {
			return 0, fmt.Errorf("take journal position: %w", err)
		}
		return model.Seq(seq), nil
	case s.last == 0:
		head, err := Head(ctx, c)
		return head + model.Seq(n), err
	}
	return s.last + model.Seq(n), nil
}

// Settle hears whether a commit came about whose last entry has this position, before the next transaction begins.
func Settle(s *Store, seq model.Seq, committed bool) {
	s.last = seq
	if !committed {
		s.last = 0
	}
}

// Unsettle has the journal's end read anew, inside a transaction that writes it by another way.
func Unsettle(s *Store) { s.last = 0 }

// Rest keeps the journal's head where earlier versions look for it, before an orderly end.
func Rest(ctx context.Context, s *Store) error {
	return s.db.Write(ctx, true, func(c engine.Conn) error { return keepHead(ctx, c) })
}

// keepHead keeps the journal's head while entries are deleted that may be its last: where it ends is known from them alone,
// and from a counter that is raised here.
func keepHead(ctx context.Context, c engine.Conn) error {
	if !c.Dialect.Alone {
		return nil
	}
	if _, err := c.Exec(ctx, `UPDATE counters SET value = `+c.Dialect.Head+` WHERE name = 'seq'`); err != nil {
		return fmt.Errorf("keep the journal's head: %w", err)
	}
	return nil
}

// SealName binds a journal entry's secret to its position.
func SealName(seq model.Seq) string { return "journal " + strconv.FormatUint(uint64(seq), 10) }

// Append writes entries, which have their positions. before gives the position of the last entry of a zone that was committed,
// 0 for none.
func Append(ctx context.Context, s *Store, c engine.Conn, entries []model.Entry, before func(context.Context, model.ID) (model.Seq, error)) error {
	text, width, prev := `journal (seq, kind, account, zone, serial, at, body, secret)`, 8, []model.Seq(nil)
	if c.Dialect.Linked {
		var err error
		if prev, err = previous(ctx, entries, before); err != nil {
			return err
		}
		text, width = `journal (seq, kind, account, zone, serial, at, body, secret, prev)`, 9
	}
	boxes := make([][]byte, len(entries))
	for i := range entries {
		var err error
		if boxes[i], err = s.db.Secret.Seal(SealName(entries[i].Seq), entries[i].Secret); err != nil {
			return fmt.Errorf("append to journal: %w", err)
		}
	}
	err := c.PostInsert(ctx, text, "", len(entries), width, func(b *engine.Binds, i int) {
		e := &entries[i]
		b.Int(int64(e.Seq))
		b.Int(int64(e.Kind))
		b.ID(e.Account)
		b.ID(e.Zone)
		b.Int(int64(e.Serial))
		b.Time(e.At)
		b.Octets(e.Body)
		b.Octets(boxes[i])
		if prev != nil {
			b.Int(int64(prev[i]))
		}
	})
	if err != nil {
		return fmt.Errorf("append to journal: %w", err)
	}
	return nil
}

// Committed takes note of a commit.
func Committed(s *Store, entries []model.Entry, took time.Duration) {
	if len(entries) > 0 {
		s.lineage.note(&entries[len(entries)-1])
	}
	octets := 0
	for i := range entries {
		octets += len(entries[i].Body) + len(entries[i].Secret)
	}
	if i := slices.IndexFunc(bounds[:], func(b time.Duration) bool { return took <= b }); i >= 0 {
		s.stats.took[i].Add(1)
	}
	s.stats.commits.Add(1)
	s.stats.nanos.Add(uint64(took.Nanoseconds()))
	s.stats.rows.Add(uint64(len(entries)))
	s.stats.bytes.Add(uint64(octets))
}

// ends is where the journal begins and ends, and the mark of lost changes.
func ends(d *engine.Dialect) string {
	return `(SELECT value FROM counters WHERE name = 'floor'), ` + d.Head + `, (SELECT value FROM meta WHERE name = '` + engine.RestoredAt + `')`
}

// selectEntries tells with each entry where the journal begins and ends, so that one statement, and so one state of the
// tables, shows whether something is missing before it.
func selectEntries(d *engine.Dialect) string {
	return `SELECT ` + ends(d) + `, ` + entryColumns + ` FROM journal WHERE seq >= ? ORDER BY seq`
}

const (
	entryColumns  = `seq, kind, account, zone, serial, at, body, secret`
	selectJournal = `SELECT ` + entryColumns + ` FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq`
)

// Entries yields journal entries after seq in order, to who has loaded what is up to there. model.ErrStale when entries after
// seq were pruned already; model.ErrDiverged when the journal is not the one that was read before: it ends before seq, or
// changes are marked as lost.
// Entries of a zone that is deleted are missing without that: a later entry tells that the zone is gone.
func (s *Store) Entries(ctx context.Context, after model.Seq, yield func(model.Entry) error) error {
	s.lineage.Follow()
	some := false
	r := newEntryReader()
	err := s.db.Read.Each(ctx, func(rows *engine.Rows) error {
		if err := rows.Scan(r.dest...); err != nil {
			return err
		}
		if !some {
			some = true
			if err := s.checkEnds(&r.ends, after); err != nil {
				return err
			}
		}
		if model.Seq(r.seq) == after { // it is asked for only to see whether it is still the same
			if e := r.entry(); !s.lineage.same(&e) {
				return fmt.Errorf("another entry at %d than before: %w", after, model.ErrDiverged)
			}
			return nil
		}
		return s.yieldEntry(r, func(e model.Entry) error {
			err := yield(e)
			if err == nil {
				s.lineage.note(&e)
			}
			return err
		})
	}, selectEntries(s.db.Dialect), int64(after))
	if err == nil && !some {
		if err = s.db.Read.One(ctx, r.dest[:endColumns], `SELECT `+ends(s.db.Dialect)); err == nil {
			err = s.checkEnds(&r.ends, after)
		}
	}
	if err != nil {
		return fmt.Errorf("read journal after %d: %w", after, err)
	}
	return nil
}

// Remaining yields the journal entries after a position and up to another one in order, as far as they are still there.
func (s *Store) Remaining(ctx context.Context, after, upto model.Seq, yield func(model.Entry) error) error {
	r := newEntryReader()
	err := s.db.Read.Each(ctx, func(rows *engine.Rows) error {
		if err := rows.Scan(r.dest[endColumns:]...); err != nil {
			return err
		}
		return s.yieldEntry(r, yield)
	}, selectJournal, int64(after), int64(upto))
	if err != nil {
		return fmt.Errorf("read journal from %d to %d: %w", after, upto, err)
	}
	return nil
}

func (s *Store) yieldEntry(r *entryReader, yield func(model.Entry) error) error {
	e := r.entry()
	if len(r.secret) > 0 {
		if err := s.unseal(&e, SealName(e.Seq), r.secret); err != nil {
			return fmt.Errorf("entry %d: %w", e.Seq, err)
		}
	}
	return yield(e)
}

// entryReader scans rows of selectEntries. A start reads millions of them: what a row does not need anew is kept.
type entryReader struct {
	ends                  journalEnds
	seq, kind, serial, at int64
	account, zone         model.ID
	body                  []byte
	secret                engine.RawBytes
	dest                  []any
}

func newEntryReader() *entryReader {
	r := &entryReader{}
	r.dest = []any{
		&r.ends.floor, &r.ends.head, engine.ToText(&r.ends.mark), &r.seq, &r.kind, engine.ToID(&r.account), engine.ToID(&r.zone), &r.serial, &r.at, &r.body, &r.secret,
	}
	return r
}

// entry is the row just scanned, but for its secret.
func (r *entryReader) entry() model.Entry {
	return model.Entry{
		Seq: model.Seq(r.seq), Kind: model.EntryKind(r.kind), Account: r.account, Zone: r.zone, Serial: uint32(r.serial),
		At: engine.FromMicros(r.at), Body: engine.OrNil(r.body),
	}
}

// journalEnds are the last position that was pruned, the last that was taken, and the mark of lost changes.
type journalEnds struct {
	floor, head int64
	mark        string
}

// endColumns is how many columns ends has.
const endColumns = 3

func (s *Store) checkEnds(j *journalEnds, after model.Seq) error {
	switch {
	case int64(after) > j.head:
		return fmt.Errorf("the journal ends at %d: %w", j.head, model.ErrDiverged)
	case !s.lineage.stands(j.mark):
		return fmt.Errorf("changes are marked as lost: %w", model.ErrDiverged)
	case int64(after) < j.floor:
		return fmt.Errorf("the journal has %d to %d: %w", j.floor, j.head, model.ErrStale)
	}
	return nil
}

// Wait returns when an entry past where the caller is may exist, or ctx ends. Where that is, is asked with each commit, of any
// goroutine, and must be told at once: who is handed entries while he waits is not woken for them. On SQLite commits of this process wake it; on PostgreSQL
// also those of others, told by LISTEN and, should that fail, found by asking now and then.
func (s *Store) Wait(ctx context.Context, at func() model.Seq) error {
	return s.wake.Wait(ctx, at)
}

// prune removes entries of a zone up to keep, out of a list of them, and remembers that whoever stands before the last of them
// must load anew.
func prune(ctx context.Context, c engine.Conn, list []int64, keep model.Seq) error {
	list = slices.DeleteFunc(slices.Clone(list), func(seq int64) bool { return seq > int64(keep) })
	if len(list) == 0 {
		return nil
	}
	if err := remove(ctx, c, list); err != nil {
		return err
	}
	return raiseFloor(ctx, c, slices.Max(list))
}

// noticeLife is how long entries stay that no image replaces: those of accounts and of zones that are gone. Their state
// is read by Load.
const (
	noticeLife  = 24 * time.Hour
	noticeBatch = 10000
)

// PruneNotices removes some of the entries that are only of use to nodes in step.
func (s *Store) PruneNotices(ctx context.Context) error {
	const which = `SELECT seq FROM journal WHERE at < ? AND (zone = ? OR kind = ?) ORDER BY seq LIMIT ?`
	var old []any
	var last int64
	err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
		old = append(old, nil)
		err := r.Scan(&last)
		old[len(old)-1] = last
		return err
	}, which, s.db.Config.Clock().Add(-noticeLife).UnixMicro(), []byte{}, int64(model.EntryGone), noticeBatch)
	if err != nil || len(old) == 0 {
		return err
	}
	return s.db.Write(ctx, true, func(c engine.Conn) error {
		if err := keepHead(ctx, c); err != nil {
			return err
		}
		if _, err := c.ExecIn(ctx, `DELETE FROM journal WHERE seq IN (%s)`, nil, old); err != nil {
			return err
		}
		return raiseFloor(ctx, c, last)
	})
}

func raiseFloor(ctx context.Context, c engine.Conn, seq int64) error {
	_, err := c.Exec(ctx, `UPDATE counters SET value = ? WHERE name = 'floor' AND value < ?`, seq, seq)
	return err
}

// unseal opens an entry's secret. Without a key the entry comes without it, and says so.
func (s *Store) unseal(e *model.Entry, row string, box []byte) (err error) {
	e.Secret, err = s.db.Secret.Open(row, box)
	if errors.Is(err, engine.ErrNoKey) {
		e.Sealed, err = true, nil
	}
	return err
}

// Announce tells other processes of a commit once it is visible. In the same breath it makes sure that the database has the
// history that the commit was planned on; other commits wait already, so it stays so.
func Announce(ctx context.Context, s *Store, c engine.Conn, seq model.Seq) error {
	if c.Dialect.Alone {
		return nil
	}
	var st engine.Standing
	var told any
	dest := append(st.Dest(), &told)
	text, args := `SELECT `+c.Dialect.SelectStanding(), []any(nil)
	if c.Dialect.Notify != "" {
		text, args = text+`, `+c.Dialect.Notify, []any{strconv.FormatUint(uint64(seq), 10)}
	} else {
		dest = dest[:len(dest)-1]
	}
	if err := c.One(ctx, dest, text, args...); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	return s.standsOn(&st)
}
