package node

import (
	"context"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/review"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// review compares the two faces of a zone; a zone that is not in memory (yet) has nothing to compare.
func (n *Node) review(ctx context.Context, z model.Zone) (model.Review, error) {
	mem := n.db.ByID(string(z.ID))
	if mem == nil {
		return model.Review{}, nil
	}
	return review.Of(ctx, review.Input{
		Zone: &z, State: mem.State(), Access: mem.Access(),
		Records: func(ctx context.Context, q model.RecordQuery, yield func(*model.Record) error) error {
			return n.store.Records(ctx, z.ID, q, yield)
		},
		Find: func(name wire.Name) *zone.Version {
			if at := n.db.Find([]byte(name)); at != nil && at.AccountID() == mem.AccountID() {
				return at.State().Served
			}
			return nil
		},
		Inside: func(ctx context.Context) ([]model.Zone, error) { return n.store.ZonesBelow(ctx, z.Name, review.Most) },
	})
}
