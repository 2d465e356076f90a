package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Members lists memberships of the account, of the user, or of both together, oldest first; either may be empty.
func (s *Store) Members(ctx context.Context, account, user model.ID) ([]model.Member, error) {
	if account != "" || user == "" {
		return s.read.members(ctx, account, user)
	}
	list, err := s.kept.members.read(user, func() ([]model.Member, error) { return s.read.members(ctx, "", user) })
	return slices.Clone(list), err
}

func (c conn) members(ctx context.Context, account, user model.ID) ([]model.Member, error) {
	w := where{d: c.d}
	if account != "" {
		w.add("m.account = ?", id(account))
	}
	if user != "" {
		w.add("m.person = ?", id(user))
	}
	var out []model.Member
	err := c.each(ctx, func(r *sql.Rows) error {
		m, err := scanMember(r)
		out = append(out, m)
		return err
	}, `SELECT m.doc, a.doc FROM members m LEFT JOIN accounts a ON a.id = m.account`+w.text()+` ORDER BY m.created, m.id`, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return out, nil
}

// scanMember reads a membership and what it needs to know of its account.
func scanMember(r *sql.Rows) (m model.Member, err error) {
	var account sql.Null[string]
	if err = r.Scan(toDoc{&m}, &account); err != nil || !account.Valid {
		return m, err
	}
	var a model.Account
	err = toDoc{&a}.Scan(account.V)
	m.Suspended = a.Suspended
	return m, err
}

// Members lists memberships.
func (t *peopleTx) Members(ctx context.Context, account, user model.ID) ([]model.Member, error) {
	return t.c.members(ctx, account, user)
}

// AddMember inserts a membership.
func (t *peopleTx) AddMember(ctx context.Context, m model.Member) error {
	d, err := doc(m)
	if err != nil {
		return err
	}
	taken := &model.Invalid{Code: model.CodeMemberInvalid, Message: "The user is a member of the account already."}
	err = added(ctx, t.c, taken, `INSERT INTO members (id, account, person, created, doc) VALUES (?, ?, ?, ?, ?)`,
		id(m.ID), id(m.Account), id(m.User), micros(m.Created), d)
	if err != nil {
		return fmt.Errorf("add member %s: %w", m.ID, err)
	}
	return nil
}

// EditMember changes a membership; its account and its user stay.
func (t *peopleTx) EditMember(ctx context.Context, account, member model.ID, edit func(*model.Member) error) (model.Member, error) {
	read := func() (m model.Member, err error) {
		err = t.c.one(ctx, []any{toDoc{&m}}, `SELECT doc FROM members WHERE id = ? AND account = ?`, id(member), id(account))
		return m, err
	}
	m, err := edited(read, edit, func(m *model.Member) (int, error) {
		d, err := doc(m)
		if err != nil {
			return 0, err
		}
		return t.c.exec(ctx, `UPDATE members SET doc = ? WHERE id = ?`, d, id(member))
	})
	if err != nil {
		return m, fmt.Errorf("edit member %s: %w", member, err)
	}
	return m, nil
}

// DeleteMember removes a membership.
func (t *peopleTx) DeleteMember(ctx context.Context, account, member model.ID) error {
	err := deleteOne(ctx, t.c, `DELETE FROM members WHERE id = ? AND account = ?`, id(member), id(account))
	if err != nil {
		return fmt.Errorf("delete member %s: %w", member, err)
	}
	return nil
}
