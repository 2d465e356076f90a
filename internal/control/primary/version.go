package primary

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
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
func (s *stage) pool(z *zoneWork) []netip.Addr {
	if own := z.acct.row.EdgeAddresses; len(own) > 0 {
		return own
	}
	return s.cfg.Edge
}

// firstVersion renders a new zone.
func (s *stage) firstVersion(ctx context.Context, z *zoneWork, names []wire.Name) ([]model.Entry, error) {
	soa, err := soaOf(&z.row, z.serial)
	if err != nil {
		return nil, err
	}
	all := []rr.Set{soa}
	sc, apart := s.scene(z), changes{}
	for _, owner := range names {
		f := sc.render(&name{owner: owner, rows: z.rows[owner]})
		all = append(all, f.transfer...)
		if !equalSets(f.served, f.transfer) {
			apart.diff(owner, f.transfer, f.served)
		}
	}
	transfer, err := zone.Build(z.row.Name, all)
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	served := transfer
	if !apart.empty() {
		// Derived, not built: so the faces share the pages in which they agree.
		d := apart.delta(z.serial, z.serial, nil, nil)
		if served, err = transfer.Apply(&d); err != nil {
			return nil, fmt.Errorf("derive the served face: %w", err)
		}
	}
	return s.reset(ctx, z, served, transfer)
}

// nextVersion renders the touched names of a zone and journals what they changed, if they did.
func (s *stage) nextVersion(ctx context.Context, z *zoneWork, names []wire.Name) ([]model.Entry, error) {
	if len(names) == 0 {
		return nil, nil
	}
	diff := s.diffFaces(z, names)
	old, err := currentSOA(z)
	if err != nil {
		return nil, err
	}
	from, to := z.state.Transfer.Serial(), z.state.Transfer.Serial()
	soa, err := soaOf(&z.row, from)
	if err != nil {
		return nil, err
	}
	if z.raise != nil || !diff.transfer.empty() || old.TTL != soa.TTL || !sameSOA(old.Data[0], soa.Data[0]) {
		if to, err = s.nextSerial(ctx, z, to); err != nil {
			return nil, err
		}
	}
	if from == to && (!diff.split || diff.served.empty()) {
		return nil, nil
	}
	z.serial = to
	soa.Data[0] = withSerial(soa.Data[0], to)
	step := diff.step(from, to, old, &soa)
	if n := diff.transfer.records + diff.served.records; n > max(resetLeast, z.state.Transfer.Records()/resetShare) {
		return s.replace(ctx, z, step)
	}
	return []model.Entry{s.journal(z, model.EntryDelta, step.Append(nil))}, nil
}

func currentSOA(z *zoneWork) (*rr.Set, error) {
	rdata, ttl := z.state.Transfer.SOA()
	if len(rdata) < soaTail {
		return nil, fmt.Errorf("the zone in memory has no SOA (serial %d)", z.state.Transfer.Serial())
	}
	return &rr.Set{Owner: z.row.Name, Type: wire.TypeSOA, TTL: ttl, Data: [][]byte{rdata}}, nil
}

// replace journals a big change as a reset, with the image that it leads to.
func (s *stage) replace(ctx context.Context, z *zoneWork, step *zone.Step) ([]model.Entry, error) {
	served, transfer, err := stepped(z.state.Served, z.state.Transfer, step)
	if err != nil {
		return nil, err
	}
	return s.reset(ctx, z, served, transfer)
}

// stepped gives the faces that a step leads to.
func stepped(served, transfer *zone.Version, step *zone.Step) (nextServed, nextTransfer *zone.Version, err error) {
	if nextTransfer, err = transfer.Apply(&step.Transfer); err != nil {
		return nil, nil, fmt.Errorf("apply: %w", err)
	}
	if served == transfer && step.Served == nil {
		return nextTransfer, nextTransfer, nil
	}
	d := step.Served
	if d == nil {
		d = &step.Transfer
	}
	if nextServed, err = served.Apply(d); err != nil {
		return nil, nil, fmt.Errorf("apply to the served face: %w", err)
	}
	return nextServed, nextTransfer, nil
}

func (s *stage) reset(ctx context.Context, z *zoneWork, served, transfer *zone.Version) ([]model.Entry, error) {
	img := imageOf(string(z.row.ID), string(z.row.Account), served, transfer)
	if err := s.tx.PutImage(ctx, img); err != nil {
		return nil, fmt.Errorf("write image: %w", err)
	}
	return []model.Entry{s.journal(z, model.EntryReset, nil)}, nil
}

// faceDiff is what changes in the two faces. Until split both are the same, and transfer speaks for both.
type faceDiff struct {
	transfer, served changes
	split            bool
}

// diffFaces renders names and holds them against memory.
func (s *stage) diffFaces(z *zoneWork, names []wire.Name) *faceDiff {
	sc := s.scene(z)
	d := &faceDiff{split: z.state.Served != z.state.Transfer}
	for i, owner := range names {
		s.breathe(i)
		n := name{owner: owner, rows: z.rows[owner], transfer: z.state.Transfer.Sets(owner), kept: z.kept(owner)}
		n.served = n.transfer
		if z.state.Served != z.state.Transfer {
			n.served = z.state.Served.Sets(owner)
		}
		d.add(&n, sc.render(&n))
	}
	return d
}

// step frames the difference with two SOA records.
func (d *faceDiff) step(from, to uint32, old, soa *rr.Set) *zone.Step {
	step := &zone.Step{Transfer: d.transfer.delta(from, to, old, soa)}
	if d.split {
		served := d.served.delta(from, to, old, soa)
		if !bytes.Equal(served.Removed, step.Transfer.Removed) || !bytes.Equal(served.Added, step.Transfer.Added) {
			step.Served = &served
		}
	}
	return step
}

func (d *faceDiff) add(n *name, f faces) {
	if !d.split && !equalSets(f.served, f.transfer) {
		d.split = true
		d.served = changes{
			removed: slices.Clone(d.transfer.removed), added: slices.Clone(d.transfer.added), records: d.transfer.records,
		}
	}
	d.transfer.diff(n.owner, n.transfer, f.transfer)
	if d.split {
		d.served.diff(n.owner, n.served, f.served)
	}
}

// kept says that a CNAME at owner, if there is one, stands for what it stood for before this group.
func (z *zoneWork) kept(owner wire.Name) bool {
	_, retargeted := z.retargeted[owner]
	return !z.recast && !retargeted
}

// equalSets compares what render made for the two faces; it makes them in the same order.
func equalSets(a, b []rr.Set) bool {
	return slices.EqualFunc(a, b, func(x, y rr.Set) bool {
		return x.Type == y.Type && x.TTL == y.TTL && slices.EqualFunc(x.Data, y.Data, bytes.Equal)
	})
}
