package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func (c conn) account(ctx context.Context, account model.ID) (a model.Account, err error) {
	if err = c.one(ctx, []any{toDoc{&a}}, `SELECT doc FROM accounts WHERE id = ?`, id(account)); err != nil {
		return a, fmt.Errorf("read account %s: %w", account, err)
	}
	return a, nil
}

// Account reads an account. Unless it is locked, others may change it meanwhile; but none that has zones rendered anew for it
// gets past those that are locked here.
func (t *Tx) Account(ctx context.Context, account model.ID) (model.Account, error) {
	load := func() (model.Account, error) { return t.c.account(ctx, account) }
	if _, written := t.accounts[account]; written {
		return load()
	}
	return t.s.kept.accounts.read(account, load)
}

// PutAccount replaces an account that is locked, or inserts one.
func (t *Tx) PutAccount(ctx context.Context, a model.Account) error {
	d, err := doc(a)
	if err != nil {
		return err
	}
	text := `INSERT INTO accounts (id, name, doc) VALUES (?, ?, ?)`
	if t.locks.accounts[a.ID] {
		text += ` ON CONFLICT (id) DO UPDATE SET name = excluded.name, doc = excluded.doc`
	}
	t.accounts[a.ID] = struct{}{}
	if _, err := t.c.exec(ctx, text, id(a.ID), wellFormed(a.Name), d); err != nil {
		return fmt.Errorf("write account %s: %w", a.ID, t.stale(err))
	}
	t.locks.accounts[a.ID] = true
	return nil
}

// Account reads an account.
func (s *Store) Account(ctx context.Context, account model.ID) (model.Account, error) {
	return s.kept.accounts.read(account, func() (model.Account, error) { return s.read.account(ctx, account) })
}

// Accounts lists accounts ordered by name, and counts them (offset and limit ignored); ids nil means all, name empty any,
// limit 0 no limit. Names compare without case.
func (s *Store) Accounts(ctx context.Context, ids []model.ID, name string, desc bool, offset, limit int) ([]model.Account, int, error) {
	w := where{d: s.d}
	if ids != nil {
		w.anyOf("id", ids)
	}
	if name != "" {
		w.add("lower(name) = ?", lowerASCII(name))
	}
	var total int
	if err := s.read.one(ctx, []any{&total}, `SELECT count(*) FROM accounts`+w.text(), w.args...); err != nil {
		return nil, 0, fmt.Errorf("count accounts: %w", err)
	}
	text := `SELECT doc FROM accounts` + w.text() + ` ORDER BY ` + ordered(desc, "lower(name)", "id")
	text, args := paged(text, w.args, offset, limit)
	var out []model.Account
	err := s.read.each(ctx, func(r *sql.Rows) error {
		var a model.Account
		err := r.Scan(toDoc{&a})
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
	if err := s.read.one(ctx, []any{&n}, text, id(account)); err != nil {
		return 0, fmt.Errorf("count records of account %s: %w", account, err)
	}
	return n, nil
}
