package xfr

import (
	"encoding/binary"
	"math/bits"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// names remembers the owner that was written last as a stack of labels, the one next to the apex first. Owners come in
// canonical order, so the next one mostly differs in its last label alone: the others are one pointer.
type names struct {
	key    []byte      // the owner's key (zone.Walker), a view of its page or of a path
	labels int         // how many of its labels are on the stack
	ends   [128]uint16 // where each label ends in the key
	starts [128]uint16 // where the name that each label begins is in the message, always in a pointer's reach: see messageSize
}

func (n *names) forget() { n.key, n.labels = nil, 0 }

// keep pops the labels that key does not share.
func (n *names) keep(key []byte) {
	same := sharedLen(n.key, key)
	for n.labels > 0 && int(n.ends[n.labels-1]) > same {
		n.labels--
	}
	n.key = key
}

// sharedLen is the length of the longest common prefix.
func sharedLen(a, b []byte) int {
	m := min(len(a), len(b))
	i := 0
	for ; i+8 <= m; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < m && a[i] == b[i] {
		i++
	}
	return i
}

// record packs a record of the zone: its owner's key, nil for the apex, and its data. If inZone is set, the apex is left out there: at the
// end, where a pointer may stand for it, or in the middle of a signature, whose signer is written in full (RFC 4034 section 3.1.7).
func (p *packer) record(key []byte, t wire.Type, ttl uint32, rdata []byte, inZone bool) error {
	// What the record takes at most: its name in full, and a name in its data.
	most := len(key) + len(p.apex) + 2 + 10 + len(rdata) + len(p.apex)
	if p.count > 0 && len(p.buf)-p.at+most > messageSize {
		if err := p.end(); err != nil {
			return err
		}
		p.begin()
	}
	p.ownerOf(key)
	b := binary.BigEndian.AppendUint64(p.buf, uint64(t)<<48|uint64(wire.ClassIN)<<32|uint64(ttl))
	switch {
	case inZone && t == wire.TypeRRSIG:
		b = binary.BigEndian.AppendUint16(b, uint16(len(rdata)+len(p.whole)))
		p.buf = appendSignature(b, rdata, p.whole)
	case inZone:
		b = binary.BigEndian.AppendUint16(b, uint16(len(rdata)+len(p.apexEnd)))
		p.buf = append(appendShort(b, rdata), p.apexEnd...)
	default:
		b = binary.BigEndian.AppendUint16(b, uint16(len(rdata)))
		p.buf = appendShort(b, rdata)
	}
	if len(p.buf)-p.at > p.limit {
		return ErrRecord // it has the message to itself
	}
	p.count++
	p.records++
	return nil
}

// ownerOf writes the owner with that key.
func (p *packer) ownerOf(key []byte) {
	n := &p.names
	if n.labels > 0 && len(key) == len(n.key) && &key[0] == &n.key[0] {
		p.point(n.starts[n.labels-1]) // the same once more
		return
	}
	n.keep(key)
	shared, from := n.labels, 0
	if shared > 0 {
		from = int(n.ends[shared-1])
	}
	escaped := false
	for i := boundary(key, from); i < len(key); i = boundary(key, i+1) {
		if key[i] == 1 {
			escaped = true
			i++
			continue
		}
		n.ends[n.labels] = uint16(i + 1)
		n.labels++
	}
	for l := n.labels - 1; l >= shared; l-- {
		begin := from
		if l > shared {
			begin = int(n.ends[l-1])
		}
		n.starts[l] = uint16(len(p.buf) - p.at)
		if label := key[begin : n.ends[l]-1]; escaped {
			p.unescaped(label)
		} else {
			p.buf = appendShort(append(p.buf, byte(len(label))), label)
		}
	}
	if shared == 0 {
		at := len(p.buf) - p.at
		p.buf = append(p.buf, p.apexEnd...)
		p.apexStands(at)
		return
	}
	p.point(n.starts[shared-1])
}

// point writes a pointer to where a name begins.
func (p *packer) point(at uint16) { p.buf = append(p.buf, byte(at>>8)|0xc0, byte(at)) }

// boundary is the place of the first octet from i on that ends a label or begins an escape: a zero or a one. Every key ends
// in one. It looks at eight octets at a time, and beyond the key where its page goes on.
func boundary(key []byte, i int) int {
	const ones = 0x0101010101010101
	for ; i+8 <= cap(key); i += 8 {
		x := binary.LittleEndian.Uint64(key[i : i+8])
		if low := (x - 2*ones) &^ x & (0x80 * ones); low != 0 {
			return i + bits.TrailingZeros64(low)/8
		}
	}
	for i < len(key) && key[i] > 1 {
		i++
	}
	return i
}

// appendShort is append for what is mostly a few octets: sixteen are copied, whatever stands behind them, or the first and the last sixteen.
func appendShort(b, s []byte) []byte {
	if len(s) > 32 || cap(s) < 16 || cap(b)-len(b) < 32 {
		return append(b, s...)
	}
	n, end := len(b), len(b)+len(s)
	b = b[:n+32]
	if len(s) > 16 {
		*(*[16]byte)(b[end-16:]) = [16]byte(s[len(s)-16:])
	}
	*(*[16]byte)(b[n:]) = [16]byte(s[:16])
	return b[:end]
}

// ecdsa is how long signatures of algorithms 13 and 15 are (RFC 6605 section 4, RFC 8080 section 4): most are.
const ecdsa = 64

// appendSignature appends a signature's rdata, in which the signer is left out.
func appendSignature(b, rdata, signer []byte) []byte {
	b = append(b, rdata[:wire.SigFixed]...)
	b = appendShort(b, signer)
	n, rest := len(b), rdata[wire.SigFixed:]
	if len(rest) != ecdsa || cap(b)-n < ecdsa {
		return append(b, rest...)
	}
	b = b[:n+ecdsa]
	*(*[ecdsa]byte)(b[n:]) = [ecdsa]byte(rest)
	return b
}

// unescaped writes a label of a key: its length, and its octets without the escapes of 0 and 1.
func (p *packer) unescaped(label []byte) {
	at := len(p.buf)
	p.buf = append(p.buf, byte(len(label)))
	for i := 0; i < len(label); i++ {
		c := label[i]
		if c == 1 {
			i++
			c = label[i] - 1
			p.buf[at]--
		}
		p.buf = append(p.buf, c)
	}
}
