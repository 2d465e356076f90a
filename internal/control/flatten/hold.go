package flatten

import (
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// held is what secondaries of one zone get for a target.
type held struct {
	state model.FlattenState
	addrs []netip.Addr
	ttl   uint32
}

// holder is what is known of a zone with flattened names. Damping lets what its secondaries get change at most once in an
// interval, and then with all that has come together.
type holder struct {
	id     model.ID
	names  map[wire.Name]struct{}
	fresh  map[*target]struct{} // targets that wait for the version by which its names are the first to want them
	last   time.Time            // when what secondaries get last changed
	behind map[*target]struct{} // targets whose newest answer they do not have yet
	lateAt time.Time            // when they get it
	place  int                  // in the agenda of those
}

func (z *holder) when() time.Time { return z.lateAt }
func (z *holder) slot() *int      { return &z.place }

// hold brings what secondaries get of a target up to date, in the zones that have not changed lately; in the others it
// notes that the target is to come along with their next change.
func (f *Flattener) hold(t *target, now time.Time) {
	if t.told.State == model.FlattenUnknown {
		return
	}
	for id := range t.owners {
		z := f.zones[id]
		h, known := t.held[id]
		switch {
		case !known && t.told.State == model.FlattenKnown: // before the first answer there is nothing to damp
			t.take(id)
			z.last = now
			f.soil(t, id)
		case known && h.same(t.next(h)):
			delete(z.behind, t)
		default:
			z.behind[t] = struct{}{}
			if at := z.last.Add(f.cfg.Damping); at.After(now) {
				z.lateAt = at
				f.late.put(z)
			} else {
				f.catchUp(z, now)
			}
		}
	}
}

// next is what secondaries get from now on. They keep the last addresses while there is a failure, unless those were found
// in a zone that is gone.
func (t *target) next(h held) held {
	switch {
	case t.told.State == model.FlattenKnown:
		return held{model.FlattenKnown, t.told.Addrs, t.told.TTL}
	case t.void:
		return held{model.FlattenKnown, nil, 0}
	}
	return held{model.FlattenFailed, h.addrs, h.ttl}
}

// same compares what makes a version; a TTL alone does not.
func (h held) same(other held) bool { return h.state == other.state && sameAddrs(h.addrs, other.addrs) }

// take gives secondaries of a zone the newest answer.
func (t *target) take(zone model.ID) { t.held[zone] = t.next(t.held[zone]) }

// catchUp gives secondaries of a zone the newest answer of every target.
func (f *Flattener) catchUp(z *holder, now time.Time) {
	f.late.remove(z)
	if len(z.behind) == 0 {
		return
	}
	z.last = now
	for t := range z.behind {
		if t.told.State == model.FlattenUnknown {
			continue
		}
		t.take(z.id)
		f.soil(t, z.id)
	}
	clear(z.behind)
}

// catchUpLate does so for all zones whose interval is over.
func (f *Flattener) catchUpLate(now time.Time) {
	for z, ok := f.late.first(); ok && !z.lateAt.After(now); z, ok = f.late.first() {
		f.catchUp(z, now)
	}
}

// join and part count a target's names by zone.
func (f *Flattener) join(t *target, key ownerKey) {
	in := t.owners[key.zone]
	if in == nil {
		in = map[wire.Name]struct{}{}
		t.owners[key.zone] = in
	}
	in[key.name] = struct{}{}
	t.names++
}

func (f *Flattener) part(t *target, key ownerKey) {
	in := t.owners[key.zone]
	delete(in, key.name)
	t.names--
	if len(in) > 0 {
		return
	}
	delete(t.owners, key.zone)
	delete(t.held, key.zone)
	z := f.zones[key.zone]
	delete(z.behind, t)
	delete(z.fresh, t)
}

// owner is a flattened name that is new, or known.
func (f *Flattener) owner(key ownerKey, account model.ID) *owner {
	if o := f.owners[key]; o != nil {
		return o
	}
	o := &owner{}
	f.owners[key], f.byName[model.FlattenTarget{Account: account, Name: key.name}] = o, o
	z := f.zones[key.zone]
	if z == nil {
		z = &holder{
			id: key.zone, names: map[wire.Name]struct{}{}, fresh: map[*target]struct{}{}, behind: map[*target]struct{}{}, place: nowhere,
		}
		f.zones[key.zone] = z
	}
	z.names[key.name] = struct{}{}
	return o
}

// forget lets go of a name that is flattened no longer.
func (f *Flattener) forget(key ownerKey, o *owner) {
	f.leave(key, o)
	delete(f.owners, key)
	if named := (model.FlattenTarget{Account: o.target.key.Account, Name: key.name}); f.byName[named] == o {
		delete(f.byName, named)
	}
	z := f.zones[key.zone]
	delete(z.names, key.name)
	if len(z.names) == 0 {
		f.late.remove(z)
		delete(f.zones, key.zone)
	}
}
