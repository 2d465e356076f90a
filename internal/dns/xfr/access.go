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
// ranges; and where the links have a key, the request must be signed with it. key is what a verified signature was
// made with, nil for an unsigned request. IPv4-mapped addresses count as IPv4.
func Allow(a *zone.Access, from netip.Addr, key *tsig.Key) Decision {
	d := Decision{Cause: refusal(a, from, key), Client: clientOf(a, from, key)}
	if d.Cause != "" {
		d.Rcode = wire.RcodeRefused
	}
	return d
}

// refusal is why a client may not transfer a zone; empty when it may.
func refusal(a *zone.Access, from netip.Addr, key *tsig.Key) Cause {
	switch {
	case !a.Enabled:
		return CauseOff
	case !knows(a, from.Unmap().WithZone("")):
		return CauseAddress
	case a.Key == nil:
		return ""
	case key == nil:
		return CauseUnsigned
	case key.Name != a.Key.Name || key.Algorithm != a.Key.Algorithm || string(key.Secret) != string(a.Key.Secret):
		return CauseOtherKey
	}
	return ""
}

// knows says whether an address is a linked peer's or in one of the account's ranges.
func knows(a *zone.Access, from netip.Addr) bool {
	return slices.ContainsFunc(a.Peers, func(p zone.Peer) bool { return p.Addr.IsValid() && p.Addr.Addr().Unmap().WithZone("") == from }) ||
		slices.ContainsFunc(a.ACL, func(p netip.Prefix) bool { return p.Contains(from) })
}
