package engine

import (
	"container/list"
	"context"
	"database/sql"
	"sync"
)

// statements keeps the prepared statements that were used last, by their text. Lists and filters make texts without end, so
// the one that has not been used for the longest time makes room for a new one.
type statements struct {
	on   preparer
	most int

	mu   sync.Mutex
	by   map[string]*list.Element
	used list.List // of *statement, the last used in front
}

// statement is a prepared statement that some calls may be using.
type statement struct {
	*sql.Stmt
	text  string
	users int
	out   bool // of the cache: whoever uses it last closes it
}

// maxStatements bounds the statements that are kept. SQLite holds some kilobytes for each, on each connection.
const maxStatements = 256

func newStatements(on preparer) *statements {
	return &statements{on: on, most: maxStatements, by: map[string]*list.Element{}}
}

// get returns the prepared statement, which the caller gives back by release; nil where none are kept.
func (s *statements) get(ctx context.Context, text string) (*statement, error) {
	if s == nil {
		return nil, nil
	}
	if st := s.find(text); st != nil {
		return st, nil
	}
	// Without the lock: on a pool this may wait for a connection, which another holds who needs a statement.
	prepared, err := s.on.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return s.add(&statement{Stmt: prepared, text: text, users: 1}), nil
}

func (s *statements) find(text string) *statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.by[text]
	if at == nil {
		return nil
	}
	s.used.MoveToFront(at)
	st := at.Value.(*statement)
	st.users++
	return st
}

// add takes a new statement in, and puts the one out that was not used for the longest time. Another call may have
// prepared the same text meanwhile: then this one serves its caller alone.
func (s *statements) add(st *statement) *statement {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[st.text] != nil {
		st.out = true
		return st
	}
	s.by[st.text] = s.used.PushFront(st)
	if s.used.Len() > s.most {
		oldest := s.used.Remove(s.used.Back()).(*statement)
		delete(s.by, oldest.text)
		oldest.out = true
		oldest.closeUnused()
	}
	return st
}

func (s *statements) release(st *statement) {
	if st == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.users--
	st.closeUnused()
}

func (st *statement) closeUnused() {
	if st.out && st.users == 0 {
		_ = st.Close() // what is left of it goes with the connection
	}
}

func (s *statements) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := s.used.Front(); at != nil; at = at.Next() {
		_ = at.Value.(*statement).Close() // the connection goes away next, and with it whatever is left
	}
}
