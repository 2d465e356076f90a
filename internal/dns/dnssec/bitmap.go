package dnssec

import (
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// pseudo is the type that stands, in a served version, at names whose addresses are looked up elsewhere (zone.TypeMark). It is
// never answered, but the name exists. A record of it without data says that the addresses are not known now.
const pseudo wire.Type = 0

// types lists what the bitmap of a name tells, in order: the types of the RRsets that are the zone's own, NS at a delegation,
// and more. Addresses that are only not known now are told, or a resolver that keeps the denial would turn a short failure
// into a long one.
func (w *worker) types(e *entry, more ...wire.Type) []wire.Type {
	var out []wire.Type
	for i := range e.data {
		s := &e.data[i]
		switch {
		case s.Type == pseudo:
			if len(s.Data) == 1 && len(s.Data[0]) == 0 {
				out = append(out, wire.TypeA, wire.TypeAAAA)
			}
		case !e.delegates(w.apex), s.Type == wire.TypeNS, s.Type == wire.TypeDS:
			out = append(out, s.Type)
		}
	}
	out = append(out, more...)
	slices.Sort(out)
	return slices.Compact(out)
}

// bitmap encodes types, which are in order (RFC 4034 section 4.1.2): for each block of 256 that has some, its number, a
// length, and as many octets.
func bitmap(types []wire.Type) []byte {
	var out []byte
	for len(types) > 0 {
		block := types[0] >> 8
		var bits [32]byte
		last := 0
		for len(types) > 0 && types[0]>>8 == block {
			low := int(types[0] & 0xff)
			last = low / 8
			bits[last] |= 0x80 >> (low % 8)
			types = types[1:]
		}
		out = append(out, byte(block), byte(last+1))
		out = append(out, bits[:last+1]...)
	}
	return out
}
