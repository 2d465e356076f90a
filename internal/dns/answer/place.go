package answer

import (
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// place is an owner as it is written: the octets in front, and where in the message the rest of the name stands (0: there
// is no rest). Nearly every owner stands in the message already, in the question or in the data of a record that named
// it, so that nothing is searched to compress it.
type place struct {
	labels []byte
	at     uint16
}

const (
	maxPlaces  = 16     // records of an RRset whose data is found again
	maxPointer = 0x3fff // the last offset that a pointer can tell (RFC 1035 section 4.1.4)
)

// place is the place of a name in the zone that stands at an offset of the message. Where no pointer can reach it the
// name is written out up to the apex.
func (r *Responder) place(name []byte, at int) place {
	switch {
	case len(name) > 1 && at <= maxPointer:
		return place{at: uint16(at)}
	case r.apex == 0:
		return place{labels: name}
	}
	return place{labels: name[:len(name)-len(r.zone)], at: r.apex}
}

// up is the place of the ancestor, in the zone and below its apex, that begins n octets into the name.
func (p place) up(n int) place {
	if p.labels != nil {
		return place{labels: p.labels[n:], at: p.at}
	}
	return place{at: p.at + uint16(n)}
}

// set writes an RRset under an owner; false means that it did not fit whole and nothing was written.
func (r *Responder) set(owner place, s *zone.RRset) bool {
	m := r.b.Mark()
	i := 0
	for it := s.Iter(); it.Next(); i++ {
		buf := r.b.BeginAt(owner.labels, owner.at, s.Type, wire.ClassIN, it.TTL())
		if i < maxPlaces {
			r.rdata[i] = uint16(len(buf) + 2 - r.base)
		}
		if !r.b.EndRR(m, it.AppendRData(buf, r.apex)) { // takes all of them back
			return false
		}
	}
	return true
}

// appendName appends a name, with a pointer in place of the apex if that is where it ends.
func (r *Responder) appendName(dst, name []byte) []byte {
	if r.apex == 0 || !within(name, r.zone) {
		return append(dst, name...)
	}
	dst = append(dst, name[:len(name)-len(r.zone)]...)
	return append(dst, 0xc0|byte(r.apex>>8), byte(r.apex))
}

// within says whether name is at or below zone.
func within(name, zone []byte) bool {
	skip := len(name) - len(zone)
	if skip < 0 || string(name[skip:]) != string(zone) {
		return false
	}
	at := 0
	for at < skip {
		at += int(name[at]) + 1
	}
	return at == skip
}
