package journal

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// AccessName binds the secret of an access state to the zone that it is of.
func AccessName(owner model.ID) string { return "access " + string(owner) }

// KeepAccess keeps the newest access entry of each zone, for nodes that start later. An account's access is in its rows.
//
// number gives a zone's number, and false for a zone that the transaction deletes.
func KeepAccess(ctx context.Context, s *Store, c engine.Conn, entries []model.Entry, number func(context.Context, model.ID) (int64, bool, error)) error {
	for i := range entries {
		e := &entries[i]
		if e.Kind != model.EntryAccess || e.Zone == "" {
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

func (s *Store) keepZoneAccess(ctx context.Context, c engine.Conn, no int64, e *model.Entry) error {
	const text = `INSERT INTO zone_access (zone, seq, serial, at, body, secret) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (zone)
		DO UPDATE SET seq = excluded.seq, serial = excluded.serial, at = excluded.at, body = excluded.body,
		secret = excluded.secret`
	box, err := s.db.Secret.Seal(AccessName(e.Zone), e.Secret)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, text, no, int64(e.Seq), int64(e.Serial), engine.Micros(e.At), engine.Octets(e.Body), box)
	return err
}
