package primary

import (
	"context"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// checkOutgoing holds a zone's new links and switch against the account's peers and the entitlement.
func (p *plan) checkOutgoing(ctx context.Context, z *zoneWork, old, row *model.Zone) error {
	if row.Outgoing == nil {
		return nil
	}
	was := old.Outgoing
	if was == nil {
		was = &model.Outgoing{}
	}
	if !slices.Equal(was.Peers, row.Outgoing.Peers) {
		if err := p.checkLinks(ctx, z, row.Outgoing.Peers); err != nil {
			return err
		}
	}
	if !row.Outgoing.Enabled || was.Enabled {
		return nil
	}
	if !entitled(row, &z.acct.row) {
		return invalid(model.CodeNotEntitled, "Outgoing zone transfers are not available to this account or zone.")
	}
	if z.acct.row.StrictReview {
		return p.reviewBlocks(ctx, z, row)
	}
	return nil
}

func (p *plan) checkLinks(ctx context.Context, z *zoneWork, ids []model.ID) error {
	if limit := p.cfg.Limits.LinkedPeers; len(ids) > limit {
		return invalid(model.CodeOutgoingTooMany, "A zone can be linked to at most %d peers.", limit)
	}
	access, err := p.access(ctx, z.acct)
	if err != nil {
		return err
	}
	for i, id := range ids {
		switch {
		case access.peer(id) == nil:
			return invalid(model.CodeOutgoingPeers, "There is no peer %s in this account.", id)
		case slices.Contains(ids[:i], id):
			return invalid(model.CodeOutgoingPeers, "The peer %s is named twice.", id)
		}
	}
	return access.checkShared(ids, z.row.Name)
}

// checkShared says whether linked peers agree on a key: if one has a TSIG, all must have the same.
func (a *accessWork) checkShared(ids []model.ID, zone wire.Name) error {
	key := model.ID("")
	for i, id := range ids {
		peer := a.peer(id)
		if peer == nil {
			continue
		}
		if i > 0 && peer.TSIG != key {
			return invalid(model.CodePeersTSIGDiffer,
				"All peers linked to %s must share one TSIG as soon as one of them has one.", zone.Host())
		}
		key = peer.TSIG
	}
	return nil
}

// reviewBlocks refuses, for accounts that want it strict, to switch on what no secondary can load: a CNAME beside the SOA
// and NS of the apex (RFC 1034 section 3.6.2).
func (p *plan) reviewBlocks(ctx context.Context, z *zoneWork, row *model.Zone) error {
	if row.Mode == model.ModeEdge {
		return nil
	}
	rows, err := p.at(ctx, z, row.Name)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.Type == wire.TypeCNAME {
			return invalid(model.CodeReviewBlocks,
				"The CNAME at %s would be transferred as it is, and secondaries refuse a zone with one at its apex.",
				row.Name.Host())
		}
	}
	return nil
}

func (p *plan) notifyZone(ctx context.Context) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	if z.row.Outgoing == nil {
		return model.Outcome{}, missing(model.CodeOutgoingMissing, "The zone has no outgoing transfer configuration.")
	}
	if !linksOf(&z.row, &z.acct.row).Enabled {
		return model.Outcome{}, invalid(model.CodeOutgoingOff, "Outgoing zone transfers are disabled.")
	}
	assign(&p.undo, &z.notify, true)
	p.audit(auditOf{action: "update", legacy: "notify", resource: "zone.outgoing", id: z.row.ID})
	return zoneOutcome(z), nil
}

// entitled is what the zone says, or else its account.
func entitled(z *model.Zone, a *model.Account) bool {
	if z.OutgoingTransfers != nil {
		return *z.OutgoingTransfers
	}
	return a.OutgoingTransfers
}

// links are a zone's access as the fast half shall know it.
type links model.ZoneAccess

func linksOf(z *model.Zone, a *model.Account) links {
	if z.Outgoing == nil {
		return links{}
	}
	return links{Enabled: z.Outgoing.Enabled && entitled(z, a), Peers: z.Outgoing.Peers}
}

func (l links) differ(m links) bool { return l.Enabled != m.Enabled || !slices.Equal(l.Peers, m.Peers) }
