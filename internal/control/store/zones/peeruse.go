package zones

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// PeerUses says of each peer of an account that is linked at all which zones link it, in order of the peers' ids.
func (s *Store) PeerUses(ctx context.Context, account model.ID) ([]model.PeerUse, error) {
	var out []model.PeerUse
	err := s.db.Read.Each(ctx, func(r *engine.Rows) error {
		var u model.PeerUse
		err := r.Scan(engine.ToID(&u.Peer), &u.Zones, &u.First)
		out = append(out, u)
		return err
	}, `SELECT l.peer, count(*), min(z.name) FROM peers p JOIN links l ON l.peer = p.id JOIN zones z ON z.no = l.zone
		WHERE p.account = ? AND z.status <> ? GROUP BY l.peer ORDER BY l.peer`, engine.ID(account), model.StatusCatalog)
	if err != nil {
		return nil, fmt.Errorf("list what uses peers of account %s: %w", account, err)
	}
	return out, nil
}
