package commit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// keysOf reads the zone's keys, as planned.
func (s *workspace) keysOf(ctx context.Context, z *zoneWork) ([]model.ZoneKey, error) {
	if z.keysRead || z.fresh {
		return z.keys, nil
	}
	keys, err := s.tx.ZoneKeys(ctx, z.row.ID)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	z.keys, z.keysRead = keys, true
	return keys, nil
}

// wantDNSSEC plans what somebody asks for of a zone's signatures.
func (p *plan) wantDNSSEC(ctx context.Context, z *zoneWork, old *model.Zone) error {
	if old.DNSSEC == z.row.DNSSEC {
		return nil
	}
	if z.fresh {
		return invalid(model.CodeDNSSECState, "A zone can be signed once it is there.")
	}
	row := z.row
	if row.DNSSEC.Modified = p.now; row.DNSSEC.Status == "" {
		row.DNSSEC.Modified = time.Time{} // what is off, and not only withdrawn, is as if it never was
	}
	p.setRow(z, row)
	p.touch(z, z.row.Name)
	nobody := func(uint32) (time.Time, []string) { return time.Time{}, []string{"every server"} }
	return p.steer(ctx, z, nobody, parentTTL)
}

// parentTTL is how long DS records are taken to be cached where nobody has seen one: as long as TTLs commonly are at most.
const parentTTL = 24 * time.Hour

// keepDNSSEC does what is due.
func (p *plan) keepDNSSEC(ctx context.Context, e model.KeepDNSSEC) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil || !z.row.DNSSEC.Signed || z.state == nil {
		return model.Outcome{}, err
	}
	keys, err := p.keysOf(ctx, z)
	if err != nil {
		return model.Outcome{}, err
	}
	if e.Seen == nil || e.DS == nil {
		return model.Outcome{}, errors.New("keep DNSSEC: nobody tells what is seen")
	}
	learned := slices.Clone(keys)
	for i := range learned {
		k := &learned[i]
		there, known := e.DS(k)
		if known && (there != k.DS.Everywhere || there != k.DS.Somewhere) {
			k.DS = dnssec.DSFact{Everywhere: there, Somewhere: there, Since: p.now}
			assign(&p.undo, &z.keysDirty, true)
		}
	}
	assign(&p.undo, &z.keys, learned)
	if err := p.steer(ctx, z, e.Seen, max(e.DSTTL, time.Hour)); err != nil {
		return model.Outcome{}, err
	}
	signing, err := p.signing(ctx, z)
	if err != nil || signing == nil {
		return zoneOutcome(z), err
	}
	var due []wire.Name
	for _, d := range z.state.Transfer.Due(signing.Timing.Renew, e.Names) {
		if n := len(due); n == 0 || due[n-1] != d.Owner {
			due = append(due, d.Owner)
			p.touch(z, d.Owner)
		}
	}
	if len(due) > 0 {
		assign(&p.undo, &z.renew, true)
	}
	return zoneOutcome(z), p.load(ctx, z, due)
}

// steer asks the machine of package dnssec what to do with the zone's keys, and plans it.
func (p *plan) steer(ctx context.Context, z *zoneWork, seen func(uint32) (time.Time, []string), dsTTL time.Duration) error {
	keys, err := p.keysOf(ctx, z)
	if err != nil {
		return err
	}
	keys = slices.Clone(keys)
	facts := dnssec.Facts{
		Seen: seen, KeyTTL: time.Hour, ZoneTTL: time.Duration(longestTTL(&z.row)) * time.Second, DSTTL: dsTTL,
		DS: func(id string) dnssec.DSFact {
			for i := range keys {
				if string(keys[i].ID) == id {
					return keys[i].DS
				}
			}
			return dnssec.DSFact{}
		},
	}
	policy := dnssec.Policy{Goal: z.row.DNSSEC.Goal(), Algorithm: dnssec.ECDSAP256SHA256}
	whole, changed := false, false
	for again := true; again; {
		states := make([]dnssec.KeyState, len(keys))
		for i := range keys {
			states[i] = keys[i].State
		}
		actions, _ := dnssec.Next(states, policy, facts, p.now)
		again = false
		for _, a := range actions {
			changed = true
			i := slices.IndexFunc(keys, func(k model.ZoneKey) bool { return string(k.ID) == a.Key })
			switch a.Kind {
			case dnssec.Make:
				again = true // what is made now can be used at once
				k, err := p.makeKey(z, keys, a)
				if err != nil {
					return err
				}
				keys = append(keys, k)
			case dnssec.Retire:
				keys[i].State.Leaving = true
			case dnssec.Set:
				whole = whole || a.Trace == dnssec.SignsZone || a.Trace == dnssec.SignsKeys
				// The version in which it is so has no serial yet.
				keys[i].State.Marks[a.Trace] = dnssec.Mark{On: a.On, Since: p.now, Pending: true}
			case dnssec.Forget:
				assign(&p.undo, &z.keysGone, append(slices.Clip(z.keysGone), keys[i].ID))
				keys = slices.Delete(keys, i, i+1)
			}
		}
	}
	if !changed {
		return nil
	}
	if whole && z.state != nil && z.state.Transfer.Records() > p.cfg.Limits.SignRecords {
		return invalid(model.CodeDNSSECState, "The zone has %d records; zones of more than %d cannot be signed, or their keys changed, in one step yet.",
			z.state.Transfer.Records(), p.cfg.Limits.SignRecords)
	}
	assign(&p.undo, &z.keys, keys)
	assign(&p.undo, &z.keysRead, true)
	assign(&p.undo, &z.keysDirty, true)
	assign(&p.undo, &z.signAll, z.signAll || whole)
	assign(&p.undo, &z.renew, true)
	if row := z.row; row.DNSSEC.Signed != (len(keys) > 0) {
		row.DNSSEC.Signed = len(keys) > 0
		p.setRow(z, row)
	}
	p.touch(z, z.row.Name)
	return nil
}

func (p *plan) makeKey(z *zoneWork, keys []model.ZoneKey, a dnssec.Action) (model.ZoneKey, error) {
	flags := uint16(dnssec.FlagZone)
	if a.Role&dnssec.KSK != 0 {
		flags |= dnssec.FlagSEP
	}
	others := make([]*dnssec.DNSKEY, len(keys))
	for i := range keys {
		others[i] = &keys[i].Public
	}
	made, err := dnssec.Generate(a.Algorithm, flags, others)
	if err != nil {
		return model.ZoneKey{}, fmt.Errorf("make a key: %w", err)
	}
	private, err := made.Private()
	if err != nil {
		return model.ZoneKey{}, fmt.Errorf("make a key: %w", err)
	}
	id := p.cfg.NewID()
	return model.ZoneKey{
		ID: id, Zone: z.row.ID, Public: made.DNSKEY, Created: p.now, Private: private,
		State: dnssec.KeyState{ID: string(id), Role: a.Role, Algorithm: a.Algorithm},
	}, nil
}

// signing is what the zone is signed with, nil if it is not and was not.
func (s *workspace) signing(ctx context.Context, z *zoneWork) (*face.Signing, error) {
	if !z.row.DNSSEC.Signed && !z.read.DNSSEC.Signed {
		return nil, nil
	}
	keys, err := s.keysOf(ctx, z)
	if err != nil {
		return nil, err
	}
	g := &face.Signing{Whole: z.signAll || shortens(&z.read, &z.row)}
	g.Timing = dnssec.TimingOf(s.now, expireOf(&z.row), longestTTL(&z.row))
	for i := range keys {
		k := &keys[i]
		marks := &k.State.Marks
		if !marks[dnssec.SignsKeys].On && !marks[dnssec.SignsZone].On {
			continue
		}
		if len(k.Private) == 0 {
			return nil, spoilt("The private key %d of the zone %s cannot be opened here, so nothing in the zone can be changed: "+
				"its signatures would not fit.", k.Public.Tag(), z.row.Name.Host())
		}
		key, err := dnssec.ParsePrivate(&k.Public, k.Private)
		if err != nil {
			return nil, spoilt("The private key %d of the zone %s is damaged: %v.", k.Public.Tag(), z.row.Name.Host(), err)
		}
		if marks[dnssec.SignsKeys].On {
			g.Keys = append(g.Keys, key)
		}
		if marks[dnssec.SignsZone].On {
			g.Zone = append(g.Zone, key)
		}
	}
	return g, nil
}

// spoilt is a zone that cannot be signed, which is no fault of who changes it.
func spoilt(format string, args ...any) *model.Invalid {
	e := invalid(model.CodeDNSSECKeys, format, args...)
	e.Status = 500
	return e
}

// shortens says that signatures made for the one zone may end too early for the other.
func shortens(old, row *model.Zone) bool {
	return old.DNSSEC.Signed && row.DNSSEC.Signed &&
		(expireOf(row) > expireOf(old) || longestTTL(row) > longestTTL(old) || old.Settings.SOA.MinTTL != row.Settings.SOA.MinTTL ||
			old.Settings.SOA.TTL != row.Settings.SOA.TTL)
}

func expireOf(z *model.Zone) uint32 {
	if z.Settings.SOA.Expire != 0 {
		return z.Settings.SOA.Expire
	}
	return model.DefaultSettings().SOA.Expire
}

// longestTTL is the longest that anything of the zone may be cached, in seconds.
func longestTTL(z *model.Zone) uint32 {
	return max(rules.MostTTL, z.Settings.NSTTL, z.Settings.SOA.TTL, z.Settings.SOA.MinTTL)
}

// flushKeys gives what has turned at keys its serial and writes them.
func (s *workspace) flushKeys(ctx context.Context, z *zoneWork, serial uint32) error {
	s.wrote = true
	for i := range z.keys {
		for t := range z.keys[i].State.Marks {
			if m := &z.keys[i].State.Marks[t]; m.Pending {
				m.Pending, m.Serial = false, serial
			}
		}
		if err := s.tx.PutZoneKey(ctx, z.keys[i]); err != nil {
			return fmt.Errorf("write key: %w", err)
		}
	}
	for _, id := range z.keysGone {
		if err := s.tx.DeleteZoneKey(ctx, z.row.ID, id); err != nil {
			return fmt.Errorf("delete key: %w", err)
		}
	}
	return nil
}
