package answer

import (
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// referral points to the servers of a zone below (RFC 1034 section 4.3.2 step 3b). Addresses of servers at or below the
// cut must all be there, or the client be told to use TCP (RFC 9471); those of other servers in the zone are a courtesy.
func (r *Responder) referral(v *zone.Version, cut []byte, owner place, start wire.Mark) {
	r.b.Section(wire.SectionAuthority)
	ns := &r.m.Set
	if !r.set(owner, ns) {
		r.truncate(start)
		return
	}
	places := r.rdata
	if r.do && (!r.expansions(v) || !r.delegated(v, cut, owner)) {
		r.truncate(start)
		return
	}
	r.b.Section(wire.SectionAdditional)
	others := false
	for i, it := 0, ns.Iter(); it.Next(); i++ {
		host := it.AppendFull(r.hosts[0][:0])
		if !within(host, cut) {
			others = others || within(host, r.zone)
			continue
		}
		if !r.addresses(v, host, placeAt(&places, i, 0)) {
			r.b.SetFlags(wire.FlagTC)
			return
		}
	}
	for i, it := 0, ns.Iter(); others && it.Next(); i++ {
		host := it.AppendFull(r.hosts[0][:0])
		if within(host, r.zone) && !within(host, cut) {
			r.addresses(v, host, placeAt(&places, i, 0))
		}
	}
}

// placeAt is where the host of record i stands, skip octets into its data; out of any pointer's reach if that was not
// kept.
func placeAt(places *[maxPlaces]uint16, i, skip int) int {
	if i >= maxPlaces {
		return maxPointer + 1
	}
	return int(places[i]) + skip
}

// addresses adds a host's A and AAAA RRsets; at is where the host stands in the message. False means that one did not
// fit.
func (r *Responder) addresses(v *zone.Version, host []byte, at int) bool {
	if !v.At(host, &r.extra) {
		return true
	}
	owner := r.place(host, at)
	for _, t := range [2]wire.Type{wire.TypeA, wire.TypeAAAA} {
		s, ok := r.extra.RRset(t)
		if !ok {
			continue
		}
		if !r.set(owner, &s) {
			return false
		}
		if sigs, ok := r.extra.RRset(wire.TypeRRSIG); ok && r.do {
			r.signatures(owner, t, s.TTL, sigs) // they may be left out here, without a sign of it (RFC 4035 section 3.1.1)
		}
	}
	return true
}

// maxAdditional bounds how many hosts of an answer get their addresses added.
const maxAdditional = 8

// hostAt is how many octets into its data a type has the name of a host whose addresses are wanted with it, and whether
// it has one (RFC 1034 section 4.3.2 step 6, RFC 2782, RFC 9460 section 4.1).
func hostAt(t wire.Type) (skip int, ok bool) {
	switch t {
	case wire.TypeNS:
		return 0, true
	case wire.TypeMX, wire.TypeSVCB, wire.TypeHTTPS:
		return 2, true
	case wire.TypeSRV:
		return 6, true
	}
	return 0, false
}

// additional adds the addresses of hosts that the answer names, where they are in the zone and fit, each host once.
func (r *Responder) additional(v *zone.Version, s *zone.RRset) {
	skip, ok := hostAt(s.Type)
	if !ok {
		return
	}
	r.b.Section(wire.SectionAdditional)
	places := r.rdata
	var seen [maxAdditional][]byte
	n := 0
	for i, it := 0, s.Iter(); it.Next() && n < maxAdditional; i++ {
		host := r.host(&it, skip, n)
		if !within(host, r.zone) || contains(seen[:n], host) {
			continue
		}
		seen[n] = host
		n++
		at := maxPointer + 1
		if s.Type == wire.TypeNS || s.Type == wire.TypeMX { // nothing points into the data of newer types (RFC 3597 section 4)
			at = placeAt(&places, i, skip)
		}
		if !r.addresses(v, host, at) {
			return
		}
	}
}

// host reads the n-th host, which stands skip octets into a record's data.
func (r *Responder) host(it *zone.Iter, skip, n int) []byte {
	rdata, inZone := it.Raw()
	rdata = rdata[skip:]
	end := 0
	for end < len(rdata) && rdata[end] != 0 {
		end += int(rdata[end]) + 1
	}
	host := append(r.hosts[n][:0], rdata[:end]...)
	if inZone {
		host = append(host, r.zone...)
	} else {
		host = append(host, 0)
	}
	wire.FoldName(host) // the data of newer types keeps its letters
	return host
}

func contains(list [][]byte, name []byte) bool {
	for _, n := range list {
		if string(n) == string(name) {
			return true
		}
	}
	return false
}
