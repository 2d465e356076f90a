package update

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Apply does the update section to the zone, record by record, as RFC 2136 section 3.4.2 says. What asks for what no zone may be (a
// second CNAME's neighbour, the last name server's end, an older SOA) is passed over in silence there, and here. may says whether the
// sender may change what the removal of all that is at a name would remove.
func (m *Message) Apply(z *Zone, may Policy) error {
	cuts := map[wire.Name]bool{}
	for i := range m.Updates {
		u := &m.Updates[i]
		node, err := z.At(u.Owner)
		if err != nil {
			return err
		}
		apex := u.Owner == z.Apex
		cuts[u.Owner] = cuts[u.Owner] || node[wire.TypeNS] != nil
		switch {
		case u.Class == wire.ClassIN:
			u.add(z, node)
		case u.Class == wire.ClassNONE:
			err = u.removeOne(node, apex)
		case u.Type == wire.TypeANY:
			err = removeAll(u.Owner, node, apex, may)
		case apex && (u.Type == wire.TypeSOA || u.Type == wire.TypeNS):
		default:
			err = u.removeSet(node)
		}
		if err != nil {
			return err
		}
	}
	for n, was := range cuts {
		// Without NS there is no delegation, and DS is of nothing (RFC 4035 section 2.4). BIND removes it likewise.
		if node := z.nodes[n]; was && n != z.Apex && node[wire.TypeNS] == nil {
			delete(node, wire.TypeDS)
		}
	}
	return nil
}

// add is section 3.4.2.2. All records of an RRset have the TTL of the one that came last (RFC 2181 section 5.2).
func (u *RR) add(z *Zone, node Node) {
	if u.excluded(node) || u.Type == wire.TypeSOA && !newer(node[wire.TypeSOA], u.Data) {
		return
	}
	s := node[u.Type]
	if s == nil {
		s = &Set{}
		node[u.Type] = s
	}
	s.TTL, s.Set = min(max(u.TTL, z.LeastTTL), z.MostTTL), true
	if s.Has(u.Data) {
		return
	}
	if u.alone() {
		s.Data, s.places = slices.DeleteFunc(slices.Clone(s.Data), func(d []byte) bool { return u.replaces(d) }), nil
	}
	s.put(u.Data)
}

// excluded says whether the record is a CNAME beside others, or another beside a CNAME. What signing adds to a name does not count.
func (u *RR) excluded(node Node) bool {
	cname := node[wire.TypeCNAME]
	if u.Type != wire.TypeCNAME {
		return cname != nil && !cname.Answered && !besideCNAME(u.Type)
	}
	for t := range node {
		if t != wire.TypeCNAME && !besideCNAME(t) {
			return true
		}
	}
	return false
}

func besideCNAME(t wire.Type) bool {
	switch t {
	case wire.TypeRRSIG, wire.TypeNSEC, wire.TypeKEY:
		return true
	default:
		return false
	}
}

// newer says whether an SOA may take another's place: its serial is later (RFC 1982).
func newer(now *Set, data []byte) bool {
	if now == nil || len(now.Data) != 1 {
		return false // not at the apex
	}
	was, err := wire.SOASerial(now.Data[0])
	if err != nil {
		return false
	}
	is, err := wire.SOASerial(data)
	return err == nil && wire.SerialNewer(is, was)
}

const typeWKS wire.Type = 11

// wksKey is what two WKS records of one service have in common: address and protocol, in octets.
const wksKey = 5

// alone says whether records of the type may take the place of one another.
func (u *RR) alone() bool {
	return u.Type == wire.TypeCNAME || u.Type == wire.TypeDNAME || u.Type == wire.TypeSOA || u.Type == typeWKS
}

// replaces says whether the record takes the place of one of its RRset with other data: of a type of which there is one at a name.
func (u *RR) replaces(old []byte) bool {
	if u.Type == typeWKS {
		return len(old) >= wksKey && len(u.Data) >= wksKey && bytes.Equal(old[:wksKey], u.Data[:wksKey])
	}
	return u.alone()
}

// removeOne is section 3.4.2.4.
func (u *RR) removeOne(node Node, apex bool) error {
	s := node[u.Type]
	switch {
	case u.Type == wire.TypeSOA, !s.Has(u.Data):
		return nil
	case apex && u.Type == wire.TypeNS && len(s.Data) == 1:
		return nil
	case holds(s.Own, u.Data):
		return fail(wire.RcodeRefused, "this %s record of %s is the server's own", u.Type, u.Owner)
	}
	s.drop(s.place(u.Data))
	if len(s.Data) == 0 {
		delete(node, u.Type)
	}
	return nil
}

// removeSet is section 3.4.2.3 for one type.
func (u *RR) removeSet(node Node) error {
	s := node[u.Type]
	if s == nil {
		return nil
	}
	if len(s.Own) > 0 {
		return fail(wire.RcodeRefused, "%s records of %s are the server's own", u.Type, u.Owner)
	}
	delete(node, u.Type)
	return nil
}

// removeAll is section 3.4.2.3 for all types. The apex keeps its SOA and its name servers, and every name what signing has made.
func removeAll(owner wire.Name, node Node, apex bool, may Policy) error {
	for t, s := range node {
		switch {
		case apex && (t == wire.TypeSOA || t == wire.TypeNS), len(s.Own) == len(s.Data):
			continue
		case !may(owner, t):
			return fail(wire.RcodeRefused, "the key may not change %s %s", owner, t)
		case len(s.Own) > 0:
			s.Data, s.places = slices.Clone(s.Own), nil
		default:
			delete(node, t)
		}
	}
	return nil
}

// SOATimes reads the five numbers behind an SOA's serial: refresh, retry, expire and minimum are 1 to 4 of them, 0 is the serial.
func SOATimes(data []byte) (v [5]uint32) {
	for i := range v {
		v[i] = binary.BigEndian.Uint32(data[len(data)-20+4*i:])
	}
	return v
}
