package commit

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// begin reads the zone.
func (i *importing) begin(ctx context.Context) error {
	err := i.with(ctx, func(s *workspace) error {
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
		if err == nil {
			err = i.plan.guard(ctx, model.AddRecord{})
		}
		if err != nil || !i.taken.chained {
			return err
		}
		if err := i.plan.countUnder(ctx, z); err != nil {
			return err
		}
		i.taken.keepThere(z)
		return nil
	})
	if err == nil {
		i.plan.tx = glances{i: i}
	}
	return err
}

// glances is a transaction for the plan, which lasts longer than any should: what it asks for is read in one of its own each time.
// That all of them see the same is what the zone's mark is for.
type glances struct {
	Tx // the one in which the import began, and which is over

	i *importing
}

func glance[T any](ctx context.Context, g glances, read func(tx Tx) (T, error)) (out T, err error) {
	err = g.i.with(ctx, func(s *workspace) (err error) {
		out, err = read(s.tx)
		return err
	})
	return out, err
}

func (g glances) Usage(ctx context.Context, account model.ID) (model.Usage, error) {
	return glance(ctx, g, func(tx Tx) (model.Usage, error) { return tx.Usage(ctx, account) })
}

func (g glances) ZoneUsage(ctx context.Context, zone model.ID) (model.Usage, error) {
	return glance(ctx, g, func(tx Tx) (model.Usage, error) { return tx.ZoneUsage(ctx, zone) })
}

func (g glances) CountRecords(ctx context.Context, zone model.ID) (int, error) {
	return glance(ctx, g, func(tx Tx) (int, error) { return tx.CountRecords(ctx, zone) })
}

func (g glances) RecordsAt(ctx context.Context, zone model.ID, names []wire.Name) ([]model.Record, error) {
	return glance(ctx, g, func(tx Tx) ([]model.Record, error) { return tx.RecordsAt(ctx, zone, names) })
}

// importSlice is about how many records are planned, and rendered, at a time.
const importSlice = 4096

// planAll holds every record against the rules, in the order of the file: where some of them say what may stand below their names, it
// matters which comes first.
func (i *importing) planAll(ctx context.Context) error {
	for at := 0; at < i.in.Records.Len(); at += importSlice {
		if err := i.planSlice(ctx, at, min(at+importSlice, i.in.Records.Len())); err != nil {
			return err
		}
	}
	i.planned = true
	return i.cuts(i.taken.at)
}

// planSlice plans some records in the order of the file. The workspace knows the rows at their names alone; afterwards they are
// forgotten, but for those that the zone has.
func (i *importing) planSlice(ctx context.Context, from, to int) error {
	z := i.plan.zw
	list := make([]*model.Record, 0, to-from)
	names := make([]wire.Name, 0, to-from)
	for n := from; n < to; n++ {
		r := i.taken.stamped(i.in.Records.Record(n))
		r.ID, r.Zone = idComing, i.in.Zone
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
		if added {
			r.ID = idTaken
		}
	}
	i.taken.forget(z, list)
	i.plan.undo = nil // nothing of this is ever undone: it ends with the import
	return nil
}

// Ids of records while they are planned in the order of the file: all that rules ask is whether two are the same.
const (
	idComing = model.ID("coming")
	idTaken  = model.ID("taken")
)

// eachSlice gives yield all that is taken, with ids, in the order of names and all of a name at once. What is not planned yet is
// planned on the way.
func (i *importing) eachSlice(ctx context.Context, yield func(rows []*model.Record) error) error {
	list, at, all := i.taken.order, 0, i.taken.len()
	if !i.planned {
		i.taken.order = list[:0] // filled again behind those that are read
	}
	for part := range byName(i.in.Records, list, importSlice) {
		rows := make([]*model.Record, len(part))
		for n, k := range part {
			rows[n] = i.taken.stamped(i.in.Records.Record(int(k)))
			rows[n].ID, rows[n].Zone = orderedID(i.c.cfg.NewID(), at, all), i.in.Zone
			at++
		}
		if !i.planned {
			var err error
			if rows, err = i.planNames(ctx, part, rows); err != nil {
				return err
			}
		}
		if len(rows) == 0 || i.refused != nil {
			continue
		}
		if err := yield(rows); err != nil {
			return err
		}
	}
	if i.refused != nil {
		return i.refused
	}
	slices.SortFunc(i.out.Notes, func(a, b model.ImportNote) int { return a.Index - b.Index })
	return nil
}

// orderedID is a random id with the place of one of n in front of it.
func orderedID(random model.ID, at, n int) model.ID {
	const front = 4 // octets
	var place [front]byte
	binary.BigEndian.PutUint32(place[:], uint32(uint64(at)<<(8*front)/uint64(n)))
	return model.ID(hex.EncodeToString(place[:])) + random[2*front:]
}

// planNames plans all records of a file at some names, which are complete in rows: they mind nothing but each other and what the
// zone has, so that it makes no difference in which order names come. It returns what is added. Of the records that are refused, the
// first in the file is the one to tell of.
func (i *importing) planNames(ctx context.Context, part []int32, rows []*model.Record) ([]*model.Record, error) {
	z := i.plan.zw
	names := make([]wire.Name, 0, len(rows))
	for n, r := range rows {
		if n == 0 || r.Name != rows[n-1].Name {
			names = append(names, r.Name)
		}
	}
	if err := i.plan.load(ctx, z, names); err != nil {
		return nil, err
	}
	for _, n := range names {
		if there := z.rows[n]; len(there) > 0 {
			i.taken.there[n] = slices.Clip(there)
		}
	}
	added := rows[:0]
	for n, r := range rows {
		k := int(part[n]) // before add, which writes where part was read
		ok, refused, err := i.add(ctx, k, r)
		if err != nil {
			return nil, &model.EditError{Index: k, Err: err}
		}
		if ok {
			added = append(added, r)
		}
		if refused != nil && !i.in.Lenient && (i.refused == nil || k < i.refused.Index) {
			i.refused = &model.EditError{Index: k, Err: refused}
		}
	}
	err := i.cuts(func(n wire.Name) []*model.Record { return z.rows[n] })
	for _, n := range names {
		delete(z.rows, n)
	}
	clear(z.byID)
	i.plan.undo = nil
	return added, err
}

// cuts holds DS against NS at the names that were planned.
func (i *importing) cuts(at func(wire.Name) []*model.Record) error {
	for n := range i.taken.cuts {
		if err := rules.Cut(n, at(n)); err != nil {
			return err
		}
	}
	clear(i.taken.cuts)
	return nil
}

// add plans one record. It is not added if an identical one is there, or if it breaks a rule.
func (i *importing) add(ctx context.Context, n int, r *model.Record) (added bool, refused *model.Invalid, err error) {
	p, z := i.plan, i.plan.zw
	p.yield(n)
	rows, err := p.at(ctx, z, r.Name)
	if err != nil {
		return false, nil, err
	}
	if rules.Identical(rows, r) != nil {
		i.out.Notes = append(i.out.Notes, model.ImportNote{Index: n})
		return false, nil, nil
	}
	if err := p.allowRecord(ctx, z, 1, r.Size()); err != nil {
		return false, nil, err
	}
	at, err := p.place(ctx, z, rows, r)
	if err == nil {
		err = rules.Added(at, r)
	}
	if err == nil {
		err = p.checkTarget(z, rows, r)
	}
	if errors.As(err, &refused) {
		i.out.Notes = append(i.out.Notes, model.ImportNote{Index: n, Refused: refused})
		return false, refused, nil
	}
	if err != nil {
		return false, nil, err
	}
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
