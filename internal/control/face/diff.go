package face

import (
	"bytes"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// changes collects what one face of a zone loses and gains: records in uncompressed wire form, one after another, as a
// zone.Delta has them.
type changes struct {
	removed, added []byte
	records        int
}

func (c *changes) empty() bool { return c.records == 0 }

// diff adds what leads from one state of a name to another. Both hold canonical RRsets; the SOA is passed over, it goes
// with the serial.
func (c *changes) diff(owner wire.Name, from, to []rr.Set) {
	for i := range from {
		old := &from[i]
		if old.Type == wire.TypeSOA {
			continue
		}
		j := slices.IndexFunc(to, func(s rr.Set) bool { return s.Type == old.Type })
		if j < 0 {
			c.remove(owner, old, old.Data)
			continue
		}
		c.diffSet(owner, old, &to[j])
	}
	for i := range to {
		if !slices.ContainsFunc(from, func(s rr.Set) bool { return s.Type == to[i].Type }) {
			c.add(owner, &to[i], to[i].Data)
		}
	}
}

// diffSet compares two RRsets of one type. Another TTL is another RRset: each record goes and comes.
func (c *changes) diffSet(owner wire.Name, from, to *rr.Set) {
	if from.TTL != to.TTL {
		c.remove(owner, from, from.Data)
		c.add(owner, to, to.Data)
		return
	}
	i, j := 0, 0
	for i < len(from.Data) || j < len(to.Data) {
		var order int
		switch {
		case i == len(from.Data):
			order = 1
		case j == len(to.Data):
			order = -1
		default:
			order = bytes.Compare(from.Data[i], to.Data[j])
		}
		switch {
		case order < 0:
			c.remove(owner, from, from.Data[i:i+1])
			i++
		case order > 0:
			c.add(owner, to, to.Data[j:j+1])
			j++
		default:
			i, j = i+1, j+1
		}
	}
}

func (c *changes) remove(owner wire.Name, set *rr.Set, data [][]byte) {
	c.removed = appendRecords(c.removed, owner, set, data)
	c.records += len(data)
}

func (c *changes) add(owner wire.Name, set *rr.Set, data [][]byte) {
	c.added = appendRecords(c.added, owner, set, data)
	c.records += len(data)
}

// delta makes the delta between two serials. Where they differ, or the two SOA records do, it is framed by these.
func (c *changes) delta(from, to uint32, oldSOA, newSOA *rr.Set) zone.Delta {
	d := zone.Delta{From: from, To: to, Removed: c.removed, Added: c.added}
	if from != to || oldSOA != nil && !Equal([]rr.Set{*oldSOA}, []rr.Set{*newSOA}) {
		d.Removed = append(appendRecords(nil, oldSOA.Owner, oldSOA, oldSOA.Data), c.removed...)
		d.Added = append(appendRecords(nil, newSOA.Owner, newSOA, newSOA.Data), c.added...)
	}
	return d
}

// appendRecords appends records in uncompressed wire form, class IN.
func appendRecords(dst []byte, owner wire.Name, set *rr.Set, data [][]byte) []byte {
	for _, rdata := range data {
		dst = wire.AppendRR(dst, owner, set.Type, wire.ClassIN, set.TTL, rdata)
	}
	return dst
}
