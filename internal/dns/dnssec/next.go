package dnssec

import (
	"slices"
	"time"
)

// Role is what a key signs; a key may have both.
type Role uint8

// The roles of keys.
const (
	KSK Role = 1 << iota // the sets of keys at the apex; the parent's DS names it
	ZSK                  // everything else
)

// Trace is a part of a key that caches can know or not know, each in its own time.
type Trace uint8

// The traces of a key.
const (
	Published Trace = iota // its DNSKEY record
	SignsKeys              // its signature over the DNSKEY RRset, cached with that; of a KSK
	SignsZone              // its signatures over everything else; of a ZSK
	AtParent               // its DS record; of a KSK
	traces
)

// Mark tells how a trace stands in the newest version, and since when. The zero Mark is a trace that never was.
type Mark struct {
	On     bool
	Serial uint32    // the first version in which it is so; AtParent has none
	Since  time.Time // when that version was made
	// Pending says that not all signatures are made, or taken away, yet; Serial is then still to come.
	Pending bool
	// Everywhere is since when all servers have been seen with the version, or a later one; zero as long as they have not. Next
	// does not look at it: it is for who tells it by Facts.Seen.
	Everywhere time.Time
}

// KeyState is how far a key has come.
type KeyState struct {
	ID        string
	Role      Role
	Algorithm Algorithm
	// Leaving keys go as soon as they can be spared, all others come and stay.
	Leaving bool
	Marks   [traces]Mark
}

// Goal is what is wanted of a zone.
type Goal uint8

// The goals.
const (
	Signed    Goal = iota
	Withdrawn      // the zone stays signed, and the parent is asked to take its DS records away
	Unsigned       // nothing is signed any more, as soon as nobody expects it
)

// Policy is what is wanted of the keys.
type Policy struct {
	Goal      Goal
	Algorithm Algorithm
	// Roll asks for new keys in place of those of a role. It is over with the first step.
	Roll Role
	// Lifetime is how long a ZSK signs before another one takes its place; 0 is for ever.
	Lifetime time.Duration
}

// Facts is what is known of the world.
type Facts struct {
	// Seen tells since when every name server and peer of the zone has been seen with a serial, or a later one, and if that is
	// not so yet, who lags behind.
	Seen func(serial uint32) (since time.Time, behind []string)
	// DS tells of a key's DS record.
	DS func(id string) DSFact
	// KeyTTL, ZoneTTL and DSTTL are the longest that the DNSKEY RRset, anything else in the zone, and the DS RRset have had
	// since the oldest mark that counts.
	KeyTTL, ZoneTTL, DSTTL time.Duration
}

// DSFact is what the addresses of the parent's name servers show of a DS record, or what somebody has said of it.
type DSFact struct {
	Everywhere bool
	Somewhere  bool
	Since      time.Time // that it is so
}

// ActionKind is what is to be done with a key.
type ActionKind uint8

// The actions.
const (
	Make   ActionKind = iota // a key of Role and Algorithm is to be made, which stays
	Retire                   // the key is leaving
	Set                      // Trace is to be On from the next version on
	Forget                   // nothing of the key is left anywhere: its private half can go
)

// Action is one thing to do. All actions of one answer belong into one version.
type Action struct {
	Kind      ActionKind
	Key       string
	Role      Role
	Algorithm Algorithm
	Trace     Trace
	On        bool
}

// WaitFor is what a key waits for.
type WaitFor uint8

// The reasons to wait.
const (
	Signatures WaitFor = iota // the zone's signatures are being made
	Servers                   // not all servers have been seen with the version: Who are those
	Caches                    // caches may hold what was before, Until then
	DSAdded                   // the parent does not have the key's DS record everywhere
	DSRemoved                 // the parent still has the key's DS record
	Others                    // what other keys wait for
)

// Wait is what a key waits for, and since when.
type Wait struct {
	Key   string
	For   WaitFor
	Since time.Time
	Until time.Time // zero if nobody can know
	Who   []string
}

// machine is one run of Next.
type machine struct {
	keys    []KeyState
	policy  Policy
	facts   Facts
	now     time.Time
	actions []Action
}

// Next tells what to do with a zone's keys now, and for what each of them waits. It is the one machine for signing at first,
// rolls of ZSKs (pre-publication, RFC 6781 section 4.1.1.1), of KSKs (double signature, section 4.1.2), of algorithms (section
// 4.1.4) and for becoming insecure. None of those is written down here: the machine knows in which order things are wanted,
// and does each as soon as every mix of what caches may hold (safe) would still validate after it. It never guesses: it waits
// until facts say that a version is everywhere, and then until caches have forgotten what was before. One roll comes after
// the other. Told the same again, it wants the same again.
func Next(keys []KeyState, policy Policy, facts Facts, now time.Time) ([]Action, []Wait) {
	m := &machine{keys: slices.Clone(keys), policy: policy, facts: facts, now: now}
	m.begin()
	for m.step() {
	}
	for i := range m.keys {
		if m.forgotten(&m.keys[i]) {
			m.actions = append(m.actions, Action{Kind: Forget, Key: m.keys[i].ID})
		}
	}
	return m.actions, m.waits()
}

// begin retires and makes keys.
func (m *machine) begin() {
	if m.policy.Goal == Unsigned {
		for i := range m.keys {
			m.retire(&m.keys[i])
		}
		return
	}
	if m.quiet() {
		for i := range m.keys {
			if k := &m.keys[i]; k.Algorithm != m.policy.Algorithm || k.Role&m.policy.Roll != 0 || m.old(k) {
				m.retire(k)
			}
		}
	}
	for _, role := range []Role{KSK, ZSK} {
		if !slices.ContainsFunc(m.keys, func(k KeyState) bool { return !k.Leaving && k.Role&role != 0 }) {
			m.actions = append(m.actions, Action{Kind: Make, Role: role, Algorithm: m.policy.Algorithm})
		}
	}
}

func (m *machine) retire(k *KeyState) {
	if !k.Leaving {
		k.Leaving = true
		m.actions = append(m.actions, Action{Kind: Retire, Key: k.ID})
	}
}

// quiet says that no roll is under way: all keys stay, and are what they shall be. It does not wait for a DS record that the
// parent may never get.
func (m *machine) quiet() bool {
	for i := range m.keys {
		k := &m.keys[i]
		if k.Leaving {
			return false
		}
		for t := range traces {
			if m.has(k, t) && (k.Marks[t].On != m.wanted(k, t) || t != AtParent && !m.settled(k, t)) {
				return false
			}
		}
	}
	return true
}

// old says that a ZSK has signed for long enough.
func (m *machine) old(k *KeyState) bool {
	return k.Role == ZSK && m.policy.Lifetime > 0 && k.Marks[SignsZone].On && m.now.Sub(k.Marks[SignsZone].Since) >= m.policy.Lifetime
}

// has says whether a key can have a trace.
func (m *machine) has(k *KeyState, t Trace) bool {
	switch t {
	case SignsKeys, AtParent:
		return k.Role&KSK != 0
	case SignsZone:
		return k.Role&ZSK != 0
	default:
		return true
	}
}

// wanted says how a trace shall be in the end.
func (m *machine) wanted(k *KeyState, t Trace) bool {
	return m.has(k, t) && !k.Leaving && (t != AtParent || m.policy.Goal == Signed)
}

// settled says that nobody knows otherwise of a trace any more.
func (m *machine) settled(k *KeyState, t Trace) bool {
	_, settled := m.await(k, t)
	return settled
}

// await tells what has to come before a trace is settled.
func (m *machine) await(k *KeyState, t Trace) (Wait, bool) {
	mark := k.Marks[t]
	w := Wait{Key: k.ID, Since: mark.Since}
	if t == AtParent {
		return m.awaitParent(k, w)
	}
	switch {
	case mark.Since.IsZero():
		return w, true
	case mark.Pending:
		w.For = Signatures
		return w, false
	}
	since, behind := m.facts.Seen(mark.Serial)
	if len(behind) > 0 {
		w.For, w.Who = Servers, behind
		return w, false
	}
	ttl := m.facts.KeyTTL
	if t == SignsZone {
		ttl = m.facts.ZoneTTL
	}
	return m.expired(w, since, ttl)
}

func (m *machine) awaitParent(k *KeyState, w Wait) (Wait, bool) {
	fact := m.facts.DS(k.ID)
	on := k.Marks[AtParent].On
	switch {
	case on && !fact.Everywhere:
		w.For = DSAdded
		return w, false
	case !on && fact.Somewhere:
		w.For = DSRemoved
		return w, false
	case fact.Since.IsZero():
		return w, true // it never was there
	}
	return m.expired(w, fact.Since, m.facts.DSTTL)
}

// expired waits until what was there before a time has left the caches.
func (m *machine) expired(w Wait, since time.Time, ttl time.Duration) (Wait, bool) {
	if w.Since.After(since) {
		since = w.Since
	}
	w.For, w.Until = Caches, since.Add(ttl)
	return w, !m.now.Before(w.Until)
}

// forgotten says that nothing of a leaving key is left.
func (m *machine) forgotten(k *KeyState) bool {
	for t := range traces {
		if m.has(k, t) && (k.Marks[t].On || !m.settled(k, t)) {
			return false
		}
	}
	return k.Leaving
}

// waits tells for what each key waits: for its own traces, or for those of others.
func (m *machine) waits() []Wait {
	var out []Wait
	for i := range m.keys {
		k := &m.keys[i]
		reached := true
		var own *Wait
		for t := range traces {
			if !m.has(k, t) {
				continue
			}
			reached = reached && k.Marks[t].On == m.wanted(k, t)
			if w, settled := m.await(k, t); !settled && (own == nil || w.For < own.For) {
				own = &w
			}
		}
		if own == nil && !reached {
			own = &Wait{Key: k.ID, For: Others, Since: k.Marks[Published].Since}
		}
		if own != nil {
			out = append(out, *own)
		}
	}
	return out
}
