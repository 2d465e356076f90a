package zones

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// ReadAccount reads an account; model.ErrNotFound when there is none.
func ReadAccount(ctx context.Context, c engine.Conn, account model.ID) (a model.Account, err error) {
	if err = c.One(ctx, []any{engine.ToDoc(&a)}, `SELECT doc FROM accounts WHERE id = ?`, engine.ID(account)); err != nil {
		return a, fmt.Errorf("read account %s: %w", account, err)
	}
	return a, nil
}

// Account reads an account. Unless it is locked, others may change it meanwhile; but none that has zones rendered anew for it
// gets past those that are locked here.
func (t *Tx) Account(ctx context.Context, account model.ID) (model.Account, error) {
	load := func() (model.Account, error) { return ReadAccount(ctx, t.c, account) }
	if _, written := t.accounts[account]; written {
		return load()
	}
	if a, ok := t.locks.owners[account]; ok {
		return a, nil
	}
	return t.s.accounts.Read(account, load)
}

// PutAccount replaces an account that is locked, or inserts one.
func (t *Tx) PutAccount(ctx context.Context, a model.Account) error {
	d, err := engine.Doc(a)
	if err != nil {
		return err
	}
	text := `INSERT INTO accounts (id, name, doc) VALUES (?, ?, ?)`
	if t.locks.accounts[a.ID] {
		text += ` ON CONFLICT (id) DO UPDATE SET name = excluded.name, doc = excluded.doc`
	}
	t.accounts[a.ID] = struct{}{}
	if _, err := t.c.Exec(ctx, text, engine.ID(a.ID), engine.WellFormed(a.Name), d); err != nil {
		return fmt.Errorf("write account %s: %w", a.ID, t.stale(err))
	}
	t.locks.accounts[a.ID] = true
	return nil
}

// Account reads an account.
func (s *Store) Account(ctx context.Context, account model.ID) (model.Account, error) {
	return s.accounts.Read(account, func() (model.Account, error) { return ReadAccount(ctx, s.db.Read, account) })
}

// Accounts lists accounts ordered by name, and counts them (offset and limit ignored); ids nil means all, name empty any,
// limit 0 no limit. Names compare without case.
func (s *Store) Accounts(ctx context.Context, ids []model.ID, name string, desc bool, offset, limit int) ([]model.Account, int, error) {
	w := engine.NewWhere(s.db.Dialect)
	if ids != nil {
		w.AnyOf("id", ids)
	}
	if name != "" {
		w.Add("lower(name) = ?", engine.LowerASCII(name))
	}
	var total int
	if err := s.db.Read.One(ctx, []any{&total}, `SELECT count(*) FROM accounts`+w.Text(), w.Arguments()...); err != nil {
		return nil, 0, fmt.Errorf("count accounts: %w", err)
	}
	text := `SELECT doc FROM accounts` + w.Text() + ` ORDER BY ` + engine.Ordered(desc, "lower(name)", "id")
	text, args := engine.Paged(text, w.Arguments(), offset, limit)
	var out []model.Account
	err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
		var a model.Account
		err := r.Scan(engine.ToDoc(&a))
		out = append(out, a)
		return err
	}, text, args...)
	if err != nil {
		return nil, 0, fmt.Errorf("list accounts: %w", err)
	}
	return out, total, nil
}

// CountAccountRecords is the number of records in all zones of the account.
func (s *Store) CountAccountRecords(ctx context.Context, account model.ID) (int, error) {
	var n int
	const text = `SELECT CAST(coalesce(sum(records), 0) AS BIGINT) FROM zones WHERE account = ?`
	if err := s.db.Read.One(ctx, []any{&n}, text, engine.ID(account)); err != nil {
		return 0, fmt.Errorf("count records of account %s: %w", account, err)
	}
	return n, nil
}
