package page

import (
	"bytes"
	"encoding/binary"

	"github.com/headwaterdns/headwater/internal/dns/prefetch"
)

// Page is a slab without pointers that holds entries in order of their keys:
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
type Page []byte

// HeadSize is what every page has in front.
const HeadSize = 4

const (
	pageTarget = 4096
	pageMost   = 8192 // a page is split when a change lets it grow beyond
	slotLen    = 6    // a head and an offset
	entryHead  = 6
)

// Count is the number of entries, which is never 0.
func (p Page) Count() int { return int(binary.LittleEndian.Uint16(p)) }

func (p Page) prefix() int { return int(binary.LittleEndian.Uint16(p[2:])) }

func (p Page) head(i int) uint32 { return binary.LittleEndian.Uint32(p[HeadSize+4*i:]) }

// start is the offset of entry i, or of the page's end behind the last.
func (p Page) start(i int) int {
	n := p.Count()
	if i == n {
		return len(p)
	}
	return int(binary.LittleEndian.Uint16(p[HeadSize+4*n+2*i:]))
}

func (p Page) setStart(i, at int) {
	binary.LittleEndian.PutUint16(p[HeadSize+4*p.Count()+2*i:], uint16(at))
}

// Entry is entry i.
func (p Page) Entry(i int) Entry { return Entry(p[p.start(i):]) }

// Entry is a name's place in a page, with whatever follows it there.
type Entry []byte

// Cut is the length of the key of the cut at or above the name, 0 for none.
func (e Entry) Cut() int { return int(binary.LittleEndian.Uint16(e)) }

// KeyLen is the length of Key.
func (e Entry) KeyLen() int { return int(binary.LittleEndian.Uint16(e[2:])) }

// Sets is the number of RRsets; 0 for an empty non-terminal.
func (e Entry) Sets() int { return int(binary.LittleEndian.Uint16(e[4:])) }

// SetCut writes the cut of an entry that nobody has seen yet.
func (e Entry) SetCut(cut int) { binary.LittleEndian.PutUint16(e, uint16(cut)) }

// Key is the name's key, a view.
func (e Entry) Key() []byte { return e[entryHead : entryHead+e.KeyLen()] }

// CutAbove is the cut that a name is strictly below, 0 for none. e is the last entry that is not greater than key.
func (e Entry) CutAbove(key []byte) int {
	if cut := e.Cut(); cut > 0 && cut < len(key) && bytes.HasPrefix(key, e.Key()[:cut]) {
		return cut
	}
	return 0
}

// KeyOrNil is Key, and nil for no entry.
func (e Entry) KeyOrNil() []byte {
	if e == nil {
		return nil
	}
	return e.Key()
}

// rank finds the last entry whose key is not greater than q's n octets, behind which eight zero octets stand, if q has the page's
// prefix. The page's first key must not be greater than q. Whether q has the prefix is seen by settle in the entry that the heads lead
// to, so that only that one entry is read.
func (p Page) rank(q []byte, n int) int {
	count, plen := p.Count(), p.prefix()
	want := binary.BigEndian.Uint32(q[plen:])
	heads := p[HeadSize : HeadSize+4*count]
	lo, hi := 0, count
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		h := binary.LittleEndian.Uint32(heads[4*mid:])
		if h < want || h == want && bytes.Compare(p.Entry(mid).Key(), q[:n]) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return max(lo-1, 0)
}

// settle gives the place in the page that rank's was a guess of, and says whether the key there is equal.
func (p Page) settle(i int, q []byte, n int) (at int, exact bool) {
	key := p.Entry(i).Key()
	if bytes.Equal(key, q[:n]) {
		return i, true
	}
	if plen := p.prefix(); n < plen || !bytes.Equal(q[:plen], key[:plen]) {
		return p.Count() - 1, false
	}
	return i, false
}

// ahead fetches the lines in which a page of the usual size has its heads and offsets. A search goes from one to the next by what it
// finds, and would wait for memory each time. With signatures, few entries have room in a page, and their heads in two lines.
func (p Page) ahead(signed bool) {
	lines := 8
	switch {
	case len(p) < 8*prefetch.Size:
		lines = 1
	case signed:
		lines = 2
	}
	prefetch.Lines(&p[0], lines)
}

// touch fetches the first part of an entry. Whoever found it goes from RRset to RRset next, and with signatures among them would wait for
// memory line by line; so all are on their way at once.
func (p Page) touch(i int) {
	const most = 16
	at := p.start(i)
	prefetch.Lines(&p[at], min((p.start(i+1)-at+prefetch.Size-1)/prefetch.Size, most))
}

// Packer collects whole entries, in order of their keys, into pages.
type Packer struct {
	pages   []Page
	entries [][]byte
	size    int
	target  int
}

func packerTo(target int) *Packer { return &Packer{target: target} }

// Add adds an entry. One that is larger than a page gets a page to itself, which is the only way that an offset of 16
// bits can reach every entry.
func (k *Packer) Add(e []byte) {
	if k.size > 0 && k.size+len(e) > k.target {
		k.flush()
	}
	k.entries = append(k.entries, e)
	k.size += len(e) + slotLen
}

func (k *Packer) flush() {
	if len(k.entries) == 0 {
		return
	}
	k.pages = append(k.pages, makePage(k.entries))
	k.entries, k.size = k.entries[:0], 0
}

// NewPacker packs pages of the usual size.
func NewPacker() *Packer { return packerTo(pageTarget) }

// Whole gives the pages when the last entry was added.
func (k *Packer) Whole() []Page {
	k.flush()
	return k.pages
}

// newPage makes a page of size octets with room for count entries.
func newPage(count, prefix, size int) Page {
	p := make(Page, size)
	binary.LittleEndian.PutUint16(p, uint16(count))
	binary.LittleEndian.PutUint16(p[2:], uint16(prefix))
	return p
}

func makePage(entries [][]byte) Page {
	n := len(entries)
	at := HeadSize + slotLen*n
	size := at
	for _, e := range entries {
		size += len(e)
	}
	plen := commonLen(Entry(entries[0]).Key(), Entry(entries[n-1]).Key())
	w := patcher{page: newPage(n, plen, size), at: at}
	for _, e := range entries {
		w.put(e, plen)
	}
	return w.page
}

// head32 reads the four octets of a key behind its page's prefix, zero after the key's end.
func head32(key []byte, plen int) uint32 {
	var b [4]byte
	copy(b[:], key[plen:])
	return binary.BigEndian.Uint32(b[:])
}

// split yields the page's entries, each with its own octets only.
func (p Page) split(yield func(e []byte) bool) {
	for i := range p.Count() {
		if !yield(p[p.start(i):p.start(i+1)]) {
			return
		}
	}
}
