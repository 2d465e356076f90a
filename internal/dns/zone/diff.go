package zone

import (
	"bytes"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
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
	d.differ(a, b, &a.tree, &b.tree)
	if a.hashed() != b.hashed() {
		d.differ(a, b, orEmpty(a.hashed()), orEmpty(b.hashed()))
	}
	return d
}

// differ appends the difference of two trees of versions a and b.
func (d *Delta) differ(a, b *Version, ta, tb *page.Tree) {
	x, y := ta.But(tb), tb.But(ta)
	for len(x) > 0 || len(y) > 0 {
		switch c := order(x, y); {
		case c < 0:
			d.Removed = appendDiff(d.Removed, a, x[0], nil, d.From != d.To)
			x = x[1:]
		case c > 0:
			d.Added = appendDiff(d.Added, b, y[0], nil, d.From != d.To)
			y = y[1:]
		default:
			if bytes.Equal(x[0].Records(), y[0].Records()) {
				x, y = x[1:], y[1:]
				continue
			}
			d.Removed = appendDiff(d.Removed, a, x[0], y[0], d.From != d.To)
			d.Added = appendDiff(d.Added, b, y[0], x[0], d.From != d.To)
			x, y = x[1:], y[1:]
		}
	}
}

// order compares the first entries of two lists, of which one at least is not empty; the end comes after everything.
func order(x, y []page.Entry) int {
	switch {
	case len(x) == 0:
		return 1
	case len(y) == 0:
		return -1
	}
	return bytes.Compare(x[0].Key(), y[0].Key())
}

// appendDiff appends the records of e that other lacks. The SOA is left out where it stands in front already.
func appendDiff(dst []byte, v *Version, e, other page.Entry, skipSOA bool) []byte {
	owner := wire.Name(page.AppendName(nil, e.Key(), v.apex))
	have := map[wire.Type]rr.Set{}
	if other != nil {
		for _, s := range other.Unpack(owner, v.apex) {
			have[s.Type] = s
		}
	}
	for _, s := range e.Unpack(owner, v.apex) {
		if skipSOA && s.Type == wire.TypeSOA {
			continue
		}
		o := have[s.Type]
		for _, data := range s.Data {
			if _, kept := slices.BinarySearchFunc(o.Data, data, rr.Compare); kept && o.TTL == s.TTL {
				continue
			}
			ttl := s.TTL
			if s.Type == wire.TypeRRSIG {
				ttl = page.OriginalTTL(data)
			}
			dst = wire.AppendRR(dst, owner, s.Type, wire.ClassIN, ttl, data)
		}
	}
	return dst
}
