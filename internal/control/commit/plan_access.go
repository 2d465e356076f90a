package commit

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// editAccess plans what concerns the keys, peers and ACLs of the change's account.
func (p *plan) editAccess(ctx context.Context, e model.Edit) (model.Outcome, error) {
	a, err := p.account(ctx, p.change.Account)
	if err != nil {
		return model.Outcome{}, err
	}
	access := p.access(a)
	switch e := e.(type) {
	case model.AddTSIG:
		return p.addTSIG(ctx, a, access, e.TSIG)
	case model.EditTSIG:
		return p.editTSIG(ctx, access, e)
	case model.RetireTSIG:
		return p.retireTSIG(ctx, access, e.ID)
	case model.DeleteTSIG:
		return p.deleteTSIG(ctx, access, e.ID)
	case model.PutPeer:
		return p.putPeer(ctx, a, access, e)
	case model.EditPeer:
		return p.editPeer(ctx, access, e)
	case model.DeletePeer:
		return p.deletePeer(ctx, access, e.ID)
	case model.PutACL:
		return p.putACL(ctx, a, access, e.ACL)
	case model.DeleteACL:
		return p.deleteACL(ctx, access, e.ID)
	}
	return model.Outcome{}, fmt.Errorf("plan: unknown edit %T", e)
}

func (p *plan) addTSIG(ctx context.Context, a *accountWork, access *accessWork, k model.TSIG) (model.Outcome, error) {
	k.ID, k.Account = p.cfg.NewID(), a.row.ID
	if err := mayHave(ctx, p, a, model.QuotaTSIGs, access.tsigs); err != nil {
		return model.Outcome{}, err
	}
	if err := checkKey(&k); err != nil {
		return model.Outcome{}, err
	}
	access.tsigs.put(&p.undo, k)
	p.audit(auditOf{action: "create", legacy: "add", resource: "secondary_dns.tsig", id: k.ID, after: k})
	return model.Outcome{TSIG: &k}, nil
}

// checkKey is for a key that is made or gets another secret. RFC 8945 section 8 asks for secrets as long as the digest; those shorter than
// half of it are refused.
func checkKey(k *model.TSIG) error {
	key, err := k.Access()
	if err != nil {
		return err
	}
	if least := (model.TSIGDigest(key.Algorithm) + 1) / 2; len(key.Secret) < least {
		return invalid(model.CodeTSIGSecret, "The secret must have at least %d octets, half of the algorithm's digest.", least)
	}
	return nil
}

// editTSIG changes a key as it stands in this transaction: an edit of the name never writes an older secret back.
func (p *plan) editTSIG(ctx context.Context, access *accessWork, e model.EditTSIG) (model.Outcome, error) {
	at, err := access.tsigs.get(ctx, e.ID)
	if err != nil {
		return model.Outcome{}, err
	}
	if at == nil {
		return model.Outcome{}, missing(model.CodeTSIGNotFound, "There is no TSIG %s.", e.ID)
	}
	old := *at
	k, err := e.Apply(old)
	if err != nil {
		return model.Outcome{}, err
	}
	k.ID, k.Account = old.ID, old.Account
	if old == k {
		return model.Outcome{TSIG: &k}, nil
	}
	if _, err := k.Access(); err != nil {
		return model.Outcome{}, err
	}
	// A short secret of an earlier version can be renamed, but not taken for another algorithm.
	if old.Secret != k.Secret || old.Algo != k.Algo {
		if err := checkKey(&k); err != nil {
			return model.Outcome{}, err
		}
	}
	if k.Successor != "" {
		if err := access.mayFollow(ctx, &k); err != nil {
			return model.Outcome{}, err
		}
	}
	access.tsigs.put(&p.undo, k)
	p.audit(auditOf{action: "update", legacy: "set", resource: "secondary_dns.tsig", id: k.ID, before: old, after: k})
	return model.Outcome{TSIG: &k}, nil
}

func (p *plan) deleteTSIG(ctx context.Context, access *accessWork, id model.ID) (model.Outcome, error) {
	old, err := access.tsigs.get(ctx, id)
	if err != nil {
		return model.Outcome{}, err
	}
	if old == nil {
		return model.Outcome{}, missing(model.CodeTSIGNotFound, "There is no TSIG %s.", id)
	}
	users, err := access.users(ctx, id)
	if err != nil {
		return model.Outcome{}, err
	}
	zones, err := p.updatedWith(ctx, id, shown+1)
	if err != nil {
		return model.Outcome{}, err
	}
	for i := range zones {
		users = append(users, "update policies of "+zones[i].Name.Host())
	}
	if len(users) > 0 {
		return model.Outcome{}, invalid(model.CodeTSIGInUse, "The TSIG is in use by %s.", few(users))
	}
	k := *old
	access.tsigs.drop(&p.undo, id)
	p.audit(auditOf{action: "delete", legacy: "delete", resource: "secondary_dns.tsig", id: id, before: k})
	return model.Outcome{TSIG: &k}, nil
}

// checkPeerAddress refuses an address that who asks may not name, unless the peer has it and its port already.
func checkPeerAddress(e *model.PutPeer, old *model.Peer) error {
	at := e.Peer.IP
	if !at.IsValid() || e.Allowed == nil || e.Allowed(at) || old != nil && old.IP == at && old.Port == e.Peer.Port {
		return nil
	}
	return forbidden(at, "/ip")
}

func forbidden(at netip.Addr, member string) error {
	bad := invalid(model.CodePeerForbidden, "Only administrators of this server may name the address %s as a peer, and ports there.", at)
	bad.Status, bad.Pointer = 403, member
	return bad
}

func (p *plan) putPeer(ctx context.Context, a *accountWork, access *accessWork, e model.PutPeer) (model.Outcome, error) {
	peer := e.Peer
	peer.Account = a.row.ID
	at, err := access.peers.get(ctx, peer.ID)
	if err != nil {
		return model.Outcome{}, err
	}
	if err := checkPeerAddress(&e, at); err != nil {
		return model.Outcome{}, err
	}
	if key, err := access.tsigs.get(ctx, peer.TSIG); err != nil || peer.TSIG != "" && key == nil {
		return model.Outcome{}, cmp.Or(err, error(invalid(model.CodePeerTSIG, "There is no TSIG %s in this account.", peer.TSIG)))
	}
	if peer.ID == "" {
		if err := mayHave(ctx, p, a, model.QuotaPeers, access.peers); err != nil {
			return model.Outcome{}, err
		}
		peer.ID = p.cfg.NewID()
		access.peers.put(&p.undo, peer)
		p.audit(auditOf{action: "create", legacy: "add", resource: "secondary_dns.peer", id: peer.ID, after: peer})
		return model.Outcome{Peer: &peer}, nil
	}
	if at == nil {
		return model.Outcome{}, missing(model.CodePeerNotFound, "There is no peer %s.", peer.ID)
	}
	old := *at
	peer.Transport, peer.ClientKeys, peer.Catalog, peer.MayLose = old.Transport, old.ClientKeys, old.Catalog, old.MayLose
	peer.ClientNames, peer.Authority, peer.Notify = old.ClientNames, old.Authority, old.Notify
	if e.Stripped == model.SwitchUnset {
		peer.Stripped = old.Stripped
	}
	if old == peer {
		return model.Outcome{Peer: &peer}, nil
	}
	access.peers.put(&p.undo, peer)
	if old.TSIG != peer.TSIG {
		zones, err := p.linking(ctx, peer.ID, allZones)
		if err != nil {
			return model.Outcome{}, err
		}
		for _, z := range zones {
			if err := access.checkShared(ctx, &a.row, z.Outgoing.Peers, z.Name); err != nil {
				return model.Outcome{}, err
			}
		}
	}
	p.audit(auditOf{
		action: "update", legacy: "set", resource: "secondary_dns.peer", id: peer.ID, before: old, after: peer,
	})
	return model.Outcome{Peer: &peer}, nil
}

// editPeer changes what a peer's transfers may come by, and hold, as it stands in this transaction.
func (p *plan) editPeer(ctx context.Context, access *accessWork, e model.EditPeer) (model.Outcome, error) {
	at, err := access.peers.get(ctx, e.ID)
	if err != nil {
		return model.Outcome{}, err
	}
	if at == nil {
		return model.Outcome{}, missing(model.CodePeerNotFound, "There is no peer %s.", e.ID)
	}
	old := *at
	want, err := e.Apply(old)
	if err != nil {
		return model.Outcome{}, err
	}
	peer := old
	peer.Transport, peer.ClientKeys, peer.Stripped = want.Transport, want.ClientKeys, want.Stripped
	peer.Catalog, peer.MayLose = want.Catalog, want.MayLose
	peer.ClientNames, peer.Authority, peer.Notify = want.ClientNames, want.Authority, want.Notify
	switch tls := peer.Transport == model.TransportTLS; {
	case peer.ClientKeys != "" && !tls:
		return model.Outcome{}, invalid(model.CodePeerTransport, "Keys of clients are seen over TLS alone: they need the transport tls.")
	case peer.ClientNames != "" && !tls:
		return model.Outcome{}, invalid(model.CodePeerNames, "Names of clients are seen over TLS alone: they need the transport tls.")
	case peer.Notify != old.Notify && peer.Notify.TLS && peer.IP.IsValid() && e.Allowed != nil && !e.Allowed(peer.IP):
		return model.Outcome{}, forbidden(peer.IP, "/notify/transport")
	case peer.ClientNames != "" && peer.Authority == "":
		return model.Outcome{}, invalid(model.CodePeerNames, "Anybody can make a certificate with any name: names of clients need an authority.")
	}
	if err := checkSources(e.Sources, old.Notify.Sources, peer.Notify.Sources); err != nil {
		return model.Outcome{}, err
	}
	if old == peer {
		return model.Outcome{Peer: &peer}, nil
	}
	access.peers.put(&p.undo, peer)
	p.audit(auditOf{action: "update", legacy: "set", resource: "secondary_dns.peer", id: peer.ID, before: old, after: peer})
	return model.Outcome{Peer: &peer}, nil
}

// checkSources wants addresses that who asks may have NOTIFY leave from. A peer keeps those that somebody has given it who may.
func checkSources(allowed func(netip.Addr) bool, old, now string) error {
	had := strings.Fields(old)
	for i, text := range strings.Fields(now) {
		from, err := netip.ParseAddr(text)
		if err == nil && (allowed == nil || allowed(from) || slices.Contains(had, text)) {
			continue
		}
		bad := invalid(model.CodePeerForbidden, "Only administrators of this server may have NOTIFY leave from %s; it is none of the addresses that the server offers for it.", text)
		bad.Status, bad.Pointer = 403, fmt.Sprintf("/notify/sources/%d", i)
		return bad
	}
	return nil
}

func (p *plan) deletePeer(ctx context.Context, access *accessWork, id model.ID) (model.Outcome, error) {
	at, err := access.peers.get(ctx, id)
	if err != nil {
		return model.Outcome{}, err
	}
	if at == nil {
		return model.Outcome{}, missing(model.CodePeerNotFound, "There is no peer %s.", id)
	}
	old := *at
	zones, err := p.linking(ctx, id, shown+1)
	if err != nil {
		return model.Outcome{}, err
	}
	if len(zones) > 0 {
		names := make([]string, 0, len(zones))
		for _, z := range zones {
			names = append(names, z.Name.Host())
		}
		return model.Outcome{}, invalid(model.CodePeerInUse, "The peer is linked to %s.", few(names))
	}
	access.peers.drop(&p.undo, id)
	p.audit(auditOf{action: "delete", legacy: "delete", resource: "secondary_dns.peer", id: id, before: old})
	return model.Outcome{Peer: &old}, nil
}

// allZones is a limit that no account reaches, with room to add to it.
const allZones = 1 << 30

// linking lists zones that are linked to a peer, as planned. The store's answer may be cut at limit; zones of this workspace
// are told in full.
func (p *plan) linking(ctx context.Context, peer model.ID, limit int) ([]model.Zone, error) {
	stored, err := p.tx.ZonesLinking(ctx, peer, limit+len(p.order))
	if err != nil {
		return nil, fmt.Errorf("look for zones linked to peer %s: %w", peer, err)
	}
	zones := slices.DeleteFunc(stored, func(z model.Zone) bool { return p.zones[z.ID] != nil || z.Outgoing == nil })
	for _, z := range p.order {
		if !z.gone && z.row.Outgoing != nil && slices.Contains(z.row.Outgoing.Peers, peer) {
			zones = append(zones, z.row)
		}
	}
	return zones, nil
}

func (p *plan) putACL(ctx context.Context, a *accountWork, access *accessWork, acl model.ACL) (model.Outcome, error) {
	acl.Account = a.row.ID
	entry := auditOf{action: "create", legacy: "add", resource: "secondary_dns.acl"}
	if acl.ID == "" {
		if err := mayHave(ctx, p, a, model.QuotaACLs, access.acls); err != nil {
			return model.Outcome{}, err
		}
		acl.ID = p.cfg.NewID()
	} else {
		old, err := access.acls.get(ctx, acl.ID)
		if err != nil {
			return model.Outcome{}, err
		}
		if old == nil {
			return model.Outcome{}, missing(model.CodeACLNotFound, "There is no ACL %s.", acl.ID)
		}
		if *old == acl {
			return model.Outcome{ACL: &acl}, nil
		}
		entry.action, entry.legacy, entry.before = "update", "set", *old
	}
	access.acls.put(&p.undo, acl)
	entry.id, entry.after = acl.ID, acl
	p.audit(entry)
	return model.Outcome{ACL: &acl}, nil
}

func (p *plan) deleteACL(ctx context.Context, access *accessWork, id model.ID) (model.Outcome, error) {
	at, err := access.acls.get(ctx, id)
	if err != nil {
		return model.Outcome{}, err
	}
	if at == nil {
		return model.Outcome{}, missing(model.CodeACLNotFound, "There is no ACL %s.", id)
	}
	old := *at
	access.acls.drop(&p.undo, id)
	p.audit(auditOf{action: "delete", legacy: "delete", resource: "secondary_dns.acl", id: id, before: old})
	return model.Outcome{ACL: &old}, nil
}

// mayHave holds one more object of a kind against its quota.
func mayHave[T comparable](ctx context.Context, p *plan, a *accountWork, which model.Quota, o *objects[T]) error {
	quotas := p.cfg.Quotas.For(&a.row)
	if _, bounded := quotas[which]; !bounded {
		return nil
	}
	have, err := o.count(ctx, which)
	if err != nil {
		return err
	}
	return quotas.Allow(which, have, 1)
}

// shown bounds the users of an object that a refusal names.
const shown = 3

func few(names []string) string {
	if len(names) > shown {
		return strings.Join(names[:shown], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}
