package zone

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// fan is how many pages a node holds at most. Two levels serve: a root over nodes over pages.
const fan = 128

// index finds a child by the first keys of all children: those first keys share prefix, and heads are the eight octets
// behind it. First keys are whole (a shortened one could send a key to a page whose first key is greater).
type index struct {
	prefix []byte
	heads  []uint64
}

func makeIndex(n int, first func(i int) []byte) index {
	a, z := first(0), first(n-1)
	plen := 0
	for plen < min(len(a), len(z)) && a[plen] == z[plen] {
		plen++
	}
	x := index{prefix: a[:plen], heads: make([]uint64, n)}
	for i := range n {
		var b [8]byte
		copy(b[:], first(i)[plen:])
		x.heads[i] = binary.BigEndian.Uint64(b[:])
	}
	return x
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

// node is a run of pages.
type node struct {
	index
	pages []page
}

func makeNode(pages []page) *node {
	n := &node{pages: pages}
	n.index = makeIndex(len(pages), n.first)
	return n
}

func (n *node) first(i int) []byte { return n.pages[i].entry(0).key() }

// tree is a version's whole sequence of pages.
type tree struct {
	index
	nodes []*node
}

func makeTree(nodes []*node) tree {
	t := tree{nodes: nodes}
	t.index = makeIndex(len(nodes), t.first)
	return t
}

func (t *tree) first(i int) []byte { return t.nodes[i].first(0) }

func treeOf(pages []page) tree {
	var nodes []*node
	for len(pages) > 0 {
		n := min(len(pages), fan)
		nodes = append(nodes, makeNode(pages[:n:n]))
		pages = pages[n:]
	}
	return makeTree(nodes)
}

// position is an entry's place in a tree.
type position struct{ node, page, entry int }

// search finds the last entry that is not greater than the path. The apex, the empty key, is in every tree, so there is
// always one.
func (t *tree) search(p *path) (e entry, exact bool) {
	e, _, exact = t.locate(p.key[:], p.n)
	return e, exact
}

func (t *tree) locate(q []byte, n int) (e entry, at position, exact bool) {
	at.node = t.find(q, n, t.first)
	nd := t.nodes[at.node]
	at.page = nd.find(q, n, nd.first)
	pg := nd.pages[at.page]
	at.entry, exact = pg.search(q, n)
	return pg.entry(at.entry), at, exact
}

// get is locate for a key without octets behind it.
func (t *tree) get(key []byte) (entry, position, bool) {
	var buf [maxKey + 8]byte
	copy(buf[:], key)
	return t.locate(buf[:], len(key))
}

// next yields entries from behind a position.
func (t *tree) next(at position, yield func(entry) bool) {
	at.entry++
	for ; at.node < len(t.nodes); at.node, at.page = at.node+1, 0 {
		pages := t.nodes[at.node].pages
		for ; at.page < len(pages); at.page, at.entry = at.page+1, 0 {
			for ; at.entry < pages[at.page].count(); at.entry++ {
				if !yield(pages[at.page].entry(at.entry)) {
					return
				}
			}
		}
	}
}

// edit puts an entry in the place of its key, or, where entry is nil, takes the key out.
type edit struct {
	key   []byte
	entry []byte
}

// splice gives the tree with edits done, and by how many octets its pages grew; pages and nodes without an edit are shared.
func (t *tree) splice(edits []edit) (next tree, grown int) {
	sort.Slice(edits, func(i, j int) bool { return bytes.Compare(edits[i].key, edits[j].key) < 0 })
	nodes := make([]*node, 0, len(t.nodes)+1)
	for i, n := range t.nodes {
		here := len(edits)
		if i+1 < len(t.nodes) {
			here = before(edits, t.first(i+1))
		}
		if here == 0 {
			nodes = append(nodes, n)
			continue
		}
		pages, more := n.splice(edits[:here])
		grown += more
		edits = edits[here:]
		for len(pages) > 0 {
			m := len(pages)
			if m > fan {
				m = min(fan, (m+1)/2)
			}
			nodes = append(nodes, makeNode(pages[:m:m]))
			pages = pages[m:]
		}
	}
	return makeTree(nodes), grown
}

// before counts the edits in front of a key.
func before(edits []edit, key []byte) int {
	return sort.Search(len(edits), func(i int) bool { return bytes.Compare(edits[i].key, key) >= 0 })
}

func (n *node) splice(edits []edit) (pages []page, grown int) {
	pages = make([]page, 0, len(n.pages)+1)
	for i, p := range n.pages {
		here := len(edits)
		if i+1 < len(n.pages) {
			here = before(edits, n.first(i+1))
		}
		if here == 0 {
			pages = append(pages, p)
			continue
		}
		grown -= len(p)
		for _, q := range p.splice(edits[:here]) {
			grown += len(q)
			pages = append(pages, q)
		}
		edits = edits[here:]
	}
	return pages, grown
}

func (p page) splice(edits []edit) []page {
	entries := make([][]byte, 0, p.count()+len(edits))
	size := 0
	put := func(e []byte) {
		entries = append(entries, e)
		size += len(e) + 6
	}
	for e := range p.split {
		key := entry(e).key()
		for len(edits) > 0 && bytes.Compare(edits[0].key, key) < 0 {
			if edits[0].entry != nil {
				put(edits[0].entry)
			}
			edits = edits[1:]
		}
		if len(edits) > 0 && bytes.Equal(edits[0].key, key) {
			if edits[0].entry != nil {
				put(edits[0].entry)
			}
			edits = edits[1:]
			continue
		}
		put(e)
	}
	for _, ed := range edits {
		if ed.entry != nil {
			put(ed.entry)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if size <= pageMost {
		return []page{makePage(entries)}
	}
	// Split evenly, so that the halves have room to grow.
	k := newPacker(size/((size+pageTarget-1)/pageTarget) + 1)
	for _, e := range entries {
		k.add(e)
	}
	k.flush()
	return k.pages
}
