package dnssec

import "slices"

// flip is a trace that changes.
type flip struct {
	key   int // its place in machine.keys
	trace Trace
}

// step makes the first move that is possible, and says whether there was one.
func (m *machine) step() bool {
	for _, move := range m.moves() {
		if len(move) > 0 && m.possible(move) {
			for _, f := range move {
				k := &m.keys[f.key]
				k.Marks[f.trace] = m.turned(k, f.trace)
				m.actions = append(m.actions, Action{Kind: Set, Key: k.ID, Trace: f.trace, On: k.Marks[f.trace].On})
			}
			return true
		}
	}
	return false
}

// turned is what a trace's mark becomes. Until it is committed nobody has seen it.
func (m *machine) turned(k *KeyState, t Trace) Mark {
	return Mark{On: !k.Marks[t].On, Since: m.now, Pending: true}
}

// moves lists what is wanted, in order. What a move holds comes in one version.
func (m *machine) moves() [][]flip {
	var out [][]flip
	for i := range m.keys {
		if !m.keys[i].Leaving {
			out = append(out, m.want(nil, i, Published, SignsKeys))
		}
	}
	for i := range m.keys {
		if !m.keys[i].Leaving {
			out = append(out, m.takeOver(i))
		}
	}
	out = append(out, m.parent())
	for i := range m.keys {
		if m.keys[i].Leaving {
			out = append(out, m.withdraw(i), m.fallSilent(i))
		}
	}
	return out
}

// want appends those traces of a key that are not as wanted.
func (m *machine) want(move []flip, i int, list ...Trace) []flip {
	for _, t := range list {
		if k := &m.keys[i]; m.has(k, t) && k.Marks[t].On != m.wanted(k, t) {
			move = append(move, flip{i, t})
		}
	}
	return move
}

// takeOver lets a key sign the zone in place of those of its algorithm that leave.
func (m *machine) takeOver(i int) []flip {
	move := m.want(nil, i, SignsZone)
	for j := range m.keys {
		if o := &m.keys[j]; len(move) > 0 && o.Leaving && o.Algorithm == m.keys[i].Algorithm {
			move = m.want(move, j, SignsZone)
		}
	}
	return move
}

// parent asks the parent for the DS records that shall be there, and to take the others away. It is asked for all at once,
// as CDS records do (RFC 7344 section 4.1), and for none only if the zone is to become insecure.
func (m *machine) parent() []flip {
	var move []flip
	stays := m.policy.Goal != Signed
	for i := range m.keys {
		k := &m.keys[i]
		move = m.want(move, i, AtParent)
		stays = stays || m.wanted(k, AtParent) && k.Marks[Published].On && k.Marks[SignsKeys].On
	}
	if !stays {
		return nil
	}
	return move
}

// withdraw takes a leaving key out of the DNSKEY RRset: with it all others of an algorithm of which none stays, for a RRset
// that has a key of an algorithm promises signatures by it (RFC 4035 section 2.2).
func (m *machine) withdraw(i int) []flip {
	k := &m.keys[i]
	if k.Role&ZSK != 0 && k.Marks[SignsZone].On && m.stays(k.Algorithm) {
		return nil
	}
	move := m.want(nil, i, Published, SignsKeys)
	for j := range m.keys {
		if o := &m.keys[j]; j != i && o.Leaving && o.Algorithm == k.Algorithm && !m.stays(k.Algorithm) {
			move = m.want(move, j, Published, SignsKeys)
		}
	}
	return move
}

// fallSilent lets a leaving key sign no more whose place nobody takes.
func (m *machine) fallSilent(i int) []flip {
	k := &m.keys[i]
	for j := range m.keys {
		if o := &m.keys[j]; !o.Leaving && o.Algorithm == k.Algorithm && o.Role&ZSK != 0 && !o.Marks[SignsZone].On {
			return nil // it will
		}
	}
	return m.want(nil, i, SignsZone)
}

func (m *machine) stays(a Algorithm) bool {
	return slices.ContainsFunc(m.keys, func(k KeyState) bool { return !k.Leaving && k.Algorithm == a })
}

// possible says whether a move harms nobody. What still changes is left alone meanwhile, unless nobody depends on it; the
// parent can be asked for something else at any time.
func (m *machine) possible(move []flip) bool {
	after := &machine{keys: slices.Clone(m.keys), policy: m.policy, facts: m.facts, now: m.now}
	free := slices.Equal(after.parents(), []known{0}) // there is no DS, and no cache has one
	for _, f := range move {
		k := &m.keys[f.key]
		if f.trace != AtParent && !free && !m.settled(k, f.trace) {
			return false
		}
		after.keys[f.key].Marks[f.trace] = m.turned(k, f.trace)
	}
	return after.safe()
}
