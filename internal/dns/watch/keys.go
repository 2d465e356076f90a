package watch

import (
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
)

// Signed says when a peer last signed a request for a zone with a key: a transfer, or the question for the SOA in front of it.
type Signed struct {
	Key     string // its name
	On      time.Time
	Certain bool // it was this peer, and no other at its address

	// At names the node that saw it; empty where that is not known, or there is one.
	At string `json:",omitempty"`

	told time.Time // On, when it was last told to other nodes
}

// like says whether one sighting takes the place of another. Certain and uncertain ones of a key are kept apart, for what may have been
// another peer's proves less; and so are those of two nodes, for one that saw the old key last must not pass for one that saw the new key
// because the other did.
func (s *Signed) like(o *Signed) bool {
	return s.Key == o.Key && s.Certain == o.Certain && s.At == o.At
}

// keysMost bounds the keys that are remembered for a peer: two while one follows the other, and some that did before, at several nodes.
const keysMost = 8

// signed notes a request.
func (r *record) signed(s Signed) {
	at := slices.IndexFunc(r.keys, func(o Signed) bool { return o.like(&s) })
	if at == 0 {
		r.unsaved = max(r.unsaved, again)
	} else {
		r.unsaved = news // another key than the last time
	}
	if at >= 0 {
		s.told = r.keys[at].told
		r.keys = slices.Delete(r.keys, at, at+1)
	}
	r.keys = slices.Insert(r.keys, 0, s)
	r.keys = r.keys[:min(len(r.keys), keysMost)]
}

// Asked takes a signed question for a zone's SOA.
func (w *Watcher) Asked(zoneID string, c xfr.Client, signedWith wire.Name) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, certain := w.cfg.Now(), c.Peer.ID != ""
	for _, p := range c.Peers() {
		r := w.at(key{zoneID, p.ID})
		r.signed(Signed{Key: signedWith.String(), On: now, Certain: certain, At: w.cfg.Here})
		w.sight(key{zoneID, p.ID})
		if certain {
			r.seen = now
		}
	}
}

// KeyOf is the key that a peer last signed a request for a zone with, and when; empty where it was not seen to.
func (w *Watcher) KeyOf(zoneID, peer string) (name string, on time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.of.get(key{zoneID, peer}); r != nil && len(r.keys) > 0 {
		return r.keys[0].Key, r.keys[0].On
	}
	return "", time.Time{}
}

// KeyUse is which of two keys a peer signs its requests for a zone with, one of which follows the other.
type KeyUse string

// The uses of keys.
const (
	UsesOld   KeyUse = "old"    // it was last seen with the old one, for all that is certain
	UsesNew   KeyUse = "new"    // it was seen with the new one, and not with the old one since
	UseUnsure KeyUse = "unsure" // the new one was used from its address, perhaps by another peer there
	UseUnseen KeyUse = "unseen" // it was seen with neither
)

// uses says which of two keys a peer uses, by what this node saw.
func (r *record) uses(old, next string) (use KeyUse, on time.Time) {
	return Uses(r.sightings(key{}), old, next)
}

// mergeKeys joins what two have seen, the later sighting of each.
func mergeKeys(a, b []Signed) []Signed {
	out := slices.Clone(a)
	for _, s := range b {
		at := slices.IndexFunc(out, func(o Signed) bool { return o.like(&s) })
		switch {
		case at < 0:
			out = append(out, s)
		case s.On.After(out[at].On):
			out[at] = s
		}
	}
	slices.SortStableFunc(out, func(a, b Signed) int { return b.On.Compare(a.On) })
	return out[:min(len(out), keysMost)]
}
