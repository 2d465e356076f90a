package keyring

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
)

// ParentTTL is how long DS records are taken to be cached where nobody has seen one: as long as TTLs commonly are at most.
const ParentTTL = 24 * time.Hour

// KeyTTL is the TTL of the RRsets of keys, in seconds.
const KeyTTL = 3600

// notAsked stands for servers of which nobody could tell.
const notAsked = "every server"

// Facts is what is known when a zone's keys are looked after.
type Facts struct {
	Now time.Time
	// Behind tells which of the zone's servers have not been seen with a serial, or a later one; nil: nobody has looked.
	Behind func(serial uint32) []string
	// DS tells at which of the parent's addresses a key's DS record is; known is false where none could be asked. Nil: likewise.
	DS func(k *model.ZoneKey) (everywhere, somewhere, known bool)
	// DSTTL and ZoneTTL are the longest that a DS record, and anything in the zone, may be cached.
	DSTTL, ZoneTTL time.Duration
	NewID          func() model.ID
	// Others are keys of other signers that the zone publishes.
	Others []*dnssec.DNSKEY
	// Roll asks for new keys in place of those of a role.
	Roll dnssec.Role
}

// Plan is what becomes of a zone's keys.
type Plan struct {
	Keys []model.ZoneKey
	Gone []model.ID
	// Written says that some row is other than before, Moved that the zone's next version is.
	Written, Moved bool
	// Signers says that other keys than before sign the zone's records, Whole that this must not happen one record after another: an
	// algorithm comes, or the first key, or the last goes.
	Signers, Whole bool
}

// Clock is the time by which keys go on: the clock's, but never before anything that was noted of them. A clock that was set back makes
// them wait longer than needed, and not shorter.
func Clock(keys []model.ZoneKey, now time.Time) time.Time {
	if at := model.LatestOf(keys); at.After(now) {
		return at
	}
	return now
}

// Learn notes facts in copies of keys: since when all servers have been seen with what has changed, and what the parent has. Facts
// that are written down count for every node, and for good.
func Learn(keys []model.ZoneKey, f *Facts) (learned []model.ZoneKey, changed bool) {
	learned = slices.Clone(keys)
	for i := range learned {
		k := &learned[i]
		for t := range k.State.Marks {
			m := &k.State.Marks[t]
			if f.Behind == nil || m.Since.IsZero() || m.Pending || !m.Everywhere.IsZero() || dnssec.Trace(t) == dnssec.AtParent {
				continue
			}
			if len(f.Behind(m.Serial)) == 0 {
				m.Everywhere, changed = f.Now, true
			}
		}
		if f.DS == nil || k.State.Role&dnssec.KSK == 0 {
			continue
		}
		if everywhere, somewhere, known := f.DS(k); known && (everywhere != k.DS.Everywhere || somewhere != k.DS.Somewhere) {
			k.DS, changed = dnssec.DSFact{Everywhere: everywhere, Somewhere: somewhere, Since: f.Now}, true
		}
	}
	return learned, changed
}

// Steer asks the machine of package dnssec what to do with a zone's keys, and does it to copies of them. Keys that were made
// elsewhere and sign nothing yet wait as they are for somebody to want the zone signed.
func Steer(row *model.Zone, keys []model.ZoneKey, f *Facts) (*Plan, error) {
	p := &Plan{Keys: slices.Clone(keys)}
	if row.DNSSEC.Goal() == dnssec.Unsigned && !Used(keys) {
		return p, nil
	}
	policy := dnssec.Policy{
		Goal: row.DNSSEC.Goal(), Algorithm: AlgorithmOf(&row.DNSSEC), Roll: f.Roll, Lifetime: days(row.DNSSEC.ZSKDays),
	}
	if n := row.DNSSEC.KSKDays; n > 0 && slices.ContainsFunc(keys, func(k model.ZoneKey) bool { return aged(&k, f.Now, days(n)) }) {
		policy.Roll |= dnssec.KSK
	}
	for again := true; again; {
		actions, waits := dnssec.Next(states(p.Keys), policy, p.facts(f), f.Now)
		again = false
		policy.Roll = 0 // it is over with the first step
		for _, a := range actions {
			made, err := p.act(row, a, f)
			if err != nil {
				return nil, err
			}
			again = again || made // what is made now can be used at once
		}
		if !again {
			p.wait(waits)
		}
	}
	p.Whole = p.Signers && algorithms(keys) != algorithms(p.Keys)
	return p, nil
}

// Used says whether some key is, or was, in the zone.
func Used(keys []model.ZoneKey) bool {
	return slices.ContainsFunc(keys, func(k model.ZoneKey) bool {
		return slices.ContainsFunc(k.State.Marks[:], func(m dnssec.Mark) bool { return !m.Since.IsZero() })
	})
}

// AlgorithmOf is the algorithm that a zone's keys shall have.
func AlgorithmOf(d *model.DNSSEC) dnssec.Algorithm {
	if d.Algorithm == 0 {
		return dnssec.ECDSAP256SHA256
	}
	return d.Algorithm
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func aged(k *model.ZoneKey, now time.Time, life time.Duration) bool {
	m := &k.State.Marks[dnssec.SignsKeys]
	return k.State.Role == dnssec.KSK && !k.State.Leaving && m.On && now.Sub(m.Since) >= life
}

// algorithms names those by which the zone's records are signed, in order.
func algorithms(keys []model.ZoneKey) string {
	var out []byte
	for i := range keys {
		if keys[i].State.Marks[dnssec.SignsZone].On {
			out = append(out, byte(keys[i].Public.Algorithm))
		}
	}
	slices.Sort(out)
	return string(slices.Compact(out))
}

func states(keys []model.ZoneKey) []dnssec.KeyState {
	out := make([]dnssec.KeyState, len(keys))
	for i := range keys {
		out[i] = keys[i].State
	}
	return out
}

// facts are those that are written down, and what can be told now of what nobody has seen yet.
func (p *Plan) facts(f *Facts) dnssec.Facts {
	dsTTL := f.DSTTL
	if dsTTL <= 0 {
		dsTTL = ParentTTL
	}
	return dnssec.Facts{
		KeyTTL: KeyTTL * time.Second, ZoneTTL: f.ZoneTTL, DSTTL: max(dsTTL, time.Hour),
		DS: func(id string) dnssec.DSFact {
			if i := p.find(id); i >= 0 {
				return p.Keys[i].DS
			}
			return dnssec.DSFact{}
		},
		Seen: func(serial uint32) (time.Time, []string) {
			for i := range p.Keys {
				for _, m := range p.Keys[i].State.Marks {
					if m.Serial == serial && !m.Everywhere.IsZero() {
						return m.Everywhere, nil
					}
				}
			}
			if f.Behind != nil {
				if behind := f.Behind(serial); len(behind) > 0 {
					return time.Time{}, behind
				}
			}
			return time.Time{}, []string{notAsked}
		},
	}
}

func (p *Plan) find(id string) int {
	return slices.IndexFunc(p.Keys, func(k model.ZoneKey) bool { return string(k.ID) == id })
}

// act does one thing, and says whether it made a key.
func (p *Plan) act(row *model.Zone, a dnssec.Action, f *Facts) (made bool, err error) {
	p.Written = true
	i := p.find(a.Key)
	switch a.Kind {
	case dnssec.Make:
		k, err := p.make(row, a, f)
		if err != nil {
			return false, err
		}
		p.Keys = append(p.Keys, k)
		return true, nil
	case dnssec.Retire:
		p.Keys[i].State.Leaving = true
	case dnssec.Set:
		p.Moved = true
		p.Signers = p.Signers || a.Trace == dnssec.SignsZone
		// The version in which it is so has no serial yet.
		p.Keys[i].State.Marks[a.Trace] = dnssec.Mark{On: a.On, Since: f.Now, Pending: true}
	case dnssec.Forget:
		p.Gone = append(p.Gone, p.Keys[i].ID)
		p.Keys = slices.Delete(p.Keys, i, i+1)
	}
	return false, nil
}

func (p *Plan) make(row *model.Zone, a dnssec.Action, f *Facts) (model.ZoneKey, error) {
	flags := uint16(dnssec.FlagZone)
	if a.Role&dnssec.KSK != 0 {
		flags |= dnssec.FlagSEP
	}
	made, err := dnssec.Generate(a.Algorithm, flags, append(publics(p.Keys), f.Others...))
	if err != nil {
		return model.ZoneKey{}, fmt.Errorf("make a key: %w", err)
	}
	return rowOf(made, a.Role, row.ID, f)
}

func rowOf(key *dnssec.Key, role dnssec.Role, zone model.ID, f *Facts) (model.ZoneKey, error) {
	private, err := key.Private()
	if err != nil {
		return model.ZoneKey{}, fmt.Errorf("take up a key: %w", err)
	}
	id := f.NewID()
	return model.ZoneKey{
		ID: id, Zone: zone, Public: key.DNSKEY, Created: f.Now, Private: private,
		State: dnssec.KeyState{ID: string(id), Role: role, Algorithm: key.Algorithm},
	}, nil
}

func publics(keys []model.ZoneKey) []*dnssec.DNSKEY {
	out := make([]*dnssec.DNSKEY, len(keys))
	for i := range keys {
		out[i] = &keys[i].Public
	}
	return out
}

// wait notes what each key waits for.
func (p *Plan) wait(waits []dnssec.Wait) {
	for i := range p.Keys {
		k := &p.Keys[i]
		var now *dnssec.Wait
		if j := slices.IndexFunc(waits, func(w dnssec.Wait) bool { return w.Key == k.State.ID }); j >= 0 {
			w := waits[j]
			if slices.Equal(w.Who, []string{notAsked}) {
				w.Who = nil
			}
			now = &w
		}
		if !sameWait(k.Wait, now) {
			k.Wait, p.Written = now, true
		}
	}
}

func sameWait(a, b *dnssec.Wait) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.For == b.For && a.Since.Equal(b.Since) && a.Until.Equal(b.Until) && strings.Join(a.Who, " ") == strings.Join(b.Who, " ")
}

// Next is when something may change that keys wait for, if it is only a matter of time; the zero time if none does. What is past
// and has not come about waits for something else.
func Next(keys []model.ZoneKey, d *model.DNSSEC, now time.Time) (at time.Time) {
	sooner := func(t time.Time) {
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for i := range keys {
		k := &keys[i]
		if k.Wait != nil {
			sooner(k.Wait.Until)
		}
		if m := &k.State.Marks[dnssec.SignsZone]; d.ZSKDays > 0 && m.On && !k.State.Leaving {
			sooner(m.Since.Add(days(d.ZSKDays)))
		}
		if m := &k.State.Marks[dnssec.SignsKeys]; d.KSKDays > 0 && m.On && !k.State.Leaving {
			sooner(m.Since.Add(days(d.KSKDays)))
		}
	}
	return at
}

// Waits tells which serials all servers are to be seen with, and whether somebody waits for the parent.
func Waits(keys []model.ZoneKey) (servers []uint32, parent bool) {
	for i := range keys {
		k := &keys[i]
		parent = parent || k.Wait != nil && (k.Wait.For == dnssec.DSAdded || k.Wait.For == dnssec.DSRemoved)
		for t, m := range k.State.Marks {
			if dnssec.Trace(t) != dnssec.AtParent && !m.Since.IsZero() && !m.Pending && m.Everywhere.IsZero() && !slices.Contains(servers, m.Serial) {
				servers = append(servers, m.Serial)
			}
		}
	}
	return servers, parent
}

// Before gives the keys of a plan as they are before it comes about: those that it makes are made, those that leave are known to, and
// all are in the zone as they were. changed says that this is other than keys.
func (p *Plan) Before(keys []model.ZoneKey, now time.Time) (out []model.ZoneKey, changed bool) {
	for _, k := range p.Keys {
		i := slices.IndexFunc(keys, func(o model.ZoneKey) bool { return o.ID == k.ID })
		wait := &dnssec.Wait{Key: string(k.ID), For: dnssec.Signatures, Since: now}
		if i < 0 {
			k.State.Marks = (&dnssec.KeyState{}).Marks
			k.Wait, changed = wait, true
			out = append(out, k)
			continue
		}
		was := &keys[i]
		if k.State.Marks != was.State.Marks {
			k.State.Marks = was.State.Marks
			if k.Wait = wait; was.Wait != nil && was.Wait.For == dnssec.Signatures {
				k.Wait = was.Wait
			}
		}
		changed = changed || k.State.Leaving != was.State.Leaving || k.DS != was.DS || !sameWait(k.Wait, was.Wait)
		out = append(out, k)
	}
	for _, k := range keys { // what is forgotten is so when all is signed
		if !slices.ContainsFunc(out, func(o model.ZoneKey) bool { return o.ID == k.ID }) {
			out = append(out, k)
		}
	}
	return out, changed
}
