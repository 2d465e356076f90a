package zone

// records is an entry's RRsets as octets.
func (e entry) records() []byte { return e[entryHead+e.keyLen() : e.size()] }

// but lists the entries of t's pages that o does not have. Shared nodes and pages are passed over unread.
func (t *tree) but(o *tree) []entry {
	both := map[*node]bool{} // true: in both trees
	for _, n := range o.nodes() {
		both[n] = false
	}
	for _, n := range t.nodes() {
		_, both[n] = both[n]
	}
	shared := map[*byte]bool{}
	o.pagesBut(both, func(p page) { shared[&p[0]] = true })
	var out []entry
	t.pagesBut(both, func(p page) {
		for i := 0; i < p.count() && !shared[&p[0]]; i++ {
			out = append(out, p.entry(i))
		}
	})
	return out
}

func (t *tree) nodes() []*node {
	if t.root == nil {
		return nil
	}
	return t.root.nodes
}

// pagesBut visits the pages that are not in the given nodes.
func (t *tree) pagesBut(nodes map[*node]bool, visit func(page)) {
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
