package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// audited runs f, which writes about people and their tokens, and writes the audit entries in one durable transaction.
func (s *Store) audited(ctx context.Context, a []model.Audit, f func(c conn) error) error {
	defer s.kept.people()
	return s.write(ctx, false, func(c conn) error {
		if err := f(c); err != nil {
			return err
		}
		return putAudits(ctx, c, a)
	})
}

// User reads a user; UserByEmail one by the address, without case.
func (s *Store) User(ctx context.Context, user model.ID) (model.User, error) {
	return s.kept.users.read(user, func() (u model.User, err error) {
		if err = s.read.one(ctx, []any{toDoc{&u}}, `SELECT doc FROM users WHERE id = ?`, id(user)); err != nil {
			return u, fmt.Errorf("read user %s: %w", user, err)
		}
		return u, nil
	})
}

// UserByEmail reads the user with the address, compared without case.
func (s *Store) UserByEmail(ctx context.Context, email string) (u model.User, err error) {
	err = s.read.one(ctx, []any{toDoc{&u}}, `SELECT doc FROM users WHERE email = ?`, lowerASCII(email))
	if err != nil {
		return u, fmt.Errorf("read user by e-mail: %w", err)
	}
	return u, nil
}

// PutUser inserts or replaces a user. An e-mail address that another user has is a *model.Invalid.
func (s *Store) PutUser(ctx context.Context, u model.User, a ...model.Audit) error {
	d, err := doc(u)
	if err != nil {
		return err
	}
	const text = `INSERT INTO users (id, email, doc) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET email = excluded.email, doc = excluded.doc`
	err = s.audited(ctx, a, func(c conn) error {
		_, err := c.exec(ctx, text, id(u.ID), lowerASCII(u.Email), d)
		if errors.Is(err, errUnique) {
			return &model.Invalid{Code: model.CodeUserInvalid, Message: "Another user has this e-mail address."}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("write user %s: %w", u.ID, err)
	}
	return nil
}

// Members lists memberships of the account, of the user, or of both together, oldest first; either may be empty.
func (s *Store) Members(ctx context.Context, account, user model.ID) ([]model.Member, error) {
	if account != "" || user == "" {
		return s.listMembers(ctx, account, user)
	}
	list, err := s.kept.members.read(user, func() ([]model.Member, error) { return s.listMembers(ctx, "", user) })
	return slices.Clone(list), err
}

func (s *Store) listMembers(ctx context.Context, account, user model.ID) ([]model.Member, error) {
	w := where{d: s.d}
	if account != "" {
		w.add("account = ?", id(account))
	}
	if user != "" {
		w.add("person = ?", id(user))
	}
	var out []model.Member
	err := s.read.each(ctx, func(r *sql.Rows) error {
		var m model.Member
		err := r.Scan(toDoc{&m})
		out = append(out, m)
		return err
	}, `SELECT doc FROM members`+w.text()+` ORDER BY created, id`, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return out, nil
}

// PutMember inserts or replaces a membership. One that the user has already under another id is a *model.Invalid.
func (s *Store) PutMember(ctx context.Context, m model.Member, a ...model.Audit) error {
	d, err := doc(m)
	if err != nil {
		return err
	}
	const text = `INSERT INTO members (id, account, person, created, doc) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id)
		DO UPDATE SET account = excluded.account, person = excluded.person, created = excluded.created, doc = excluded.doc`
	err = s.audited(ctx, a, func(c conn) error {
		_, err := c.exec(ctx, text, id(m.ID), id(m.Account), id(m.User), micros(m.Created), d)
		if errors.Is(err, errUnique) {
			return &model.Invalid{Code: model.CodeMemberInvalid, Message: "The user is a member of the account already."}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("write member %s: %w", m.ID, err)
	}
	return nil
}

// DeleteMember removes a membership.
func (s *Store) DeleteMember(ctx context.Context, account, member model.ID, a ...model.Audit) error {
	err := s.audited(ctx, a, func(c conn) error {
		return deleteOne(ctx, c, `DELETE FROM members WHERE id = ? AND account = ?`, id(member), id(account))
	})
	if err != nil {
		return fmt.Errorf("delete member %s: %w", member, err)
	}
	return nil
}

// deleteOne runs a DELETE of one row; model.ErrNotFound when there is none.
func deleteOne(ctx context.Context, c conn, text string, args ...any) error {
	n, err := c.exec(ctx, text, args...)
	if err == nil && n == 0 {
		return model.ErrNotFound
	}
	return err
}
