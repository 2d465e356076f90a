package zone

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
)

// edit puts an entry in the place of its key, or, where entry is nil, takes the key out. No two edits of a splice have
// the same key.
type edit struct {
	key   []byte
	entry []byte
}

// splice gives the tree with edits done, and by how many octets its pages grew; pages and nodes without an edit are
// shared. The apex must stay.
func (t *tree) splice(edits []edit) (next tree, grown int) {
	slices.SortFunc(edits, func(a, b edit) int { return bytes.Compare(a.key, b.key) })
	if t.root == nil {
		pages := t.only.splice(edits)
		return treeOf(pages), total(pages) - len(t.only)
	}
	nodes := make([]*node, 0, len(t.root.nodes)+1)
	same := true
	at := 0
	for len(edits) > 0 {
		i := t.root.child(edits[0].key, t.root.first)
		nodes = append(nodes, t.root.nodes[at:i]...)
		n := t.root.nodes[i]
		at = i + 1
		here := len(edits)
		if at < len(t.root.nodes) {
			here = before(edits, t.root.first(at))
		}
		s := n.splice(edits[:here])
		grown += s.grown
		edits = edits[here:]
		if s.same {
			nodes = append(nodes, &node{index: n.index, pages: s.pages})
			continue
		}
		same = false
		nodes = appendNodes(nodes, s.pages)
	}
	nodes = append(nodes, t.root.nodes[at:]...)
	switch {
	case same:
		return tree{root: &root{index: t.root.index, nodes: nodes}}, grown
	case len(nodes) == 1 && len(nodes[0].pages) == 1:
		return tree{only: nodes[0].pages[0]}, grown
	}
	return tree{root: makeRoot(nodes)}, grown
}

func total(pages []page) (n int) {
	for _, p := range pages {
		n += len(p)
	}
	return n
}

// appendNodes appends pages as nodes: in halves where they are too many, to the node before where they are few.
func appendNodes(nodes []*node, pages []page) []*node {
	if last := len(nodes) - 1; last >= 0 && len(pages) < fan/4 && len(nodes[last].pages)+len(pages) <= fan {
		pages = append(slices.Clone(nodes[last].pages), pages...)
		nodes = nodes[:last]
	}
	for len(pages) > 0 {
		m := len(pages)
		if m > fan {
			m = min(fan, (m+1)/2)
		}
		nodes = append(nodes, makeNode(pages[:m:m]))
		pages = pages[m:]
	}
	return nodes
}

// before counts the edits in front of a key.
func before(edits []edit, key []byte) int {
	return sort.Search(len(edits), func(i int) bool { return bytes.Compare(edits[i].key, key) >= 0 })
}

// spliced is what became of a node's pages. same says that their number and first keys are as before, so that the old
// index holds.
type spliced struct {
	pages []page
	grown int
	same  bool
}

func (n *node) splice(edits []edit) spliced {
	s := spliced{pages: make([]page, 0, len(n.pages)+1), same: true}
	at := 0
	for len(edits) > 0 {
		i := n.child(edits[0].key, n.first)
		s.pages = append(s.pages, n.pages[at:i]...)
		at = i + 1
		here := len(edits)
		if at < len(n.pages) {
			here = before(edits, n.first(at))
		}
		s.replace(n.pages[i], n.pages[i].splice(edits[:here]))
		edits = edits[here:]
	}
	s.pages = append(s.pages, n.pages[at:]...)
	return s
}

// replace appends what became of page p. A page that shrank much joins the one before it, so that names that go leave
// no trail of nearly empty pages.
func (s *spliced) replace(p page, by []page) {
	if len(by) != 1 || !bytes.Equal(by[0].entry(0).key(), p.entry(0).key()) {
		s.same = false
	}
	s.grown += total(by) - len(p)
	if last := len(s.pages) - 1; len(by) == 1 && last >= 0 && len(by[0]) < pageTarget/4 &&
		len(s.pages[last])+len(by[0]) <= pageTarget {
		joined := joinPages(s.pages[last], by[0])
		s.grown += len(joined) - len(s.pages[last]) - len(by[0])
		s.pages[last] = joined
		s.same = false
		return
	}
	s.pages = append(s.pages, by...)
}

func joinPages(a, b page) page {
	entries := make([][]byte, 0, a.count()+b.count())
	entries = slices.AppendSeq(entries, a.split)
	return makePage(slices.AppendSeq(entries, b.split))
}

// splice gives what becomes of a page: none where every name is taken out, several where it grows too large.
func (p page) splice(edits []edit) []page {
	if q := p.patch(edits); q != nil {
		return []page{q}
	}
	entries := make([][]byte, 0, p.count()+len(edits))
	size := 0
	put := func(e []byte) {
		if e != nil {
			entries = append(entries, e)
			size += len(e) + slotLen
		}
	}
	for e := range p.split {
		key := entry(e).key()
		for len(edits) > 0 && bytes.Compare(edits[0].key, key) < 0 {
			put(edits[0].entry)
			edits = edits[1:]
		}
		if len(edits) > 0 && bytes.Equal(edits[0].key, key) {
			e = edits[0].entry
			edits = edits[1:]
		}
		put(e)
	}
	for _, ed := range edits {
		put(ed.entry)
	}
	if len(entries) == 0 {
		return nil
	}
	if headSize+size <= pageMost {
		return []page{makePage(entries)}
	}
	// Split evenly, so that the parts have room to grow.
	k := packerTo(size/((size+pageTarget-1)/pageTarget) + 1)
	for _, e := range entries {
		k.add(e)
	}
	k.flush()
	return k.pages
}

// patchMost bounds the edits of one patch; more of them are bulk work, for which splice unpacks the page.
const patchMost = 8

// patch is splice for the common case, a few edits after which the page still has its prefix and is neither empty nor
// too large. It moves runs of entries and looks into none; nil means that the case is another.
func (p page) patch(edits []edit) page {
	if len(edits) > patchMost {
		return nil
	}
	type spot struct {
		at   int
		skip int // 1: the entry at it is replaced or taken out
	}
	var spots [patchMost]spot
	n, size := p.count(), len(p)
	count := n
	prefix := p.entry(0).key()[:p.prefix()]
	for i, ed := range edits {
		at, exact := p.place(ed.key)
		spots[i].at = at
		if exact {
			spots[i].skip = 1
			size -= p.start(at+1) - p.start(at) + slotLen
			count--
		}
		if ed.entry == nil {
			continue
		}
		if !bytes.HasPrefix(ed.key, prefix) {
			return nil
		}
		size += len(ed.entry) + slotLen
		count++
	}
	if count == 0 || size > pageMost {
		return nil
	}
	out := newPage(count, len(prefix), size)
	w := patcher{page: out, at: headSize + slotLen*count}
	from := 0
	for i, ed := range edits {
		w.run(p, from, spots[i].at)
		if ed.entry != nil {
			w.put(ed.entry, len(prefix))
		}
		from = spots[i].at + spots[i].skip
	}
	w.run(p, from, n)
	return out
}

// place finds the first entry whose key is not less than key, and whether it is equal.
func (p page) place(key []byte) (i int, exact bool) {
	n := p.count()
	i = sort.Search(n, func(i int) bool { return bytes.Compare(p.entry(i).key(), key) >= 0 })
	return i, i < n && bytes.Equal(p.entry(i).key(), key)
}

// patcher fills a page whose size is known.
type patcher struct {
	page page
	slot int
	at   int
}

// run copies the entries of p from one to before another.
func (w *patcher) run(p page, from, to int) {
	copy(w.page[headSize+4*w.slot:], p[headSize+4*from:headSize+4*to])
	start, end := p.start(from), p.start(to)
	shift := w.at - start
	for i := from; i < to; i++ {
		w.page.setStart(w.slot, p.start(i)+shift)
		w.slot++
	}
	w.at += copy(w.page[w.at:], p[start:end])
}

func (w *patcher) put(e []byte, prefix int) {
	binary.LittleEndian.PutUint32(w.page[headSize+4*w.slot:], head32(entry(e).key(), prefix))
	w.page.setStart(w.slot, w.at)
	w.slot++
	w.at += copy(w.page[w.at:], e)
}
