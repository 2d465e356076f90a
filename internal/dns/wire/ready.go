package wire

import "encoding/binary"

// Ready is a run of records of one owner in wire form, made once for all messages that have them. They may stand in any message in
// which the owner stands already: where that is, is all that differs.
type Ready struct {
	octets []byte   // each record with two octets in place of its owner
	owners []uint16 // where in them those are
}

// Add adds a record, whose data is written as it is, uncompressed.
func (r *Ready) Add(t Type, c Class, ttl uint32, rdata []byte) {
	r.owners = append(r.owners, uint16(len(r.octets)))
	r.octets = appendFixed(append(r.octets, 0xc0, 0), t, c, ttl)
	r.octets = binary.BigEndian.AppendUint16(r.octets, uint16(len(rdata)))
	r.octets = append(r.octets, rdata...)
}

// Ready writes the records under an owner that stands at an offset of the message; false means that they did not all fit, and none
// was written.
func (b *Builder) Ready(r *Ready, at uint16) bool {
	n := len(r.owners)
	if len(r.octets) > b.Room() || int(b.counts[b.section])+n > 0xffff {
		return false
	}
	begin := len(b.buf)
	b.buf = append(b.buf, r.octets...)
	for _, owner := range r.owners {
		binary.BigEndian.PutUint16(b.buf[begin+int(owner):], 0xc000|at)
	}
	b.counts[b.section] += uint16(n)
	return true
}
