package people

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

func readUser(ctx context.Context, c engine.Conn, cond string, arg any) (u model.User, err error) {
	if err = c.One(ctx, []any{engine.ToDoc(&u)}, `SELECT doc FROM users WHERE `+cond, arg); err != nil {
		return u, fmt.Errorf("read user: %w", err)
	}
	return u, nil
}

// User reads a user; UserByEmail one by the address, without case.
func (s *Store) User(ctx context.Context, user model.ID) (model.User, error) {
	return s.cache.users.Read(user, func() (model.User, error) { return readUser(ctx, s.db.Read, `id = ?`, engine.ID(user)) })
}

// UserByEmail reads the user with the address, compared without case.
func (s *Store) UserByEmail(ctx context.Context, email string) (model.User, error) {
	return readUser(ctx, s.db.Read, `email = ?`, engine.LowerASCII(email))
}

// Users lists users by e-mail address, and counts them (offset and limit ignored). A limit of 0 is none.
func (s *Store) Users(ctx context.Context, offset, limit int) ([]model.User, int, error) {
	var total int
	if err := s.db.Read.One(ctx, []any{&total}, `SELECT count(*) FROM users`); err != nil {
		return nil, 0, fmt.Errorf("count users: %w", err)
	}
	text, args := engine.Paged(`SELECT doc FROM users ORDER BY email`, nil, offset, limit)
	out, err := readUsers(ctx, s.db.Read, text, args...)
	return out, total, err
}

func readUsers(ctx context.Context, c engine.Conn, text string, args ...any) (out []model.User, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		var u model.User
		err := r.Scan(engine.ToDoc(&u))
		out = append(out, u)
		return err
	}, text, args...)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return out, nil
}

// User reads a user.
func (t *peopleTx) User(ctx context.Context, user model.ID) (model.User, error) {
	return readUser(ctx, t.c, `id = ?`, engine.ID(user))
}

// UserByEmail reads the user with the address, compared without case.
func (t *peopleTx) UserByEmail(ctx context.Context, email string) (model.User, error) {
	return readUser(ctx, t.c, `email = ?`, engine.LowerASCII(email))
}

// Administrators lists the administrators of the server.
func (t *peopleTx) Administrators(ctx context.Context) ([]model.User, error) {
	// The document is written by encoding/json, which puts no blanks into it and escapes quotes in texts.
	return readUsers(ctx, t.c, `SELECT doc FROM users WHERE doc LIKE '%,"Admin":true,%' ORDER BY id`)
}

// AddUser inserts a user.
func (t *peopleTx) AddUser(ctx context.Context, u model.User) error {
	d, err := engine.Doc(u)
	if err != nil {
		return err
	}
	taken := &model.Invalid{Code: model.CodeUserInvalid, Message: "Another user has this e-mail address."}
	err = added(ctx, t.c, taken, `INSERT INTO users (id, email, doc) VALUES (?, ?, ?)`, engine.ID(u.ID), engine.LowerASCII(u.Email), d)
	if err != nil {
		return fmt.Errorf("add user %s: %w", u.ID, err)
	}
	return nil
}

// EditUser changes a user; the id and the address stay.
func (t *peopleTx) EditUser(ctx context.Context, user model.ID, edit func(*model.User) error) (model.User, error) {
	u, err := edited(func() (model.User, error) { return t.User(ctx, user) }, edit, func(u *model.User) (int, error) {
		d, err := engine.Doc(u)
		if err != nil {
			return 0, err
		}
		return t.c.Exec(ctx, `UPDATE users SET doc = ? WHERE id = ?`, d, engine.ID(user))
	})
	if err != nil {
		return u, fmt.Errorf("edit user %s: %w", user, err)
	}
	return u, nil
}
