package commit

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// flushAccess writes an account's keys, peers and ACLs where they changed, and journals all of them anew.
func (s *workspace) flushAccess(ctx context.Context, a *accountWork) ([]model.Entry, error) {
	w := a.access
	if w == nil {
		return nil, nil
	}
	account := a.row.ID
	n, err := writeChanged(w.readACLs, w.acls, aclID,
		func(v model.ACL) error { return s.tx.PutACL(ctx, v) },
		func(id model.ID) error { return s.tx.DeleteACL(ctx, account, id) })
	if err != nil {
		return nil, fmt.Errorf("write ACLs of account %s: %w", account, err)
	}
	// Keys come before the peers that use them, and go after them.
	keys, err := writeChanged(w.readTSIGs, w.tsigs, tsigID, func(v model.TSIG) error { return s.tx.PutTSIG(ctx, v) }, nil)
	if err != nil {
		return nil, fmt.Errorf("write keys of account %s: %w", account, err)
	}
	peers, err := writeChanged(w.readPeers, w.peers, peerID,
		func(v model.Peer) error { return s.tx.PutPeer(ctx, v) },
		func(id model.ID) error { return s.tx.DeletePeer(ctx, account, id) })
	if err != nil {
		return nil, fmt.Errorf("write peers of account %s: %w", account, err)
	}
	gone, err := writeChanged(w.readTSIGs, w.tsigs, tsigID, nil,
		func(id model.ID) error { return s.tx.DeleteTSIG(ctx, account, id) })
	if err != nil {
		return nil, fmt.Errorf("delete keys of account %s: %w", account, err)
	}
	if n+keys+peers+gone == 0 {
		return nil, nil
	}
	entry := model.Entry{Kind: model.EntryAccess, Account: account, At: s.now}
	access, err := w.encode()
	if err != nil {
		return nil, fmt.Errorf("access of account %s: %w", account, err)
	}
	entry.Body, entry.Secret = access.Append()
	return []model.Entry{entry}, nil
}

// writeChanged writes what differs between two lists and says how much that was. A nil func leaves its kind of difference alone.
func writeChanged[T comparable](
	was, is []T, idOf func(*T) model.ID, put func(T) error, del func(model.ID) error,
) (n int, err error) {
	for i := range is {
		if old := find(was, idOf, idOf(&is[i])); put == nil || old != nil && *old == is[i] {
			continue
		}
		if err := put(is[i]); err != nil {
			return n, err
		}
		n++
	}
	for i := range was {
		id := idOf(&was[i])
		if del == nil || find(is, idOf, id) != nil {
			continue
		}
		if err := del(id); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// defaultPort is where a peer without a port hears NOTIFY.
const defaultPort = 53

// encode turns the operator's words into the wire's.
func (a *accessWork) encode() (model.AccountAccess, error) {
	var out model.AccountAccess
	for _, acl := range a.acls {
		out.ACL = append(out.ACL, acl.Prefix.Masked())
	}
	for i := range a.tsigs {
		k, err := keyOf(&a.tsigs[i])
		if err != nil {
			return out, err
		}
		k.Next = 1 + slices.IndexFunc(a.tsigs, func(next model.TSIG) bool { return next.ID == a.tsigs[i].Successor })
		out.Keys = append(out.Keys, k)
	}
	for _, p := range a.peers {
		peer := model.AccessPeer{
			ID: p.ID, Name: p.Name, Key: -1, Transport: p.Transport, ClientKeys: p.ClientKeys, Stripped: p.Stripped,
			ClientNames: p.ClientNames, Authority: p.Authority, Notify: p.Notify,
		}
		if p.IP.IsValid() {
			port := p.Port
			if port == 0 {
				port = defaultPort
			}
			peer.Addr = netip.AddrPortFrom(p.IP.Unmap(), port)
		}
		if p.TSIG != "" {
			peer.Key = slices.IndexFunc(a.tsigs, func(k model.TSIG) bool { return k.ID == p.TSIG })
		}
		out.Peers = append(out.Peers, peer)
	}
	return out, nil
}

// keyOf reads a TSIG's texts; an error is an *model.Invalid and never tells the secret.
func keyOf(k *model.TSIG) (model.AccessKey, error) {
	n, err := wire.ParseName(k.Name)
	if err != nil {
		return model.AccessKey{}, invalid(model.CodeTSIGName, "The TSIG's name is not a valid domain name: %v.", err)
	}
	algo, err := wire.ParseName(k.Algo)
	if err != nil {
		return model.AccessKey{}, invalid(model.CodeTSIGAlgo, "The TSIG's algorithm is not valid: %v.", err)
	}
	secret, err := k.Octets()
	if err != nil || len(secret) == 0 {
		return model.AccessKey{}, invalid(model.CodeTSIGSecret, "The TSIG's secret is not valid base64.")
	}
	return model.AccessKey{Name: n, Algorithm: algo, Secret: secret}, nil
}
