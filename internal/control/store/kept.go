package store

import (
	"sync"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// shelf keeps rows that nearly every request reads, as they stand in the database. It keeps none until it is opened, which
// a store does whose database no other process writes: there whoever writes such a row here is the only one who can make
// it untrue. What is kept is read by many and changed by none. Rows that are not there are not remembered.
type shelf[K comparable, V any] struct {
	mu    sync.Mutex
	rows  map[K]V // nil: closed
	moves uint64  // rows written so far: what was read before one of them is not kept after it
}

// shelfMost bounds what a shelf keeps.
const shelfMost = 1024

func (s *shelf[K, V]) open() { s.rows = map[K]V{} }

// read takes a row from the shelf, or else from the database by load.
func (s *shelf[K, V]) read(k K, load func() (V, error)) (V, error) {
	s.mu.Lock()
	v, ok := s.rows[k]
	moves := s.moves
	s.mu.Unlock()
	if ok {
		return v, nil
	}
	v, err := load()
	if err != nil {
		return v, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil || s.moves != moves {
		return v, nil
	}
	for other := range s.rows { // any will do: what is in use comes back
		if len(s.rows) < shelfMost {
			break
		}
		delete(s.rows, other)
	}
	s.rows[k] = v
	return v, nil
}

// update lays what was written over a row that is kept. It is called once the write is durable, before anybody hears of it.
func (s *shelf[K, V]) update(k K, f func(*V)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves++
	if v, ok := s.rows[k]; ok {
		f(&v)
		s.rows[k] = v
	}
}

// drop forgets a row that was written, or may have been.
func (s *shelf[K, V]) drop(k K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves++
	delete(s.rows, k)
}

// clear forgets all rows.
func (s *shelf[K, V]) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves++
	clear(s.rows)
}

// kept are the shelves of a store.
type kept struct {
	zones    shelf[model.ID, numberedZone]
	accounts shelf[model.ID, model.Account]
	tokens   shelf[string, model.Token] // by hash; their last use is not kept up
	users    shelf[model.ID, model.User]
	members  shelf[model.ID, []model.Member] // by user
}

// numberedZone is a zone with its number in the tables.
type numberedZone struct {
	model.Zone
	no int64
}

func (k *kept) open() {
	k.zones.open()
	k.accounts.open()
	k.tokens.open()
	k.users.open()
	k.members.open()
}

// people forgets all about who may do what: such writes are rare, and one touches another.
func (k *kept) people() {
	k.tokens.clear()
	k.users.clear()
	k.members.clear()
}
