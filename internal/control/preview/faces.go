package preview

import (
	"bytes"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// tell compares the faces.
func (z *Zone) tell() model.PlannedZone {
	out := model.PlannedZone{
		ID: z.Row.ID, Account: z.Row.Account, Name: z.Row.Name, Created: z.Created, Deleted: z.Deleted, Access: z.Access, Notified: z.Notified,
		Before: z.Read.Serial, After: z.Serial,
	}
	if z.Deleted || z.Next.Transfer == nil {
		out.Agree = true
		return out
	}
	transferred, signatures := compare(z.Base.Transfer, z.Next.Transfer)
	out.Signatures = signatures
	out.Agree = z.Base.Served == z.Base.Transfer && z.Next.Served == z.Next.Transfer
	if out.Agree {
		out.Served = transferred
		return out
	}
	served, _ := compare(z.Base.Served, z.Next.Served)
	if out.Agree = sameFace(&served, &transferred); out.Agree {
		out.Served = transferred
		return out
	}
	out.Served, out.Transferred = served, transferred
	return out
}

func sameFace(a, b *model.PlannedFace) bool {
	return a.Count == b.Count && slices.EqualFunc(a.Sets, b.Sets, func(x, y model.PlannedSet) bool {
		return x.Name == y.Name && x.Type == y.Type && sameSet(x.Before, y.Before) && sameSet(x.After, y.After)
	})
}

func sameSet(a, b *rr.Set) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.TTL == b.TTL && slices.EqualFunc(a.Data, b.Data, bytes.Equal)
}

// place is where an RRset stands.
type place struct {
	name wire.Name
	kind wire.Type
}

// compare lists the RRsets that differ between two versions, in order of names; a is nil for a zone that is made. The SOA is among
// them only where more of it changes than its serial. Signatures and denials, which follow from the rest, are counted alone.
func compare(a, b *zone.Version) (out model.PlannedFace, signatures int) {
	places, signatures := changed(a, b)
	for _, p := range places {
		set := model.PlannedSet{Name: p.name, Type: p.kind, Before: setAt(a, p), After: setAt(b, p)}
		if p.kind == wire.TypeSOA && onlySerial(set.Before, set.After) {
			continue
		}
		if out.Count++; out.Count <= MostSets {
			out.Sets = append(out.Sets, set)
		}
	}
	return out, signatures
}

// changed are the places at which records come or go.
func changed(a, b *zone.Version) (out []place, signatures int) {
	see := func(name wire.Name, t wire.Type) {
		switch {
		case t.IsDNSSEC():
			signatures++
		case t == zone.TypeMark: // no record of the DNS
		default:
			out = append(out, place{name, t})
		}
	}
	if a == nil {
		b.Walk(func(owner []byte, s zone.RRset) bool {
			see(wire.Name(owner), s.Type)
			return true
		})
		return out, signatures
	}
	d := zone.Diff(a, b)
	for _, part := range [][]byte{d.Removed, d.Added} {
		for len(part) > 0 {
			raw, rest, err := wire.NextRR(part)
			if err != nil { // versions give whole records
				break
			}
			part = rest
			see(wire.Name(raw.Owner), raw.Type)
		}
	}
	slices.SortFunc(out, func(x, y place) int {
		if c := wire.Compare(x.name, y.name); c != 0 {
			return c
		}
		return int(x.kind) - int(y.kind)
	})
	return slices.Compact(out), signatures
}

// setAt is the RRset at a place, nil for none.
func setAt(v *zone.Version, p place) *rr.Set {
	if v == nil {
		return nil
	}
	sets := v.Sets(p.name)
	i := slices.IndexFunc(sets, func(s rr.Set) bool { return s.Type == p.kind })
	if i < 0 {
		return nil
	}
	return &sets[i]
}

// soaSerial is how many octets stand behind the serial in SOA data, and how many it has.
const soaSerial, soaBehind = 4, 16

// onlySerial says that two SOA RRsets differ in their serials alone.
func onlySerial(a, b *rr.Set) bool {
	if a == nil || b == nil || a.TTL != b.TTL || len(a.Data) != 1 || len(b.Data) != 1 {
		return false
	}
	cut := func(data []byte) string {
		n := len(data) - soaBehind - soaSerial
		if n < 0 {
			return string(data)
		}
		return string(data[:n]) + string(data[n+soaSerial:])
	}
	return cut(a.Data[0]) == cut(b.Data[0])
}
