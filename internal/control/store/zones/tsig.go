package zones

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// TSIGName binds a sealed secret to its key.
func TSIGName(key model.ID) string { return "tsig " + string(key) }

func (s *Store) scanTSIG(r *engine.Rows) (k model.TSIG, err error) {
	var box []byte
	if err = r.Scan(engine.ToDoc(&k), &box); err != nil {
		return k, fmt.Errorf("scan TSIG: %w", err)
	}
	secret, err := s.db.Secret.Open(TSIGName(k.ID), box)
	if err != nil {
		return k, fmt.Errorf("TSIG %s: %w", k.ID, err)
	}
	k.Secret = string(secret)
	return k, nil
}

// readTSIGs reads those of some ids, or with none all.
func (s *Store) readTSIGs(ctx context.Context, c engine.Conn, account model.ID, ids ...model.ID) (out []model.TSIG, err error) {
	err = tsigs.each(ctx, c, "doc, secret", account, ids, func(r *engine.Rows) error {
		k, err := s.scanTSIG(r)
		out = append(out, k)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list TSIGs of account %s: %w", account, err)
	}
	return out, nil
}

func (s *Store) readTSIG(ctx context.Context, c engine.Conn, account, key model.ID) (model.TSIG, error) {
	out, err := s.readTSIGs(ctx, c, account, key)
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

// TSIGs lists the account's keys of some ids, or with none all, in order of id.
func (t *Tx) TSIGs(ctx context.Context, account model.ID, ids ...model.ID) ([]model.TSIG, error) {
	if err := t.ownsAccount(account); err != nil {
		return nil, err
	}
	return t.s.readTSIGs(ctx, t.c, account, ids...)
}

// PutTSIG inserts or replaces a key; the secret is encrypted.
func (t *Tx) PutTSIG(ctx context.Context, k model.TSIG) error {
	if err := t.ownsAccount(k.Account); err != nil {
		return err
	}
	box, err := t.s.db.Secret.Seal(TSIGName(k.ID), []byte(k.Secret))
	if err != nil {
		return fmt.Errorf("write TSIG %s: %w", k.ID, err)
	}
	k.Secret = ""
	d, err := engine.Doc(k)
	if err != nil {
		return err
	}
	const text = `INSERT INTO tsigs (id, account, doc, secret) VALUES (?, ?, ?, ?) ON CONFLICT (id)
		DO UPDATE SET account = excluded.account, doc = excluded.doc, secret = excluded.secret`
	if _, err := t.c.Exec(ctx, text, engine.ID(k.ID), engine.ID(k.Account), d, box); err != nil {
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
	return s.readTSIG(ctx, s.db.Read, account, id)
}

// TSIGs lists the account's keys in order of id.
func (s *Store) TSIGs(ctx context.Context, account model.ID) ([]model.TSIG, error) {
	return s.readTSIGs(ctx, s.db.Read, account)
}
