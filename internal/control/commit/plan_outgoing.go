package commit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/review"
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
	access := p.access(z.acct)
	peers, err := access.peers.some(ctx, ids)
	if err != nil {
		return err
	}
	met := make(map[model.ID]bool, len(ids))
	for i, id := range ids {
		switch {
		case peers[i] == nil:
			return invalid(model.CodeOutgoingPeers, "There is no peer %s in this account.", id)
		case met[id]:
			return invalid(model.CodeOutgoingPeers, "The peer %s is named twice.", id)
		}
		met[id] = true
	}
	return access.checkShared(ctx, &z.acct.row, ids, z.row.Name)
}

// checkShared says whether linked peers agree on a key: if one has a TSIG, all must have the same, unless the account lets each have
// its own.
func (a *accessWork) checkShared(ctx context.Context, account *model.Account, ids []model.ID, zone wire.Name) error {
	if account.KeyEach {
		return nil
	}
	peers, err := a.peers.some(ctx, ids)
	if err != nil {
		return err
	}
	key := model.ID("")
	for i, peer := range peers {
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

// checkAllShared is checkShared for every zone that is linked to a peer of the account.
func (p *plan) checkAllShared(ctx context.Context, a *accountWork, row *model.Account) error {
	access := p.access(a)
	peers, err := access.peers.all(ctx)
	if err != nil {
		return err
	}
	for _, peer := range peers {
		zones, err := p.linking(ctx, peer.ID, allZones)
		if err != nil {
			return err
		}
		for _, z := range zones {
			if err := access.checkShared(ctx, row, z.Outgoing.Peers, z.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayFollow holds a key's successor against the account's keys. One step at a time: a key with a successor follows none, so that
// there are two keys for a peer at most.
func (a *accessWork) mayFollow(ctx context.Context, k *model.TSIG) error {
	next, err := a.tsigs.get(ctx, k.Successor)
	if err != nil {
		return err
	}
	if next == nil {
		return missing(model.CodeTSIGNotFound, "There is no TSIG %s.", k.Successor)
	}
	its, err := next.Access()
	if err != nil {
		return err
	}
	own, err := k.Access()
	if err != nil {
		return err
	}
	others, err := a.tsigs.all(ctx)
	if err != nil {
		return err
	}
	switch {
	case its.Name == own.Name: // servers, and we, tell by the name which key somebody uses
		return invalid(model.CodeTSIGSuccessor, "A key that follows another needs a name of its own.")
	case next.Successor != "":
		return invalid(model.CodeTSIGSuccessor, "The TSIG %s is being followed by another itself.", next.Name)
	case slices.ContainsFunc(others, func(o *model.TSIG) bool { return o.Successor == k.ID }):
		return invalid(model.CodeTSIGSuccessor, "The TSIG %s follows another, which has to be retired first.", k.Name)
	}
	return nil
}

// retireTSIG gives the peers of a key, and the policies for updates with it, the one that follows it, all at once, and removes it.
func (p *plan) retireTSIG(ctx context.Context, access *accessWork, id model.ID) (model.Outcome, error) {
	old, err := access.tsigs.get(ctx, id)
	switch {
	case err != nil:
		return model.Outcome{}, err
	case old == nil:
		return model.Outcome{}, missing(model.CodeTSIGNotFound, "There is no TSIG %s.", id)
	case old.Successor == "":
		return model.Outcome{}, invalid(model.CodeTSIGSuccessor, "No key follows the TSIG %s.", old.Name)
	}
	follows, err := access.tsigs.get(ctx, old.Successor)
	if err != nil {
		return model.Outcome{}, err
	}
	next := *follows
	peers, err := access.peers.all(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	for _, has := range peers {
		if has.TSIG != id {
			continue
		}
		was, peer := *has, *has
		peer.TSIG = next.ID
		access.peers.put(&p.undo, peer)
		p.audit(auditOf{action: "update", legacy: "set", resource: "secondary_dns.peer", id: peer.ID, before: was, after: peer})
	}
	if err := p.handOn(ctx, id, next.ID); err != nil {
		return model.Outcome{}, err
	}
	if _, err := p.deleteTSIG(ctx, access, id); err != nil {
		return model.Outcome{}, err
	}
	return model.Outcome{TSIG: &next}, nil
}

// reviewBlocks refuses, for accounts that want it strict, to switch on what BIND, NSD, Knot or PowerDNS would not load: the
// zone's transfer face as memory has it, and as planned where this change or its group has touched it.
func (p *plan) reviewBlocks(ctx context.Context, z *zoneWork, row *model.Zone) error {
	overhead, err := p.longestTSIG(ctx, z, row.Outgoing.Peers)
	if err != nil {
		return err
	}
	_, apex := z.touched[row.Name]
	owners := slices.Collect(maps.Keys(z.touched))
	if !apex {
		owners = append(owners, row.Name)
	}
	touched := func(o wire.Name) bool {
		_, yes := z.touched[o]
		return yes || o == row.Name
	}
	if err := p.load(ctx, z, owners); err != nil {
		return err
	}
	planned := *z
	planned.row = *row
	c := p.context(&planned)
	c.Want = func(wire.Name, wire.Name) {} // this is but a look
	var worst *model.Finding
	see := func(f model.Finding) {
		if worst == nil && f.Severity == model.SeverityCritical {
			worst = &f
		}
	}
	for _, owner := range owners {
		review.LoadsSets(row.Name, owner, c.Render(&face.Name{Owner: owner, Rows: z.rows[owner]}).Transfer, overhead, see)
	}
	if worst == nil && z.state != nil {
		review.Loads(z.state.Transfer, overhead, touched, see)
	}
	if worst == nil {
		return nil
	}
	return invalid(model.CodeReviewBlocks, "%s %s: %s", worst.Name.Host(), worst.Type, worst.Message)
}

// longestTSIG is what the longest signature of the peers takes in a message.
func (p *plan) longestTSIG(ctx context.Context, z *zoneWork, peers []model.ID) (int, error) {
	access := p.access(z.acct)
	linked, err := access.peers.some(ctx, peers)
	if err != nil {
		return 0, err
	}
	var keys []model.ID
	for _, peer := range linked {
		if peer != nil && peer.TSIG != "" {
			keys = append(keys, peer.TSIG)
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	tsigs, err := access.tsigs.some(ctx, keys)
	if err != nil {
		return 0, err
	}
	longest := 0
	for _, k := range tsigs {
		for k != nil {
			key, err := wire.ParseName(k.Name)
			if err != nil {
				return 0, fmt.Errorf("name of TSIG %s: %w", k.ID, err)
			}
			algorithm, err := wire.ParseName(k.Algo)
			if err != nil {
				return 0, fmt.Errorf("algorithm of TSIG %s: %w", k.ID, err)
			}
			longest = max(longest, review.Overhead(key, algorithm))
			if k, err = access.tsigs.get(ctx, k.Successor); err != nil {
				return 0, err
			}
		}
	}
	return longest, nil
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

// updatedWith lists zones of which a policy names a key, as planned. The store's answer may be cut at limit.
func (p *plan) updatedWith(ctx context.Context, tsig model.ID, limit int) ([]model.Zone, error) {
	stored, err := p.tx.ZonesLinking(ctx, tsig, limit+len(p.order))
	if err != nil {
		return nil, fmt.Errorf("look for zones updated with TSIG %s: %w", tsig, err)
	}
	zones := slices.DeleteFunc(stored, func(z model.Zone) bool { return p.zones[z.ID] != nil })
	for _, z := range p.order {
		if !z.gone && slices.ContainsFunc(z.row.Updates, func(u model.UpdatePolicy) bool { return u.TSIG == tsig }) {
			zones = append(zones, z.row)
		}
	}
	return zones, nil
}

// handOn has every policy that names a key name another.
func (p *plan) handOn(ctx context.Context, from, to model.ID) error {
	zones, err := p.updatedWith(ctx, from, allZones)
	if err != nil {
		return err
	}
	ids := make([]model.ID, len(zones))
	for i := range zones {
		ids[i] = zones[i].ID
	}
	if err := p.lockAll(ids); err != nil {
		return err
	}
	for _, id := range ids {
		z, err := p.anyZone(ctx, id)
		if err != nil {
			return err
		}
		for i, was := range z.row.Updates {
			if was.TSIG != from {
				continue
			}
			row := z.row.Clone()
			u := &row.Updates[i]
			u.TSIG, u.Modified = to, p.now
			p.setUpdates(z, row, &was, u)
		}
	}
	return nil
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
	l := links{Enabled: z.Outgoing.Enabled && entitled(z, a), Hidden: z.Catalog(), Peers: z.Outgoing.Peers}
	for i, p := range l.Peers {
		if g := z.Outgoing.Groups[p]; g != "" {
			if l.Groups == nil {
				l.Groups = make([]string, len(l.Peers))
			}
			l.Groups[i] = g
		}
	}
	return l
}

func (l links) differ(m links) bool {
	return l.Enabled != m.Enabled || l.Hidden != m.Hidden || !slices.Equal(l.Peers, m.Peers) || !slices.Equal(l.Groups, m.Groups)
}
