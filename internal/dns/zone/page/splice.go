package page

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
)

// Edit puts an entry in the place of its key, or, where entry is nil, takes the key out. No two edits of a splice have
// the same key.
type Edit struct {
	Key   []byte
	Entry []byte
}

// Splice gives the tree with edits done, and by how many octets its pages grew; pages and nodes without an edit are
// shared. The apex must stay. signed says that the tree may have signatures now.
func (t *Tree) Splice(edits []Edit, signed bool) (next Tree, grown int) {
	slices.SortFunc(edits, func(a, b Edit) int { return bytes.Compare(a.Key, b.Key) })
	if t.root == nil {
		pages := t.only.splice(edits)
		return TreeOf(pages, signed), Total(pages) - len(t.only)
	}
	nodes := make([]*node, 0, len(t.root.nodes)+1)
	same := true
	at := 0
	for len(edits) > 0 {
		i := t.root.child(edits[0].Key, t.root.first)
		nodes = append(nodes, t.root.nodes[at:i]...)
		n := t.root.nodes[i]
		at = i + 1
		here := len(edits)
		if at < len(t.root.nodes) {
			here = before(edits, t.root.first(at))
		}
		s := n.splice(edits[:here], signed)
		grown += s.grown
		edits = edits[here:]
		if s.same {
			// The first keys are as before, so the old index holds and is shared: most changes are of this kind.
			nodes = append(nodes, &node{index: n.index, pages: s.pages, ends: s.ends, expires: soonestOf(s.ends)})
			continue
		}
		same = false
		nodes = appendNodes(nodes, s.pages, s.ends)
	}
	nodes = append(nodes, t.root.nodes[at:]...)
	switch {
	case same:
		return Tree{root: &root{index: t.root.index, nodes: nodes, expires: nodesExpire(nodes)}}, grown
	case len(nodes) == 1 && len(nodes[0].pages) == 1:
		return Tree{only: nodes[0].pages[0]}, grown
	}
	return Tree{root: makeRoot(nodes)}, grown
}

// Total is the length of pages, in octets.
func Total(pages []Page) (n int) {
	for _, p := range pages {
		n += len(p)
	}
	return n
}

// appendNodes appends pages as nodes: in halves where they are too many, to the node before where they are few.
func appendNodes(nodes []*node, pages []Page, ends []uint32) []*node {
	if last := len(nodes) - 1; last >= 0 && len(pages) < fan/4 && len(nodes[last].pages)+len(pages) <= fan {
		if n := nodes[last]; ends != nil || n.ends != nil {
			ends = slices.Concat(n.endsOf(0, len(n.pages)), orNone(ends, len(pages)))
		}
		pages = append(slices.Clone(nodes[last].pages), pages...)
		nodes = nodes[:last]
	}
	for len(pages) > 0 {
		m := len(pages)
		if m > fan {
			m = min(fan, (m+1)/2)
		}
		var here []uint32
		if ends != nil {
			here, ends = ends[:m:m], ends[m:]
		}
		nodes = append(nodes, makeNode(pages[:m:m], here))
		pages = pages[m:]
	}
	return nodes
}

// endsOf is the node's ends from one page to before another, as none where the tree had no signatures before.
func (n *node) endsOf(from, to int) []uint32 {
	if n.ends == nil {
		return make([]uint32, to-from)
	}
	return n.ends[from:to]
}

func orNone(ends []uint32, n int) []uint32 {
	if ends == nil {
		return make([]uint32, n)
	}
	return ends
}

// before counts the edits in front of a key.
func before(edits []Edit, key []byte) int {
	return sort.Search(len(edits), func(i int) bool { return bytes.Compare(edits[i].Key, key) >= 0 })
}

// spliced is what became of a node's pages. same says that their number and first keys are as before, so that the old
// index holds.
type spliced struct {
	pages  []Page
	ends   []uint32 // kept if signed is set
	grown  int
	same   bool
	signed bool
}

func (n *node) splice(edits []Edit, signed bool) spliced {
	s := spliced{pages: make([]Page, 0, len(n.pages)+1), same: true, signed: signed}
	if signed {
		s.ends = make([]uint32, 0, len(n.pages)+1)
	}
	at := 0
	for len(edits) > 0 {
		i := n.child(edits[0].Key, n.first)
		s.keep(n, at, i)
		at = i + 1
		here := len(edits)
		if at < len(n.pages) {
			here = before(edits, n.first(at))
		}
		s.replace(n.pages[i], n.pages[i].splice(edits[:here]))
		edits = edits[here:]
	}
	s.keep(n, at, len(n.pages))
	return s
}

// keep appends pages that stay as they are, from one to before another.
func (s *spliced) keep(n *node, from, to int) {
	s.pages = append(s.pages, n.pages[from:to]...)
	if s.signed {
		s.ends = append(s.ends, n.endsOf(from, to)...)
	}
}

// replace appends what became of page p. A page that shrank much joins the one before it, so that names that go leave
// no trail of nearly empty pages.
func (s *spliced) replace(p Page, by []Page) {
	if len(by) != 1 || !bytes.Equal(by[0].Entry(0).Key(), p.Entry(0).Key()) {
		s.same = false
	}
	s.grown += Total(by) - len(p)
	ends := expiries(by, s.signed)
	if last := len(s.pages) - 1; len(by) == 1 && last >= 0 && len(by[0]) < pageTarget/4 &&
		len(s.pages[last])+len(by[0]) <= pageTarget {
		joined := joinPages(s.pages[last], by[0])
		s.grown += len(joined) - len(s.pages[last]) - len(by[0])
		s.pages[last] = joined
		if s.signed {
			s.ends[last] = soonest(s.ends[last], ends[0])
		}
		s.same = false
		return
	}
	s.pages, s.ends = append(s.pages, by...), append(s.ends, ends...)
}

func joinPages(a, b Page) Page {
	entries := make([][]byte, 0, a.Count()+b.Count())
	entries = slices.AppendSeq(entries, a.split)
	return makePage(slices.AppendSeq(entries, b.split))
}

// splice gives what becomes of a page: none where every name is taken out, several where it grows too large.
func (p Page) splice(edits []Edit) []Page {
	if q := p.patch(edits); q != nil {
		return []Page{q}
	}
	entries := make([][]byte, 0, p.Count()+len(edits))
	size := 0
	put := func(e []byte) {
		if e != nil {
			entries = append(entries, e)
			size += len(e) + slotLen
		}
	}
	for e := range p.split {
		key := Entry(e).Key()
		for len(edits) > 0 && bytes.Compare(edits[0].Key, key) < 0 {
			put(edits[0].Entry)
			edits = edits[1:]
		}
		if len(edits) > 0 && bytes.Equal(edits[0].Key, key) {
			e = edits[0].Entry
			edits = edits[1:]
		}
		put(e)
	}
	for _, ed := range edits {
		put(ed.Entry)
	}
	if len(entries) == 0 {
		return nil
	}
	if HeadSize+size <= pageMost {
		return []Page{makePage(entries)}
	}
	// Split evenly, so that the parts have room to grow.
	k := packerTo(size/((size+pageTarget-1)/pageTarget) + 1)
	for _, e := range entries {
		k.Add(e)
	}
	k.flush()
	return k.pages
}

// patchMost bounds the edits of one patch; more of them are bulk work, for which splice unpacks the page.
const patchMost = 8

// patch is splice for the common case, a few edits after which the page still has its prefix and is neither empty nor
// too large. It moves runs of entries and looks into none; nil means that the case is another.
func (p Page) patch(edits []Edit) Page {
	if len(edits) > patchMost {
		return nil
	}
	type spot struct {
		at   int
		skip int // 1: the entry at it is replaced or taken out
	}
	var spots [patchMost]spot
	n, size := p.Count(), len(p)
	count := n
	prefix := p.Entry(0).Key()[:p.prefix()]
	for i, ed := range edits {
		at, exact := p.place(ed.Key)
		spots[i].at = at
		if exact {
			spots[i].skip = 1
			size -= p.start(at+1) - p.start(at) + slotLen
			count--
		}
		if ed.Entry == nil {
			continue
		}
		if !bytes.HasPrefix(ed.Key, prefix) {
			return nil
		}
		size += len(ed.Entry) + slotLen
		count++
	}
	if count == 0 || size > pageMost {
		return nil
	}
	out := newPage(count, len(prefix), size)
	w := patcher{page: out, at: HeadSize + slotLen*count}
	from := 0
	for i, ed := range edits {
		w.run(p, from, spots[i].at)
		if ed.Entry != nil {
			w.put(ed.Entry, len(prefix))
		}
		from = spots[i].at + spots[i].skip
	}
	w.run(p, from, n)
	return out
}

// place finds the first entry whose key is not less than key, and whether it is equal.
func (p Page) place(key []byte) (i int, exact bool) {
	n := p.Count()
	i = sort.Search(n, func(i int) bool { return bytes.Compare(p.Entry(i).Key(), key) >= 0 })
	return i, i < n && bytes.Equal(p.Entry(i).Key(), key)
}

// patcher fills a page whose size is known.
type patcher struct {
	page Page
	slot int
	at   int
}

// run copies the entries of p from one to before another.
func (w *patcher) run(p Page, from, to int) {
	copy(w.page[HeadSize+4*w.slot:], p[HeadSize+4*from:HeadSize+4*to])
	start, end := p.start(from), p.start(to)
	shift := w.at - start
	for i := from; i < to; i++ {
		w.page.setStart(w.slot, p.start(i)+shift)
		w.slot++
	}
	w.at += copy(w.page[w.at:], p[start:end])
}

func (w *patcher) put(e []byte, prefix int) {
	binary.LittleEndian.PutUint32(w.page[HeadSize+4*w.slot:], head32(Entry(e).Key(), prefix))
	w.page.setStart(w.slot, w.at)
	w.slot++
	w.at += copy(w.page[w.at:], e)
}
