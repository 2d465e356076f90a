package zone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// ErrCodec is the error of encoded versions, steps and pages that are not what was written.
var ErrCodec = errors.New("malformed encoding")

// checker walks the pages of an image and holds against them all that search, Find and the iterators rely on: a version
// made of checked pages is one that Build could have made.
type checker struct {
	apex    wire.Name
	last    []byte // the key before, nil at the start
	cut     []byte // the delegation or DNAME that we are at or below, nil for none
	hollow  bool   // the entry before has no RRsets: a name below it must follow
	records int
	scratch []byte
}

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrCodec, what) }

func newChecker(apex wire.Name) *checker { return &checker{apex: apex} }

// finish says whether the pages so far are whole, and how many records they have.
func (c *checker) finish() (records int, err error) {
	if c.hollow {
		return 0, malformed("it ends in an empty non-terminal")
	}
	return c.records, nil
}

// page checks the next page.
func (c *checker) page(p page) error {
	if len(p) < headSize || p.count() == 0 || len(p) < headSize+slotLen*p.count() {
		return malformed("page head")
	}
	n := p.count()
	at := headSize + slotLen*n
	for i := range n {
		if p.start(i) != at {
			return malformed("page offsets")
		}
		size, err := c.entry(p[at:])
		if err != nil {
			return err
		}
		at += size
	}
	first, last := p.entry(0).key(), p.entry(n-1).key()
	if at != len(p) || p.prefix() > commonLen(first, last) {
		return malformed("page length or prefix")
	}
	for i := range n {
		if p.head(i) != head32(p.entry(i).key(), p.prefix()) {
			return malformed("page heads")
		}
	}
	return nil
}

// entry checks one entry and gives its size.
func (c *checker) entry(b []byte) (size int, err error) {
	if len(b) < entryHead || len(b) < entryHead+entry(b).keyLen() {
		return 0, malformed("entry head")
	}
	e := entry(b)
	if !validKey(e.key(), c.apex) {
		return 0, malformed("key")
	}
	at := entryHead + e.keyLen()
	last := -1
	for range e.sets() {
		if len(b) < at+setHead || uint64(len(b)-at-setHead) < uint64(binary.LittleEndian.Uint32(b[at+8:])) {
			return 0, malformed("RRset head")
		}
		s := makeSet(b[at:], c.apex)
		if int(s.Type) <= last {
			return 0, malformed("order of RRsets")
		}
		if err := c.set(s); err != nil {
			return 0, err
		}
		last = int(s.Type)
		at += setHead + len(s.data)
	}
	return at, c.place(e)
}

// place checks where an entry stands: order, the entries of its ancestors, and its cut.
func (c *checker) place(e entry) error {
	key := e.key()
	if c.last == nil {
		c.last = key
		if len(key) > 0 || e.cut() > 0 {
			return malformed("no apex")
		}
		return nil
	}
	if bytes.Compare(c.last, key) >= 0 {
		return malformed("order of names")
	}
	if c.hollow && !bytes.HasPrefix(key, c.last) || !bytes.HasPrefix(c.last, parent(key)) {
		return malformed("empty non-terminals")
	}
	if c.cut != nil && !bytes.HasPrefix(key, c.cut) {
		c.cut = nil
	}
	if c.cut == nil && e.isCut() {
		c.cut = key
	}
	if e.cut() != len(c.cut) {
		return malformed("cut")
	}
	c.last, c.hollow = key, e.sets() == 0
	return nil
}

// set says whether the records fill the set exactly and have the shape of their type.
func (c *checker) set(s RRset) error {
	n := 0
	for b := s.data; len(b) > 0; n++ {
		if len(b) < 2 {
			return malformed("record head")
		}
		size := int(binary.LittleEndian.Uint16(b))
		short := shortens(s.Type) && size&inZone != 0
		if shortens(s.Type) {
			size &= lenMask
		}
		if len(b) < 2+size {
			return malformed("record length")
		}
		c.scratch = append(c.scratch[:0], b[2:2+size]...)
		if short {
			c.scratch = append(c.scratch, c.apex...)
		}
		if err := wire.Canonical(s.Type, c.scratch); err != nil {
			return malformed("record data")
		}
		b = b[2+size:]
	}
	if n != s.n {
		return malformed("record count")
	}
	c.records += n
	return nil
}
