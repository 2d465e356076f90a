package xfr

import (
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Decision is whether a client may transfer a zone, why not, by which rule, and who it is.
type Decision struct {
	Rcode  wire.Rcode // NOERROR: it may
	Cause  Cause      // of a refusal
	Reason string     // the same in words
	By     Rule
	Client Client
}

// Asked is a request for a zone, as far as a Decision depends on it.
type Asked struct {
	From  netip.Addr
	Type  wire.Type // AXFR, IXFR or SOA
	TCP   bool
	TLS   *wire.TLS // nil: it comes in clear
	Key   *tsig.Key // that a verified signature was made with; nil: it is not signed
	NoSOA bool      // of IXFR: it has no well-formed SOA
}

// Decide is Allow, and what else there is to a request. The server asks here, and so does whoever wants to know what it would do. The
// SOA is everybody's, unless the zone is hidden.
func Decide(z *zone.Zone, q *Asked) Decision {
	access := z.Access()
	d := Allow(&access, q.From, q.Key, q.TLS)
	switch {
	case q.Type == wire.TypeSOA && !z.State().Links.Hidden:
		d.Rcode, d.Cause, d.By = wire.RcodeNoError, "", Rule{}
	case q.Type == wire.TypeSOA:
	case q.TLS != nil && !q.TLS.ALPN:
		d.Rcode, d.Cause, d.By = wire.RcodeRefused, CauseALPN, Rule{} // RFC 9103 section 7.1
	case d.Cause != "":
	case q.Type == wire.TypeAXFR && !q.TCP:
		d.Rcode, d.Cause, d.Reason = wire.RcodeFormErr, CauseForm, "AXFR is for TCP"
	case q.Type == wire.TypeIXFR && q.NoSOA:
		d.Rcode, d.Cause, d.Reason = wire.RcodeFormErr, CauseForm, "the IXFR request has no well-formed SOA"
	}
	if d.Reason == "" {
		d.Reason = reasons[d.Cause]
	}
	return d
}

// Named is Decide for a request that is signed with a key of some name: with that of several which opens the zone. One that names a
// key that the zone's account does not have is refused before anything else is looked at (RFC 8945 section 5.2.1).
func Named(z *zone.Zone, q Asked, key wire.Name) Decision {
	d := Decision{Rcode: wire.RcodeNotAuth, Cause: CauseUnknownKey, Reason: reasons[CauseUnknownKey]}
	for _, k := range z.Keys() {
		if k.Name != key {
			continue
		}
		q.Key = k
		if d = Decide(z, &q); d.Cause == "" {
			break
		}
	}
	return d
}

// Rule is the rule that decided: that of a linked peer, or else of a range of the account's ACLs; neither where none of them spoke.
type Rule struct {
	Peer  zone.Peer
	Range netip.Prefix
}

// Client is who a request may have come from, as far as addresses, keys and certificates tell.
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

func clientOf(a *zone.Access, from netip.Addr, key *tsig.Key, under *wire.TLS) (c Client) {
	switch peers, certain := a.Client(from, key, under); {
	case certain:
		c.Peer = peers[0]
	default:
		c.OneOf = peers
	}
	return c
}

// Allow decides from a zone's access: transfers must be on; the address must be a linked peer's or in one of the account's
// ranges; where it is linked peers', one of them must allow the transport and open the zone to the key; else the request must
// be signed with a key of the links, if they have any. key is what a verified signature was made with, nil for an unsigned request;
// under is nil for what came in clear. IPv4-mapped addresses count as IPv4.
func Allow(a *zone.Access, from netip.Addr, key *tsig.Key, under *wire.TLS) Decision {
	d := Decision{Client: clientOf(a, from, key, under)}
	d.Cause, d.By = refusal(a, from, key, under)
	if d.Cause != "" {
		d.Rcode = wire.RcodeRefused
	}
	return d
}

// refusal is why a client may not transfer a zone, empty when it may; and the rule that says so. Peers' rules go before an ACL with
// their address in it, which would else be the way round. Of several peers at an address it may be any that lets it in; if none does,
// the one counts that it came furthest with.
func refusal(a *zone.Access, from netip.Addr, key *tsig.Key, under *wire.TLS) (cause Cause, by Rule) {
	if !a.Enabled {
		return CauseOff, by
	}
	from = from.Unmap().WithZone("")
	for _, p := range a.Peers {
		if !p.At(from) {
			continue
		}
		closed := transport(&p, under)
		switch {
		case closed != "" && (cause == "" || !cause.AboutKey()):
			cause, by.Peer = closed, p
		case closed != "":
		case p.Opens(key):
			return "", Rule{Peer: p}
		default:
			cause, by.Peer = unopened(key), p
		}
	}
	if cause != "" {
		return cause, by
	}
	at := slices.IndexFunc(a.ACL, func(p netip.Prefix) bool { return p.Contains(from) })
	if at < 0 {
		return CauseAddress, by
	}
	if by.Range = a.ACL[at]; !a.Signed(key) {
		return unopened(key), by
	}
	return "", by
}

// unopened is why a key does not do.
func unopened(key *tsig.Key) Cause {
	if key == nil {
		return CauseUnsigned
	}
	return CauseOtherKey
}

// transport is why what a request came by is not what a peer's come by; empty if it is.
func transport(p *zone.Peer, under *wire.TLS) Cause {
	switch {
	case !p.TLS, p.Shows(under):
		return ""
	case under == nil:
		return CauseClear
	}
	return CauseClient
}
