package zone

import (
	"container/list"
	"sync/atomic"
)

// defaultHistories bounds the histories of all zones together, in octets, where nothing else is said.
const defaultHistories = 256 << 20

// shelf bounds what the histories of all zones take. A zone's own bound is not enough: with very many zones that change, each
// may have that much. Where there is no room the zone gives its history up whose history has not grown for longest: its
// secondaries have most likely fetched it, and those that have not are served by AXFR. It is the writer's, but for the counts.
type shelf struct {
	limit   int
	size    atomic.Int64 // octets of all histories
	evicted atomic.Uint64
	order   *list.List // of *Zone with a history, the one that grew last at the end
	at      map[*Zone]*list.Element
}

func newShelf() shelf {
	return shelf{limit: defaultHistories, order: list.New(), at: map[*Zone]*list.Element{}}
}

// BoundHistories bounds what the histories of all zones take together, in octets. To be called before there are zones.
func (db *DB) BoundHistories(octets int) { db.shelf.limit = octets }

// Histories tells how many octets all histories take, the most that they may, and how many zones have given theirs up for
// want of room.
func (db *DB) Histories() (octets, most int, evicted uint64) {
	return int(db.shelf.size.Load()), db.shelf.limit, db.shelf.evicted.Load()
}

// publish gives a zone its next state, and makes room for its history. One that has grown is the youngest now, unless it was remembered.
func (db *DB) publish(z *Zone, next *State, remembered bool) {
	db.put(z, next, remembered)
	for s := &db.shelf; s.limit > 0 && s.size.Load() > int64(s.limit); s.evicted.Add(1) {
		oldest := s.order.Front().Value.(*Zone)
		without := *oldest.State()
		without.History = History{serial: without.Transfer.serial}
		db.put(oldest, &without, false)
	}
}

// put is where each state that readers see comes from, with a stamp of its own.
func (db *DB) put(z *Zone, next *State, remembered bool) {
	was := 0
	if old := z.state.Load(); old != nil {
		was = old.History.Size()
	}
	db.stamps++
	next.stamp = db.stamps
	z.state.Store(next)
	if now := next.History.Size(); now != was {
		db.shelf.resize(z, was, now, remembered)
	}
}

func (s *shelf) resize(z *Zone, was, now int, remembered bool) {
	s.size.Add(int64(now - was))
	e := s.at[z]
	switch {
	case now == 0 && e != nil:
		s.order.Remove(e)
		delete(s.at, z)
	case now == 0:
	case e == nil && remembered:
		s.at[z] = s.order.PushFront(z)
	case e == nil:
		s.at[z] = s.order.PushBack(z)
	case now > was && !remembered:
		s.order.MoveToBack(e)
	}
}

// drop forgets a zone that is no zone of the database any more.
func (s *shelf) drop(z *Zone) {
	if _, kept := s.at[z]; kept {
		s.resize(z, z.State().History.Size(), 0, false)
	}
}
