package peers

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Record is a record as an operator types it: Data is in presentation format.
type Record struct {
	Name wire.Name
	Type wire.Type
	TTL  uint32
	Data string
}

// Change is one step of a Workload: an addition (no Old), a deletion (no New), or an edit.
type Change struct{ Old, New *Record }

// Workload makes random changes of one zone from a seed, and knows what the zone must hold after each: every record type
// that the API takes, wildcards, delegations with glue and DS, names that turn from an alias into a host and back, TXT
// records of any octets. What it makes is valid throughout: no duplicates, no alias beside other data, one TTL an RRset.
type Workload struct {
	apex wire.Name
	r    *rand.Rand
	sets map[setKey]*set
	keys []setKey // of sets, in the order they were made: maps have no reproducible order
	step int
}

type setKey struct {
	name wire.Name
	typ  wire.Type
}

type set struct {
	ttl  uint32
	recs []entry
}

type entry struct {
	text string
	data []byte
}

// NewWorkload returns an empty workload; the same seed gives the same changes.
func NewWorkload(seed uint64, apex wire.Name) *Workload {
	return &Workload{apex: apex, r: rand.New(rand.NewPCG(seed, 2)), sets: map[setKey]*set{}}
}

// Next makes a change.
func (w *Workload) Next() Change {
	w.step++
	for {
		n := w.r.IntN(100)
		if len(w.keys) < 20 {
			n = 0
		}
		var c Change
		var ok bool
		switch {
		case n < 55:
			c, ok = w.add()
		case n < 80:
			c, ok = w.edit()
		default:
			c, ok = w.remove()
		}
		if ok {
			return c
		}
	}
}

// add tries a new record: the first ones go through all kinds in turn, so that none is left out.
func (w *Workload) add() (Change, bool) {
	kinds := kinds()
	k := &kinds[w.r.IntN(len(kinds))]
	if w.step <= len(kinds) {
		k = &kinds[w.step-1]
	}
	label := k.names[w.r.IntN(len(k.names))]
	name := w.apex
	if label != "" {
		name = wire.MustName(label + "." + w.apex.String())
	}
	if !w.allowed(name, k) {
		return Change{}, false
	}
	key := setKey{name, k.typ}
	s := w.sets[key]
	if s == nil {
		s = &set{ttl: uint32(60 * (1 + w.r.IntN(60)))}
	}
	if k.most > 0 && len(s.recs) >= k.most {
		return Change{}, false
	}
	e, ok := w.fresh(s, k.typ, k.make)
	if !ok {
		return Change{}, false
	}
	w.put(key, s, e)
	return Change{New: &Record{name, k.typ, s.ttl, e.text}}, true
}

// fresh makes data that the set does not have yet.
func (w *Workload) fresh(s *set, t wire.Type, data func(*rand.Rand, string) string) (entry, bool) {
	text := data(w.r, w.apex.String())
	raw, err := rr.ParseData(t, text, w.apex)
	if err != nil {
		panic(fmt.Sprintf("workload: %s %s: %v", t, text, err)) // a mistake in this package
	}
	for _, e := range s.recs {
		if bytes.Equal(e.data, raw) {
			return entry{}, false
		}
	}
	return entry{text, raw}, true
}

func (w *Workload) put(key setKey, s *set, e entry) {
	s.recs = append(s.recs, e)
	if w.sets[key] == nil {
		w.sets[key] = s
		w.keys = append(w.keys, key)
	}
}

// allowed keeps aliases alone at their name, and DS where a delegation is.
func (w *Workload) allowed(name wire.Name, k *kind) bool {
	switch k.typ {
	case wire.TypeDS:
		return w.sets[setKey{name, wire.TypeNS}] != nil
	case wire.TypeCNAME:
		return !slices.ContainsFunc(w.keys, func(o setKey) bool { return o.name == name })
	default:
		return w.sets[setKey{name, wire.TypeCNAME}] == nil
	}
}

func (w *Workload) pick() (setKey, *set, int) {
	key := w.keys[w.r.IntN(len(w.keys))]
	s := w.sets[key]
	return key, s, w.r.IntN(len(s.recs))
}

// edit gives a record other data, or another TTL where it is alone.
func (w *Workload) edit() (Change, bool) {
	key, s, i := w.pick()
	old := Record{key.name, key.typ, s.ttl, s.recs[i].text}
	if len(s.recs) == 1 && w.r.IntN(3) == 0 {
		s.ttl = uint32(60 * (1 + w.r.IntN(60)))
	} else {
		k := kindOf(key.typ)
		e, ok := w.fresh(s, key.typ, k.make)
		if !ok {
			return Change{}, false
		}
		s.recs[i] = e
	}
	return Change{Old: &old, New: &Record{key.name, key.typ, s.ttl, s.recs[i].text}}, true
}

func (w *Workload) remove() (Change, bool) {
	key, s, i := w.pick()
	if key.typ == wire.TypeNS && len(s.recs) == 1 && w.sets[setKey{key.name, wire.TypeDS}] != nil {
		return Change{}, false
	}
	return w.drop(key, s, i), true
}

func (w *Workload) drop(key setKey, s *set, i int) Change {
	c := Change{Old: &Record{key.name, key.typ, s.ttl, s.recs[i].text}}
	s.recs = slices.Delete(s.recs, i, i+1)
	if len(s.recs) == 0 {
		delete(w.sets, key)
		w.keys = slices.DeleteFunc(w.keys, func(k setKey) bool { return k == key })
	}
	return c
}

// Big fills one RRset, as many TXT records as come near 64 KiB on the wire.
func (w *Workload) Big() []Change {
	key := setKey{wire.MustName("big." + w.apex.String()), wire.TypeTXT}
	var out []Change
	size := 512 // the rest of a message
	for s := w.sets[key]; ; s = w.sets[key] {
		if s == nil {
			s = &set{ttl: 300}
		}
		e, ok := w.fresh(s, key.typ, func(r *rand.Rand, _ string) string { return quote(octets(r, 230+r.IntN(25))) })
		if !ok {
			continue
		}
		if size += 12 + len(e.data); size > wire.MaxMessage {
			return out
		}
		w.put(key, s, e)
		out = append(out, Change{New: &Record{key.name, key.typ, s.ttl, e.text}})
	}
}

// Records lists what the zone holds now, its SOA and the name servers of its apex aside.
func (w *Workload) Records() []Record {
	var out []Record
	for _, key := range w.keys {
		s := w.sets[key]
		for _, e := range s.recs {
			out = append(out, Record{key.name, key.typ, s.ttl, e.text})
		}
	}
	return out
}

// Sets is Records as RRsets, for tests that build zone versions themselves.
func (w *Workload) Sets() []rr.Set {
	var out []rr.Set
	for key, s := range maps.All(w.sets) {
		set := rr.Set{Owner: key.name, Type: key.typ, TTL: s.ttl}
		for _, e := range s.recs {
			set.Data = append(set.Data, e.data)
		}
		set.Normalize()
		out = append(out, set)
	}
	return out
}
