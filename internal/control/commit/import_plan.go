package commit

import (
	"context"
	"errors"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// begin reads the zone.
func (i *importing) begin(ctx context.Context) error {
	return i.with(ctx, func(s *workspace) error {
		seq, seen, err := s.seen(ctx, i.in.ID)
		if err != nil {
			return err
		}
		if seen {
			i.out.Seq = seq
			return fmt.Errorf("change %s: %w", i.in.ID, model.ErrDuplicateChange)
		}
		s.usages = usages{} // the committer's are not to be had here; it counts again in the end
		i.plan = &plan{workspace: s, zid: i.in.Zone, change: &model.Change{Account: i.in.Account, Zone: i.in.Zone, Actor: i.in.Actor}}
		i.taken.now = s.now
		z, err := i.plan.zone(ctx)
		if err != nil || !i.taken.looksBelow() {
			return err
		}
		if err := i.plan.countUnder(ctx, z); err != nil {
			return err
		}
		i.taken.keepThere(z)
		return nil
	})
}

// importSlice is how many records are planned in one transaction.
const importSlice = 512

// planAll holds every record against the rules, in the order of the file, in slices that others come between.
func (i *importing) planAll(ctx context.Context) error {
	for at := 0; at < i.in.Records.Len(); at += importSlice {
		err := i.with(ctx, func(s *workspace) error {
			i.plan.tx, i.plan.locked = s.tx, s.locked
			defer func() { i.plan.tx, i.plan.undo = nil, nil }() // nothing of this is ever undone: it ends with the import
			return i.planSlice(ctx, at, min(at+importSlice, i.in.Records.Len()))
		})
		if err != nil {
			return err
		}
	}
	for n := range i.taken.cuts {
		if err := rules.Cut(n, i.taken.at(n)); err != nil {
			return err
		}
	}
	return nil
}

// planSlice plans some records. The workspace knows the rows at their names alone; afterwards they are forgotten, but for those
// that the zone has.
func (i *importing) planSlice(ctx context.Context, from, to int) error {
	z := i.plan.zw
	list := make([]*model.Record, 0, to-from)
	names := make([]wire.Name, 0, to-from)
	for n := from; n < to; n++ {
		r := i.in.Records.Record(n)
		if _, known := z.rows[r.Name]; !known {
			names = append(names, r.Name)
		}
		list = append(list, r)
	}
	if err := i.plan.load(ctx, z, names); err != nil {
		return err
	}
	i.taken.recall(z, list)
	for n, r := range list {
		added, refused, err := i.add(ctx, from+n, r)
		if err == nil && refused != nil && !i.in.Lenient {
			err = refused
		}
		if err != nil {
			return &model.EditError{Index: from + n, Err: err}
		}
		if !added {
			i.out.Notes = append(i.out.Notes, model.ImportNote{Index: from + n, Refused: refused})
		}
		i.plan.yield(from + n)
	}
	i.taken.forget(z, list)
	return nil
}

// Ids of records while they are planned: all that rules ask is whether two are the same.
const (
	idComing = model.ID("coming")
	idTaken  = model.ID("taken")
)

// add plans one record. It is not added if an identical one is there, or if it breaks a rule.
func (i *importing) add(ctx context.Context, n int, r *model.Record) (added bool, refused *model.Invalid, err error) {
	p, z := i.plan, i.plan.zw
	r.ID, r.Zone = idComing, z.row.ID
	rows, err := p.at(ctx, z, r.Name)
	if err != nil || rules.Identical(rows, r) != nil {
		return false, nil, err
	}
	if err := p.allowRecord(ctx, z, 1, r.Size()); err != nil {
		return false, nil, err
	}
	i.taken.stamped(r)
	at, err := p.place(ctx, z, rows, r)
	if err == nil {
		err = rules.Added(at, r)
	}
	if err == nil {
		err = p.checkTarget(z, rows, r)
	}
	if errors.As(err, &refused) {
		return false, refused, nil
	}
	if err != nil {
		return false, nil, err
	}
	r.ID = idTaken
	z.rows[r.Name] = append(rows, r)
	z.tally(r.Name, 1)
	p.grow(z, model.Usage{Records: 1, Octets: r.Size()})
	i.taken.take(n, r)
	i.octets += r.Size()
	i.out.Added++
	return true, nil, nil
}
