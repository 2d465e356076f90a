package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// accessName binds the secret of an access state to the zone or account that it is of.
func accessName(owner model.ID) string { return "access " + string(owner) }

// keepAccess keeps the newest access entry of each zone and account, for nodes that start later.
func (t *Tx) keepAccess(ctx context.Context, entries []model.Entry) error {
	for i := range entries {
		e := &entries[i]
		if e.Kind != model.EntryAccess {
			continue
		}
		if err := t.keepOne(ctx, e); err != nil {
			return fmt.Errorf("keep access: %w", err)
		}
	}
	return nil
}

func (t *Tx) keepOne(ctx context.Context, e *model.Entry) error {
	if e.Zone == "" {
		const text = `INSERT INTO account_access (account, seq, at, body, secret) VALUES (?, ?, ?, ?, ?) ON CONFLICT (account)
			DO UPDATE SET seq = excluded.seq, at = excluded.at, body = excluded.body, secret = excluded.secret`
		box := t.s.secret.seal(accessName(e.Account), e.Secret)
		_, err := t.c.exec(ctx, text, id(e.Account), int64(e.Seq), micros(e.At), octets(e.Body), box)
		return err
	}
	if _, gone := t.gone[e.Zone]; gone {
		return nil
	}
	no, err := t.number(ctx, e.Zone)
	if err != nil {
		return err
	}
	const text = `INSERT INTO zone_access (zone, seq, serial, at, body, secret) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (zone)
		DO UPDATE SET seq = excluded.seq, serial = excluded.serial, at = excluded.at, body = excluded.body,
		secret = excluded.secret`
	box := t.s.secret.seal(accessName(e.Zone), e.Secret)
	_, err = t.c.exec(ctx, text, no, int64(e.Seq), int64(e.Serial), micros(e.At), octets(e.Body), box)
	return err
}

func (s *Store) loadAccounts(ctx context.Context, c conn, access func(model.Entry) error) error {
	return c.each(ctx, func(r *sql.Rows) error {
		e := model.Entry{Kind: model.EntryAccess}
		var box []byte
		if err := r.Scan(toID{&e.Account}, &e.Seq, toTime{&e.At}, &e.Body, &box); err != nil {
			return err
		}
		e.Body = orNil(e.Body)
		if err := s.unseal(&e, accessName(e.Account), box); err != nil {
			return fmt.Errorf("access of account %s: %w", e.Account, err)
		}
		return access(e)
	}, `SELECT account, seq, at, body, secret FROM account_access ORDER BY account`)
}
