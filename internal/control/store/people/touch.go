package people

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// touches are the last uses of tokens and sessions that wait to be written.
type touches struct {
	mu       sync.Mutex
	tokens   map[model.ID]use
	sessions map[model.ID]use
	due      chan struct{} // has a token while something waits
}

// use is when something was used, and a session from where.
type use struct {
	at   time.Time
	from netip.Addr
}

// TouchToken records the last use, lazily and without durability: it returns at once.
func (s *Store) TouchToken(id model.ID, at time.Time) { s.touch.note(&s.touch.tokens, id, use{at: at}) }

// TouchSession is TouchToken for a session and the address from where it is used.
func (s *Store) TouchSession(id model.ID, at time.Time, from netip.Addr) {
	s.touch.note(&s.touch.sessions, id, use{at, from})
}

// note keeps the newest use.
func (t *touches) note(in *map[model.ID]use, id model.ID, u use) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if *in == nil {
		*in = map[model.ID]use{}
	}
	if (*in)[id].at.Before(u.at) {
		(*in)[id] = u
	}
	select {
	case t.due <- struct{}{}:
	default:
	}
}

// touchPause is how long after the first of them touches are written.
const touchPause = 2 * time.Second

// Run writes touches some seconds after the first of them, and once more at the end, until ctx ends.
func (s *Store) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			s.writeTouches(context.WithoutCancel(ctx))
			return
		case <-s.touch.due:
			if engine.Pause(ctx, touchPause); ctx.Err() == nil {
				s.writeTouches(ctx)
			}
		}
	}
}

// take hands out what waits.
func (t *touches) take() (tokens, sessions map[model.ID]use) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tokens, sessions = t.tokens, t.sessions
	t.tokens, t.sessions = nil, nil
	return tokens, sessions
}

// writeTouches writes what waits; what cannot be written waits on.
func (s *Store) writeTouches(ctx context.Context) {
	tokens, sessions := s.touch.take()
	if len(tokens)+len(sessions) == 0 {
		return
	}
	err := s.db.Write(ctx, true, func(c engine.Conn) error {
		if err := c.LockPeople(ctx); err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(tokens)) { // in one order on all nodes
			const text = `UPDATE tokens SET used = ? WHERE id = ? AND used < ?`
			at := engine.Micros(tokens[id].at)
			if _, err := c.Exec(ctx, text, at, engine.ID(id), at); err != nil {
				return err
			}
		}
		for _, id := range slices.Sorted(maps.Keys(sessions)) {
			// A session that was ended meanwhile has no row, and gets none by this.
			const text = `UPDATE sessions SET used = ?, last = ? WHERE id = ? AND used < ?`
			at := engine.Micros(sessions[id].at)
			if _, err := c.Exec(ctx, text, at, addrText(sessions[id].from), engine.ID(id), at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.db.Config.Log.Debug("last use of tokens and sessions not written", "error", err)
		for id, u := range tokens {
			s.touch.note(&s.touch.tokens, id, u)
		}
		for id, u := range sessions {
			s.touch.note(&s.touch.sessions, id, u)
		}
	}
}
