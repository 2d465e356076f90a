package watch

import (
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// A secondary may ask several nodes, and each with another key. Who wants to know which one it uses must hear of what all of them saw.

// Sighting is that a node saw a peer of a zone sign with a key, first and last.
type Sighting struct {
	Zone, Peer  string
	Node        string // empty where nobody knows which one it was
	Key         string
	Certain     bool
	Since, Seen time.Time
}

// sight notes that a key was seen of a peer.
func (w *Watcher) sight(k key) {
	if w.cfg.Shared {
		w.sighted[k] = struct{}{}
	}
}

// Sightings gives what there is to be told of keys under rotation that this node saw since the last call. Untold takes back what could
// not be told.
func (w *Watcher) Sightings() []Sighting {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Sighting
	for k := range w.sighted {
		delete(w.sighted, k)
		r := w.of.get(k)
		if r == nil || !w.rotates(k) {
			continue
		}
		for i := range r.keys {
			s := &r.keys[i]
			if s.At == w.cfg.Here && s.On.After(s.told) {
				s.told = s.On
				out = append(out, Sighting{Zone: k.zone, Peer: k.peer, Key: s.Key, Certain: s.Certain, Since: s.On, Seen: s.On})
			}
		}
	}
	return out
}

// Untold has sightings told again.
func (w *Watcher) Untold(list []Sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range list {
		k := key{s.Zone, s.Peer}
		if r := w.of.get(k); r != nil {
			for i := range r.keys {
				r.keys[i].told = time.Time{}
			}
			w.sighted[k] = struct{}{}
		}
	}
}

// rotates says whether a peer's key is followed by another.
func (w *Watcher) rotates(k key) bool {
	z := w.cfg.DB.ByID(k.zone)
	return z != nil && slices.ContainsFunc(z.Access().Peers, func(p zone.Peer) bool { return p.ID == k.peer && p.Next != nil })
}

// Seen gives what this node saw of a peer of a zone, and what others have saved of it.
func (w *Watcher) Seen(zoneID, peer string) []Sighting {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := key{zoneID, peer}
	if r := w.of.get(k); r != nil {
		return r.sightings(k)
	}
	return nil
}

func (r *record) sightings(k key) []Sighting {
	out := make([]Sighting, 0, len(r.keys))
	for _, s := range r.keys {
		out = append(out, Sighting{Zone: k.zone, Peer: k.peer, Node: s.At, Key: s.Key, Certain: s.Certain, Since: s.On, Seen: s.On})
	}
	return out
}

// KeyUses is Uses by what this node saw alone.
func (w *Watcher) KeyUses(zoneID, peer, old, next string) (use KeyUse, on time.Time) {
	return Uses(w.Seen(zoneID, peer), old, next)
}

// grace is for how long what a node saw counts that has not been asked since, while others are asked with the new key. It is longer
// than what secondaries wait before they ask again where they were told nothing.
const grace = 3 * time.Hour

// Uses says which of two keys a peer uses for a zone, by what all nodes saw, and when it was last seen with either. A node that saw the
// old key last counts: unless the peer has begun with the new one elsewhere after that, or has not asked there for long. What nobody in
// particular saw, as earlier versions saved it, counts only where nothing else is known: it is not heard of again.
func Uses(list []Sighting, old, next string) (use KeyUse, on time.Time) {
	use = UseUnseen
	var began, newest time.Time    // of the new key, for certain
	last := map[string]*Sighting{} // of each node, uncertain sightings of the new key left out
	list = about(list, old, next)
	for i := range list {
		s := &list[i]
		on = later(on, s.Seen)
		if s.Key == next && !s.Certain {
			use = UseUnsure
			continue
		}
		if s.Key == next {
			if newest = later(newest, s.Seen); began.IsZero() || s.Since.Before(began) {
				began = s.Since
			}
		}
		if was := last[s.Node]; was == nil || s.Seen.After(was.Seen) || s.Seen.Equal(was.Seen) && s.Key == old {
			last[s.Node] = s
		}
	}
	for _, s := range last {
		if s.Key == old && (began.IsZero() || s.Seen.After(began) && newest.Sub(s.Seen) < grace) {
			return UsesOld, on
		}
	}
	if !began.IsZero() {
		return UsesNew, on
	}
	return use, on
}

// about leaves of sightings those of two keys, and what nobody in particular saw only where there is nothing else.
func about(list []Sighting, old, next string) []Sighting {
	list = slices.DeleteFunc(slices.Clone(list), func(s Sighting) bool { return s.Key != old && s.Key != next })
	if slices.ContainsFunc(list, func(s Sighting) bool { return s.Node != "" }) {
		list = slices.DeleteFunc(list, func(s Sighting) bool { return s.Node == "" })
	}
	return list
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
