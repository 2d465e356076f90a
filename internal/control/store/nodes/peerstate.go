package nodes

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// PeerState is what is known of one linked peer of one zone. Data is opaque here: the caller's history and timings.
type PeerState struct {
	Zone, Peer model.ID
	Serial     uint32 // newest serial that the peer has acknowledged or was seen with
	Known      bool   // Serial means something
	Data       []byte
}

// PeerStates yields all states (zone empty) or those of a zone, in order of zone and peer.
func (s *Store) PeerStates(ctx context.Context, zone model.ID, yield func(PeerState) error) error {
	w := engine.NewWhere(s.db.Dialect)
	if zone != "" {
		w.Add("zone = ?", engine.ID(zone))
	}
	err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
		var p PeerState
		if err := r.Scan(engine.ToID(&p.Zone), engine.ToID(&p.Peer), &p.Serial, &p.Known, &p.Data); err != nil {
			return err
		}
		p.Data = engine.OrNil(p.Data)
		return yield(p)
	}, `SELECT zone, peer, serial, known, data FROM peer_states`+w.Text()+` ORDER BY zone, peer`, w.Arguments()...)
	if err != nil {
		return fmt.Errorf("read peer states: %w", err)
	}
	return nil
}

// PutPeerStates inserts or replaces states in one transaction. On SQLite a crash of the machine may take it back: then peers
// are told again. Where another node may take over at any moment it is durable. A serial never goes back to an older one
// (RFC 1982): a node that was stopped may save late what it knew then.
// Who notifies knows serials and who watches knows Data, so each keeps what the other wrote: without Known the serial
// stays as it is, and Data stays when it is empty. Of two states of one zone and peer the later counts.
func (s *Store) PutPeerStates(ctx context.Context, st []PeerState) error {
	type key struct{ zone, peer model.ID }
	last := make(map[key]int, len(st))
	for i := range st {
		last[key{st[i].Zone, st[i].Peer}] = i
	}
	rows := make([]*PeerState, 0, len(last))
	for i := range st {
		if last[key{st[i].Zone, st[i].Peer}] == i {
			rows = append(rows, &st[i])
		}
	}
	slices.SortFunc(rows, func(a, b *PeerState) int { // in one order on all nodes, so that they do not lock one another
		return cmp.Or(cmp.Compare(a.Zone, b.Zone), cmp.Compare(a.Peer, b.Peer))
	})
	const text, width = `peer_states (zone, peer, serial, known, data)`, 5
	const tail = `ON CONFLICT (zone, peer) DO UPDATE SET
		serial = CASE WHEN excluded.known = 0 OR peer_states.known = 1
			AND ((peer_states.serial - excluded.serial) & 4294967295) BETWEEN 1 AND 2147483647
			THEN peer_states.serial ELSE excluded.serial END,
		known = CASE WHEN excluded.known = 0 THEN peer_states.known ELSE excluded.known END,
		data = CASE WHEN length(excluded.data) = 0 THEN peer_states.data ELSE excluded.data END`
	err := s.db.Write(ctx, !s.db.Shared(), func(c engine.Conn) error {
		_, err := c.Insert(ctx, text, tail, len(rows), width, func(b *engine.Binds, i int) {
			p := rows[i]
			b.ID(p.Zone)
			b.ID(p.Peer)
			b.Int(int64(p.Serial))
			b.Flag(p.Known)
			b.Octets(p.Data)
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("write %d peer states: %w", len(st), err)
	}
	return nil
}
