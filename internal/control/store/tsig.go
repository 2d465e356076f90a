package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// tsigName binds a sealed secret to its key.
func tsigName(key model.ID) string { return "tsig " + string(key) }

func (s *Store) scanTSIG(r *sql.Rows) (k model.TSIG, err error) {
	var box []byte
	if err = r.Scan(toDoc{&k}, &box); err != nil {
		return k, fmt.Errorf("scan TSIG: %w", err)
	}
	secret, err := s.secret.open(tsigName(k.ID), box)
	if err != nil {
		return k, fmt.Errorf("TSIG %s: %w", k.ID, err)
	}
	k.Secret = string(secret)
	return k, nil
}

func (s *Store) tsigs(ctx context.Context, c conn, cond string, args ...any) (out []model.TSIG, err error) {
	err = c.each(ctx, func(r *sql.Rows) error {
		k, err := s.scanTSIG(r)
		out = append(out, k)
		return err
	}, `SELECT doc, secret FROM tsigs WHERE account = ?`+cond+` ORDER BY id`, args...)
	return out, err
}

func (s *Store) readTSIGs(ctx context.Context, c conn, account model.ID) ([]model.TSIG, error) {
	out, err := s.tsigs(ctx, c, "", id(account))
	if err != nil {
		return nil, fmt.Errorf("list TSIGs of account %s: %w", account, err)
	}
	return out, nil
}

func (s *Store) readTSIG(ctx context.Context, c conn, account, key model.ID) (model.TSIG, error) {
	out, err := s.tsigs(ctx, c, " AND id = ?", id(account), id(key))
	if err == nil && len(out) == 0 {
		err = model.ErrNotFound
	}
	if err != nil {
		return model.TSIG{}, fmt.Errorf("read TSIG %s: %w", key, err)
	}
	return out[0], nil
}

// TSIG reads a key of the account, its secret in the clear.
func (t *Tx) TSIG(ctx context.Context, account, id model.ID) (model.TSIG, error) {
	if err := t.ownsAccount(account); err != nil {
		return model.TSIG{}, err
	}
	return t.s.readTSIG(ctx, t.c, account, id)
}

// TSIGs lists the account's keys in order of id.
func (t *Tx) TSIGs(ctx context.Context, account model.ID) ([]model.TSIG, error) {
	if err := t.ownsAccount(account); err != nil {
		return nil, err
	}
	return t.s.readTSIGs(ctx, t.c, account)
}

// PutTSIG inserts or replaces a key; the secret is encrypted.
func (t *Tx) PutTSIG(ctx context.Context, k model.TSIG) error {
	if err := t.ownsAccount(k.Account); err != nil {
		return err
	}
	box := t.s.secret.seal(tsigName(k.ID), []byte(k.Secret))
	k.Secret = ""
	d, err := doc(k)
	if err != nil {
		return err
	}
	const text = `INSERT INTO tsigs (id, account, doc, secret) VALUES (?, ?, ?, ?) ON CONFLICT (id)
		DO UPDATE SET account = excluded.account, doc = excluded.doc, secret = excluded.secret`
	if _, err := t.c.exec(ctx, text, id(k.ID), id(k.Account), d, box); err != nil {
		return fmt.Errorf("write TSIG %s: %w", k.ID, err)
	}
	return nil
}

// DeleteTSIG removes a key.
func (t *Tx) DeleteTSIG(ctx context.Context, account, id model.ID) error {
	if err := t.ownsAccount(account); err != nil {
		return err
	}
	return tsigs.delete(ctx, t.c, account, id)
}

// TSIG reads a key of the account, its secret in the clear.
func (s *Store) TSIG(ctx context.Context, account, id model.ID) (model.TSIG, error) {
	return s.readTSIG(ctx, s.read, account, id)
}

// TSIGs lists the account's keys in order of id.
func (s *Store) TSIGs(ctx context.Context, account model.ID) ([]model.TSIG, error) {
	return s.readTSIGs(ctx, s.read, account)
}
