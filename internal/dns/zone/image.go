package zone

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

const (
	imageMagic   = "HWZ\x01"
	imageTrailer = 4
)

// castagnoli is the CRC that processors compute by themselves.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Append encodes the version (docs/formats/image.md): a head, the pages as they are in memory, and a checksum.
func (v *Version) Append(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, imageMagic...)
	dst = append(dst, byte(len(v.apex)))
	dst = append(dst, v.apex...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.records))
	count := 0
	for _, n := range v.tree.nodes {
		count += len(n.pages)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(count))
	for _, n := range v.tree.nodes {
		for _, p := range n.pages {
			dst = binary.BigEndian.AppendUint32(dst, uint32(len(p)))
			dst = append(dst, p...)
		}
	}
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

// Decode reads what Append wrote. It checks the sum and every page, so that a version that it returns can be searched
// without a check; it keeps no reference to b.
func Decode(b []byte) (*Version, error) {
	if len(b) < len(imageMagic)+1+imageTrailer || string(b[:len(imageMagic)]) != imageMagic {
		return nil, fmt.Errorf("%w: no image", ErrCodec)
	}
	body := b[:len(b)-imageTrailer]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[len(body):]) {
		return nil, fmt.Errorf("%w: the checksum does not fit", ErrCodec)
	}
	return decodeBody(body[len(imageMagic):])
}

// decodeBody is Decode without the checksum, the part that is fuzzed.
func decodeBody(b []byte) (*Version, error) {
	n := int(b[0])
	if len(b) < 1+n+12 {
		return nil, fmt.Errorf("%w: it ends early", ErrCodec)
	}
	apex, err := wire.NameFromWire(b[1 : 1+n])
	if err != nil {
		return nil, fmt.Errorf("%w: apex: %w", ErrCodec, err)
	}
	b = b[1+n:]
	v := &Version{apex: apex, records: int(binary.BigEndian.Uint64(b))}
	count := int(binary.BigEndian.Uint32(b[8:]))
	b = b[12:]
	if count == 0 || count > len(b)/(4+pageHead) {
		return nil, fmt.Errorf("%w: page count", ErrCodec)
	}
	pages := make([]page, 0, count)
	c := checker{apex: apex}
	for range count {
		if len(b) < 4 || uint64(len(b)-4) < uint64(binary.BigEndian.Uint32(b)) {
			return nil, fmt.Errorf("%w: it ends early", ErrCodec)
		}
		size := binary.BigEndian.Uint32(b)
		p := page(bytes.Clone(b[4 : 4+size]))
		b = b[4+size:]
		if err := c.page(p); err != nil {
			return nil, err
		}
		pages = append(pages, p)
	}
	if len(b) > 0 || c.records != v.records {
		return nil, fmt.Errorf("%w: record count", ErrCodec)
	}
	return finish(v, pages)
}

// checker walks pages and holds what search and the iterators rely on against them.
type checker struct {
	apex    wire.Name
	last    []byte
	any     bool
	records int
}

func (c *checker) page(p page) error {
	bad := func(what string) error { return fmt.Errorf("%w: page %s", ErrCodec, what) }
	if len(p) < pageHead || p.count() == 0 || len(p) < pageHead+6*p.count() {
		return bad("head")
	}
	n := p.count()
	at := pageHead + 6*n
	var first, lastKey []byte
	for i := range n {
		if int(binary.LittleEndian.Uint16(p[pageHead+4*n+2*i:])) != at {
			return bad("offsets")
		}
		size, ok := c.entry(p[at:])
		if !ok {
			return bad("entry")
		}
		key := entry(p[at:]).key()
		if c.any && bytes.Compare(c.last, key) >= 0 || !c.any && len(key) > 0 {
			return bad("order")
		}
		if i == 0 {
			first = key
		}
		c.last, c.any, lastKey = key, true, key
		at += size
	}
	if at != len(p) || p.prefix() > min(len(first), len(lastKey)) ||
		!bytes.Equal(first[:p.prefix()], lastKey[:p.prefix()]) {
		return bad("length or prefix")
	}
	for i := range n {
		if p.head(i) != head32(p.entry(i).key(), p.prefix()) {
			return bad("heads")
		}
	}
	return nil
}

// entry checks one entry and gives its size.
func (c *checker) entry(b []byte) (size int, ok bool) {
	if len(b) < entryHead {
		return 0, false
	}
	e := entry(b)
	at := entryHead + e.keyLen()
	if len(b) < at || !validKey(e.key(), c.apex) || !cutFits(e) {
		return 0, false
	}
	last := -1
	for range e.sets() {
		if len(b) < at+setHead {
			return 0, false
		}
		t := int(binary.LittleEndian.Uint16(b[at:]))
		size := int(binary.LittleEndian.Uint32(b[at+8:]))
		if t <= last || len(b)-at-setHead < size {
			return 0, false
		}
		s := makeSet(b[at:], size, c.apex)
		if !s.check() {
			return 0, false
		}
		c.records += s.n
		last = t
		at += setHead + size
	}
	return at, true
}

// cutFits: a cut is one of the key's own label ends.
func cutFits(e entry) bool {
	cut := e.cut()
	return cut == 0 || cut <= e.keyLen() && e.key()[cut-1] == 0
}

// check says whether the records fill the set exactly.
func (s RRset) check() bool {
	b, n := s.data, 0
	for ; len(b) > 0; n++ {
		if len(b) < 2 {
			return false
		}
		size := int(binary.LittleEndian.Uint16(b))
		if shortens(s.Type) {
			size &= lenMask
		}
		if len(b) < 2+size {
			return false
		}
		b = b[2+size:]
	}
	return n == s.n
}
