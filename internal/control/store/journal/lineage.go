package journal

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"sync"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// A database may lose the end of its history under running nodes: a standby that lagged is promoted, or an older state is
// brought back by the database's own tools. Three things tell:
//
//   - the mark of the last restore (restored.go), which every loss changes: a node that stands on another one writes nothing;
//   - PostgreSQL's timeline, which every promotion and every point-in-time recovery changes: the first transaction that
//     finds another than the one noted sets a mark, so nothing is committed on top of a loss that nobody has noticed;
//   - the journal itself, which ends before what a node has seen of it, or has something else there.

// lineage is the history that memory stands on.
type lineage struct {
	mu      sync.Mutex
	known   bool
	mark    string // at the time of the load that memory comes from
	loading string // of a load that may not be over
	last    model.Seq
	sum     uint64 // of the entry at last, the newest one read or written here
}

var sumSeed = maphash.MakeSeed()

// sumOf is a hash of what is in a journal entry, but for its secret.
func sumOf(e *model.Entry) uint64 {
	var h maphash.Hash
	h.SetSeed(sumSeed)
	for _, s := range []string{string(e.Account), string(e.Zone), strconv.Itoa(int(e.Kind)), strconv.Itoa(int(e.Serial)), strconv.FormatInt(engine.Micros(e.At), 10)} {
		_, _ = h.WriteString(s) // never fails
		_ = h.WriteByte(0)
	}
	_, _ = h.Write(e.Body)
	return h.Sum64()
}

// note takes an entry as the newest one, unless there is a newer one.
func (l *lineage) note(e *model.Entry) {
	sum := sumOf(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Seq > l.last {
		l.last, l.sum = e.Seq, sum
	}
}

// same says whether an entry is the one that was seen at its position, as far as is known.
func (l *lineage) same(e *model.Entry) bool {
	sum := sumOf(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last != e.Seq || l.sum == sum
}

// load begins a load of a database with this mark.
func (l *lineage) load(mark string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loading, l.last = mark, 0
	if !l.known {
		l.mark = mark
	}
}

// Follow has memory stand on what was last loaded; who follows the journal has all of it.
func (l *lineage) Follow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known, l.mark = true, l.loading
}

// stands says whether memory stands on the history with this mark, or on none yet.
func (l *lineage) stands(mark string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.known || l.mark == mark
}

func (l *lineage) now() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mark
}

// History names what memory stands on: another name when the database has lost changes, or was restored.
func (s *Store) History() string { return s.lineage.now() }

// hear takes what the listener was told. Where history is not what memory stands on, who follows the journal is woken, to
// find out by himself.
func (s *Store) hear(ctx context.Context, st engine.Standing) {
	outgrown := s.db.Heed(st.Limits) != nil
	if st.Moved() && !outgrown && !s.db.Config.ReadOnly {
		if err := s.noteTimeline(ctx); err != nil {
			s.db.Config.Log.Warn("the database has been promoted or restored, which cannot be noted yet", "error", err)
		}
	}
	if st.Head < s.wake.Newest() || !s.lineage.stands(st.Mark) {
		s.wake.Alarm(st.Head)
		return
	}
	s.wake.Advance(st.Head)
}

// noteTimeline notes the timeline that the server is on now. If the same server, or one of its standbys, was on another one
// before, changes may be lost that were published: that is marked.
func (s *Store) noteTimeline(ctx context.Context) error {
	if s.db.Dialect.Timeline == engine.NoTimeline {
		return nil
	}
	err := s.db.Write(ctx, false, func(c engine.Conn) error {
		if err := lockHead(ctx, c); err != nil {
			return err
		}
		var st engine.Standing
		if err := c.One(ctx, st.Dest(), `SELECT `+c.Dialect.SelectStanding()); err != nil {
			return err
		}
		if st.Timeline == "" || st.Timeline == st.Noted {
			return nil
		}
		var noted, system string
		err := c.One(ctx, []any{engine.ToText(&system), engine.ToText(&noted)},
			`SELECT `+c.Dialect.System+`, (SELECT value FROM meta WHERE name = '`+engine.NotedSystem+`')`)
		if err != nil {
			return err
		}
		for name, value := range map[string]string{engine.NotedTimeline: st.Timeline, engine.NotedSystem: system} {
			if _, err := c.Exec(ctx, engine.UpsertMeta, name, engine.Octets([]byte(value))); err != nil {
				return err
			}
		}
		if st.Noted == "" || noted != system {
			return nil // a new database, or a copy on another server
		}
		s.db.Config.Log.Warn("the database has been promoted or restored: serials go past what may be lost", "timeline", st.Timeline, "before", st.Noted)
		return s.markRestored(ctx, c)
	})
	if err != nil {
		return fmt.Errorf("note the database's timeline: %w", err)
	}
	return nil
}

// NoteLoss marks that the database has lost changes, unless another node has done so, and has connections made anew: those
// that there are may lead to a server that is none any more. Who only reads leaves the mark to others.
func (s *Store) NoteLoss(ctx context.Context) error {
	s.db.Refresh()
	if s.db.Config.ReadOnly {
		return nil
	}
	if err := s.noteTimeline(ctx); err != nil {
		return err
	}
	err := s.db.Write(ctx, false, func(c engine.Conn) error {
		if err := lockHead(ctx, c); err != nil {
			return err
		}
		var st engine.Standing
		if err := c.One(ctx, st.Dest(), `SELECT `+c.Dialect.SelectStanding()); err != nil {
			return err
		}
		if st.Mark != s.lineage.now() {
			return nil
		}
		return s.markRestored(ctx, c)
	})
	if err != nil {
		return fmt.Errorf("note that changes are lost: %w", err)
	}
	return nil
}

// lockHead has other commits wait until the end of this transaction.
func lockHead(ctx context.Context, c engine.Conn) error {
	if c.Dialect.Alone {
		return nil
	}
	_, err := c.Exec(ctx, `UPDATE counters SET value = value WHERE name = 'seq'`)
	return err
}

var errLineage = errors.New("the database has another history than this node's memory")

// onLineage refuses to write what was made from memory into a database whose history memory does not stand on.
func (s *Store) onLineage(ctx context.Context, c engine.Conn) error {
	if c.Dialect.Alone {
		return nil
	}
	var st engine.Standing
	if err := c.One(ctx, st.Dest(), `SELECT `+c.Dialect.SelectStanding()); err != nil {
		return fmt.Errorf("read the mark of history: %w", err)
	}
	return s.standsOn(&st)
}

func (s *Store) standsOn(st *engine.Standing) error {
	if err := s.db.Heed(st.Limits); err != nil {
		return err
	}
	if st.Moved() || !s.lineage.stands(st.Mark) {
		s.wake.Alarm(s.wake.Newest())
		return fmt.Errorf("%w: %w", errLineage, model.ErrStale)
	}
	return nil
}
