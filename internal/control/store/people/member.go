package people

import (
	"context"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// Members lists memberships of the account, of the user, or of both together, oldest first; either may be empty.
func (s *Store) Members(ctx context.Context, account, user model.ID) ([]model.Member, error) {
	if account != "" || user == "" {
		return readMembers(ctx, s.db.Read, account, user)
	}
	list, err := s.cache.members.Read(user, func() ([]model.Member, error) { return readMembers(ctx, s.db.Read, "", user) })
	return slices.Clone(list), err
}

func readMembers(ctx context.Context, c engine.Conn, account, user model.ID) ([]model.Member, error) {
	w := engine.NewWhere(c.Dialect)
	if account != "" {
		w.Add("m.account = ?", engine.ID(account))
	}
	if user != "" {
		w.Add("m.person = ?", engine.ID(user))
	}
	var out []model.Member
	err := c.Each(ctx, func(r *engine.Rows) error {
		m, err := scanMember(r)
		out = append(out, m)
		return err
	}, `SELECT m.doc, a.doc FROM members m LEFT JOIN accounts a ON a.id = m.account`+w.Text()+` ORDER BY m.created, m.id`, w.Arguments()...)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return out, nil
}

// scanMember reads a membership and what it needs to know of its account.
func scanMember(r *engine.Rows) (m model.Member, err error) {
	var account engine.NullText
	if err = r.Scan(engine.ToDoc(&m), &account); err != nil || !account.Valid {
		return m, err
	}
	var a model.Account
	err = engine.ToDoc(&a).Scan(account.V)
	m.Suspended, m.Strict = a.Suspended, a.EnforceTwoFactor
	return m, err
}

// Members lists memberships.
func (t *peopleTx) Members(ctx context.Context, account, user model.ID) ([]model.Member, error) {
	return readMembers(ctx, t.c, account, user)
}

// AddMember inserts a membership.
func (t *peopleTx) AddMember(ctx context.Context, m model.Member) error {
	d, err := engine.Doc(m)
	if err != nil {
		return err
	}
	taken := &model.Invalid{Code: model.CodeMemberInvalid, Message: "The user is a member of the account already."}
	err = added(ctx, t.c, taken, `INSERT INTO members (id, account, person, created, doc) VALUES (?, ?, ?, ?, ?)`,
		engine.ID(m.ID), engine.ID(m.Account), engine.ID(m.User), engine.Micros(m.Created), d)
	if err != nil {
		return fmt.Errorf("add member %s: %w", m.ID, err)
	}
	return nil
}

// EditMember changes a membership; its account and its user stay.
func (t *peopleTx) EditMember(ctx context.Context, account, member model.ID, edit func(*model.Member) error) (model.Member, error) {
	read := func() (m model.Member, err error) {
		err = t.c.One(ctx, []any{engine.ToDoc(&m)}, `SELECT doc FROM members WHERE id = ? AND account = ?`, engine.ID(member), engine.ID(account))
		return m, err
	}
	m, err := edited(read, edit, func(m *model.Member) (int, error) {
		d, err := engine.Doc(m)
		if err != nil {
			return 0, err
		}
		return t.c.Exec(ctx, `UPDATE members SET doc = ? WHERE id = ?`, d, engine.ID(member))
	})
	if err != nil {
		return m, fmt.Errorf("edit member %s: %w", member, err)
	}
	return m, nil
}

// DeleteMember removes a membership.
func (t *peopleTx) DeleteMember(ctx context.Context, account, member model.ID) error {
	err := t.c.DeleteOne(ctx, `DELETE FROM members WHERE id = ? AND account = ?`, engine.ID(member), engine.ID(account))
	if err != nil {
		return fmt.Errorf("delete member %s: %w", member, err)
	}
	return nil
}
