package dnssec

import "slices"

// Caches hold three things of a zone, each from a time of its own: the parent's DS RRset, the DNSKEY RRset with its signatures,
// and any other RRset with its signatures. safe goes through all mixes that can be.

// known is a set of keys, by their places in machine.keys: bit i is key i.
type known uint64

func (k known) has(i int) bool { return k>>i&1 != 0 }

// keySet is a state of the DNSKEY RRset: which keys are in it, and which sign it.
type keySet struct{ published, signing known }

// safe says whether a validator, whatever it has cached, comes to "secure", or to "insecure" where there is no DS.
func (m *machine) safe() bool {
	zones := m.history(SignsZone)
	sets := m.keySets()
	for _, ds := range m.parents() {
		if ds == 0 {
			continue
		}
		for _, set := range sets {
			if !m.trusts(ds, set) {
				return false
			}
			for _, signing := range zones {
				if !m.validates(set, signing) {
					return false
				}
			}
		}
	}
	return true
}

// trusts says whether the DNSKEY RRset is signed by a key that a DS record names, with each algorithm among the DS records: a
// validator may insist on that (RFC 6840 section 5.11 lets it be content with one).
func (m *machine) trusts(ds known, set keySet) bool {
	for i := range m.keys {
		if ds.has(i) && !m.any(ds&set.published&set.signing, m.keys[i].Algorithm) {
			return false
		}
	}
	return true
}

// validates says whether an RRset with signatures by some keys has a good one for each algorithm in the DNSKEY RRset (RFC 4035
// section 2.2).
func (m *machine) validates(set keySet, signing known) bool {
	for i := range m.keys {
		if set.published.has(i) && !m.any(signing&set.published, m.keys[i].Algorithm) {
			return false
		}
	}
	return true
}

func (m *machine) any(keys known, a Algorithm) bool {
	for i := range m.keys {
		if keys.has(i) && m.keys[i].Algorithm == a {
			return true
		}
	}
	return false
}

// parents lists the DS RRsets that may be cached: of records that come or go, parents may show any at any time.
func (m *machine) parents() []known {
	out := []known{0}
	for i := range m.keys {
		k := &m.keys[i]
		if !m.has(k, AtParent) {
			continue
		}
		n := len(out)
		settled := m.settled(k, AtParent)
		if settled && !k.Marks[AtParent].On {
			continue
		}
		for j := range n {
			with := out[j] | 1<<i
			if settled {
				out[j] = with
			} else {
				out = append(out, with)
			}
		}
	}
	return out
}

// history lists the sets of keys that have a trace, in versions that may be cached: first that before all changes that are not
// settled, then after each of them.
func (m *machine) history(t Trace) []known {
	var now known
	var changes []flip
	for i := range m.keys {
		k := &m.keys[i]
		on := k.Marks[t].On
		if m.has(k, t) && !m.settled(k, t) {
			changes = append(changes, flip{i, t})
			on = !on
		}
		if on {
			now |= 1 << i
		}
	}
	out := []known{now}
	for _, f := range m.inTime(changes) {
		for _, g := range f {
			now ^= 1 << g.key
		}
		out = append(out, now)
	}
	return out
}

// keySets is history for the DNSKEY RRset, in which two traces of a key change.
func (m *machine) keySets() []keySet {
	var now keySet
	var changes []flip
	for i := range m.keys {
		for _, t := range []Trace{Published, SignsKeys} {
			k := &m.keys[i]
			on := k.Marks[t].On
			if m.has(k, t) && !m.settled(k, t) {
				changes = append(changes, flip{i, t})
				on = !on
			}
			if on {
				now.turn(flip{i, t})
			}
		}
	}
	out := []keySet{now}
	for _, f := range m.inTime(changes) {
		for _, g := range f {
			now.turn(g)
		}
		out = append(out, now)
	}
	return out
}

func (s *keySet) turn(f flip) {
	if f.trace == Published {
		s.published ^= 1 << f.key
	} else {
		s.signing ^= 1 << f.key
	}
}

// inTime groups changes by the version in which they came, in order.
func (m *machine) inTime(changes []flip) [][]flip {
	mark := func(f flip) Mark { return m.keys[f.key].Marks[f.trace] }
	slices.SortStableFunc(changes, func(a, b flip) int { return mark(a).Since.Compare(mark(b).Since) })
	var out [][]flip
	for _, f := range changes {
		if n := len(out); n > 0 && mark(out[n-1][0]).Since.Equal(mark(f).Since) {
			out[n-1] = append(out[n-1], f)
			continue
		}
		out = append(out, []flip{f})
	}
	return out
}
