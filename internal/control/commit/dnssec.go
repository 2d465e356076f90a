package commit

import (
	"context"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/keyring"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// keysOf reads the zone's keys, as planned. What memory has of the rows' revision spares the store the question.
func (s *workspace) keysOf(ctx context.Context, z *zoneWork) ([]model.ZoneKey, error) {
	if z.keysRead || z.fresh {
		return z.keys, nil
	}
	keys, known := s.cfg.keys.Keys(z.row.ID, z.read.DNSSEC.Keys)
	if !known {
		var err error
		if keys, err = s.tx.ZoneKeys(ctx, z.row.ID); err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
		s.cfg.keys.Put(z.row.ID, z.read.DNSSEC.Keys, keys)
	}
	z.keys, z.keysRead = keys, true
	return keys, nil
}

// facts are what is known of a zone's keys besides its rows, where nobody tells more.
func (s *workspace) facts(ctx context.Context, z *zoneWork) (*keyring.Facts, error) {
	others, err := s.others(ctx, z)
	inForce := z.row.InForce()
	ttl := time.Duration(max(rules.LongestTTL(&z.row.Settings), rules.LongestTTL(&inForce))) * time.Second
	return &keyring.Facts{Now: keyring.Clock(z.keys, s.now), NewID: s.cfg.NewID, ZoneTTL: ttl, Others: others}, err
}

// clockSlack is by how much a clock may be behind what was noted by it, or by another node's, when a zone is first signed. Later the
// keeper looks after it: signatures and keys have times by which a clock is found out.
const clockSlack = time.Hour

func clockTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// wantDNSSEC plans what somebody asks for of a zone's signatures, or what other settings ask of them.
func (p *plan) wantDNSSEC(ctx context.Context, z *zoneWork, old *model.Zone) error {
	row := z.row // nobody asks for what the plan itself writes down there
	row.DNSSEC.Keys, row.DNSSEC.Signed, row.DNSSEC.Work = old.DNSSEC.Keys, old.DNSSEC.Signed, old.DNSSEC.Work
	row.DNSSEC.Held, row.DNSSEC.Early = old.DNSSEC.Held, old.DNSSEC.Early
	asked := row.DNSSEC != old.DNSSEC
	if asked && z.fresh {
		return invalid(model.CodeDNSSECState, "A zone can be signed once it is there.")
	}
	if begins := row.DNSSEC.Status == model.DNSSECActive && old.DNSSEC.Status != row.DNSSEC.Status; begins && old.Modified.Sub(p.now) > clockSlack {
		return invalid(model.CodeDNSSECState, "The clock shows %s, but the zone was changed at %s: signatures would be made for a time that is over. "+
			"Set the clock right, or change any setting of the zone if that time was wrong.", clockTime(p.now), clockTime(old.Modified))
	}
	if asked {
		if row.DNSSEC.Modified = p.now; row.DNSSEC.Status == "" {
			row.DNSSEC.Modified = time.Time{} // what is off, and not only withdrawn, is as if it never was
		}
	}
	p.setRow(z, row)
	if p.hold(z, old); !asked && z.row.DNSSEC == old.DNSSEC {
		return nil
	}
	row = z.row
	if a := row.DNSSEC.Algorithm; a != 0 && !a.Known() {
		return invalid(model.CodeDNSSECState, "%v", dnssec.ErrAlgorithm)
	}
	p.setRow(z, row)
	p.touch(z, z.row.Name)
	keys, err := p.keysOf(ctx, z)
	if err != nil {
		return err
	}
	if err := p.checkSigners(ctx, z, old, keys); err != nil {
		return err
	}
	f, err := p.facts(ctx, z)
	if err != nil {
		return err
	}
	next, err := keyring.Steer(&z.row, keys, f)
	if err != nil {
		return err
	}
	return p.turn(z, next)
}

// editKeys plans what somebody asks for of a zone's keys.
func (p *plan) editKeys(ctx context.Context, action string, edit func(row *model.Zone, keys []model.ZoneKey, f *keyring.Facts) (*keyring.Plan, error)) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	keys, err := p.keysOf(ctx, z)
	if err != nil {
		return model.Outcome{}, err
	}
	f, err := p.facts(ctx, z)
	if err != nil {
		return model.Outcome{}, err
	}
	old, row := z.row, z.row
	next, err := edit(&row, keys, f)
	if err != nil {
		return model.Outcome{}, err
	}
	if row.DNSSEC != old.DNSSEC {
		row.DNSSEC.Modified = p.now
		p.setRow(z, row)
	}
	if err := p.turn(z, next); err != nil {
		return model.Outcome{}, err
	}
	p.audit(auditOf{action: "update", legacy: "dnssec_" + action, resource: "zone.dnssec", id: z.row.ID, before: keyFacts(keys), after: keyFacts(z.keys)})
	return zoneOutcome(z), nil
}

// keyFacts are the keys as the audit log tells of them, by tag: 1 for each that stays, 0 for one that leaves.
func keyFacts(keys []model.ZoneKey) model.AuditFacts {
	out := make(model.AuditFacts, 0, len(keys))
	for i := range keys {
		stays := int64(1)
		if keys[i].State.Leaving {
			stays = 0
		}
		out = append(out, model.AuditFact{Name: fmt.Sprintf("key_%d", keys[i].Public.Tag()), Number: stays})
	}
	return out
}

func (p *plan) rollKeys(ctx context.Context, e model.RollKeys) (model.Outcome, error) {
	return p.editKeys(ctx, "roll", func(row *model.Zone, keys []model.ZoneKey, f *keyring.Facts) (*keyring.Plan, error) {
		f.Roll = e.Role
		if e.Algorithm != 0 {
			if !e.Algorithm.Known() {
				return nil, invalid(model.CodeDNSSECState, "%v", dnssec.ErrAlgorithm)
			}
			if len(f.Others) > 0 {
				return nil, invalid(model.CodeDNSSECState, "Another signer signs the zone, too, with the algorithm %d: all signers of a zone must use the same.",
					f.Others[0].Algorithm)
			}
			f.Roll, row.DNSSEC.Algorithm = 0, e.Algorithm
		}
		return keyring.Roll(row, keys, f)
	})
}

func (p *plan) seenDS(ctx context.Context, e model.SeenDS) (model.Outcome, error) {
	return p.editKeys(ctx, "ds_seen", func(row *model.Zone, keys []model.ZoneKey, f *keyring.Facts) (*keyring.Plan, error) {
		seen, err := keyring.SeenDS(keys, e, f)
		if err != nil {
			return nil, err
		}
		next, err := keyring.Steer(row, seen, f)
		if err == nil {
			next.Written = true
		}
		return next, err
	})
}

func (p *plan) importKey(ctx context.Context, e model.ImportKey) (model.Outcome, error) {
	return p.editKeys(ctx, "import", func(row *model.Zone, keys []model.ZoneKey, f *keyring.Facts) (*keyring.Plan, error) {
		next, err := keyring.Import(row, keys, &e, f)
		if err == nil && len(keys) == 0 {
			row.DNSSEC.Algorithm = e.Key.Algorithm
		}
		return next, err
	})
}

func (p *plan) dropKey(ctx context.Context, e model.DropKey) (model.Outcome, error) {
	return p.editKeys(ctx, "delete", func(_ *model.Zone, keys []model.ZoneKey, _ *keyring.Facts) (*keyring.Plan, error) {
		return keyring.Drop(keys, e.ID)
	})
}

// exportKey tells the audit log that somebody gets to see a key's private half.
func (p *plan) exportKey(ctx context.Context, e model.ExportKey) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	keys, err := p.keysOf(ctx, z)
	if err != nil {
		return model.Outcome{}, err
	}
	i := slices.IndexFunc(keys, func(k model.ZoneKey) bool { return k.ID == e.ID })
	if i < 0 {
		return model.Outcome{}, fmt.Errorf("key %s: %w", e.ID, model.ErrNotFound)
	}
	p.audit(auditOf{action: "view", legacy: "dnssec_export", resource: "zone.dnssec", id: z.row.ID, after: keyFacts(keys[i : i+1])})
	return zoneOutcome(z), nil
}

// keepDNSSEC does what is due.
func (p *plan) keepDNSSEC(ctx context.Context, e model.KeepDNSSEC) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil || z.row.DNSSEC.Keys == "" || z.state == nil {
		return model.Outcome{Kept: &model.Kept{}}, err
	}
	keys, err := p.keysOf(ctx, z)
	if err != nil {
		return model.Outcome{}, err
	}
	f, err := p.facts(ctx, z)
	if err != nil {
		return model.Outcome{}, err
	}
	if f.DS, f.DSTTL = e.DS, e.DSTTL; e.Early && !z.row.DNSSEC.Early {
		row := z.row
		row.DNSSEC.Early = true
		p.setRow(z, row)
	}
	if e.Behind != nil {
		f.Behind = func(serial uint32) []string { return e.Behind(serial, z.row.DNSSEC.MultiSigner == model.SwitchOn) }
	}
	learned, changed := keyring.Learn(keys, f)
	next, err := keyring.Steer(&z.row, learned, f)
	if err != nil {
		return model.Outcome{}, err
	}
	next.Written = next.Written || changed
	if err := p.turn(z, next); err != nil {
		return model.Outcome{}, err
	}
	kept, err := p.renewals(ctx, z, &e)
	return model.Outcome{Kept: kept}, err
}

// renewals plans the signatures that are due, so many names of them, and says when to come again.
func (p *plan) renewals(ctx context.Context, z *zoneWork, e *model.KeepDNSSEC) (*model.Kept, error) {
	kept := &model.Kept{Keys: len(z.keys), Work: z.row.DNSSEC.Work, Others: z.row.DNSSEC.MultiSigner == model.SwitchOn, Next: keyring.Next(z.keys, &z.row.DNSSEC, p.now)}
	kept.Servers, kept.Parent = keyring.Waits(z.keys)
	signing, err := p.signing(ctx, z)
	if err != nil || signing == nil {
		return kept, err
	}
	timing := signing.Timing
	if signing.Whole {
		kept.More = true // all is signed anew now, and then there is a version to look at
		return kept, nil
	}
	var due []wire.Name
	var hashes []dnssec.Hash
	for _, v := range z.faces() {
		more, others := ending(v, timing.Renew, e.Names-len(due))
		due, hashes = append(due, more...), append(hashes, others...)
	}
	lingered := z.lingers
	if lingered {
		stale, others, from := z.stale(signing, e)
		due, hashes = append(due, stale...), append(hashes, others...)
		kept.From = from
		if from == "" && len(stale)+len(others) < e.Names {
			assign(&p.undo, &z.lingers, false)
			assign(&p.undo, &z.keysDirty, true)
		}
	}
	kept.More = len(due)+len(hashes) >= e.Names || lingered // what waits for the last of them goes on then
	if expires := z.state.Expires(); expires != 0 && !kept.More {
		// The next one is due when it has no more left than those that are renewed now.
		at := p.now.Add(time.Duration(int32(expires-timing.Renew)+1) * time.Second)
		if kept.Next.IsZero() || at.Before(kept.Next) {
			kept.Next = at
		}
	}
	if len(due)+len(hashes) > 0 {
		assign(&p.undo, &z.resign, due)
		assign(&p.undo, &z.rehash, hashes)
		assign(&p.undo, &z.renew, true)
		kept.More = true // those that were not due among the same names are known when the version is
	}
	return kept, nil
}

// faces are the versions of the zone in memory, the transfer face first, and it alone where they agree.
func (z *zoneWork) faces() []*zone.Version {
	if z.state.Served == z.state.Transfer {
		return []*zone.Version{z.state.Transfer}
	}
	return []*zone.Version{z.state.Transfer, z.state.Served}
}

// stale lists what other keys have signed than do now, in either face: where a change has the one signed anew and leaves the other as
// it was, the old key's signatures are in that alone. next is the name to go on from, "" for none.
func (z *zoneWork) stale(signing *face.Signing, e *model.KeepDNSSEC) (due []wire.Name, hashes []dnssec.Hash, next wire.Name) {
	for _, v := range z.faces() {
		job := signing.Job(v, v, nil)
		job.Retired = nil
		more, others, from := job.Due(max(e.From, z.row.Name), e.Names)
		due, hashes = append(due, more...), append(hashes, others...)
		if from != "" && (next == "" || wire.Compare(from, next) < 0) {
			next = from // what the other face has behind it is found once more, and is good then
		}
	}
	return due, hashes, next
}

// ending lists names, and hashes of the chain of NSEC3, whose signatures end before a time.
func ending(v *zone.Version, before uint32, most int) (due []wire.Name, hashes []dnssec.Hash) {
	if most <= 0 {
		return nil, nil
	}
	const each = 8 // signatures of a name, about
	seen := map[wire.Name]struct{}{}
	for _, d := range v.Due(before, most*each) {
		if _, twice := seen[d.Owner]; twice {
			continue
		}
		if len(seen) == most {
			break
		}
		seen[d.Owner] = struct{}{}
		if h, ok := hashOf(d, v.Apex()); ok {
			hashes = append(hashes, h)
			continue
		}
		due = append(due, d.Owner)
	}
	return due, hashes
}

// hashOf reads the hash that the owner of an NSEC3 record is.
func hashOf(d zone.Due, apex wire.Name) (h dnssec.Hash, ok bool) {
	if d.Covers != wire.TypeNSEC3 || d.Owner == apex || d.Owner.Parent() != apex {
		return h, false
	}
	label := strings.ToUpper(string(d.Owner[1 : 1+d.Owner[0]]))
	b, err := base32.HexEncoding.DecodeString(label)
	return h, err == nil && copy(h[:], b) == len(h)
}

// turn plans what becomes of a zone's keys, and of a zone that shall prove otherwise than it does that something is not there.
func (p *plan) turn(z *zoneWork, next *keyring.Plan) error {
	lingers := slices.ContainsFunc(z.keys, func(k model.ZoneKey) bool { return k.State.Marks[dnssec.SignsZone].Pending })
	assign(&p.undo, &z.lingers, z.lingers || lingers)
	whole, large := next.Whole || z.anew(), p.large(z)
	switch {
	case whole && large:
		p.later(z, next)
		return nil
	case z.state != nil && (whole || next.Signers && !large):
		assign(&p.undo, &z.signAll, true)
		assign(&p.undo, &z.renew, true)
		assign(&p.undo, &z.lingers, false)
	case next.Signers:
		assign(&p.undo, &z.lingers, true) // one key signs in place of another, some names at a time
	}
	row := z.row
	row.DNSSEC.Held, row.DNSSEC.Early = model.Held{}, false
	if row.DNSSEC.Work = false; next.Written || whole {
		p.setKeys(z, next)
		row.DNSSEC.Signed = keyring.Used(next.Keys)
	}
	if row.DNSSEC != z.row.DNSSEC {
		p.setRow(z, row)
	}
	if next.Moved {
		assign(&p.undo, &z.renew, true)
		p.touch(z, z.row.Name)
	}
	return nil
}

func (p *plan) setKeys(z *zoneWork, next *keyring.Plan) {
	assign(&p.undo, &z.keys, next.Keys)
	assign(&p.undo, &z.keysRead, true)
	assign(&p.undo, &z.keysDirty, true)
	assign(&p.undo, &z.keysGone, append(slices.Clip(z.keysGone), next.Gone...))
}

// later leaves to Sign what a change would take too long for. Keys are made and kept, and stay in the zone as they are.
func (p *plan) later(z *zoneWork, next *keyring.Plan) {
	keep, changed := next.Before(z.keys, p.now)
	row := z.row
	if row.DNSSEC.Work = true; changed {
		p.setKeys(z, &keyring.Plan{Keys: keep})
		row.DNSSEC.Signed = keyring.Used(keep)
	}
	if row.DNSSEC != z.row.DNSSEC {
		p.setRow(z, row)
		assign(&p.undo, &z.told, true) // whoever looks after the zone hears of it
	}
}

// anew says that all of the zone is to be signed anew, whatever becomes of its keys.
func (z *zoneWork) anew() bool {
	return z.proves(&z.row) != denialOf(&z.row) || z.row.DNSSEC.Held != (model.Held{}) || z.row.DNSSEC.Early
}

// proves is how the zone in memory proves that something is not there; one that is not signed proves it as it shall.
func (z *zoneWork) proves(row *model.Zone) dnssec.Denial {
	switch {
	case z.state == nil || !z.state.Transfer.Signed():
		return denialOf(row)
	case z.state.Transfer.Hashes():
		return dnssec.NSEC3
	}
	return dnssec.NSEC
}
