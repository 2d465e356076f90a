package xfr

import (
	"net/netip"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Decision is whether a client may transfer a zone, and why not.
type Decision struct {
	Rcode  wire.Rcode // NOERROR: it may
	Reason string     // in words, for the log; empty when it may
	Peer   zone.Peer  // the linked peer that it is, if it is one
}

// Allow decides from a zone's access: transfers must be on; the address must be a linked peer's or in one of the account's
// ranges; and where the links have a key, the request must be signed with it. key is what a verified signature was
// made with, nil for an unsigned request. IPv4-mapped addresses count as IPv4.
func Allow(a *zone.Access, from netip.Addr, key *tsig.Key) Decision {
	from = from.Unmap().WithZone("")
	var d Decision
	known := false
	for _, p := range a.Peers {
		if p.Addr.IsValid() && p.Addr.Addr().Unmap() == from {
			d.Peer, known = p, true
			break
		}
	}
	refuse := func(reason string) Decision {
		d.Rcode, d.Reason = wire.RcodeRefused, reason
		return d
	}
	if !a.Enabled {
		return refuse("outgoing transfers of the zone are off")
	}
	for _, p := range a.ACL {
		known = known || p.Contains(from)
	}
	switch {
	case !known:
		return refuse("the address is neither a linked peer's nor in an ACL")
	case a.Key == nil:
		return d
	case key == nil:
		return refuse("the request is not signed, and the zone's links have a TSIG")
	case key.Name != a.Key.Name || key.Algorithm != a.Key.Algorithm || string(key.Secret) != string(a.Key.Secret):
		return refuse("the request is signed with a key that is not the links'")
	}
	return d
}
