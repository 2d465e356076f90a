package engine

import "sync"

// Cache keeps rows that nearly every request reads, as they stand in the database. It keeps none until it is opened, which
// a store does whose database no other process writes: there whoever writes such a row here is the only one who can make
// it untrue. What is kept is read by many and changed by none. Rows that are not there are not remembered.
type Cache[K comparable, V any] struct {
	mu    sync.Mutex
	rows  map[K]V // nil: closed
	moves uint64  // rows written so far: what was read before one of them is not kept after it
}

// cacheMost bounds what a cache keeps.
const cacheMost = 1024

// Open has rows kept from now on.
func (s *Cache[K, V]) Open() { s.rows = map[K]V{} }

// Read takes a row from the cache, or else from the database by load.
func (s *Cache[K, V]) Read(k K, load func() (V, error)) (V, error) {
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
		if len(s.rows) < cacheMost {
			break
		}
		delete(s.rows, other)
	}
	s.rows[k] = v
	return v, nil
}

// Update lays what was written over a row that is kept. It is called once the write is durable, before anybody hears of it.
func (s *Cache[K, V]) Update(k K, f func(*V)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves++
	if v, ok := s.rows[k]; ok {
		f(&v)
		s.rows[k] = v
	}
}

// Drop forgets a row that was written, or may have been.
func (s *Cache[K, V]) Drop(k K) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves++
	delete(s.rows, k)
}

// Clear forgets all rows.
func (s *Cache[K, V]) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves++
	clear(s.rows)
}
