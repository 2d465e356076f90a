package xfr

import (
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Decision is whether a client may transfer a zone, why not, and who it is.
type Decision struct {
	Rcode  wire.Rcode // NOERROR: it may
	Cause  Cause      // of a refusal
	Client Client
}

// Client is who a request may have come from, as far as addresses and keys tell.
type Client struct {
	Peer  zone.Peer   // the linked peer that it is for certain; zero else
	OneOf []zone.Peer // the linked peers that it may be, where several share the address
}

// Peers lists whom the client may be.
func (c *Client) Peers() []zone.Peer {
	if c.Peer.ID != "" {
		return []zone.Peer{c.Peer}
	}
	return c.OneOf
}

func clientOf(a *zone.Access, from netip.Addr, key *tsig.Key) (c Client) {
	switch peers, certain := a.Client(from, key); {
	case certain:
		c.Peer = peers[0]
	default:
		c.OneOf = peers
	}
	return c
}

// Allow decides from a zone's access: transfers must be on; the address must be a linked peer's or in one of the account's
// ranges; where it is linked peers', one of them must allow the transport; and where the links have a key, the request
// must be signed with it. key is what a verified signature was made with, nil for an unsigned request; under is nil for what came
// in clear. IPv4-mapped addresses count as IPv4.
func Allow(a *zone.Access, from netip.Addr, key *tsig.Key, under *wire.TLS) Decision {
	d := Decision{Cause: refusal(a, from, key, under), Client: clientOf(a, from, key)}
	if d.Cause != "" {
		d.Rcode = wire.RcodeRefused
	}
	return d
}

// refusal is why a client may not transfer a zone; empty when it may.
func refusal(a *zone.Access, from netip.Addr, key *tsig.Key, under *wire.TLS) Cause {
	if !a.Enabled {
		return CauseOff
	}
	from = from.Unmap().WithZone("")
	if !knows(a, from) {
		return CauseAddress
	}
	if cause := transport(a, from, under); cause != "" {
		return cause
	}
	switch {
	case a.Key == nil:
		return ""
	case key == nil:
		return CauseUnsigned
	case key.Name != a.Key.Name || key.Algorithm != a.Key.Algorithm || string(key.Secret) != string(a.Key.Secret):
		return CauseOtherKey
	}
	return ""
}

// transport is why what a request came by is not allowed. A peer's rule goes before an ACL with its address in it, which would
// else be the way round. Of several peers at an address it may have been any that allows it.
func transport(a *zone.Access, from netip.Addr, under *wire.TLS) (cause Cause) {
	for _, p := range a.Peers {
		if !at(&p, from) {
			continue
		}
		switch {
		case !p.TLS, under != nil && (p.ClientKeys == "" || under.Has(p.ClientKeys)):
			return ""
		case under == nil:
			cause = CauseClear
		default:
			cause = CauseClient
		}
	}
	return cause
}

// at says whether a peer is at an address.
func at(p *zone.Peer, addr netip.Addr) bool {
	return p.Addr.IsValid() && p.Addr.Addr().Unmap().WithZone("") == addr
}

// knows says whether an address is a linked peer's or in one of the account's ranges.
func knows(a *zone.Access, from netip.Addr) bool {
	return slices.ContainsFunc(a.Peers, func(p zone.Peer) bool { return at(&p, from) }) ||
		slices.ContainsFunc(a.ACL, func(p netip.Prefix) bool { return p.Contains(from) })
}
