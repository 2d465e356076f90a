package commit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

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

// Changes of a zone's records wait for an import so long, and ask so often about one of another node.
const (
	importPatience = 15 * time.Second
	importPause    = 250 * time.Millisecond
)

// errImporting is the answer to changes of records that come while an import is on its way. It may be tried again.
func errImporting() error {
	e := invalid(model.CodeImporting, "An import into this zone is on its way. Try again when it is over.")
	e.Status = 503
	return e
}

func isImporting(err error) bool {
	var bad *model.Invalid
	return errors.As(err, &bad) && bad.Code == model.CodeImporting
}

// imports are the large imports of this node, by zone.
type imports struct {
	mu     sync.Mutex
	byZone map[model.ID]chan struct{} // closed at the end
}

// begin notes an import until end is called.
func (i *imports) begin(zone model.ID) (end func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.byZone == nil {
		i.byZone = map[model.ID]chan struct{}{}
	}
	over := make(chan struct{})
	i.byZone[zone] = over
	return func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		delete(i.byZone, zone)
		close(over)
	}
}

// wait returns when an import into a zone may be over; false when patience or the context are at their end before.
func (i *imports) wait(ctx context.Context, zone model.ID, patience time.Time) bool {
	left := time.Until(patience)
	if left <= 0 {
		return false
	}
	i.mu.Lock()
	over := i.byZone[zone]
	i.mu.Unlock()
	if over == nil {
		left = min(left, importPause)
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-over:
		return true
	case <-timer.C:
		return over == nil
	case <-ctx.Done():
		return false
	}
}
