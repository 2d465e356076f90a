package page

// Records is an entry's RRsets as octets.
func (e Entry) Records() []byte { return e[entryHead+e.KeyLen() : e.Size()] }

// But lists the entries of t's pages that o does not have. Shared nodes and pages are passed over unread.
func (t *Tree) But(o *Tree) []Entry {
	both := map[*node]bool{} // true: in both trees
	for _, n := range o.nodes() {
		both[n] = false
	}
	for _, n := range t.nodes() {
		_, both[n] = both[n]
	}
	shared := map[*byte]bool{}
	o.pagesBut(both, func(p Page) { shared[&p[0]] = true })
	var out []Entry
	t.pagesBut(both, func(p Page) {
		for i := 0; i < p.Count() && !shared[&p[0]]; i++ {
			out = append(out, p.Entry(i))
		}
	})
	return out
}

func (t *Tree) nodes() []*node {
	if t.root == nil {
		return nil
	}
	return t.root.nodes
}

// pagesBut visits the pages that are not in the given nodes.
func (t *Tree) pagesBut(nodes map[*node]bool, visit func(Page)) {
	if t.root == nil {
		visit(t.only)
		return
	}
	for _, n := range t.root.nodes {
		for i := 0; i < len(n.pages) && !nodes[n]; i++ {
			visit(n.pages[i])
		}
	}
}
