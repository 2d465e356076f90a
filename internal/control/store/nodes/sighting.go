package nodes

import (
	"context"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// KeySighting is that a node saw a peer of a zone sign with a key, first and last. Certain says that it was this peer, and no other at
// its address.
type KeySighting struct {
	Peer, Zone, Node model.ID
	Key              string
	Certain          bool
	Since, Seen      time.Time
}

// PutKeySightings keeps what a node saw. When it first saw a key stays what it was. A node that only reads may be let write this
// much; one that is not gets engine.ErrMayNotTell. An empty list finds that out.
func (s *Store) PutKeySightings(ctx context.Context, list []KeySighting) error {
	const text, width = `key_sightings (peer, zone, node, name, certain, since, seen)`, 7
	const tail = `ON CONFLICT (peer, zone, node, name, certain) DO UPDATE SET seen = excluded.seen WHERE key_sightings.seen < excluded.seen`
	err := s.db.Tell(ctx, func(c engine.Conn) error {
		if len(list) == 0 {
			_, err := c.Exec(ctx, `INSERT INTO key_sightings (peer, zone, node, name, certain, since, seen)
				SELECT peer, zone, node, name, certain, since, seen FROM key_sightings WHERE 1 = 0 `+tail)
			return err
		}
		_, err := c.Insert(ctx, text, tail, len(list), width, func(b *engine.Binds, i int) {
			k := &list[i]
			b.ID(k.Peer)
			b.ID(k.Zone)
			b.ID(k.Node)
			b.Text(k.Key)
			b.Flag(k.Certain)
			b.Int(k.Since.UnixMicro())
			b.Int(k.Seen.UnixMicro())
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("write %d sightings of keys: %w", len(list), err)
	}
	return nil
}

// KeySightings lists what all nodes saw of peers.
func (s *Store) KeySightings(ctx context.Context, peers []model.ID) (out []KeySighting, err error) {
	for _, p := range peers {
		err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
			k := KeySighting{Peer: p}
			var since, seen int64
			err := r.Scan(engine.ToID(&k.Zone), engine.ToID(&k.Node), &k.Key, &k.Certain, &since, &seen)
			k.Since, k.Seen = time.UnixMicro(since).UTC(), time.UnixMicro(seen).UTC()
			out = append(out, k)
			return err
		}, `SELECT zone, node, name, certain, since, seen FROM key_sightings WHERE peer = ? ORDER BY zone, node, name, certain`, engine.ID(p))
		if err != nil {
			return nil, fmt.Errorf("read sightings of keys: %w", err)
		}
	}
	return out, nil
}

// ForgetKeySightings forgets what was last seen before a time: rotations that are long over, zones and peers that are gone.
func (s *Store) ForgetKeySightings(ctx context.Context, before time.Time) error {
	err := s.db.Write(ctx, false, func(c engine.Conn) error {
		_, err := c.Exec(ctx, `DELETE FROM key_sightings WHERE seen < ?`, before.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("forget sightings of keys: %w", err)
	}
	return nil
}
