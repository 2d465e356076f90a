package people

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

func readLogins(ctx context.Context, c engine.Conn, rest string, arg any) (out []model.Login, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		var l model.Login
		err := r.Scan(engine.ToDoc(&l))
		out = append(out, l)
		return err
	}, `SELECT doc FROM logins`+rest, arg)
	if err != nil {
		return nil, fmt.Errorf("read logins: %w", err)
	}
	return out, nil
}

const (
	loginByID  = ` WHERE id = ?`
	loginsByOf = ` WHERE person = ? ORDER BY id`
)

// Logins lists as whom providers know a user.
func (s *Store) Logins(ctx context.Context, user model.ID) ([]model.Login, error) {
	return readLogins(ctx, s.db.Read, loginsByOf, engine.ID(user))
}

// Logins lists as whom providers know a user.
func (t *peopleTx) Logins(ctx context.Context, user model.ID) ([]model.Login, error) {
	return readLogins(ctx, t.c, loginsByOf, engine.ID(user))
}

// Login reads one, ErrNotFound if nobody is known so.
func (t *peopleTx) Login(ctx context.Context, id model.ID) (model.Login, error) {
	list, err := readLogins(ctx, t.c, loginByID, engine.ID(id))
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("read login: %w", model.ErrNotFound)
	}
	if err != nil {
		return model.Login{}, err
	}
	return list[0], nil
}

// AddLogin inserts one.
func (t *peopleTx) AddLogin(ctx context.Context, l model.Login) error {
	d, err := engine.Doc(l)
	if err != nil {
		return err
	}
	taken := &model.Invalid{Code: model.CodeLogin, Message: "The provider's account is somebody's already."}
	return added(ctx, t.c, taken, `INSERT INTO logins (id, person, doc) VALUES (?, ?, ?)`, engine.ID(l.ID), engine.ID(l.User), d)
}

// DeleteLogin removes one of the user's.
func (t *peopleTx) DeleteLogin(ctx context.Context, user, id model.ID) error {
	if err := t.c.DeleteOne(ctx, `DELETE FROM logins WHERE id = ? AND person = ?`, engine.ID(id), engine.ID(user)); err != nil {
		return fmt.Errorf("delete login: %w", err)
	}
	return nil
}
