package flatten

import (
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// held is what secondaries of one zone get for a target.
type held struct {
	addrs []netip.Addr
	ttl   uint32
}

// holder is what damping knows of a zone with flattened names: at most one change of what its secondaries get in an
// interval, and that one with all that has come together.
type holder struct {
	names  int                  // flattened names of the zone
	last   time.Time            // when what secondaries get last changed
	behind map[*target]struct{} // targets whose newest answer they do not have yet
}

// hold brings what secondaries get of a target up to date, in the zones that have not changed lately; in the others it
// notes that the target is to come along with their next change.
func (f *Flattener) hold(t *target, now time.Time) {
	if t.told.State != model.FlattenKnown {
		return
	}
	var moved []model.ID
	for id := range t.zones {
		z := f.zones[id]
		h, known := t.held[id]
		switch {
		case !known: // before the first answer there is nothing to damp
			t.take(id)
			z.last = now
			moved = append(moved, id)
		case sameAddrs(h.addrs, t.told.Addrs):
			delete(z.behind, t)
		default:
			z.behind[t] = struct{}{}
			if at := z.last.Add(f.cfg.Damping); at.After(now) {
				f.late[id] = at
			} else {
				f.catchUp(id, now)
			}
		}
	}
	f.soil(t, moved...)
}

// take gives secondaries of a zone the newest answer.
func (t *target) take(zone model.ID) { t.held[zone] = held{t.told.Addrs, t.told.TTL} }

// catchUp gives secondaries of a zone the newest answer of every target.
func (f *Flattener) catchUp(id model.ID, now time.Time) {
	delete(f.late, id)
	z := f.zones[id]
	if z == nil || len(z.behind) == 0 {
		return
	}
	z.last = now
	for t := range z.behind {
		if t.told.State != model.FlattenKnown {
			continue // failed meanwhile: secondaries keep what they have
		}
		t.take(id)
		f.soil(t, id)
	}
	clear(z.behind)
}

// catchUpLate does so for all zones whose interval is over.
func (f *Flattener) catchUpLate(now time.Time) {
	for id, at := range f.late {
		if !at.After(now) {
			f.catchUp(id, now)
		}
	}
}

// nextLate is when the first such interval ends, if one runs.
func (f *Flattener) nextLate() (first time.Time, waits bool) {
	for _, at := range f.late {
		if !waits || at.Before(first) {
			first, waits = at, true
		}
	}
	return first, waits
}

// join and part count a target's names by zone.
func (f *Flattener) join(t *target, key ownerKey) {
	t.owners[key] = struct{}{}
	t.zones[key.zone]++
}

func (f *Flattener) part(t *target, key ownerKey) {
	delete(t.owners, key)
	if t.zones[key.zone]--; t.zones[key.zone] > 0 {
		return
	}
	delete(t.zones, key.zone)
	delete(t.held, key.zone)
	if z := f.zones[key.zone]; z != nil {
		delete(z.behind, t)
	}
}

// owner is a flattened name that is new, or known.
func (f *Flattener) owner(key ownerKey) *owner {
	if o := f.owners[key]; o != nil {
		return o
	}
	o := &owner{}
	f.owners[key], f.byName[key.name] = o, o
	z := f.zones[key.zone]
	if z == nil {
		z = &holder{behind: map[*target]struct{}{}}
		f.zones[key.zone] = z
	}
	z.names++
	return o
}

// forget lets go of a name that is flattened no longer.
func (f *Flattener) forget(key ownerKey, o *owner) {
	f.leave(key, o)
	delete(f.owners, key)
	if f.byName[key.name] == o {
		delete(f.byName, key.name)
	}
	if z := f.zones[key.zone]; z != nil {
		if z.names--; z.names == 0 {
			delete(f.zones, key.zone)
			delete(f.late, key.zone)
		}
	}
}
