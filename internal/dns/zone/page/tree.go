package page

import (
	"bytes"
	"encoding/binary"
)

// fan is how many pages a node holds at most. Two levels serve: a root over nodes over pages.
const fan = 128

// Tree is a version's whole sequence of pages: one page alone, which is all that most zones have, or a root.
type Tree struct {
	only Page
	root *root
}

// root is a run of nodes, node a run of pages. Both are shared between versions and never change.
type (
	root struct {
		index
		nodes   []*node
		expires uint32 // the earliest expiration of a signature (expiry.go)
	}
	node struct {
		index
		pages   []Page
		ends    []uint32 // the earliest expiration in each; nil in a tree without signatures
		expires uint32   // the earliest of them
	}
)

// index finds a child by the first keys of all children: those first keys share prefix, and heads are the eight octets
// behind it. First keys are whole (a shortened one could send a key to a page whose first key is greater).
type index struct {
	prefix []byte
	heads  []uint64
}

func makeIndex(n int, first func(i int) []byte) index {
	a, z := first(0), first(n-1)
	plen := commonLen(a, z)
	// The prefix is a copy: a view would keep a page alive that newer versions have replaced.
	x := index{prefix: bytes.Clone(a[:plen]), heads: make([]uint64, n)}
	for i := range n {
		var b [8]byte
		copy(b[:], first(i)[plen:])
		x.heads[i] = binary.BigEndian.Uint64(b[:])
	}
	return x
}

// commonLen is the length of the longest common prefix.
func commonLen(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// find gives the last child whose first key is not greater than q's n octets, or -1. first is asked only where heads tie.
func (x *index) find(q []byte, n int, first func(i int) []byte) int {
	plen := len(x.prefix)
	if c := bytes.Compare(q[:min(n, plen)], x.prefix); c < 0 {
		return -1
	} else if c > 0 {
		return len(x.heads) - 1
	}
	want := binary.BigEndian.Uint64(q[plen:])
	lo, hi := 0, len(x.heads)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if h := x.heads[mid]; h < want || h == want && bytes.Compare(first(mid), q[:n]) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// child is find for a key without octets behind it; what is before the first child belongs there, too.
func (x *index) child(key []byte, first func(i int) []byte) int {
	var buf [maxKey + 8]byte
	copy(buf[:], key)
	return max(0, x.find(buf[:], len(key), first))
}

func makeNode(pages []Page, ends []uint32) *node {
	n := &node{pages: pages, ends: ends, expires: soonestOf(ends)}
	n.index = makeIndex(len(pages), n.first)
	return n
}

func (n *node) first(i int) []byte { return n.pages[i].Entry(0).Key() }

func makeRoot(nodes []*node) *root {
	r := &root{nodes: nodes, expires: nodesExpire(nodes)}
	r.index = makeIndex(len(nodes), r.first)
	return r
}

func (r *root) first(i int) []byte { return r.nodes[i].first(0) }

// TreeOf makes a tree over pages, of which there is at least one. signed says that there are signatures among them.
func TreeOf(pages []Page, signed bool) Tree {
	if len(pages) == 1 {
		return Tree{only: pages[0]}
	}
	return Tree{root: makeRoot(appendNodes(nil, pages, expiries(pages, signed)))}
}

// Pages yields the pages in order.
func (t *Tree) Pages(yield func(Page) bool) {
	if t.root == nil {
		yield(t.only)
		return
	}
	for _, n := range t.root.nodes {
		for _, p := range n.pages {
			if !yield(p) {
				return
			}
		}
	}
}

// Apex is the entry of the empty key, which is in every tree.
func (t *Tree) Apex() Entry { return t.Head().Entry(0) }

// Head is the first page.
func (t *Tree) Head() Page {
	if t.root == nil {
		return t.only
	}
	return t.root.nodes[0].pages[0]
}

// Last is the last entry.
func (t *Tree) Last() Entry {
	p := t.only
	if t.root != nil {
		n := t.root.nodes[len(t.root.nodes)-1]
		p = n.pages[len(n.pages)-1]
	}
	return p.Entry(p.Count() - 1)
}

// Single says that the tree has one page.
func (t *Tree) Single() bool { return t.root == nil }

// Position is an entry's place in a tree.
type Position struct{ node, page, entry int }

// Locate finds the last entry whose key is not greater than q's n octets, behind which eight zero octets stand. The
// apex is in every tree, so there is always one.
func (t *Tree) Locate(q []byte, n int) (e Entry, at Position, exact bool) {
	var s Search
	s.Begin(t, q, n)
	return s.End(q, n)
}

// Search is Locate in steps, for who has something else to do while memory is read: each begins with what the one before has had fetched.
type Search struct {
	page   Page
	at     Position
	ranked bool
	signed bool // there are signatures in the tree
}

// Begin goes down to the page in which the key would stand, and has the page's heads fetched.
func (s *Search) Begin(t *Tree, q []byte, n int) {
	s.page, s.at, s.ranked, s.signed = t.only, Position{}, false, false
	if r := t.root; r != nil {
		s.at.node = r.find(q, n, r.first)
		nd := r.nodes[s.at.node]
		s.at.page = nd.find(q, n, nd.first)
		s.page = nd.pages[s.at.page]
		s.signed = r.expires != 0
		s.page.ahead(s.signed)
	}
}

// Near searches the page's heads, and has the entry fetched that they lead to.
func (s *Search) Near(q []byte, n int) {
	s.at.entry, s.ranked = s.page.rank(q, n), true
	s.page.touch(s.at.entry)
}

// End finds the entry, as Locate does.
func (s *Search) End(q []byte, n int) (e Entry, at Position, exact bool) {
	if !s.ranked {
		s.at.entry = s.page.rank(q, n)
		if s.signed {
			s.page.touch(s.at.entry)
		}
	}
	s.at.entry, exact = s.page.settle(s.at.entry, q, n)
	return s.page.Entry(s.at.entry), s.at, exact
}

// Aside is Locate for another key, after End: one that is less than the key that was searched for and has its first octets, shared in
// number, as the entry has that was found. Most such stand in the same page, which has been read; ok is false where this one does not,
// or may not.
func (s *Search) Aside(q []byte, n, shared int) (e Entry, at Position, exact, ok bool) {
	if s.page.prefix() > shared {
		return nil, at, false, false
	}
	at = s.at
	at.entry = s.page.rank(q, n)
	if e = s.page.Entry(at.entry); at.entry == 0 && bytes.Compare(e.Key(), q[:n]) > 0 {
		return nil, at, false, false
	}
	return e, at, bytes.Equal(e.Key(), q[:n]), true
}

// Get is locate for a key without octets behind it.
func (t *Tree) Get(key []byte) (Entry, Position, bool) {
	var buf [maxKey + 8]byte
	copy(buf[:], key)
	return t.Locate(buf[:], len(key))
}

// After yields the entries behind a position.
func (t *Tree) After(at Position, yield func(Entry) bool) {
	at.entry++
	for p, ok := t.page(&at); ok; p, ok = t.page(&at) {
		if !yield(p.Entry(at.entry)) {
			return
		}
		at.entry++
	}
}

// Before yields the entries in front of a position, the nearest first.
func (t *Tree) Before(at Position, yield func(Entry) bool) {
	for {
		if at.entry--; at.entry < 0 && !t.back(&at) {
			return
		}
		p := t.only
		if t.root != nil {
			p = t.root.nodes[at.node].pages[at.page]
		}
		if !yield(p.Entry(at.entry)) {
			return
		}
	}
}

// back moves a position that is in front of a page to the last entry of the page before.
func (t *Tree) back(at *Position) bool {
	switch {
	case t.root == nil || at.node == 0 && at.page == 0:
		return false
	case at.page > 0:
		at.page--
	default:
		at.node--
		at.page = len(t.root.nodes[at.node].pages) - 1
	}
	at.entry = t.root.nodes[at.node].pages[at.page].Count() - 1
	return true
}

// page gives the page of a position, which it moves to the next page where it stands behind a page's end.
func (t *Tree) page(at *Position) (Page, bool) {
	if t.root == nil {
		return t.only, at.entry < t.only.Count()
	}
	for at.node < len(t.root.nodes) {
		pages := t.root.nodes[at.node].pages
		if at.page < len(pages) && at.entry < pages[at.page].Count() {
			return pages[at.page], true
		}
		at.page, at.entry = at.page+1, 0
		if at.page >= len(pages) {
			at.node, at.page = at.node+1, 0
		}
	}
	return nil, false
}
