package zones

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// ZoneKeyName binds a sealed private key to its row.
func ZoneKeyName(key model.ID) string { return "dnssec " + string(key) }

func (s *Store) zoneKeys(ctx context.Context, c engine.Conn, zone model.ID) (out []model.ZoneKey, err error) {
	err = c.Each(ctx, func(r *engine.Rows) error {
		var k model.ZoneKey
		var box []byte
		if err := r.Scan(engine.ToDoc(&k), &box); err != nil {
			return err
		}
		k.Private, err = s.db.Secret.Open(ZoneKeyName(k.ID), box)
		if errors.Is(err, engine.ErrNoKey) {
			k.Sealed, err = true, nil
		}
		if err != nil {
			return fmt.Errorf("key %s: %w", k.ID, err)
		}
		out = append(out, k)
		return nil
	}, `SELECT doc, secret FROM dnssec_keys WHERE zone = ? ORDER BY id`, engine.ID(zone))
	if err != nil {
		return nil, fmt.Errorf("list keys of zone %s: %w", zone, err)
	}
	return out, nil
}

// ZoneKeys lists the keys that a zone is signed with in order of id, their private halves in the clear. The zone is locked.
func (t *Tx) ZoneKeys(ctx context.Context, zone model.ID) ([]model.ZoneKey, error) {
	if err := t.owns(zone); err != nil {
		return nil, err
	}
	return t.s.zoneKeys(ctx, t.c, zone)
}

// PutZoneKey inserts or replaces a key; its private half is encrypted.
func (t *Tx) PutZoneKey(ctx context.Context, k model.ZoneKey) error {
	if err := t.owns(k.Zone); err != nil {
		return err
	}
	d, err := engine.Doc(k)
	if err != nil {
		return err
	}
	const text = `INSERT INTO dnssec_keys (id, zone, doc, secret) VALUES (?, ?, ?, ?) ON CONFLICT (id)
		DO UPDATE SET zone = excluded.zone, doc = excluded.doc, secret = excluded.secret`
	if k.Sealed {
		return fmt.Errorf("write key %s: %w", k.ID, engine.ErrNoKey) // its private half would be gone
	}
	box, err := t.s.db.Secret.Seal(ZoneKeyName(k.ID), k.Private)
	if err != nil {
		return fmt.Errorf("write key %s: %w", k.ID, err)
	}
	if _, err := t.c.Exec(ctx, text, engine.ID(k.ID), engine.ID(k.Zone), d, box); err != nil {
		return fmt.Errorf("write key %s: %w", k.ID, err)
	}
	return nil
}

// DeleteZoneKey removes a key.
func (t *Tx) DeleteZoneKey(ctx context.Context, zone, key model.ID) error {
	if err := t.owns(zone); err != nil {
		return err
	}
	if err := t.c.DeleteOne(ctx, `DELETE FROM dnssec_keys WHERE id = ? AND zone = ?`, engine.ID(key), engine.ID(zone)); err != nil {
		return fmt.Errorf("delete key %s: %w", key, err)
	}
	return nil
}

// ZoneKeys lists the keys that a zone is signed with in order of id, their private halves in the clear.
func (s *Store) ZoneKeys(ctx context.Context, zone model.ID) ([]model.ZoneKey, error) {
	return s.zoneKeys(ctx, s.db.Read, zone)
}

// KeyedZones yields the zones that have keys, in order of id.
func (s *Store) KeyedZones(ctx context.Context, yield func(model.ID) error) error {
	const most = 1000
	after, more := model.ID(""), true
	for more {
		var found []model.ID
		err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
			var zone model.ID
			if err := r.Scan(engine.ToID(&zone)); err != nil {
				return err
			}
			found = append(found, zone)
			return nil
		}, `SELECT DISTINCT zone FROM dnssec_keys WHERE zone > ? AND zone IN (SELECT id FROM zones) ORDER BY zone LIMIT ?`, engine.ID(after), most)
		if err != nil {
			return fmt.Errorf("list zones with keys: %w", err)
		}
		for _, zone := range found {
			if err := yield(zone); err != nil {
				return err
			}
			after = zone
		}
		more = len(found) == most
	}
	return nil
}
