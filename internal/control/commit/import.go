package commit

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
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

// Beside is a large image that stands in the store, written in slices and unseen. Adopt makes it a zone's with the commit of tx, with a
// serial and more octets behind it; model.ErrStale where it is not there any more. Clear takes out what is left of it, or of
// the one that it has replaced.
type Beside interface {
	Adopt(ctx context.Context, tx any, serial uint32, late []byte) error
	Clear(ctx context.Context) error
}

// Import adds many records to a zone, all of them or none. A small one is a change like others. A large one would have
// everybody wait while it is planned, written and rendered in one transaction. So
//
//  1. the zone is marked: nobody else changes its records until the import is over,
//  2. records are planned in slices, in the order of names, against the rows and each other,
//  3. the zone's records and the new ones are staged in slices, where nobody sees them, each while the next is planned,
//  4. the faces are rendered beside that, against the version of that moment, and their image is staged,
//  5. one short transaction adopts all of it, unless the zone's settings or version have moved on: then 4 again.
//
// Whatever happens before 5 leaves no trace.
func (c *Committer) Import(ctx context.Context, in *model.Import) (model.Imported, error) {
	if c.cfg.Stage == nil || in.Records.Len() <= c.cfg.Limits.ImportRecords {
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
	i := &importing{c: c, in: in, st: st, taken: newTaken(in.Records)}
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
	ch := model.Change{ID: in.ID, Account: in.Account, Zone: in.Zone, Actor: in.Actor, Edits: make([]model.Edit, in.Records.Len())}
	for n := range ch.Edits {
		ch.Edits[n] = model.AddRecord{Record: *in.Records.Record(n), SkipIdentical: true, SkipRefused: in.Lenient}
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

	plan    *plan // with the zone as it was when the import began
	taken   taken
	planned bool             // all of what is taken
	refused *model.EditError // the first record in the file that is
	out     model.Imported

	octets int64         // of the records
	base   *zoneWork     // what was rendered against
	to     uint32        // the serial of that
	made   face.Versions // what came of it
	late   []model.Entry // what memory does not have yet
	traced *traced
}

// importTries bounds how often the faces are rendered for a zone that moves on all the time.
const importTries = 8

// errMoved is a zone that has moved on since its faces were rendered.
var errMoved = errors.New("the zone has moved on")

func (i *importing) run(ctx context.Context) error {
	if err := i.begin(ctx); err != nil {
		return err
	}
	if err := i.write(ctx); err != nil {
		return i.orGone(ctx, err)
	}
	if i.taken.len() == 0 {
		return nil
	}
	for n := 0; ; n++ {
		i.traced = i.c.trace(ctx)
		_, err := i.c.queued(&request{ctx: ctx, work: i.adopt, done: make(chan struct{}), traced: i.traced})
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
		if err := i.render(ctx); err != nil {
			return err
		}
	}
}

// orGone is an error of staging, or that there is no zone any more: then nothing is left to stage for.
func (i *importing) orGone(ctx context.Context, err error) error {
	gone := i.with(ctx, func(s *workspace) error {
		_, err := s.tx.Zone(ctx, i.in.Zone)
		return err
	})
	if errors.Is(gone, model.ErrNotFound) {
		return gone
	}
	return err
}

// slicesAhead is how many slices may be planned and wait to be written.
const slicesAhead = 2

// write stages the records, and beside that plans those that come next and renders what they come to: the one waits for the disk
// and the database, the other computes.
func (i *importing) write(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	planned := make(chan []*model.Record, slicesAhead)
	go func() {
		defer close(planned)
		defer func() {
			if r := recover(); r != nil { // a fault costs the import and not the node
				cancel(&planPanic{what: fmt.Sprint(r)})
			}
		}()
		if err := i.prepare(ctx, planned); err != nil {
			cancel(err)
		}
	}()
	err := i.stage(ctx, planned)
	if err != nil {
		cancel(err)
	}
	for range planned { // until nobody prepares any more
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// stage writes what the zone has and what comes, in the order of names, with ids in the same order: so the store's tables grow at
// few places.
func (i *importing) stage(ctx context.Context, planned <-chan []*model.Record) error {
	first := true
	for rows := range planned {
		if first {
			if err := i.st.Copy(ctx); err != nil {
				return err
			}
			first = false
		}
		if err := i.st.Put(ctx, rows); err != nil {
			return err
		}
	}
	return nil
}

// prepare plans slice after slice, hands each to who stages it, and renders it.
func (i *importing) prepare(ctx context.Context, planned chan<- []*model.Record) error {
	r, err := i.rendering(ctx)
	if err != nil {
		return err
	}
	if i.taken.chained {
		err = i.planAll(ctx)
	} else {
		i.taken.all()
	}
	if err != nil {
		return err
	}
	i.taken.sort()
	err = i.eachSlice(ctx, func(rows []*model.Record) error {
		select {
		case planned <- rows:
			return r.add(rows)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err != nil || i.taken.len() == 0 {
		return err
	}
	return i.finish(ctx, r)
}

// with runs f in a transaction that is taken back; it waits for memory where that lags behind the rows.
func (i *importing) with(ctx context.Context, f func(s *workspace) error) error {
	return i.c.with(ctx, i.in.Zone, f)
}

// with is that for a zone.
func (c *Committer) with(ctx context.Context, zone model.ID, f func(s *workspace) error) error {
	return c.within(ctx, &c.cfg, model.Locks{Zones: []model.ID{zone}}, f)
}

// within is that for what is locked; where more turns out to be needed, f runs again with that.
func (c *Committer) within(ctx context.Context, cfg *Config, need model.Locks, f func(s *workspace) error) error {
	for n := 1; ; n++ {
		err := c.withinOnce(ctx, cfg, need, f)
		var lag *lagError
		var unlocked *model.UnlockedError
		switch {
		case n == attempts:
			return err
		case errors.As(err, &unlocked):
			need = need.With(unlocked.Missing)
		case errors.As(err, &lag):
			if err := c.catchUp(ctx, lag.seq, lag.zone); err != nil {
				return fmt.Errorf("%w: %w", err, model.ErrUnavailable)
			}
		case !errors.Is(err, model.ErrStale):
			return err
		}
	}
}

func (c *Committer) withinOnce(ctx context.Context, cfg *Config, need model.Locks, f func(s *workspace) error) error {
	tx, err := cfg.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	if err := tx.Lock(ctx, need); err != nil {
		return err
	}
	return f(newWorkspace(cfg, tx, need))
}

// render makes the faces that the import leads to once more, as of now, and stages their image.
func (i *importing) render(ctx context.Context) error {
	r, err := i.rendering(ctx)
	for part := range byName(i.in.Records, i.taken.order, importSlice) {
		if err != nil {
			return err
		}
		rows := make([]*model.Record, len(part))
		for n, k := range part {
			rows[n] = i.taken.stamped(i.in.Records.Seen(int(k)))
		}
		err = r.add(rows)
	}
	if err != nil {
		return err
	}
	return i.finish(ctx, r)
}

// finish gives what was rendered the new serial, and stages its image.
func (i *importing) finish(ctx context.Context, r *rendering) error {
	old, err := face.Of(r.z.state).SOA()
	if err != nil {
		return err
	}
	soa, err := face.SOA(&r.z.row, r.to)
	if err != nil {
		return err
	}
	v, err := r.v.Apply(new(face.Diff).Step(r.v.Transfer.Serial(), r.to, old, &soa))
	if err == nil && r.signing != nil {
		v, err = r.signing.All(face.Of(r.z.state), v)
	}
	if err == nil && r.z.row.Digest {
		if size, most := v.Transfer.Size(), i.c.cfg.Limits.DigestBytes; size > most {
			return invalid(model.CodeZONEMD, "A digest (ZONEMD) is made of zones of up to %d octets, and this one would have %d.", most, size)
		}
		v, _, err = face.Seal(v, r.signing)
	}
	if err != nil {
		return err
	}
	i.base, i.to, i.made = r.z, r.to, v
	img := journal.Encode(string(r.z.row.ID), string(r.z.row.Account), v.Served, v.Transfer)
	return i.st.PutImage(ctx, &img)
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
	for _, step := range []func(context.Context, *workspace, *zoneWork) error{i.unmoved, i.allowed, i.give} {
		if err := step(ctx, s, z); err != nil {
			return err
		}
	}
	entries := []model.Entry{s.journal(z, model.EntryReset, nil)}
	of := i.traced.alone(i.c, i.in.Zone, i.to)
	shown, err := i.c.makeDurable(ctx, tx, entries, map[model.ID]face.Versions{i.in.Zone: i.made}, nil, of)
	of.End()
	delete(i.c.usages, z.row.Account) // it is counted when somebody asks next
	if err != nil {
		return err
	}
	i.c.stats.changes.Add(1)
	if !shown {
		i.late = entries // the committer has others to serve
	}
	i.made = face.Versions{}
	i.out.Seq, i.out.Serial = entries[0].Seq, i.to
	return nil
}

// allowed holds all that comes against what the account may have, for others have added, too.
func (i *importing) allowed(ctx context.Context, s *workspace, z *zoneWork) error {
	if err := s.allow(ctx, z.acct, model.QuotaRecords, int64(i.taken.len())); err != nil {
		return err
	}
	return s.allow(ctx, z.acct, model.QuotaOctets, i.octets)
}

// give makes the staged rows the zone's.
func (i *importing) give(ctx context.Context, s *workspace, z *zoneWork) error {
	n, err := s.tx.CountRecords(ctx, i.in.Zone)
	if err == nil {
		err = i.st.Adopt(ctx, s.tx, n+i.taken.len())
	}
	if err == nil {
		err = s.tx.GrowZone(ctx, i.in.Zone, i.octets)
	}
	if err != nil {
		return err
	}
	told := &plan{workspace: s, change: i.plan.change, zid: i.in.Zone, zw: z, added: i.taken.len(), passed: len(i.out.Notes)}
	told.auditImport(i.taken.now)
	told.tell()
	for n := range s.audits {
		s.audits[n].From, s.audits[n].To = z.read.Serial, z.serial
	}
	if err := s.writeAudits(ctx); err != nil {
		return err
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
