package page

import (
	"encoding/binary"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// When signatures end is kept beside the pages, not in them: for each page of a node, and the earliest for a node and a
// tree, so that the earliest of a version costs nothing to ask and a search for what is due passes over all the rest. 0 says
// that there is no signature. A tree without signatures keeps nothing and looks at nothing.

// soonest gives the earlier of two expirations.
func soonest(a, b uint32) uint32 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func soonestOf(list []uint32) (at uint32) {
	for _, e := range list {
		at = soonest(at, e)
	}
	return at
}

// expires is the earliest expiration in a page.
func (p Page) expires() (at uint32) {
	for i := range p.Count() {
		p.Entry(i).signatures(func(_ wire.Type, expires uint32) { at = soonest(at, expires) })
	}
	return at
}

// signatures visits the entry's signatures: what each covers and when it ends.
func (e Entry) signatures(visit func(covers wire.Type, expires uint32)) {
	at, ok := e.Find(wire.TypeRRSIG)
	if !ok {
		return
	}
	size := int(binary.LittleEndian.Uint32(e[at+8:]))
	for b := e[at+setHead : at+setHead+size]; len(b) > 0; {
		n := int(binary.LittleEndian.Uint16(b)) & lenMask
		visit(wire.SigCovers(b[2:]), wire.SigExpires(b[2:]))
		b = b[2+n:]
	}
}

func nodesExpire(nodes []*node) (at uint32) {
	for _, n := range nodes {
		at = soonest(at, n.expires)
	}
	return at
}

// expiries lists the expirations of pages, nil where the tree has no signatures.
func expiries(pages []Page, signed bool) []uint32 {
	if !signed {
		return nil
	}
	out := make([]uint32, len(pages))
	for i, p := range pages {
		out[i] = p.expires()
	}
	return out
}

// Expires is the earliest expiration of a signature, in seconds since 1970; 0 where there is none.
// It is read off, or found in the one page that there is; who knows that there are no signatures need not ask.
func (t *Tree) Expires() uint32 {
	if t.root == nil {
		return t.only.expires()
	}
	return t.root.expires
}

// Due yields the signatures that end before a time, in order of their owners, until yield says no. Pages without one are
// passed over unread.
func (t *Tree) Due(before uint32, yield func(e Entry, covers wire.Type) bool) bool {
	if t.root == nil {
		return t.only.due(before, yield)
	}
	for _, n := range t.root.nodes {
		if n.expires == 0 || n.expires >= before {
			continue
		}
		for i, e := range n.ends {
			if e != 0 && e < before && !n.pages[i].due(before, yield) {
				return false
			}
		}
	}
	return true
}

func (p Page) due(before uint32, yield func(e Entry, covers wire.Type) bool) bool {
	more := true
	for i := 0; more && i < p.Count(); i++ {
		e := p.Entry(i)
		e.signatures(func(covers wire.Type, expires uint32) {
			more = more && (expires >= before || yield(e, covers))
		})
	}
	return more
}
