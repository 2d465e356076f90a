package page

import (
	"encoding/binary"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Walker goes through all records of a version in canonical order of owners, and shows each as its page holds it: a
// transfer of a large zone has no time for more. Next comes before the first record. The fields are for reading.
type Walker struct {
	// Key is the owner's place in its zone: its labels below the apex from the right to the left, each ended by a zero
	// octet. Inside labels 0 is written 01 01 and 1 is written 01 02. It is a view that lives as long as the version, and
	// keys of neighbours share their beginning: the labels in which both names end.
	Key  []byte
	Type wire.Type // TypeMark as well
	TTL  uint32
	// RData is the record's data; the apex is left out at its end if InZone is set, and of a signature in its middle.
	RData  []byte
	InZone bool

	records []byte   // left of the RRset
	short   bool     // the RRset is of a type whose lengths have a mark
	sets    int      // left of the owner
	rest    []byte   // what holds them, and the page's owners behind this one
	at      Position // of the next owner
	count   int      // owners in the page
	tree    *Tree
	then    *Tree // what comes behind it
}

// Walker returns a Walker that stands before the first record. It goes through the tree then behind this one, if that is
// not nil.
func (t *Tree) Walker(then *Tree) *Walker {
	p := t.Head()
	return &Walker{tree: t, then: then, rest: p.Entry(0), count: p.Count()}
}

// Next goes to the next record, and says whether there is one.
func (w *Walker) Next() bool {
	if len(w.records) == 0 && !w.nextSet() {
		return false
	}
	b := w.records
	n := int(binary.LittleEndian.Uint16(b))
	w.InZone = w.short && n&inZone != 0
	if w.short {
		n &= lenMask
	}
	w.RData, w.records = b[2:2+n], b[2+n:]
	if w.Type == wire.TypeRRSIG {
		w.TTL = OriginalTTL(w.RData)
	}
	return true
}

// AppendRData appends the record's data in full.
func (w *Walker) AppendRData(dst []byte, apex wire.Name) []byte {
	switch {
	case w.InZone && w.Type == wire.TypeRRSIG:
		return appendSig(dst, w.RData, apex)
	case w.InZone:
		return append(append(dst, w.RData...), apex...)
	}
	return append(dst, w.RData...)
}

// nextSet goes to the next RRset with records.
func (w *Walker) nextSet() bool {
	for len(w.records) == 0 {
		for w.sets == 0 {
			if !w.nextOwner() {
				return false
			}
		}
		w.sets--
		b := w.rest
		end := setHead + int(binary.LittleEndian.Uint32(b[8:]))
		w.Type, w.TTL = wire.Type(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint32(b[2:])
		w.short = shortens(w.Type)
		w.records, w.rest = b[setHead:end], b[end:]
	}
	return true
}

// nextOwner goes to the next name; one without RRsets is an empty non-terminal.
func (w *Walker) nextOwner() bool {
	if w.at.entry == w.count {
		p, ok := w.tree.page(&w.at)
		if !ok && w.then != nil {
			w.tree, w.then, w.at = w.then, nil, Position{}
			p, ok = w.tree.page(&w.at)
		}
		if !ok {
			return false
		}
		w.rest, w.count = p.Entry(0), p.Count()
	}
	e := Entry(w.rest) // entries stand one behind the other
	w.at.entry++
	n := entryHead + e.KeyLen()
	w.Key, w.rest, w.sets = e[entryHead:n], e[n:], e.Sets()
	return true
}
