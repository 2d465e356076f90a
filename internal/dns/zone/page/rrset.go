package page

import (
	"encoding/binary"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// In an entry, an RRset is
//
//	type u16, ttl u32, count u16, size u32 | records: length u16, rdata
//
// with size the octets of all its records. The types whose names may be compressed (RFC 3597 section 4) and end in a name
// (NS, CNAME, PTR, MX) are stored without the apex where that name is in the zone, marked by the highest bit of the
// length: answers and transfers then write a pointer, and decode nothing. Signatures (RRSIG) have the same mark where their
// signer is the apex, which is then left out of their middle.
//
// Signatures are no RRset in the sense of RFC 2181 section 5.2: each has the TTL of what it covers (RFC 4034 section 3), which
// stands in it. Here all of a name are one set of ttl 0, and whoever writes one asks its Iter or OriginalTTL.

const (
	setHead = 12
	inZone  = 0x8000 // of a record's length: the apex is left out
	lenMask = 0x7fff
)

// TypeMark is a pseudo type that stands at names whose addresses are looked up elsewhere, in served versions only: a
// record of it says why there are none. It is never answered or transferred, but lets the name exist.
const TypeMark = wire.Type(0)

// The data of a mark. MarkFail, which is empty, says that the addresses are not known now: questions for them are answered
// with SERVFAIL. MarkNone says that there is no address: NODATA.
const (
	MarkFail = ""
	MarkNone = "\x01"
)

// OriginalTTL is the TTL of an RRSIG record, from its data.
func OriginalTTL(rrsig []byte) uint32 { return binary.BigEndian.Uint32(rrsig[4:]) }

// Fails says whether a set of TypeMark is MarkFail.
func (s RRset) Fails() bool { return len(s.data) == 2+len(MarkFail) }

// NegativeTTL is for how long a negative answer may be kept, of an SOA RRset (RFC 2308 section 5).
func (s RRset) NegativeTTL() uint32 {
	return min(s.TTL, binary.BigEndian.Uint32(s.data[len(s.data)-4:]))
}

// shortens says whether rdata of a type has a name that may be stored without the apex.
func shortens(t wire.Type) bool {
	return t == wire.TypeRRSIG || t == wire.TypeNS || t == wire.TypeCNAME || t == wire.TypePTR || t == wire.TypeMX
}

// RRset is a view of one RRset in a page. The zero value is no RRset.
type RRset struct {
	Type wire.Type
	TTL  uint32
	n    int
	data []byte
	apex wire.Name
}

// Len is the number of records.
func (s RRset) Len() int { return s.n }

// Iter walks the records.
func (s RRset) Iter() Iter {
	return Iter{data: s.data, apex: s.apex, short: shortens(s.Type), ttl: s.TTL, signature: s.Type == wire.TypeRRSIG}
}

// AppendRData appends RDLENGTH and RDATA of record i. Names that end in the apex and may be compressed (RFC 3597
// section 4) end in a pointer to apexPtr, the offset of the apex in the message; with apexPtr 0 they are written in full.
func (s RRset) AppendRData(dst []byte, i int, apexPtr uint16) []byte {
	it := s.Iter()
	for range i + 1 {
		it.Next()
	}
	return it.AppendRData(dst, apexPtr)
}

// Iter stands at one record of an RRset; call Next before the first.
type Iter struct {
	data  []byte // what follows the current record
	rdata []byte
	apex  wire.Name
	short bool
	cut   bool

	ttl       uint32
	signature bool
}

// TTL is the current record's: its RRset's, or, of a signature, its own.
func (it *Iter) TTL() uint32 {
	if it.signature {
		return OriginalTTL(it.rdata)
	}
	return it.ttl
}

// Next goes to the next record.
func (it *Iter) Next() bool {
	if len(it.data) == 0 {
		return false
	}
	n := int(binary.LittleEndian.Uint16(it.data))
	it.cut = it.short && n&inZone != 0
	if it.short {
		n &= lenMask
	}
	it.rdata, it.data = it.data[2:2+n], it.data[2+n:]
	return true
}

// AppendRData appends RDLENGTH and RDATA, as RRset.AppendRData does.
func (it *Iter) AppendRData(dst []byte, apexPtr uint16) []byte {
	switch {
	case !it.cut:
		dst = append(dst, byte(len(it.rdata)>>8), byte(len(it.rdata)))
		return append(dst, it.rdata...)
	case it.signature:
		n := len(it.rdata) + len(it.apex)
		dst = append(dst, byte(n>>8), byte(n))
		return appendSig(dst, it.rdata, it.apex)
	case apexPtr != 0:
		n := len(it.rdata) + 2
		dst = append(dst, byte(n>>8), byte(n))
		dst = append(dst, it.rdata...)
		return append(dst, 0xc0|byte(apexPtr>>8), byte(apexPtr))
	}
	n := len(it.rdata) + len(it.apex)
	dst = append(dst, byte(n>>8), byte(n))
	dst = append(dst, it.rdata...)
	return append(dst, it.apex...)
}

// AppendFull appends the RDATA alone, in full.
func (it *Iter) AppendFull(dst []byte) []byte {
	if it.signature && it.cut {
		return appendSig(dst, it.rdata, it.apex)
	}
	dst = append(dst, it.rdata...)
	if it.cut {
		dst = append(dst, it.apex...)
	}
	return dst
}

// appendSig appends in full the rdata of a signature that is stored without its signer, the apex, which is never compressed
// (RFC 4034 section 3.1.7).
func appendSig(dst, rdata []byte, apex wire.Name) []byte {
	dst = append(dst, rdata[:wire.SigFixed]...)
	dst = append(dst, apex...)
	return append(dst, rdata[wire.SigFixed:]...)
}

// Raw gives the RDATA as it is stored, and whether the apex is left out at its end, or in the middle of a signature.
func (it *Iter) Raw() (rdata []byte, inZone bool) { return it.rdata, it.cut }

// appendSet appends an RRset to an entry.
func appendSet(dst []byte, s *rr.Set, apex wire.Name) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(s.Type))
	dst = binary.LittleEndian.AppendUint32(dst, s.TTL)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(s.Data)))
	at := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	for _, d := range s.Data {
		if s.Type == wire.TypeRRSIG {
			dst = appendSigRecord(dst, d, apex)
			continue
		}
		d, short := Shorten(s.Type, d, apex)
		n := len(d)
		if short {
			n |= inZone
		}
		dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
		dst = append(dst, d...)
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// appendSigRecord appends a signature, without its signer where that is the apex.
func appendSigRecord(dst, d []byte, apex wire.Name) []byte {
	rest := d[wire.SigFixed:]
	if len(rest) < len(apex) || string(rest[:len(apex)]) != string(apex) {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(len(d)))
		return append(dst, d...)
	}
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(d)-len(apex))|inZone)
	dst = append(dst, d[:wire.SigFixed]...)
	return append(dst, rest[len(apex):]...)
}

// Shorten cuts the apex off the end of rdata that may be compressed and ends in a name of the zone, and says whether it did.
func Shorten(t wire.Type, rdata []byte, apex wire.Name) (short []byte, inZone bool) {
	if !shortens(t) || t == wire.TypeRRSIG {
		return rdata, false
	}
	skip := 0
	if t == wire.TypeMX {
		skip = 2
	}
	if len(rdata) <= skip || !wire.Name(rdata[skip:]).Within(apex) {
		return rdata, false
	}
	return rdata[:len(rdata)-len(apex)], true
}

// Find gives the place of an RRset in the entry. Types stand in order, so a search ends at the first greater one.
func (e Entry) Find(t wire.Type) (at int, ok bool) {
	at = entryHead + e.KeyLen()
	for range e.Sets() {
		h := e[at : at+setHead]
		if have := wire.Type(binary.LittleEndian.Uint16(h)); have >= t {
			return at, have == t
		}
		at += setHead + int(binary.LittleEndian.Uint32(h[8:]))
	}
	return 0, false
}

// Set finds an RRset of the entry by type.
func (e Entry) Set(t wire.Type, apex wire.Name) (RRset, bool) {
	at, ok := e.Find(t)
	if !ok {
		return RRset{}, false
	}
	return MakeSet(e[at:], apex), true
}

// MakeSet views the RRset at the start of b.
func MakeSet(b []byte, apex wire.Name) RRset {
	size := int(binary.LittleEndian.Uint32(b[8:]))
	return RRset{
		Type: wire.Type(binary.LittleEndian.Uint16(b)), TTL: binary.LittleEndian.Uint32(b[2:]),
		n: int(binary.LittleEndian.Uint16(b[6:])), data: b[setHead : setHead+size], apex: apex,
	}
}

// Each yields the entry's RRsets in order of type.
func (e Entry) Each(apex wire.Name, yield func(RRset) bool) bool {
	b := e[entryHead+e.KeyLen():]
	for range e.Sets() {
		s := MakeSet(b, apex)
		if !yield(s) {
			return false
		}
		b = b[setHead+len(s.data):]
	}
	return true
}

// Size is the entry's length without what follows it in its page.
func (e Entry) Size() int {
	n := entryHead + e.KeyLen()
	for range e.Sets() {
		n += setHead + int(binary.LittleEndian.Uint32(e[n+8:]))
	}
	return n
}

// IsCut says whether names below the entry are not the zone's own: it has a delegation or a DNAME, and is not the apex.
func (e Entry) IsCut() bool {
	if e.KeyLen() == 0 {
		return false
	}
	if _, ok := e.Find(wire.TypeNS); ok {
		return true
	}
	_, ok := e.Find(wire.TypeDNAME)
	return ok
}

// MakeEntry builds a name's octets; sets must be in order of type and normalized.
func MakeEntry(key []byte, cut int, sets []rr.Set, apex wire.Name) []byte {
	n := entryHead + len(key)
	for i := range sets {
		n += setHead + 2*len(sets[i].Data)
		for _, d := range sets[i].Data {
			n += len(d)
		}
	}
	e := make([]byte, 0, n)
	e = binary.LittleEndian.AppendUint16(e, uint16(cut))
	e = binary.LittleEndian.AppendUint16(e, uint16(len(key)))
	e = binary.LittleEndian.AppendUint16(e, uint16(len(sets)))
	e = append(e, key...)
	for i := range sets {
		e = appendSet(e, &sets[i], apex)
	}
	return e
}

// Unpack gives the entry's RRsets in full.
func (e Entry) Unpack(owner, apex wire.Name) []rr.Set {
	if e.Sets() == 0 {
		return nil
	}
	out := make([]rr.Set, 0, e.Sets())
	e.Each(apex, func(s RRset) bool {
		set := rr.Set{Owner: owner, Type: s.Type, TTL: s.TTL, Data: make([][]byte, 0, s.n)}
		for it := s.Iter(); it.Next(); {
			set.Data = append(set.Data, it.AppendFull(nil))
		}
		out = append(out, set)
		return true
	})
	return out
}
