package zone

import (
	"bytes"
	"encoding/binary"
)

// fan is how many pages a node holds at most. Two levels serve: a root over nodes over pages.
const fan = 128

// tree is a version's whole sequence of pages: one page alone, which is all that most zones have, or a root.
type tree struct {
	only page
	root *root
}

// root is a run of nodes, node a run of pages. Both are shared between versions and never change.
type (
	root struct {
		index
		nodes []*node
	}
	node struct {
		index
		pages []page
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

func makeNode(pages []page) *node {
	n := &node{pages: pages}
	n.index = makeIndex(len(pages), n.first)
	return n
}

func (n *node) first(i int) []byte { return n.pages[i].entry(0).key() }

func makeRoot(nodes []*node) *root {
	r := &root{nodes: nodes}
	r.index = makeIndex(len(nodes), r.first)
	return r
}

func (r *root) first(i int) []byte { return r.nodes[i].first(0) }

// treeOf makes a tree over pages, of which there is at least one.
func treeOf(pages []page) tree {
	if len(pages) == 1 {
		return tree{only: pages[0]}
	}
	var nodes []*node
	for len(pages) > 0 {
		n := min(fan, len(pages))
		nodes = append(nodes, makeNode(pages[:n:n]))
		pages = pages[n:]
	}
	return tree{root: makeRoot(nodes)}
}

// pages yields the pages in order.
func (t *tree) pages(yield func(page) bool) {
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

// apex is the entry of the empty key, which is in every tree.
func (t *tree) apex() entry { return t.head().entry(0) }

func (t *tree) head() page {
	if t.root == nil {
		return t.only
	}
	return t.root.nodes[0].pages[0]
}

// position is an entry's place in a tree.
type position struct{ node, page, entry int }

// locate finds the last entry whose key is not greater than q's n octets, behind which eight zero octets stand. The
// apex is in every tree, so there is always one.
func (t *tree) locate(q []byte, n int) (e entry, at position, exact bool) {
	p := t.only
	if r := t.root; r != nil {
		at.node = r.find(q, n, r.first)
		nd := r.nodes[at.node]
		at.page = nd.find(q, n, nd.first)
		p = nd.pages[at.page]
	}
	at.entry, exact = p.search(q, n)
	return p.entry(at.entry), at, exact
}

// get is locate for a key without octets behind it.
func (t *tree) get(key []byte) (entry, position, bool) {
	var buf [maxKey + 8]byte
	copy(buf[:], key)
	return t.locate(buf[:], len(key))
}

// after yields the entries behind a position.
func (t *tree) after(at position, yield func(entry) bool) {
	at.entry++
	for p, ok := t.page(&at); ok; p, ok = t.page(&at) {
		if !yield(p.entry(at.entry)) {
			return
		}
		at.entry++
	}
}

// page gives the page of a position, which it moves to the next page where it stands behind a page's end.
func (t *tree) page(at *position) (page, bool) {
	if t.root == nil {
		return t.only, at.entry < t.only.count()
	}
	for at.node < len(t.root.nodes) {
		pages := t.root.nodes[at.node].pages
		if at.page < len(pages) && at.entry < pages[at.page].count() {
			return pages[at.page], true
		}
		at.page, at.entry = at.page+1, 0
		if at.page >= len(pages) {
			at.node, at.page = at.node+1, 0
		}
	}
	return nil, false
}
