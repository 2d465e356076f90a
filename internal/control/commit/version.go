package commit

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/preview"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Where a change touches more records than resetLeast and a quarter of the zone, the zone's new image is journalled in
// place of a delta: a delta of that size helps no secondary.
const (
	resetLeast = 8192
	resetShare = 4
)

// pool is the account's edge addresses, or the server's.
func (s *workspace) pool(z *zoneWork) []netip.Addr { return s.cfg.pool(&z.acct.row) }

func (c *Config) pool(a *model.Account) []netip.Addr {
	if len(a.EdgeAddresses) > 0 {
		return a.EdgeAddresses
	}
	return c.Edge
}

// firstVersion renders a new zone.
func (s *workspace) firstVersion(ctx context.Context, z *zoneWork, owners []wire.Name) ([]model.Entry, error) {
	names := make([]face.Name, 0, len(owners))
	for _, owner := range owners {
		names = append(names, face.Name{Owner: owner, Rows: z.rows[owner]})
	}
	v, err := s.context(z).First(z.serial, names)
	if err == nil && z.row.Digest {
		v, _, err = face.Seal(v, nil)
	}
	if err != nil {
		return nil, err
	}
	return s.reset(ctx, z, v)
}

// seal puts the digest of a zone that has one into a step and the versions that it leads to, which are worked out where they are not
// yet. A digest is of the whole zone: what somebody asks for must not make that larger than others can wait for. What keeps a zone alive,
// signatures and keys that take the place of others, may.
func (s *workspace) seal(z *zoneWork, base, next face.Versions, step *zone.Step, g *face.Signing, soa *rr.Set) (face.Versions, error) {
	if !z.row.Digest || step.Transfer.From == step.Transfer.To {
		return next, nil
	}
	var err error
	if next.Transfer == nil {
		if next, err = base.Apply(step); err != nil {
			return next, err
		}
	}
	asked := len(z.puts) > 0 || !z.read.Digest || z.row.DNSSEC.Status != z.read.DNSSEC.Status
	if size, most := next.Transfer.Size(), s.cfg.Limits.DigestBytes; asked && size > most && (size > base.Transfer.Size() || !z.read.Digest) {
		return next, invalid(model.CodeZONEMD, "A digest (ZONEMD) is made of zones of up to %d octets, and this one would have %d.", most, size)
	}
	next, did, err := face.Seal(next, g)
	if err != nil {
		return next, wrap(err, "zone %s", z.row.Name.Host())
	}
	return next, did.Into(step, soa)
}

// nextVersion renders the touched names of a zone and journals what they changed, if they did.
//
// What is rendered is held against memory, not against the rows as they were: so a change that comes to nothing in the DNS (a comment,
// a record that another one hides) gets no serial, and what a secondary gets is exactly the difference of two versions that this
// server had. Memory is the base because the rows say that it is theirs (workspace.base).
func (s *workspace) nextVersion(ctx context.Context, z *zoneWork, owners []wire.Name) ([]model.Entry, error) {
	if len(owners) == 0 && !z.renew {
		return nil, nil
	}
	base, diff := face.Of(z.state), s.diff(z, owners)
	old, err := base.SOA()
	if err != nil {
		return nil, err
	}
	from := base.Transfer.Serial()
	to := from
	soa, err := face.SOA(&z.row, from)
	if err != nil {
		return nil, err
	}
	// The serial is the transfer face's. Where only what we answer changes, as when a flattened name moves, secondaries have nothing to
	// fetch: the step has two equal serials and no SOA.
	if z.raise != nil || z.renew || diff.Transfers() || old.TTL != soa.TTL || !face.SameSOA(old.Data[0], soa.Data[0]) {
		if to, err = s.nextSerial(ctx, z, to); err != nil {
			return nil, err
		}
	}
	if from == to && !diff.Serves() {
		return nil, nil
	}
	z.serial = to
	soa.Data[0] = face.WithSerial(soa.Data[0], to)
	step := diff.Step(from, to, old, &soa)
	signing, err := s.signing(ctx, z)
	if err != nil {
		return nil, err
	}
	var next face.Versions
	if signing != nil {
		if next, err = s.sign(z, signing, base, step, owners); err != nil {
			return nil, err
		}
	}
	if next, err = s.seal(z, base, next, step, signing, &soa); err != nil {
		return nil, err
	}
	if diff.Records() > max(resetLeast, base.Transfer.Records()/resetShare) {
		if next.Transfer == nil {
			if next, err = base.Apply(step); err != nil {
				return nil, err
			}
		}
		return s.reset(ctx, z, next)
	}
	if signing != nil {
		if s.ahead == nil {
			s.ahead = map[model.ID]*zone.Ahead{}
		}
		s.ahead[z.row.ID] = zone.AheadOf(z.state, step, next.Served, next.Transfer)
	}
	return []model.Entry{s.journal(z, model.EntryDelta, step.Append(nil))}, nil
}

// sign adds a step's signatures to it.
func (s *workspace) sign(z *zoneWork, g *face.Signing, base face.Versions, step *zone.Step, owners []wire.Name) (face.Versions, error) {
	if len(z.resign)+len(z.rehash) > 0 {
		g.Retired = nil // that is what they are looked at for
	}
	next, err := g.Extend(base, step, slices.Concat(owners, z.resign), z.rehash...)
	return next, wrap(err, "zone %s", z.row.Name.Host())
}

// diff renders owners and holds them against memory.
func (s *workspace) diff(z *zoneWork, owners []wire.Name) *face.Diff {
	c, d := s.context(z), face.DiffOf(face.Of(z.state))
	for i, owner := range owners {
		s.yield(i)
		d.Render(c, owner, z.rows[owner], z.kept(owner))
	}
	return d
}

// reset writes versions as the zone's image, and journals that it is to be loaded.
func (s *workspace) reset(ctx context.Context, z *zoneWork, v face.Versions) ([]model.Entry, error) {
	img := journal.Encode(string(z.row.ID), string(z.row.Account), v.Served, v.Transfer)
	if err := s.tx.PutImage(ctx, img); err != nil {
		return nil, fmt.Errorf("write image: %w", err)
	}
	s.made[z.row.ID] = v
	return []model.Entry{s.journal(z, model.EntryReset, nil)}, nil
}

// kept says that a CNAME at owner, if there is one, stands for what it stood for before this group.
func (z *zoneWork) kept(owner wire.Name) bool {
	_, retargeted := z.retargeted[owner]
	return !z.recast && !retargeted
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
	g := &face.Signing{Whole: z.signAll || outgrows(&z.read, &z.row), Crew: s.crew, Yield: s.cfg.Yield}
	if g.Denial = denialOf(&z.row); !g.Whole {
		g.Denial = z.proves(&z.row) // until somebody signs all of it, the zone goes on as it is
	}
	g.Timing = timingOf(s.now, &z.row)
	if g.Signers, err = s.cfg.keys.Signers(&z.row, keys); err != nil {
		return nil, err
	}
	if z.signAll {
		g.Retired = nil // their signatures go now: nobody will come for them, and the key may be gone before they are due
	}
	if len(g.Keys)+len(g.Zone) == 0 && z.state != nil && !z.state.Transfer.Signed() {
		return nil, nil // its keys wait
	}
	return g, nil
}

// timingOf is from when to when signatures of a zone are good.
func timingOf(now time.Time, z *model.Zone) dnssec.Timing {
	inForce := z.InForce()
	expire, longest := rules.Lasting(&inForce)
	return dnssec.TimingOf(now, expire, longest)
}

// denialOf is how a zone shall prove that something is not there.
func denialOf(z *model.Zone) dnssec.Denial {
	if z.DNSSEC.NSEC3 == model.SwitchOn {
		return dnssec.NSEC3
	}
	return dnssec.NSEC
}

// outgrows says that all of a signed zone is to be signed anew for what is in force now: its signatures may end too early for that, or
// its proofs have the TTL of other negative answers.
func outgrows(old, row *model.Zone) bool {
	a, b := old.InForce(), row.InForce()
	return old.DNSSEC.Signed && row.DNSSEC.Signed && exceeds(&a, &b)
}

// exceeds says that for settings.
func exceeds(old, now *model.Settings) bool {
	expire, longest := rules.Lasting(old)
	more, longer := rules.Lasting(now)
	return uint64(more)+uint64(longer) > uint64(expire)+uint64(longest) || rules.NegativeTTL(old) != rules.NegativeTTL(now)
}

// hold keeps a large zone as it is where its settings need all of it signed anew, until Sign has done that: what is handed out
// meanwhile has signatures that last for what it says.
func (p *plan) hold(z *zoneWork, old *model.Zone) {
	row := z.row
	row.DNSSEC.Held = model.Held{}
	if was := old.InForce(); old.DNSSEC.Signed && row.DNSSEC.Signed && p.large(z) && exceeds(&was, &row.Settings) {
		row.DNSSEC.Held = model.HeldOf(&was)
	}
	if row.DNSSEC.Held != z.row.DNSSEC.Held {
		p.setRow(z, row)
	}
}

// large says that a zone is signed as a whole beside its life, and not in a change.
func (s *workspace) large(z *zoneWork) bool {
	return z.state != nil && z.state.Transfer.Records() > s.cfg.Limits.SignRecords
}

// revise gives the zone's keys another revision: whatever is written of them is seen by who holds them in memory.
func (s *workspace) revise(z *zoneWork) {
	z.dirty, z.row.DNSSEC.Keys = true, ""
	if len(z.keys) > 0 {
		z.row.DNSSEC.Keys = s.cfg.NewID()
	}
}

// flushKeys gives what has turned at keys its serial and writes them.
func (s *workspace) flushKeys(ctx context.Context, z *zoneWork, serial uint32) error {
	s.wrote = true
	for i := range z.keys {
		k := z.keys[i]
		for t := range k.State.Marks {
			if m := &k.State.Marks[t]; m.Pending && (!z.lingers || dnssec.Trace(t) != dnssec.SignsZone) {
				m.Pending, m.Serial = false, serial
			}
		}
		if err := s.tx.PutZoneKey(ctx, k); err != nil {
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

// previews is what the zones of a flushed workspace have come to.
func (s *workspace) previews(ctx context.Context, entries []model.Entry) ([]preview.Zone, error) {
	out := make([]preview.Zone, 0, len(s.order))
	for _, z := range s.order {
		if z.gone && z.fresh {
			continue
		}
		v := preview.Zone{Read: z.read, Row: z.row, Created: z.fresh, Deleted: z.gone, Serial: z.serial, Puts: z.puts, Dels: z.dels}
		if z.state != nil {
			v.Base = face.Of(z.state)
		}
		if made, ok := s.made[z.row.ID]; ok {
			v.Next = made
		}
		for i := range entries {
			e := &entries[i]
			switch {
			case e.Zone != z.row.ID:
			case e.Kind == model.EntryAccess:
				v.Access = true
			case e.Kind == model.EntryDelta:
				step, err := zone.DecodeStep(e.Body)
				if err != nil {
					return nil, fmt.Errorf("zone %s: %w", z.row.Name.Host(), err)
				}
				v.Step = step
			}
		}
		if z.notify || z.gone || z.fresh || z.serial != z.read.Serial {
			var err error
			if v.Notified, err = s.notified(ctx, z); err != nil {
				return nil, err
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// notified names the peers that hear of a new version of the zone.
func (s *workspace) notified(ctx context.Context, z *zoneWork) (out []string, err error) {
	l := linksOf(&z.row, &z.acct.row)
	if !l.Enabled || z.gone {
		return nil, nil
	}
	peers, err := s.access(z.acct).peers.some(ctx, l.Peers)
	if err != nil {
		return nil, err
	}
	for _, p := range peers {
		if p != nil && p.IP.IsValid() {
			out = append(out, p.Name)
		}
	}
	return out, nil
}
