package zone

import (
	"bytes"
	"encoding/binary"
)

// A page is a slab without pointers that holds entries in order of their keys:
//
//	count u16, prefix u16 | heads: count u32 | offsets: count u16 | entries
//
// prefix is the length that the page's keys have in common, and a head is the next four octets of a key, big-endian, zero
// after its end: most steps of a search compare heads alone. An entry is a name with its RRsets:
//
//	cut u16, key length u16, RRsets u16 | key | RRsets
//
// cut is the length of the key of the delegation or DNAME at or above the name, the one nearest to the apex, or 0. A name
// without RRsets is an empty non-terminal. The layout of RRsets is told in rrset.go.
type page []byte

const (
	pageTarget = 4096
	pageMost   = 8192 // a page is split when a change lets it grow beyond
	pageHead   = 4
	entryHead  = 6
)

func (p page) count() int  { return int(binary.LittleEndian.Uint16(p)) }
func (p page) prefix() int { return int(binary.LittleEndian.Uint16(p[2:])) }

func (p page) head(i int) uint32 { return binary.LittleEndian.Uint32(p[pageHead+4*i:]) }

func (p page) entry(i int) entry {
	return entry(p[binary.LittleEndian.Uint16(p[pageHead+4*p.count()+2*i:]):])
}

// entry is a name's place in a page, with whatever follows it there.
type entry []byte

func (e entry) cut() int    { return int(binary.LittleEndian.Uint16(e)) }
func (e entry) keyLen() int { return int(binary.LittleEndian.Uint16(e[2:])) }
func (e entry) sets() int   { return int(binary.LittleEndian.Uint16(e[4:])) }
func (e entry) key() []byte { return e[entryHead : entryHead+e.keyLen()] }

// search finds the last entry whose key is not greater than that of q, -1 if all are greater, and whether it is equal. q
// has eight zero octets behind its n.
func (p page) search(q []byte, n int) (i int, exact bool) {
	first := p.entry(0).key()
	plen := p.prefix()
	if c := bytes.Compare(q[:min(n, plen)], first[:plen]); c < 0 {
		return -1, false
	} else if c > 0 {
		return p.count() - 1, false
	}
	want := binary.BigEndian.Uint32(q[plen:])
	lo, hi := 0, p.count()
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if h := p.head(mid); h < want || h == want && bytes.Compare(p.entry(mid).key(), q[:n]) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return -1, false
	}
	return lo - 1, p.head(lo-1) == want && bytes.Equal(p.entry(lo-1).key(), q[:n])
}

// packer collects whole entries, in order of their keys, into pages.
type packer struct {
	pages   []page
	entries [][]byte
	size    int
	target  int
}

func newPacker(target int) *packer { return &packer{target: target} }

func (k *packer) add(e []byte) {
	if k.size > 0 && k.size+len(e) > k.target {
		k.flush()
	}
	k.entries = append(k.entries, e)
	k.size += len(e) + 6
}

func (k *packer) flush() {
	if len(k.entries) == 0 {
		return
	}
	k.pages = append(k.pages, makePage(k.entries))
	k.entries, k.size = k.entries[:0], 0
}

func makePage(entries [][]byte) page {
	n := len(entries)
	size := pageHead + 6*n
	for _, e := range entries {
		size += len(e)
	}
	first, last := entry(entries[0]).key(), entry(entries[n-1]).key()
	plen := 0
	for plen < min(len(first), len(last)) && first[plen] == last[plen] {
		plen++
	}
	p := make(page, pageHead+6*n, size)
	binary.LittleEndian.PutUint16(p, uint16(n))
	binary.LittleEndian.PutUint16(p[2:], uint16(plen))
	for i, e := range entries {
		binary.LittleEndian.PutUint32(p[pageHead+4*i:], head32(entry(e).key(), plen))
		binary.LittleEndian.PutUint16(p[pageHead+4*n+2*i:], uint16(len(p)))
		p = append(p, e...)
	}
	return p
}

// head32 reads the four octets of a key behind its page's prefix, zero after the key's end.
func head32(key []byte, plen int) uint32 {
	var b [4]byte
	copy(b[:], key[plen:])
	return binary.BigEndian.Uint32(b[:])
}

// split yields the page's entries, each with its own octets only.
func (p page) split(yield func(e []byte) bool) {
	n := p.count()
	offs := p[pageHead+4*n:]
	for i := range n {
		from, to := int(binary.LittleEndian.Uint16(offs[2*i:])), len(p)
		if i+1 < n {
			to = int(binary.LittleEndian.Uint16(offs[2*i+2:]))
		}
		if !yield(p[from:to]) {
			return
		}
	}
}
