package people

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/audit"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/zones"
)

// Store is users, members, tokens and sessions.
type Store struct {
	db    *engine.DB
	told  func() // rights may have changed
	cache cache
	touch touches
}

// cache is rows that nearly every request reads.
type cache struct {
	tokens  engine.Cache[string, model.Token] // by hash; their last use is not kept up
	users   engine.Cache[model.ID, model.User]
	members engine.Cache[model.ID, []model.Member] // by user
}

// New gives the people of a database. told hears whenever somebody may do more or less than before, and must return at once.
func New(db *engine.DB, told func()) *Store {
	s := &Store{db: db, told: told}
	s.touch.due = make(chan struct{}, 1)
	if db.Alone() {
		s.cache.tokens.Open()
		s.cache.users.Open()
		s.cache.members.Open()
	}
	return s
}

// forget forgets all that is kept about who may do what: such writes are rare, and one touches another.
func (s *Store) forget() {
	s.cache.tokens.Clear()
	s.cache.users.Clear()
	s.cache.members.Clear()
}

// AccountsWritten forgets memberships, which tell whether the account is suspended.
func AccountsWritten(s *Store) {
	s.cache.members.Clear()
	s.told()
}

// peopleTx is a model.PeopleTx.
type peopleTx struct {
	c engine.Conn
	s *Store
}

// EditPeople runs f in a transaction about people and makes what it wrote durable. After a lost race f runs again, from
// the start.
func (s *Store) EditPeople(ctx context.Context, f func(model.PeopleTx) error) error {
	defer s.told()
	defer s.forget()
	return s.db.Write(ctx, false, func(c engine.Conn) error {
		if err := c.LockPeople(ctx); err != nil {
			return err
		}
		if err := f(&peopleTx{c, s}); err != nil {
			return err
		}
		return c.RightsMoved(ctx)
	})
}

// Account reads an account.
func (t *peopleTx) Account(ctx context.Context, account model.ID) (model.Account, error) {
	return zones.ReadAccount(ctx, t.c, account)
}

// Audit adds audit entries.
func (t *peopleTx) Audit(ctx context.Context, a ...model.Audit) error {
	return audit.Put(ctx, t.c, audit.Telling(a), nil)
}

// PutMeta notes a value under a name.
func (t *peopleTx) PutMeta(ctx context.Context, key string, v []byte) error {
	if _, err := t.c.Exec(ctx, engine.UpsertMeta, key, engine.Octets(v)); err != nil {
		return fmt.Errorf("write meta %s: %w", key, err)
	}
	return nil
}

// edited reads a row, has edit change it and writes it back.
func edited[T any](read func() (T, error), edit func(*T) error, write func(*T) (int, error)) (T, error) {
	v, err := read()
	if err != nil {
		return v, err
	}
	if err := edit(&v); err != nil {
		return v, err
	}
	n, err := write(&v)
	if err == nil && n == 0 {
		err = model.ErrNotFound
	}
	return v, err
}

// added runs the INSERT of one row; a key that is there already is the error taken.
func added(ctx context.Context, c engine.Conn, taken error, text string, args ...any) error {
	_, err := c.Exec(ctx, text, args...)
	if errors.Is(err, engine.ErrUnique) {
		return taken
	}
	return err
}
