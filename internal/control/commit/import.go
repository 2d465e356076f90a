package commit

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Staging takes in, in slices and unseen, what a zone will have after an import. Adopt makes it visible with the commit of tx;
// so many records it is then. Abandon leaves nothing of it, unless it was adopted.
type Staging interface {
	Copy(ctx context.Context) error
	Put(ctx context.Context, rows []*model.Record) error
	PutImage(ctx context.Context, img *model.Image) error
	Adopt(ctx context.Context, tx any, records int) error
	Abandon(ctx context.Context) error
}

// Import adds many records to a zone, all of them or none. A small one is a change like others. A large one would have
// everybody wait while it is planned, written and rendered in one transaction. So
//
//  1. the zone is marked: nobody else changes its records until the import is over,
//  2. records are planned in slices, against the rows and each other,
//  3. the zone's records and the new ones are staged in slices, where nobody sees them,
//  4. the faces are rendered beside the writers, against the version of that moment, and their image is staged,
//  5. one short transaction adopts all of it, unless the zone's settings or version have moved on: then 4 again.
//
// Whatever happens before 5 leaves no trace.
func (c *Committer) Import(ctx context.Context, in *model.Import) (model.Imported, error) {
	if c.cfg.Stage == nil || len(in.Records) <= c.cfg.Limits.ImportRecords {
		return c.importAtOnce(ctx, in)
	}
	st, err := c.cfg.Stage(ctx, in.Zone)
	if errors.Is(err, model.ErrBusy) {
		return model.Imported{}, errImporting()
	}
	if err != nil {
		return model.Imported{}, fmt.Errorf("import: %w", err)
	}
	defer c.imports.begin(in.Zone)()
	i := &importing{c: c, in: in, st: st, cuts: map[wire.Name]struct{}{}}
	if err := i.run(ctx); err != nil || i.out.Added == 0 {
		if gone := st.Abandon(context.WithoutCancel(ctx)); gone != nil {
			c.cfg.Log.Warn("an import that ended early is not cleared away yet", "zone", in.Zone, "error", gone)
		}
		if err != nil {
			return model.Imported{}, fmt.Errorf("import: %w", err)
		}
	}
	return i.out, nil
}

// importAtOnce is an import in one transaction.
func (c *Committer) importAtOnce(ctx context.Context, in *model.Import) (model.Imported, error) {
	ch := model.Change{ID: in.ID, Account: in.Account, Zone: in.Zone, Actor: in.Actor, Edits: make([]model.Edit, len(in.Records))}
	for n, r := range in.Records {
		ch.Edits[n] = model.AddRecord{Record: *r, SkipIdentical: true, SkipRefused: in.Lenient}
	}
	res, err := c.Change(ctx, ch)
	out := model.Imported{Seq: res.Seq, Serial: res.Serial}
	for n := range res.Outcomes {
		if o := &res.Outcomes[n]; o.Skipped || o.Refused != nil {
			out.Notes = append(out.Notes, model.ImportNote{Index: n, Refused: o.Refused})
			continue
		}
		out.Added++
	}
	return out, err
}

// importing is an import on its way through slices.
type importing struct {
	c  *Committer
	in *model.Import
	st Staging

	plan *plan // with the zone as it was when the import began, and all rows at the names of the import
	rows []*model.Record
	cuts map[wire.Name]struct{} // names whose DS and NS must agree
	out  model.Imported

	octets int64         // of the rows
	names  []wire.Name   // to render, in order
	base   *zoneWork     // what was rendered against
	to     uint32        // the serial of that
	made   face.Versions // what came of it
	late   []model.Entry // what memory does not have yet
}

// importTries bounds how often the faces are rendered for a zone that moves on all the time.
const importTries = 8

// errMoved is a zone that has moved on since its faces were rendered.
var errMoved = errors.New("the zone has moved on")

func (i *importing) run(ctx context.Context) error {
	if err := i.begin(ctx); err != nil {
		return err
	}
	if err := i.planAll(ctx); err != nil || len(i.rows) == 0 {
		return err
	}
	i.order()
	if err := i.st.Copy(ctx); err != nil {
		return err
	}
	if err := i.st.Put(ctx, i.rows); err != nil {
		return err
	}
	for _, r := range i.rows { // written, and nothing of it is rendered
		r.ID, r.Content, r.Comment, r.Tags = "", "", "", nil
	}
	for n := 0; ; n++ {
		if err := i.render(ctx); err != nil {
			return err
		}
		_, err := i.c.queued(&request{ctx: ctx, work: i.adopt, done: make(chan struct{})})
		moved := errors.Is(err, errMoved) || errors.Is(err, model.ErrStale)
		switch {
		case moved && n == importTries:
			return fmt.Errorf("%w: %w", err, model.ErrUnavailable)
		case !moved && err == nil:
			i.c.follow(ctx, i.late)
			return nil
		case !moved:
			return err
		}
	}
}

// with runs f in a transaction that is taken back; it waits for memory where that lags behind the rows.
func (i *importing) with(ctx context.Context, f func(s *workspace) error) error {
	for n := 1; ; n++ {
		err := i.once(ctx, f)
		var lag *lagError
		switch {
		case n == attempts:
			return err
		case errors.As(err, &lag):
			if err := i.c.catchUp(ctx, lag.seq, lag.zone); err != nil {
				return fmt.Errorf("%w: %w", err, model.ErrUnavailable)
			}
		case !errors.Is(err, model.ErrStale):
			return err
		}
	}
}

func (i *importing) once(ctx context.Context, f func(s *workspace) error) error {
	tx, err := i.c.cfg.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	need := model.Locks{Zones: []model.ID{i.in.Zone}}
	if err := tx.Lock(ctx, need); err != nil {
		return err
	}
	return f(newWorkspace(&i.c.cfg, tx, need))
}

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
		_, err = i.plan.zone(ctx)
		return err
	})
}

// importSlice is how many records are planned in one transaction.
const importSlice = 512

// planAll holds every record against the rules, in the order of the file, in slices that others come between.
func (i *importing) planAll(ctx context.Context) error {
	for at := 0; at < len(i.in.Records); at += importSlice {
		err := i.with(ctx, func(s *workspace) error {
			i.plan.tx, i.plan.locked = s.tx, s.locked
			defer func() { i.plan.tx, i.plan.undo = nil, nil }() // nothing of this is ever undone: it ends with the import
			return i.planSlice(ctx, at, min(at+importSlice, len(i.in.Records)))
		})
		if err != nil {
			return err
		}
	}
	for n := range i.cuts {
		if err := rules.Cut(n, i.plan.zw.rows[n]); err != nil {
			return err
		}
	}
	return nil
}

func (i *importing) planSlice(ctx context.Context, from, to int) error {
	names := make([]wire.Name, 0, to-from)
	for _, r := range i.in.Records[from:to] {
		names = append(names, r.Name)
	}
	if err := i.plan.load(ctx, i.plan.zw, names); err != nil {
		return err
	}
	for n := from; n < to; n++ {
		added, refused, err := i.add(ctx, i.in.Records[n])
		if err == nil && refused != nil && !i.in.Lenient {
			err = refused
		}
		if err != nil {
			return &model.EditError{Index: n, Err: err}
		}
		if !added {
			i.out.Notes = append(i.out.Notes, model.ImportNote{Index: n, Refused: refused})
		}
		i.plan.yield(n)
	}
	return nil
}

// add plans one record. It is not added if an identical one is there, or if it breaks a rule.
func (i *importing) add(ctx context.Context, r *model.Record) (added bool, refused *model.Invalid, err error) {
	p, z := i.plan, i.plan.zw
	r.ID, r.Zone = p.cfg.NewID(), z.row.ID
	rows, err := p.at(ctx, z, r.Name)
	if err != nil || rules.Identical(rows, r) != nil {
		return false, nil, err
	}
	if err := p.allowRecord(ctx, z, 1, r.Size()); err != nil {
		return false, nil, err
	}
	rules.Stamp(r, nil, p.now)
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
	z.rows[r.Name] = append(rows, r)
	z.tally(r.Name, 1)
	p.grow(z, model.Usage{Records: 1, Octets: r.Size()})
	switch r.Type {
	case wire.TypeNS, wire.TypeDS:
		i.cuts[r.Name] = struct{}{}
	case wire.TypeCNAME:
		z.retargeted[r.Name] = struct{}{}
	}
	i.rows, i.octets = append(i.rows, r), i.octets+r.Size()
	i.out.Added++
	return true, nil, nil
}

// order brings the rows into the order of their names and their ids into the same, in which the store's tables grow at few
// places.
func (i *importing) order() {
	i.in.Records = nil
	slices.SortStableFunc(i.rows, func(a, b *model.Record) int { return strings.Compare(string(a.Name), string(b.Name)) })
	ids := make([]model.ID, len(i.rows))
	for n, r := range i.rows {
		ids[n] = r.ID
		if n == 0 || r.Name != i.names[len(i.names)-1] {
			i.names = append(i.names, r.Name)
		}
	}
	slices.Sort(ids)
	for n, r := range i.rows {
		r.ID = ids[n]
	}
}

// render makes the faces that the import leads to, as of now, and stages their image.
func (i *importing) render(ctx context.Context) error {
	var s *workspace
	err := i.with(ctx, func(now *workspace) (err error) {
		s = now
		if i.base, err = s.zone(ctx, i.in.Zone); err == nil {
			i.to, err = s.nextSerial(ctx, i.base, i.base.state.Transfer.Serial())
		}
		return err
	})
	if err != nil {
		return err
	}
	s.tx = nil
	z := i.base
	z.rows, z.retargeted = i.plan.zw.rows, i.plan.zw.retargeted
	v, err := i.faces(s, z)
	if err != nil {
		return err
	}
	i.made = v
	img := journal.Encode(string(z.row.ID), string(z.row.Account), v.Served, v.Transfer)
	return i.st.PutImage(ctx, &img)
}

// renderSlice is how many names are rendered before what they come to is laid over the faces.
const renderSlice = 4096

// faces renders all names of the import, some at a time, for the steps of a million records would take more memory than the zone.
// The last step has the new serial.
func (i *importing) faces(s *workspace, z *zoneWork) (v face.Versions, err error) {
	base := face.Of(z.state)
	v = base
	from := v.Transfer.Serial()
	for names := range slices.Chunk(i.names, renderSlice) {
		if v, err = v.Apply(s.diff(z, names).Step(from, from, nil, nil)); err != nil {
			return v, err
		}
	}
	old, err := base.SOA()
	if err != nil {
		return v, err
	}
	soa, err := face.SOA(&z.row, i.to)
	if err != nil {
		return v, err
	}
	return v.Apply(new(face.Diff).Step(from, i.to, old, &soa))
}

// adopt makes the import visible, in one short transaction of the committer's.
func (i *importing) adopt(ctx context.Context) error {
	tx, err := i.c.cfg.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	need := model.Locks{Zones: []model.ID{i.in.Zone}}
	if err := tx.Lock(ctx, need); err != nil {
		return err
	}
	s := newWorkspace(&i.c.cfg, tx, need)
	s.usages = i.c.usages
	z := newZoneWork(i.base.row, &accountWork{read: i.base.acct.read, row: i.base.acct.row})
	z.read, z.serial = i.base.read, i.to
	for _, step := range []func(context.Context, *workspace, *zoneWork) error{i.unmoved, i.allowed, i.write} {
		if err := step(ctx, s, z); err != nil {
			return err
		}
	}
	entries := []model.Entry{s.journal(z, model.EntryReset, nil)}
	_, err = tx.Commit(ctx, entries)
	delete(i.c.usages, z.row.Account) // it is counted when somebody asks next
	if errors.Is(err, model.ErrStale) {
		return fmt.Errorf("commit: %w", err)
	}
	if err != nil {
		return &commitError{cause: err}
	}
	i.c.stats.commits.Add(1)
	i.c.stats.changes.Add(1)
	i.c.stats.entries.Add(uint64(len(entries)))
	i.plan, i.rows, i.names, i.base = nil, nil, nil, nil // memory is to take the image in now
	if !i.c.cfg.Feed.Offer(entries, map[model.ID]face.Versions{i.in.Zone: i.made}) {
		i.late = entries // the committer has others to serve
	}
	i.made = face.Versions{}
	i.out.Seq, i.out.Serial = entries[0].Seq, i.to
	return nil
}

// allowed holds all that comes against what the account may have, for others have added, too.
func (i *importing) allowed(ctx context.Context, s *workspace, z *zoneWork) error {
	if err := s.allow(ctx, z.acct, model.QuotaRecords, int64(len(i.rows))); err != nil {
		return err
	}
	return s.allow(ctx, z.acct, model.QuotaOctets, i.octets)
}

func (i *importing) write(ctx context.Context, s *workspace, z *zoneWork) error {
	n, err := s.tx.CountRecords(ctx, i.in.Zone)
	if err == nil {
		err = i.st.Adopt(ctx, s.tx, n+len(i.rows))
	}
	if err == nil {
		err = s.tx.GrowZone(ctx, i.in.Zone, i.octets)
	}
	if err != nil {
		return err
	}
	told := &plan{workspace: s, change: i.plan.change, zid: i.in.Zone, zw: z, added: len(i.rows), passed: len(i.out.Notes)}
	told.auditImport()
	told.tell()
	if err := s.tx.Audit(ctx, s.audits); err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	if i.in.ID == "" {
		return nil
	}
	return wrap(s.tx.MarkChange(ctx, i.in.ID), "remember change")
}

// unmoved says whether all that the faces were rendered from is as it was.
func (i *importing) unmoved(ctx context.Context, s *workspace, z *zoneWork) error {
	row, err := s.tx.Zone(ctx, i.in.Zone)
	if err != nil {
		return fmt.Errorf("read zone %s: %w", i.in.Zone, err)
	}
	account, err := s.tx.Account(ctx, row.Account)
	if err != nil {
		return fmt.Errorf("read account %s: %w", row.Account, err)
	}
	if !reflect.DeepEqual(row, z.read) || !reflect.DeepEqual(account, z.acct.read) {
		return errMoved
	}
	return nil
}
