package page

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// ErrCodec is the error of encoded versions, steps and pages that are not what was written.
var ErrCodec = errors.New("malformed encoding")

// Checker walks the pages of an image and holds against them all that search, Find and the iterators rely on: a version
// made of checked pages is one that Build could have made.
type Checker struct {
	apex    wire.Name
	last    []byte // the key before, nil at the start
	cut     []byte // the delegation or DNAME that we are at or below, nil for none
	hollow  bool   // the entry before has no RRsets: a name below it must follow
	records int
	sigs    int // signatures among them
	scratch []byte
	holds   Holds
}

// Holds is which records a tree may have.
type Holds uint8

// A zone of before there were signed ones may have any; after that, what belongs to a chain of NSEC3 is apart.
const (
	Any Holds = iota
	Names
	Chain
)

// Chained says whether a record belongs to a chain of NSEC3: one of them, or a signature of one.
func Chained(t wire.Type, rdata []byte) bool {
	return t == wire.TypeNSEC3 || t == wire.TypeRRSIG && len(rdata) >= 2 && wire.SigCovers(rdata) == wire.TypeNSEC3
}

// Malformed is an ErrCodec that says what is wrong.
func Malformed(what string) error { return fmt.Errorf("%w: %s", ErrCodec, what) }

// NewChecker checks the pages of one tree of a zone.
func NewChecker(apex wire.Name, holds Holds) *Checker { return &Checker{apex: apex, holds: holds} }

// Finish says whether the pages so far are whole, and how many records they have, and signatures among them.
func (c *Checker) Finish() (records, sigs int, err error) {
	if c.hollow {
		return 0, 0, Malformed("it ends in an empty non-terminal")
	}
	return c.records, c.sigs, nil
}

// Page checks the next page.
func (c *Checker) Page(p Page) error {
	if len(p) < HeadSize || p.Count() == 0 || len(p) < HeadSize+slotLen*p.Count() {
		return Malformed("page head")
	}
	n := p.Count()
	at := HeadSize + slotLen*n
	for i := range n {
		if p.start(i) != at {
			return Malformed("page offsets")
		}
		size, err := c.entry(p[at:])
		if err != nil {
			return err
		}
		at += size
	}
	first, last := p.Entry(0).Key(), p.Entry(n-1).Key()
	if at != len(p) || p.prefix() > commonLen(first, last) {
		return Malformed("page length or prefix")
	}
	for i := range n {
		if p.head(i) != head32(p.Entry(i).Key(), p.prefix()) {
			return Malformed("page heads")
		}
	}
	return nil
}

// entry checks one entry and gives its size.
func (c *Checker) entry(b []byte) (size int, err error) {
	if len(b) < entryHead || len(b) < entryHead+Entry(b).KeyLen() {
		return 0, Malformed("entry head")
	}
	e := Entry(b)
	if !validKey(e.Key(), c.apex) {
		return 0, Malformed("key")
	}
	at := entryHead + e.KeyLen()
	last := -1
	for range e.Sets() {
		if len(b) < at+setHead || uint64(len(b)-at-setHead) < uint64(binary.LittleEndian.Uint32(b[at+8:])) {
			return 0, Malformed("RRset head")
		}
		s := MakeSet(b[at:], c.apex)
		if int(s.Type) <= last {
			return 0, Malformed("order of RRsets")
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
func (c *Checker) place(e Entry) error {
	key := e.Key()
	if c.last == nil {
		c.last = key
		if len(key) > 0 || e.Cut() > 0 {
			return Malformed("no apex")
		}
		return nil
	}
	if bytes.Compare(c.last, key) >= 0 {
		return Malformed("order of names")
	}
	if c.hollow && !bytes.HasPrefix(key, c.last) || !bytes.HasPrefix(c.last, Parent(key)) {
		return Malformed("empty non-terminals")
	}
	if c.cut != nil && !bytes.HasPrefix(key, c.cut) {
		c.cut = nil
	}
	if c.cut == nil && e.IsCut() {
		c.cut = key
	}
	if e.Cut() != len(c.cut) {
		return Malformed("cut")
	}
	c.last, c.hollow = key, e.Sets() == 0
	return nil
}

// set says whether the records fill the set exactly and have the shape of their type.
func (c *Checker) set(s RRset) error {
	if s.Type == wire.TypeRRSIG && s.TTL != 0 {
		return Malformed("ttl of signatures")
	}
	n := 0
	for b := s.data; len(b) > 0; n++ {
		if len(b) < 2 {
			return Malformed("record head")
		}
		size := int(binary.LittleEndian.Uint16(b))
		short := shortens(s.Type) && size&inZone != 0
		if shortens(s.Type) {
			size &= lenMask
		}
		if len(b) < 2+size {
			return Malformed("record length")
		}
		switch {
		case short && s.Type == wire.TypeRRSIG && size < wire.SigFixed:
			return Malformed("signature")
		case short && s.Type == wire.TypeRRSIG:
			c.scratch = appendSig(c.scratch[:0], b[2:2+size], c.apex)
		case short:
			c.scratch = append(append(c.scratch[:0], b[2:2+size]...), c.apex...)
		default:
			c.scratch = append(c.scratch[:0], b[2:2+size]...)
		}
		if err := wire.Canonical(s.Type, c.scratch); err != nil {
			return Malformed("record data")
		}
		if c.holds != Any && Chained(s.Type, c.scratch) != (c.holds == Chain) {
			return Malformed("a record in the wrong tree")
		}
		b = b[2+size:]
	}
	if n != s.n {
		return Malformed("record count")
	}
	c.records += n
	if s.Type == wire.TypeRRSIG {
		c.sigs += n
	}
	return nil
}
