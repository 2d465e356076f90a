package commit

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
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
func (s *workspace) pool(z *zoneWork) []netip.Addr {
	if own := z.acct.row.EdgeAddresses; len(own) > 0 {
		return own
	}
	return s.cfg.Edge
}

// firstVersion renders a new zone.
func (s *workspace) firstVersion(ctx context.Context, z *zoneWork, owners []wire.Name) ([]model.Entry, error) {
	names := make([]face.Name, 0, len(owners))
	for _, owner := range owners {
		names = append(names, face.Name{Owner: owner, Rows: z.rows[owner]})
	}
	v, err := s.context(z).First(z.serial, names)
	if err != nil {
		return nil, err
	}
	return s.reset(ctx, z, v)
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
	if diff.Records() > max(resetLeast, base.Transfer.Records()/resetShare) {
		if signing == nil {
			if next, err = base.Apply(step); err != nil {
				return nil, err
			}
		}
		return s.reset(ctx, z, next)
	}
	return []model.Entry{s.journal(z, model.EntryDelta, step.Append(nil))}, nil
}

// sign adds a step's signatures to it. Where a setting changes all of the chain, all of the zone is signed, if it is small enough
// for that.
func (s *workspace) sign(z *zoneWork, g *face.Signing, base face.Versions, step *zone.Step, owners []wire.Name) (face.Versions, error) {
	if g.Whole && base.Transfer.Records() > s.cfg.Limits.SignRecords {
		return face.Versions{}, invalid(model.CodeDNSSECState, "The zone has %d records. The SOA's TTL and minimum stand in each of its proofs that "+
			"something is not there; in signed zones of more than %d records they cannot be changed.", base.Transfer.Records(), s.cfg.Limits.SignRecords)
	}
	if len(z.resign)+len(z.rehash) > 0 {
		g.Retired = nil // that is what they are looked at for
	}
	next, err := g.Extend(base, step, slices.Concat(owners, z.resign), z.rehash...)
	return next, wrap(err, "zone %s", z.row.Name.Host())
}

// diff renders owners and holds them against memory.
func (s *workspace) diff(z *zoneWork, owners []wire.Name) *face.Diff {
	return s.diffIn(s.context(z), z, owners)
}

func (s *workspace) diffIn(c *face.Context, z *zoneWork, owners []wire.Name) *face.Diff {
	d := face.DiffOf(face.Of(z.state))
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
