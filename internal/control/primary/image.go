package primary

import (
	"bytes"
	"encoding/binary"
	"iter"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// imageOf encodes both faces of a zone (docs/formats/image.md). The transfer face is told as a step from the served one,
// so that the two share their pages again when they are loaded. Seq is left to the caller, or to the commit.
func imageOf(id, account string, served, transfer *zone.Version) model.Image {
	img := model.Image{
		Zone: model.ID(id), Account: model.ID(account), Name: string(served.Apex()),
		Serial: transfer.Serial(), Served: served.Append(nil),
	}
	if transfer != served {
		step := zone.Step{Transfer: between(served, transfer)}
		img.Transfer = step.Append(nil)
	}
	return img
}

// between is the delta that leads from one version to another of the same serial. It walks both: for images, not for
// changes.
func between(from, to *zone.Version) zone.Delta {
	a, b := newCursor(from), newCursor(to)
	defer a.stop()
	defer b.stop()
	var c changes
	for a.ok || b.ok {
		var order int
		switch {
		case !a.ok:
			order = 1
		case !b.ok:
			order = -1
		default:
			order = wire.Compare(a.owner, b.owner)
		}
		switch {
		case order < 0:
			c.diff(a.owner, a.sets(), nil)
			a.step()
		case order > 0:
			c.diff(b.owner, nil, b.sets())
			b.step()
		default:
			if !bytes.Equal(a.flat, b.flat) {
				c.diff(a.owner, a.sets(), b.sets())
			}
			a.step()
			b.step()
		}
	}
	return c.delta(from.Serial(), to.Serial(), nil, nil)
}

// cursor stands on one owner of a version and holds all that is there, flat.
type cursor struct {
	next  func() ([]byte, zone.RRset, bool)
	stop  func()
	owner wire.Name
	flat  []byte // RRsets one after another: type, ttl, count, and each RDLENGTH and RDATA
	ok    bool

	nextOwner []byte
	nextSet   zone.RRset
	more      bool
}

func newCursor(v *zone.Version) *cursor {
	next, stop := iter.Pull2(iter.Seq2[[]byte, zone.RRset](v.Walk))
	c := &cursor{next: next, stop: stop}
	c.nextOwner, c.nextSet, c.more = next()
	c.step()
	return c
}

func (c *cursor) step() {
	c.ok = c.more
	if !c.ok {
		return
	}
	c.owner, c.flat = wire.Name(c.nextOwner), c.flat[:0]
	for c.more && string(c.owner) == string(c.nextOwner) {
		c.flat = binary.BigEndian.AppendUint16(c.flat, uint16(c.nextSet.Type))
		c.flat = binary.BigEndian.AppendUint32(c.flat, c.nextSet.TTL)
		c.flat = binary.BigEndian.AppendUint32(c.flat, uint32(c.nextSet.Len()))
		for i := range c.nextSet.Len() {
			c.flat = c.nextSet.AppendRData(c.flat, i, 0)
		}
		c.nextOwner, c.nextSet, c.more = c.next()
	}
}

// sets takes flat apart again.
func (c *cursor) sets() []rr.Set {
	var out []rr.Set
	for b := bytes.Clone(c.flat); len(b) > 0; {
		set := rr.Set{Owner: c.owner, Type: wire.Type(binary.BigEndian.Uint16(b)), TTL: binary.BigEndian.Uint32(b[2:])}
		n := binary.BigEndian.Uint32(b[6:])
		b = b[10:]
		for range n {
			size := int(binary.BigEndian.Uint16(b))
			set.Data = append(set.Data, b[2:2+size])
			b = b[2+size:]
		}
		out = append(out, set)
	}
	return out
}
