package commit

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/review"
	"github.com/headwaterdns/headwater/internal/control/rules"
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
	return access.checkShared(&z.acct.row, ids, z.row.Name)
}

// checkShared says whether linked peers agree on a key: if one has a TSIG, all must have the same, unless the account lets each have
// its own.
func (a *accessWork) checkShared(account *model.Account, ids []model.ID, zone wire.Name) error {
	key := model.ID("")
	for i, id := range ids {
		peer := a.peer(id)
		if peer == nil || account.KeyEach {
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
	access, err := p.access(ctx, a)
	if err != nil {
		return err
	}
	for _, peer := range access.peers {
		zones, err := p.linking(ctx, peer.ID, allZones)
		if err != nil {
			return err
		}
		for _, z := range zones {
			if err := access.checkShared(row, z.Outgoing.Peers, z.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayFollow holds a key's successor against the account's keys. One step at a time: a key with a successor follows none, so that
// there are two keys for a peer at most.
func (a *accessWork) mayFollow(k *model.TSIG) error {
	next := a.tsig(k.Successor)
	if next == nil {
		return missing(model.CodeTSIGNotFound, "There is no TSIG %s.", k.Successor)
	}
	its, err := keyOf(next)
	if err != nil {
		return err
	}
	own, err := keyOf(k)
	if err != nil {
		return err
	}
	switch {
	case its.Name == own.Name: // servers, and we, tell by the name which key somebody uses
		return invalid(model.CodeTSIGSuccessor, "A key that follows another needs a name of its own.")
	case next.Successor != "":
		return invalid(model.CodeTSIGSuccessor, "The TSIG %s is being followed by another itself.", next.Name)
	case slices.ContainsFunc(a.tsigs, func(o model.TSIG) bool { return o.Successor == k.ID }):
		return invalid(model.CodeTSIGSuccessor, "The TSIG %s follows another, which has to be retired first.", k.Name)
	}
	return nil
}

// retireTSIG gives the peers of a key, and the policies for updates with it, the one that follows it, all at once, and removes it.
func (p *plan) retireTSIG(ctx context.Context, access *accessWork, id model.ID) (model.Outcome, error) {
	old := access.tsig(id)
	switch {
	case old == nil:
		return model.Outcome{}, missing(model.CodeTSIGNotFound, "There is no TSIG %s.", id)
	case old.Successor == "":
		return model.Outcome{}, invalid(model.CodeTSIGSuccessor, "No key follows the TSIG %s.", old.Name)
	}
	next := *access.tsig(old.Successor)
	for _, peer := range access.peers {
		if peer.TSIG != id {
			continue
		}
		was := peer
		peer.TSIG = next.ID
		assign(&p.undo, &access.peers, replaced(access.peers, peerID, peer))
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
	access, err := p.access(ctx, z.acct)
	if err != nil {
		return 0, err
	}
	longest := 0
	for _, id := range peers {
		peer := access.peer(id)
		if peer == nil || peer.TSIG == "" {
			continue
		}
		for k := access.tsig(peer.TSIG); k != nil; k = access.tsig(k.Successor) {
			key, err := wire.ParseName(k.Name)
			if err != nil {
				return 0, fmt.Errorf("name of TSIG %s: %w", k.ID, err)
			}
			algorithm, err := wire.ParseName(k.Algo)
			if err != nil {
				return 0, fmt.Errorf("algorithm of TSIG %s: %w", k.ID, err)
			}
			longest = max(longest, review.Overhead(key, algorithm))
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

// putUpdatePolicy makes or replaces a policy for updates by messages.
func (p *plan) putUpdatePolicy(ctx context.Context, u model.UpdatePolicy) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	if err := rules.UpdatePolicy(z.row.Name, &u); err != nil {
		return model.Outcome{}, err
	}
	access, err := p.access(ctx, z.acct)
	if err != nil {
		return model.Outcome{}, err
	}
	if access.tsig(u.TSIG) == nil {
		e := invalid(model.CodeUpdateTSIG, "There is no TSIG %s in the zone's account.", u.TSIG)
		e.Pointer = "/tsig_id"
		return model.Outcome{}, e
	}
	row := z.row.Clone()
	u = u.Clone()
	u.Created, u.Modified = p.now, p.now
	if u.ID == "" {
		if len(row.Updates) >= rules.MaxUpdatePolicies {
			return model.Outcome{}, invalid(model.CodeUpdateMost, "A zone has at most %d update policies.", rules.MaxUpdatePolicies)
		}
		u.ID = p.cfg.NewID()
		row.Updates = append(row.Updates, u)
		p.setUpdates(z, row, nil, &u)
		return model.Outcome{UpdatePolicy: &u}, nil
	}
	at := slices.IndexFunc(row.Updates, func(o model.UpdatePolicy) bool { return o.ID == u.ID })
	if at < 0 {
		return model.Outcome{}, missing(model.CodeUpdateMissing, "There is no such update policy.")
	}
	old := row.Updates[at]
	if u.Created, u.Modified = old.Created, old.Modified; reflect.DeepEqual(old, u) {
		return model.Outcome{UpdatePolicy: &u}, nil
	}
	u.Modified = p.now
	row.Updates[at] = u
	p.setUpdates(z, row, &old, &u)
	return model.Outcome{UpdatePolicy: &u}, nil
}

func (p *plan) deleteUpdatePolicy(ctx context.Context, id model.ID) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	row := z.row.Clone()
	at := slices.IndexFunc(row.Updates, func(o model.UpdatePolicy) bool { return o.ID == id })
	if at < 0 {
		return model.Outcome{}, missing(model.CodeUpdateMissing, "There is no such update policy.")
	}
	old := row.Updates[at]
	row.Updates = slices.Delete(row.Updates, at, at+1)
	p.setUpdates(z, row, &old, nil)
	return model.Outcome{UpdatePolicy: &old}, nil
}

// setUpdates plans a zone's policies, of which one is another than it was.
func (p *plan) setUpdates(z *zoneWork, row model.Zone, old, now *model.UpdatePolicy) {
	if len(row.Updates) == 0 {
		row.Updates = nil
	}
	row.Modified = p.now
	p.setRow(z, row)
	e := auditOf{action: "update", legacy: "set", resource: zoneResource("update_policy")}
	switch {
	case old == nil:
		e.action, e.legacy = "create", "add"
	case now == nil:
		e.action, e.legacy = "delete", "delete"
	}
	if old != nil {
		e.id, e.before = old.ID, old.Facts()
	}
	if now != nil {
		e.id, e.after = now.ID, now.Facts()
	}
	p.audit(e)
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
