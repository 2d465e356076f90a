package tsig

import (
	"encoding/binary"
	"hash"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// digest computes MACs (RFC 8945 section 4.3) with one hash that is reset, so that a sequence allocates once.
type digest struct {
	h       hash.Hash
	scratch []byte
	sum     [maxMAC]byte
}

func newDigest(k *Key) digest { return digest{h: k.mac(), scratch: make([]byte, 0, 2*wire.MaxName+64)} }

// begin starts a MAC with the one before it: the request's, or the last message's of a sequence. Empty for a request.
func (d *digest) begin(prior []byte) {
	d.h.Reset()
	if len(prior) == 0 {
		return
	}
	d.scratch = binary.BigEndian.AppendUint16(d.scratch[:0], uint16(len(prior)))
	d.h.Write(d.scratch)
	d.h.Write(prior)
}

// message adds a message as it was before signing: its original identifier, without the TSIG record and its count.
func (d *digest) message(msg []byte, id uint16, signed bool) {
	d.scratch = append(d.scratch[:0], msg[:wire.HeaderLen]...)
	wire.SetID(d.scratch, id)
	if signed {
		wire.SetCount(d.scratch, wire.SectionAdditional, wire.Count(d.scratch, wire.SectionAdditional)-1)
	}
	d.h.Write(d.scratch)
	d.h.Write(msg[wire.HeaderLen:])
}

// variables adds the record's own members: all of them, or just the timers for later messages of a sequence.
func (d *digest) variables(r *record, timersOnly bool) {
	b := d.scratch[:0]
	if !timersOnly {
		b = append(b, r.name...)
		b = binary.BigEndian.AppendUint16(b, uint16(wire.ClassANY))
		b = binary.BigEndian.AppendUint32(b, 0)
		b = append(b, r.algorithm...)
	}
	b = appendTime(b, r.time)
	b = binary.BigEndian.AppendUint16(b, r.fudge)
	if !timersOnly {
		b = binary.BigEndian.AppendUint16(b, uint16(r.code))
		b = binary.BigEndian.AppendUint16(b, uint16(len(r.other)))
		b = append(b, r.other...)
	}
	d.h.Write(b)
	d.scratch = b[:0]
}

// end gives the MAC; it is valid until the next end.
func (d *digest) end() []byte { return d.h.Sum(d.sum[:0]) }
