package journal

import (
	"context"
	"fmt"
	"math"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// A zone's entries are asked for only to prune them. On SQLite, where each tree that a commit writes into is a page, no index
// finds them: every entry has the position of its zone's entry before it, and the zone's row that of its last one. On
// PostgreSQL, whose nodes may be of two versions, there is an index.

// chain are the positions of a zone's entries up to one, the last of them first.
const chain = `WITH RECURSIVE chain (seq) AS (
	SELECT seq FROM zones WHERE id = ?
	UNION ALL
	SELECT j.prev FROM chain c JOIN journal j ON j.seq = c.seq WHERE j.prev > 0 AND j.prev < j.seq
) SELECT j.seq FROM chain c JOIN journal j ON j.seq = c.seq WHERE j.zone = ? AND j.seq <= ?`

// entriesOf lists the positions of a zone's entries up to one.
func entriesOf(ctx context.Context, c engine.Conn, zone model.ID, upto model.Seq) (list []int64, err error) {
	text, args := `SELECT seq FROM journal WHERE zone = ? AND seq <= ?`, []any{engine.ID(zone), int64(upto)}
	if c.Dialect.Linked {
		text, args = chain, []any{engine.ID(zone), engine.ID(zone), int64(upto)}
	}
	err = c.Each(ctx, func(r *engine.Rows) error {
		var seq int64
		err := r.Scan(&seq)
		list = append(list, seq)
		return err
	}, text, args...)
	if err != nil {
		return nil, fmt.Errorf("list journal entries of zone %s: %w", zone, err)
	}
	return list, nil
}

// remove removes entries.
func remove(ctx context.Context, c engine.Conn, list []int64) error {
	if err := keepHead(ctx, c); err != nil {
		return err
	}
	values := make([]any, len(list))
	for i, seq := range list {
		values[i] = seq
	}
	_, err := c.ExecIn(ctx, `DELETE FROM journal WHERE seq IN (%s)`, nil, values)
	return err
}

// Drop removes all entries of a zone, which is still there.
func Drop(ctx context.Context, c engine.Conn, zone model.ID) error {
	list, err := entriesOf(ctx, c, zone, math.MaxInt64)
	if err != nil || len(list) == 0 {
		return err
	}
	return remove(ctx, c, list)
}

// previous gives each entry the position of its zone's entry before it; before gives that of the last one that was committed.
func previous(ctx context.Context, entries []model.Entry, before func(context.Context, model.ID) (model.Seq, error)) ([]model.Seq, error) {
	out := make([]model.Seq, len(entries))
	last := make(map[model.ID]model.Seq, len(entries))
	for i := range entries {
		e := &entries[i]
		if e.Zone == "" {
			continue
		}
		seq, met := last[e.Zone]
		if !met {
			var err error
			if seq, err = before(ctx, e.Zone); err != nil {
				return nil, err
			}
		}
		out[i], last[e.Zone] = seq, e.Seq
	}
	return out, nil
}

// linkSlice is how many entries are linked in one transaction.
const linkSlice = 10_000

// linker links entries that an earlier version, or a backup, has left without.
type linker struct {
	after int64
	last  map[model.ID]int64 // the positions of zones' last entries so far
}

// Link links all entries that have no link, in the transaction of c.
func Link(ctx context.Context, c engine.Conn) error {
	l := linker{last: map[model.ID]int64{}}
	for more := c.Dialect.Linked; more; {
		var err error
		if more, err = l.slice(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// link is Link in short transactions, if there is anything to do. What breaks off goes on with the next start.
func (s *Store) link(ctx context.Context) error {
	var first engine.NullInt64
	err := s.db.Read.One(ctx, []any{&first}, `SELECT min(seq) FROM journal WHERE prev IS NULL`)
	if err != nil || !first.Valid {
		return err
	}
	l := linker{last: map[model.ID]int64{}}
	for more := true; more; {
		err := s.db.Write(ctx, true, func(c engine.Conn) (err error) {
			more, err = l.slice(ctx, c)
			return err
		})
		if err != nil {
			return err
		}
		s.db.Config.Log.Info("linking the journal's entries, once", "upto", l.after)
	}
	return nil
}

// slice links the next entries and says whether there may be more.
func (l *linker) slice(ctx context.Context, c engine.Conn) (more bool, err error) {
	type link struct{ seq, prev int64 }
	var links []link
	n := 0
	err = c.Each(ctx, func(r *engine.Rows) error {
		var zone model.ID
		var open bool
		n++
		if err := r.Scan(&l.after, engine.ToID(&zone), &open); err != nil {
			return err
		}
		if open {
			links = append(links, link{l.after, l.last[zone]})
		}
		if zone != "" {
			l.last[zone] = l.after
		}
		return nil
	}, `SELECT seq, zone, prev IS NULL FROM journal WHERE seq > ? ORDER BY seq LIMIT ?`, l.after, int64(linkSlice))
	for _, one := range links {
		if err == nil {
			_, err = c.Exec(ctx, `UPDATE journal SET prev = ? WHERE seq = ?`, one.prev, one.seq)
		}
	}
	if err != nil {
		return false, fmt.Errorf("link the journal's entries: %w", err)
	}
	return n == linkSlice, nil
}

// ReadEntries yields a zone's entries in order, without their secrets. On SQLite they are found by their links, or, if those are not to be
// trusted, by going through the whole journal.
func ReadEntries(ctx context.Context, c engine.Conn, zone model.ID, linked bool, yield func(model.Entry) error) error {
	text, args := `SELECT `+entryColumns+` FROM journal WHERE zone = ? ORDER BY seq`, []any{engine.ID(zone)}
	if c.Dialect.Linked && linked {
		text = `SELECT ` + entryColumns + ` FROM journal WHERE seq IN (` + chain + `) ORDER BY seq`
		args = []any{engine.ID(zone), engine.ID(zone), int64(math.MaxInt64)}
	}
	r := newEntryReader()
	err := c.Each(ctx, func(rows *engine.Rows) error {
		if err := rows.Scan(r.dest[endColumns:]...); err != nil {
			return err
		}
		return yield(r.entry())
	}, text, args...)
	if err != nil {
		return fmt.Errorf("read the journal of zone %s: %w", zone, err)
	}
	return nil
}

// EachLink yields, in order, every entry's position, its zone, if it is of one, and the position of the zone's entry before it, as far
// as entries tell that.
func EachLink(ctx context.Context, c engine.Conn, yield func(seq int64, kind model.EntryKind, zone model.ID, prev engine.NullInt64) error) error {
	column := `NULL`
	if c.Dialect.Linked {
		column = `prev`
	}
	var seq, kind int64
	var zone model.ID
	var prev engine.NullInt64
	return c.Each(ctx, func(r *engine.Rows) error {
		if err := r.Scan(&seq, &kind, engine.ToID(&zone), &prev); err != nil {
			return err
		}
		return yield(seq, model.EntryKind(kind), zone, prev)
	}, `SELECT seq, kind, zone, `+column+` FROM journal ORDER BY seq`)
}

// Forget removes all entries of a zone, however they are linked.
func Forget(ctx context.Context, c engine.Conn, zone model.ID) error {
	if err := keepHead(ctx, c); err != nil {
		return err
	}
	_, err := c.Exec(ctx, `DELETE FROM journal WHERE zone = ?`, engine.ID(zone))
	return err
}
