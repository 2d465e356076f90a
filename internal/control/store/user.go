package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func (c conn) user(ctx context.Context, cond string, arg any) (u model.User, err error) {
	if err = c.one(ctx, []any{toDoc{&u}}, `SELECT doc FROM users WHERE `+cond, arg); err != nil {
		return u, fmt.Errorf("read user: %w", err)
	}
	return u, nil
}

// User reads a user; UserByEmail one by the address, without case.
func (s *Store) User(ctx context.Context, user model.ID) (model.User, error) {
	return s.kept.users.read(user, func() (model.User, error) { return s.read.user(ctx, `id = ?`, id(user)) })
}

// UserByEmail reads the user with the address, compared without case.
func (s *Store) UserByEmail(ctx context.Context, email string) (model.User, error) {
	return s.read.user(ctx, `email = ?`, lowerASCII(email))
}

// Users lists users by e-mail address, and counts them (offset and limit ignored). A limit of 0 is none.
func (s *Store) Users(ctx context.Context, offset, limit int) ([]model.User, int, error) {
	var total int
	if err := s.read.one(ctx, []any{&total}, `SELECT count(*) FROM users`); err != nil {
		return nil, 0, fmt.Errorf("count users: %w", err)
	}
	text, args := paged(`SELECT doc FROM users ORDER BY email`, nil, offset, limit)
	out, err := s.read.users(ctx, text, args...)
	return out, total, err
}

func (c conn) users(ctx context.Context, text string, args ...any) (out []model.User, err error) {
	err = c.each(ctx, func(r *sql.Rows) error {
		var u model.User
		err := r.Scan(toDoc{&u})
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
	return t.c.user(ctx, `id = ?`, id(user))
}

// UserByEmail reads the user with the address, compared without case.
func (t *peopleTx) UserByEmail(ctx context.Context, email string) (model.User, error) {
	return t.c.user(ctx, `email = ?`, lowerASCII(email))
}

// Administrators lists the administrators of the server.
func (t *peopleTx) Administrators(ctx context.Context) ([]model.User, error) {
	// The document is written by encoding/json, which puts no blanks into it and escapes quotes in texts.
	return t.c.users(ctx, `SELECT doc FROM users WHERE doc LIKE '%,"Admin":true,%' ORDER BY id`)
}

// AddUser inserts a user.
func (t *peopleTx) AddUser(ctx context.Context, u model.User) error {
	d, err := doc(u)
	if err != nil {
		return err
	}
	taken := &model.Invalid{Code: model.CodeUserInvalid, Message: "Another user has this e-mail address."}
	err = added(ctx, t.c, taken, `INSERT INTO users (id, email, doc) VALUES (?, ?, ?)`, id(u.ID), lowerASCII(u.Email), d)
	if err != nil {
		return fmt.Errorf("add user %s: %w", u.ID, err)
	}
	return nil
}

// EditUser changes a user; the id and the address stay.
func (t *peopleTx) EditUser(ctx context.Context, user model.ID, edit func(*model.User) error) (model.User, error) {
	u, err := edited(func() (model.User, error) { return t.User(ctx, user) }, edit, func(u *model.User) (int, error) {
		d, err := doc(u)
		if err != nil {
			return 0, err
		}
		return t.c.exec(ctx, `UPDATE users SET doc = ? WHERE id = ?`, d, id(user))
	})
	if err != nil {
		return u, fmt.Errorf("edit user %s: %w", user, err)
	}
	return u, nil
}
