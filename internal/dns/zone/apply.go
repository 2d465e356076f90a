package zone

import (
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone/page"
)

// touched is what a delta does at one owner.
type touched struct {
	owner          wire.Name
	removed, added []wire.RawRR
	one            [1]wire.RawRR // room for what most owners have added
}

// recordSize is about how many octets of a delta a record takes.
const recordSize = 48

// Apply gives the version that d leads to; what d does not touch is shared. A wrong From serial, a removed record that is
// not there, and an added one that is, are errors and leave v as it is. It costs what it touches: the pages of its
// owners, and the subtree of a delegation or DNAME that comes or goes.
func (v *Version) Apply(d *Delta) (*Version, error) {
	if d.From != v.serial {
		return nil, fmt.Errorf("%w: it leads from serial %d, the version has %d", ErrDelta, d.From, v.serial)
	}
	work, err := d.group(v.apex)
	if err != nil {
		return nil, err
	}
	work, chain := partWork(work)
	next := &Version{apex: v.apex, records: v.records, size: v.size, tree: v.tree}
	next.signing = v.signing.with(sigsOf(work)+sigsOf(chain), len(chain) > 0)
	a := applier{v: next, tree: &next.tree}
	if err := a.sets(work); err != nil {
		return nil, err
	}
	a.prune()
	a.recut()
	if err := next.rechain(chain); err != nil {
		return nil, err
	}
	if _, err := next.seal(); err != nil {
		return nil, err
	}
	if next.serial != d.To {
		return nil, fmt.Errorf("%w: it leads to serial %d and says %d", ErrDelta, next.serial, d.To)
	}
	return next, nil
}

// group sorts a delta's records by owner, in the order in which the owners appear.
func (d *Delta) group(apex wire.Name) ([]*touched, error) {
	var work []*touched
	var room []touched // for those to come; when it is full another follows, so that none is ever moved
	index := make(map[wire.Name]*touched, (len(d.Removed)+len(d.Added))/recordSize)
	for i, part := range [2][]byte{d.Removed, d.Added} {
		for len(part) > 0 {
			raw, rest, err := wire.NextRR(part)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrDelta, err)
			}
			part = rest
			var buf [wire.MaxName]byte
			name := buf[:copy(buf[:], raw.Owner)]
			wire.FoldName(name)
			t := index[wire.Name(name)]
			if t == nil {
				if len(room) == cap(room) {
					room = make([]touched, 0, min(64, 1+2*cap(room)))
				}
				room = append(room, touched{owner: wire.Name(name)})
				t = &room[len(room)-1]
				t.added = t.one[:0]
				if !t.owner.Within(apex) {
					return nil, fmt.Errorf("%w: %w: %s", ErrDelta, ErrOutside, t.owner)
				}
				index[t.owner] = t
				work = append(work, t)
			}
			if i == 0 {
				t.removed = append(t.removed, raw)
			} else {
				t.added = append(t.added, raw)
			}
		}
	}
	return work, nil
}

// apply does an owner's part of a delta to its RRsets. Room is for the data of an RRset that is new.
func (t *touched) apply(sets []rr.Set, room [][]byte) ([]rr.Set, error) {
	for _, raw := range t.removed {
		if err := stripTTL(&raw); err != nil {
			return nil, err
		}
		i, found := slices.BinarySearchFunc(sets, raw.Type, byType)
		if !found || sets[i].TTL != raw.TTL || raw.Class != wire.ClassIN {
			return nil, fmt.Errorf("%w: a removed %s is not there", ErrDelta, raw.Type)
		}
		j, found := slices.BinarySearchFunc(sets[i].Data, raw.RData, rr.Compare)
		if !found {
			return nil, fmt.Errorf("%w: a removed %s is not there", ErrDelta, raw.Type)
		}
		sets[i].Data = slices.Delete(sets[i].Data, j, j+1)
	}
	for _, raw := range t.added {
		if err := stripTTL(&raw); err != nil {
			return nil, err
		}
		i, found := slices.BinarySearchFunc(sets, raw.Type, byType)
		if !found {
			sets = slices.Insert(sets, i, rr.Set{Owner: t.owner, Type: raw.Type, TTL: raw.TTL, Data: room})
			room = nil
		}
		s := &sets[i]
		if len(s.Data) == 0 {
			s.TTL = raw.TTL
		}
		j, found := slices.BinarySearchFunc(s.Data, raw.RData, rr.Compare)
		if found || s.TTL != raw.TTL || raw.Class != wire.ClassIN {
			return nil, fmt.Errorf("%w: an added %s is there already, or under another ttl", ErrDelta, raw.Type)
		}
		if len(s.Data) == 0xffff {
			return nil, ErrSize
		}
		if err := checkData(raw.Type, raw.RData); err != nil {
			return nil, err
		}
		s.Data = slices.Insert(s.Data, j, raw.RData)
	}
	return slices.DeleteFunc(sets, func(s rr.Set) bool { return len(s.Data) == 0 }), nil
}

// stripTTL takes the TTL off a signature, which has it in its data: that of another is an error.
func stripTTL(raw *wire.RawRR) error {
	if raw.Type != wire.TypeRRSIG {
		return nil
	}
	if err := checkData(raw.Type, raw.RData); err != nil {
		return err
	}
	if raw.TTL != page.OriginalTTL(raw.RData) {
		return fmt.Errorf("%w: an RRSIG has another ttl than the RRset that it covers", ErrDelta)
	}
	raw.TTL = 0
	return nil
}

func byType(s rr.Set, t wire.Type) int { return int(s.Type) - int(t) }
