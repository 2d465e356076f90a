package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// takeSeq moves the head of the journal by n and returns it. On PostgreSQL other commits wait from here to the end of the
// transaction, if n is not 0.
func takeSeq(ctx context.Context, c conn, n int) (model.Seq, error) {
	var seq int64
	var none any
	text, args := `UPDATE counters SET value = value + ? WHERE name = 'seq' RETURNING value, `+c.d.hurry, []any{int64(n)}
	dest := []any{&seq, &none}
	if n == 0 {
		text, args, dest = selectHead, nil, dest[:1]
	}
	if err := c.one(ctx, dest, text, args...); err != nil {
		return 0, fmt.Errorf("take journal position: %w", err)
	}
	return model.Seq(seq), nil
}

// takeSeq is takeSeq for the entries of a transaction. Where nobody else writes, the head is known already: to move it from
// there costs less than a statement that returns what it wrote.
func (t *Tx) takeSeq(ctx context.Context, n int) (model.Seq, error) {
	if n == 0 || !t.c.d.alone {
		return takeSeq(ctx, t.c, n)
	}
	from := t.s.wake.newest()
	to := from + model.Seq(n)
	moved, err := t.c.exec(ctx, `UPDATE counters SET value = ? WHERE name = 'seq' AND value = ?`, int64(to), int64(from))
	switch {
	case err != nil:
		return 0, fmt.Errorf("take journal position: %w", err)
	case moved == 0: // the commit before this one has not told of its position yet
		return takeSeq(ctx, t.c, n)
	}
	return to, nil
}

const selectHead = `SELECT value FROM counters WHERE name = 'seq'`

// Head is the journal's last position.
func (s *Store) Head(ctx context.Context) (model.Seq, error) { return s.head(ctx) }

func (s *Store) head(ctx context.Context) (model.Seq, error) { return takeSeq(ctx, s.read, 0) }

// sealName binds a journal entry's secret to its position.
func sealName(seq model.Seq) string { return "journal " + strconv.FormatUint(uint64(seq), 10) }

func (t *Tx) appendJournal(ctx context.Context, entries []model.Entry) error {
	const text = `journal (seq, kind, account, zone, serial, at, body, secret)`
	_, err := t.c.insert(ctx, text, "", len(entries), 8, func(args []any, i int) []any {
		e := &entries[i]
		return append(args, int64(e.Seq), int64(e.Kind), id(e.Account), id(e.Zone), int64(e.Serial), micros(e.At),
			octets(e.Body), t.s.secret.seal(sealName(e.Seq), e.Secret))
	})
	if err != nil {
		return fmt.Errorf("append to journal: %w", err)
	}
	return nil
}

func (s *Store) count(entries []model.Entry, took time.Duration) {
	octets := 0
	for i := range entries {
		octets += len(entries[i].Body) + len(entries[i].Secret)
	}
	s.stats.commits.Add(1)
	s.stats.nanos.Add(uint64(took.Nanoseconds()))
	s.stats.rows.Add(uint64(len(entries)))
	s.stats.bytes.Add(uint64(octets))
}

// selectEntries tells with each entry where the journal begins and ends, so that one statement, and so one state of the
// tables, shows whether something is missing before it.
const (
	selectEnds    = `(SELECT value FROM counters WHERE name = 'floor'), (SELECT value FROM counters WHERE name = 'seq'), (SELECT value FROM meta WHERE name = '` + restoredAt + `')`
	entryColumns  = `seq, kind, account, zone, serial, at, body, secret`
	selectEntries = `SELECT ` + selectEnds + `, ` + entryColumns + ` FROM journal WHERE seq >= ? ORDER BY seq`
	selectJournal = `SELECT ` + entryColumns + ` FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq`
)

// Entries yields journal entries after seq in order, to who has loaded what is up to there. model.ErrStale when entries after
// seq were pruned already; model.ErrDiverged when the journal is not the one that was read before: it ends before seq, or
// changes are marked as lost.
// Entries of a zone that is deleted are missing without that: a later entry tells that the zone is gone.
func (s *Store) Entries(ctx context.Context, after model.Seq, yield func(model.Entry) error) error {
	s.lineage.follow()
	some := false
	r := newEntryReader()
	err := s.read.each(ctx, func(rows *sql.Rows) error {
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
	}, selectEntries, int64(after))
	if err == nil && !some {
		if err = s.read.one(ctx, r.dest[:endColumns], `SELECT `+selectEnds); err == nil {
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
	err := s.read.each(ctx, func(rows *sql.Rows) error {
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
		if err := s.unseal(&e, sealName(e.Seq), r.secret); err != nil {
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
	secret                sql.RawBytes
	dest                  []any
}

func newEntryReader() *entryReader {
	r := &entryReader{}
	r.dest = []any{
		&r.ends.floor, &r.ends.head, toText{&r.ends.mark}, &r.seq, &r.kind, toID{&r.account}, toID{&r.zone}, &r.serial, &r.at, &r.body, &r.secret,
	}
	return r
}

// entry is the row just scanned, but for its secret.
func (r *entryReader) entry() model.Entry {
	return model.Entry{
		Seq: model.Seq(r.seq), Kind: model.EntryKind(r.kind), Account: r.account, Zone: r.zone, Serial: uint32(r.serial),
		At: fromMicros(r.at), Body: orNil(r.body),
	}
}

// journalEnds are the last position that was pruned, the last that was taken, and the mark of lost changes.
type journalEnds struct {
	floor, head int64
	mark        string
}

// endColumns is how many columns selectEnds has.
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

// Wait returns when an entry after seq may exist, or ctx ends. On SQLite commits of this process wake it; on PostgreSQL
// also those of others, told by LISTEN and, should that fail, found by asking now and then.
func (s *Store) Wait(ctx context.Context, after model.Seq) error { return s.wake.wait(ctx, after) }

// prune removes a zone's entries at or before keep, and remembers that whoever stands before the last of them must load
// anew.
func prune(ctx context.Context, c conn, zone model.ID, keep model.Seq) error {
	var last sql.NullInt64
	err := c.one(ctx, []any{&last}, `SELECT max(seq) FROM journal WHERE zone = ? AND seq <= ?`, id(zone), int64(keep))
	if err != nil || !last.Valid {
		return err
	}
	if _, err := c.exec(ctx, `DELETE FROM journal WHERE zone = ? AND seq <= ?`, id(zone), int64(keep)); err != nil {
		return err
	}
	return raiseFloor(ctx, c, last.Int64)
}

// noticeLife is how long entries stay that no image replaces: those of accounts and of zones that are gone. Their state
// is read by Load.
const (
	noticeLife  = 24 * time.Hour
	noticeBatch = 10000
)

// pruneNotices removes some of the entries that are only of use to nodes in step.
func (s *Store) pruneNotices(ctx context.Context) error {
	const which = `SELECT seq FROM journal WHERE at < ? AND (zone = ? OR kind = ?) ORDER BY seq LIMIT ?`
	var old []any
	var last int64
	err := s.read.each(ctx, func(r *sql.Rows) error {
		old = append(old, nil)
		err := r.Scan(&last)
		old[len(old)-1] = last
		return err
	}, which, s.cfg.Clock().Add(-noticeLife).UnixMicro(), []byte{}, int64(model.EntryGone), noticeBatch)
	if err != nil || len(old) == 0 {
		return err
	}
	return s.write(ctx, true, func(c conn) error {
		if _, err := c.execIn(ctx, `DELETE FROM journal WHERE seq IN (%s)`, nil, old); err != nil {
			return err
		}
		return raiseFloor(ctx, c, last)
	})
}

func raiseFloor(ctx context.Context, c conn, seq int64) error {
	_, err := c.exec(ctx, `UPDATE counters SET value = ? WHERE name = 'floor' AND value < ?`, seq, seq)
	return err
}
