package journal

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// AccessName binds the secret of an access state to the zone or account that it is of.
func AccessName(owner model.ID) string { return "access " + string(owner) }

// KeepAccess keeps the newest access entry of each zone and account, for nodes that start later.
//
// number gives a zone's number, and false for a zone that the transaction deletes.
func KeepAccess(ctx context.Context, s *Store, c engine.Conn, entries []model.Entry, number func(context.Context, model.ID) (int64, bool, error)) error {
	for i := range entries {
		e := &entries[i]
		if e.Kind != model.EntryAccess {
			continue
		}
		if e.Zone == "" {
			if err := s.keepAccountAccess(ctx, c, e); err != nil {
				return fmt.Errorf("keep access: %w", err)
			}
			continue
		}
		no, here, err := number(ctx, e.Zone)
		if err == nil && here {
			err = s.keepZoneAccess(ctx, c, no, e)
		}
		if err != nil {
			return fmt.Errorf("keep access: %w", err)
		}
	}
	return nil
}

func (s *Store) keepAccountAccess(ctx context.Context, c engine.Conn, e *model.Entry) error {
	const text = `INSERT INTO account_access (account, seq, at, body, secret) VALUES (?, ?, ?, ?, ?) ON CONFLICT (account)
		DO UPDATE SET seq = excluded.seq, at = excluded.at, body = excluded.body, secret = excluded.secret`
	box := s.db.Secret.Seal(AccessName(e.Account), e.Secret)
	_, err := c.Exec(ctx, text, engine.ID(e.Account), int64(e.Seq), engine.Micros(e.At), engine.Octets(e.Body), box)
	return err
}

func (s *Store) keepZoneAccess(ctx context.Context, c engine.Conn, no int64, e *model.Entry) error {
	const text = `INSERT INTO zone_access (zone, seq, serial, at, body, secret) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (zone)
		DO UPDATE SET seq = excluded.seq, serial = excluded.serial, at = excluded.at, body = excluded.body,
		secret = excluded.secret`
	box := s.db.Secret.Seal(AccessName(e.Zone), e.Secret)
	_, err := c.Exec(ctx, text, no, int64(e.Seq), int64(e.Serial), engine.Micros(e.At), engine.Octets(e.Body), box)
	return err
}

func (s *Store) loadAccounts(ctx context.Context, c engine.Conn, access func(model.Entry) error) error {
	return c.Each(ctx, func(r *engine.Rows) error {
		e := model.Entry{Kind: model.EntryAccess}
		var box []byte
		if err := r.Scan(engine.ToID(&e.Account), &e.Seq, engine.ToTime(&e.At), &e.Body, &box); err != nil {
			return err
		}
		e.Body = engine.OrNil(e.Body)
		if err := s.unseal(&e, AccessName(e.Account), box); err != nil {
			return fmt.Errorf("access of account %s: %w", e.Account, err)
		}
		return access(e)
	}, `SELECT account, seq, at, body, secret FROM account_access ORDER BY account`)
}
