package answer

import (
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// redirect writes a DNAME and the CNAME made from it, and gives the name to go on with (RFC 6672 section 3.2). ok is
// false when the answer is complete.
func (r *Responder) redirect(name []byte, hop int, start wire.Mark) (next []byte, ok bool) {
	owner := name[r.m.Owner:]
	if !r.set(owner, r.m.Set) {
		r.truncate(start)
		return nil, false
	}
	it := r.m.Set.Iter()
	it.Next()
	next = append(r.names[hop][:0], name[:r.m.Owner]...)
	if rdata, _ := it.Raw(); len(next)+len(rdata) > wire.MaxName {
		r.b.SetRcode(rcodeYXDomain)
		return nil, false
	}
	next = it.AppendFull(next)
	m := r.b.Mark()
	buf := r.b.BeginRR(name, wire.TypeCNAME, wire.ClassIN, r.m.Set.TTL)
	buf = append(buf, 0, byte(len(next)))
	if !r.b.EndRR(m, append(buf, next...)) {
		r.truncate(start)
		return nil, false
	}
	return next, true
}

// referral points to the servers of a zone below (RFC 1034 section 4.3.2 step 3b). Addresses of servers at or below the
// cut must all be there, or the client be told to use TCP (RFC 9471); those of other servers in the zone are a courtesy.
func (r *Responder) referral(v *zone.Version, cut []byte, start wire.Mark) {
	r.b.Section(wire.SectionAuthority)
	ns := r.m.Set
	if !r.set(cut, ns) {
		r.truncate(start)
		return
	}
	r.b.Section(wire.SectionAdditional)
	for _, needed := range [2]bool{true, false} {
		for it := ns.Iter(); it.Next(); {
			host := it.AppendFull(r.names[maxChain][:0])
			if !within(host, v.Apex()) || below(host, cut) != needed {
				continue
			}
			if !r.addresses(v, host) && needed {
				r.b.SetFlags(wire.FlagTC)
				return
			}
		}
	}
}

// below says whether host is cut or below it.
func below[T []byte | string](host []byte, cut T) bool {
	skip := len(host) - len(cut)
	if skip < 0 || string(host[skip:]) != string(cut) {
		return false
	}
	at := 0
	for at < skip {
		at += int(host[at]) + 1
	}
	return at == skip
}

// addresses adds a host's A and AAAA RRsets; false means that one did not fit.
func (r *Responder) addresses(v *zone.Version, host []byte) bool {
	for _, t := range [2]wire.Type{wire.TypeA, wire.TypeAAAA} {
		if s, ok := v.Lookup(host, t, &r.extra); ok && !r.set(host, s) {
			return false
		}
	}
	return true
}

// maxAdditional bounds how many hosts of an answer get their addresses added.
const maxAdditional = 8

// additional adds the addresses of hosts that the answer names, where they are in the zone and fit (RFC 1034 section
// 4.3.2 step 6).
func (r *Responder) additional(v *zone.Version, s zone.RRset) {
	skip := 0
	switch s.Type {
	case wire.TypeNS:
	case wire.TypeMX:
		skip = 2
	case wire.TypeSRV:
		skip = 6
	default:
		return
	}
	r.b.Section(wire.SectionAdditional)
	n := 0
	for it := s.Iter(); it.Next() && n < maxAdditional; n++ {
		var buf [wire.MaxName + 8]byte
		host := it.AppendFull(buf[:0])
		if len(host) <= skip+1 || !within(host[skip:], v.Apex()) {
			continue
		}
		host = append(r.names[maxChain][:0], host[skip:]...)
		if !r.addresses(v, host) {
			return
		}
	}
}

// chaos answers the names by which servers are told apart, where that is configured (RFC 4892).
func (r *Responder) chaos(q *wire.Query) {
	text := ""
	switch string(q.Name) {
	case "\x07version\x04bind\x00", "\x07version\x06server\x00":
		text = r.cfg.Version
	case "\x08hostname\x04bind\x00", "\x02id\x06server\x00":
		text = r.cfg.Hostname
	}
	if text == "" || len(text) > 255 || q.Type != wire.TypeTXT && q.Type != wire.TypeANY {
		r.b.SetRcode(wire.RcodeRefused)
		return
	}
	r.b.SetFlags(wire.FlagAA)
	m := r.b.Mark()
	buf := r.b.BeginRR(q.Name, wire.TypeTXT, wire.ClassCH, 0)
	buf = append(buf, 0, byte(len(text)+1), byte(len(text)))
	if !r.b.EndRR(m, append(buf, text...)) {
		r.truncate(m)
	}
}
