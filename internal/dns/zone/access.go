package zone

import (
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
)

// Access is who may transfer a zone and whom to notify, resolved from Links and the account's standing.
type Access struct {
	Enabled bool
	Peers   []Peer
	ACL     []netip.Prefix
	Keys    []*tsig.Key // all keys of the account: to tell "wrong key for this zone" from "unknown key"

	account *standing
}

// Access resolves the zone's links against its account as both are now. Not for the query path: it allocates. A link to a peer whose key is
// missing closes the zone: without it, the peer would need none.
func (z *Zone) Access() Access {
	links, acc := &z.State().Links, z.account.current.Load()
	a := Access{Enabled: links.Enabled}
	if acc == nil {
		return a
	}
	a.Keys, a.account = acc.keys.list(), acc
	if !links.Hidden {
		a.ACL = acc.ranges.list()
	}
	a.Peers = make([]Peer, 0, len(links.Peers))
	for _, id := range links.Peers {
		p := acc.peer(id)
		if p == nil {
			continue
		}
		whole, ok := acc.resolve(p)
		if !ok {
			a.Enabled = false
			continue
		}
		a.Peers = append(a.Peers, whole)
	}
	a.Enabled = a.Enabled && !acc.closed
	return a
}

// Keys are all keys of the zone's account.
func (z *Zone) Keys() []*tsig.Key {
	acc := z.account.current.Load()
	if acc == nil {
		return nil
	}
	return acc.keys.list()
}

// Knows says whether an address is a linked peer's, or in one of the account's ranges, while transfers are on. It allocates nothing.
func (z *Zone) Knows(from netip.Addr) bool {
	links, acc := &z.State().Links, z.account.current.Load()
	if !links.Enabled || acc == nil {
		return false
	}
	from = plain(from)
	for _, p := range acc.at(from) {
		if slices.Contains(links.Peers, p.ID) {
			return true
		}
	}
	return slices.ContainsFunc(acc.ranges.list(), func(p netip.Prefix) bool { return p.Contains(from) })
}
