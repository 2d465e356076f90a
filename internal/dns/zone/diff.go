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
	x, y := a.tree.but(&b.tree), b.tree.but(&a.tree)
	for len(x) > 0 || len(y) > 0 {
		switch c := order(x, y); {
		case c < 0:
			d.Removed = appendDiff(d.Removed, a, x[0], nil, d.From != d.To)
			x = x[1:]
		case c > 0:
			d.Added = appendDiff(d.Added, b, y[0], nil, d.From != d.To)
			y = y[1:]
		default:
			if bytes.Equal(x[0].records(), y[0].records()) {
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
