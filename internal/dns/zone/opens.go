package zone

import (
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// This file says which keys open a zone for whom, and who a request comes from. Whoever has to know asks here.

// At says whether the peer is at an address. IPv4-mapped addresses count as IPv4.
func (p *Peer) At(addr netip.Addr) bool {
	return p.Addr.IsValid() && plain(p.Addr.Addr()) == plain(addr)
}

// Opens says whether a request is signed as the peer's requests must be: with its key, or with the one that follows that. A
// peer without a key may sign with any key of the account, or not at all. key is what a verified signature was made with, nil for an
// unsigned request.
func (p *Peer) Opens(key *tsig.Key) bool { return p.Key == nil || p.Has(key) }

// Has says whether a key is the peer's, or the one that follows its key.
func (p *Peer) Has(key *tsig.Key) bool { return key != nil && (key.Equal(p.Key) || key.Equal(p.Next)) }

// Shows says whether a client of TLS has shown what the peer's clients must: a key of theirs, a name of theirs, or both where there are
// both. What it has shown of what nobody asks for does not matter.
func (p *Peer) Shows(under *wire.TLS) bool {
	return under != nil && (p.ClientKeys == "" || under.Has(p.ClientKeys)) && (p.ClientNames == "" || under.Is(p.ClientNames, p.Authority))
}

// known says whether the peer's clients can be told from others by what they show.
func (p *Peer) known() bool { return p.ClientKeys != "" || p.ClientNames != "" }

// Keys are those that open the peer's zones.
func (p *Peer) Keys() []*tsig.Key {
	return slices.DeleteFunc([]*tsig.Key{p.Key, p.Next}, func(k *tsig.Key) bool { return k == nil })
}

// Signed says whether a request from an address that is no linked peer's, but in a range of the account's, is signed as it
// must be: with a key that one of the linked peers has, as soon as one of them has any.
func (a *Access) Signed(key *tsig.Key) bool {
	keyless := !slices.ContainsFunc(a.Peers, func(p Peer) bool { return p.Key != nil })
	return keyless || slices.ContainsFunc(a.Peers, func(p Peer) bool { return p.Has(key) })
}

// Client says which linked peers may have sent a request: those at the address that it came from, and of these those alone whose key
// it was signed with, and whose certificate was shown, where there are such. That is certain only where one is left, and where no
// other peer of the account at the address could have sent it as well. Servers behind one address cannot be told apart
// otherwise, whether it is a machine's, a router's or a container's.
func (a *Access) Client(from netip.Addr, key *tsig.Key, under *wire.TLS) (peers []Peer, certain bool) {
	from = plain(from)
	for _, p := range a.Peers {
		if p.At(from) {
			peers = append(peers, p)
		}
	}
	signs := func(p Peer) bool { return p.Has(key) }
	shows := func(p Peer) bool { return p.known() && p.Shows(under) }
	for _, tells := range []func(Peer) bool{signs, shows} {
		if len(peers) > 1 && slices.ContainsFunc(peers, tells) {
			peers = slices.DeleteFunc(peers, func(p Peer) bool { return !tells(p) })
		}
	}
	if len(peers) != 1 || a.account == nil {
		return peers, len(peers) == 1
	}
	linked := func(id string) bool { return slices.ContainsFunc(a.Peers, func(p Peer) bool { return p.ID == id }) }
	return peers, !slices.ContainsFunc(a.account.at(from), func(p *AccountPeer) bool {
		if linked(p.ID) {
			return false
		}
		other, ok := a.account.resolve(p)
		return ok && (key == nil || other.Key == nil || other.Has(key))
	})
}
