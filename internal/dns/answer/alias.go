package answer

import "github.com/headwaterdns/headwater/internal/dns/wire"

// target gives the name that the CNAME in r.m leads to.
func (r *Responder) target(hop int) []byte {
	it := r.m.Set.Iter()
	it.Next()
	return it.AppendFull(r.names[hop][:0])
}

// redirect writes a DNAME and the CNAME made from it, and gives the name to go on with (RFC 6672 section 3.2). ok is
// false when the answer is complete.
func (r *Responder) redirect(name []byte, owner place, hop int, start wire.Mark) (next []byte, ok bool) {
	at := owner.up(r.m.Owner)
	if r.m.Owner == len(name)-len(r.zone) {
		at = r.place(r.zone, int(r.apex))
	}
	if !r.signed(at, r.m) {
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
	buf := r.b.BeginAt(owner.labels, owner.at, wire.TypeCNAME, wire.ClassIN, r.m.Set.TTL)
	from := len(buf) + 2
	r.rdata[0] = uint16(from - r.base)
	buf = r.appendName(append(buf, 0, 0), next)
	buf[from-1] = byte(len(buf) - from)
	if !r.b.EndRR(m, buf) {
		r.truncate(start)
		return nil, false
	}
	return next, true
}
