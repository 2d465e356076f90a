package zone

import (
	"bytes"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Diff gives the delta from a to b, two versions of one zone. Pages that they share are passed over unread, so it costs
// what differs.
func Diff(a, b *Version) *Delta {
	d := &Delta{From: a.serial, To: b.serial}
	if a.serial != b.serial {
		soaA, ttlA := a.SOA()
		soaB, ttlB := b.SOA()
		d.Removed = wire.AppendRR(nil, a.apex, wire.TypeSOA, wire.ClassIN, ttlA, soaA)
		d.Added = wire.AppendRR(nil, b.apex, wire.TypeSOA, wire.ClassIN, ttlB, soaB)
	}
	x, y := differing(&a.tree, &b.tree), differing(&b.tree, &a.tree)
	for len(x) > 0 || len(y) > 0 {
		switch c := order(x, y); {
		case c < 0:
			d.Removed = appendDiff(d.Removed, a, x[0], nil, d.From != d.To)
			x = x[1:]
		case c > 0:
			d.Added = appendDiff(d.Added, b, y[0], nil, d.From != d.To)
			y = y[1:]
		default:
			if bytes.Equal(recordsOf(x[0]), recordsOf(y[0])) {
				x, y = x[1:], y[1:]
				continue
			}
			d.Removed = appendDiff(d.Removed, a, x[0], y[0], d.From != d.To)
			d.Added = appendDiff(d.Added, b, y[0], x[0], d.From != d.To)
			x, y = x[1:], y[1:]
		}
	}
	return d
}

// order compares the first entries of two lists, of which one at least is not empty; the end comes after everything.
func order(x, y []entry) int {
	switch {
	case len(x) == 0:
		return 1
	case len(y) == 0:
		return -1
	}
	return bytes.Compare(x[0].key(), y[0].key())
}

// recordsOf is an entry's RRsets as octets.
func recordsOf(e entry) []byte { return e[entryHead+e.keyLen() : e.size()] }

// differing lists the entries of t's pages that o does not have.
func differing(t, o *tree) []entry {
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

// appendDiff appends the records of e that other lacks. The SOA is left out where it stands in front already.
func appendDiff(dst []byte, v *Version, e, other entry, skipSOA bool) []byte {
	owner := wire.Name(appendName(nil, e.key(), v.apex))
	have := map[wire.Type]rr.Set{}
	if other != nil {
		for _, s := range other.unpack(owner, v.apex) {
			have[s.Type] = s
		}
	}
	for _, s := range e.unpack(owner, v.apex) {
		if skipSOA && s.Type == wire.TypeSOA {
			continue
		}
		o := have[s.Type]
		for _, data := range s.Data {
			if _, kept := slices.BinarySearchFunc(o.Data, data, rr.Compare); kept && o.TTL == s.TTL {
				continue
			}
			dst = wire.AppendRR(dst, owner, s.Type, wire.ClassIN, s.TTL, data)
		}
	}
	return dst
}
