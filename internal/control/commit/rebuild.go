package commit

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Rebuild asks for the image and the journal of a zone to be made anew of its rows, because they cannot be used.
type Rebuild struct {
	Zone  model.ID
	Actor model.Actor
	// AtLeast is a serial that may have been published; the new one is past it.
	AtLeast uint32
	// Records yields the zone's records in order of their names; it is called while nothing is locked.
	Records func(ctx context.Context, yield func(*model.Record) error) error
	// Known is what could still be read of the faces, for flattened names whose targets nobody has looked up; zero for nothing.
	Known face.Versions
}

// Rebuild gives a zone the contents that its rows say, under a new serial, which secondaries follow by AXFR. All is rendered and signed
// beside everything else; one short transaction of the committer's forgets the journal of the zone and journals the reset, unless the
// zone has moved on: then once more.
func (c *Committer) Rebuild(ctx context.Context, in *Rebuild) (model.Result, error) {
	for n := 0; ; n++ {
		r := &rebuilding{c: c, in: in, need: model.Locks{Zones: []model.ID{in.Zone}}}
		err := r.run(ctx)
		if moved := errors.Is(err, errMoved) || errors.Is(err, model.ErrStale); !moved || n == importTries {
			return r.out, wrap(err, "rebuild zone %s", in.Zone)
		}
	}
}

// rebuilding is a zone whose contents are made anew.
type rebuilding struct {
	c     *Committer
	in    *Rebuild
	need  model.Locks
	z     *zoneWork
	to    uint32 // the new serial
	holds model.Usage
	made  face.Versions
	late  []model.Entry
	out   model.Result
}

func (r *rebuilding) run(ctx context.Context) error {
	var signing *face.Signing
	var c *face.Context
	err := r.c.within(ctx, &r.c.cfg, r.need, func(s *workspace) (err error) {
		if r.z, err = s.anyZone(ctx, r.in.Zone); err != nil {
			return err
		}
		if r.z.row.Importing {
			return errImporting()
		}
		if r.to, err = s.nextSerial(ctx, r.z, r.z.row.Serial); err != nil {
			return err
		}
		if past := nonZero(r.in.AtLeast + 1); r.in.AtLeast != 0 && wire.SerialNewer(past, r.to) {
			r.to = past
		}
		if _, err = s.keysOf(ctx, r.z); err != nil {
			return err
		}
		c = s.context(r.z)
		signing, err = s.signing(ctx, r.z)
		return err
	})
	if err != nil {
		return err
	}
	if err := r.render(ctx, c); err != nil {
		return err
	}
	if signing != nil {
		signing.Whole = false // All does that
		if r.made, err = signing.All(r.made, r.made); err != nil {
			return err
		}
	}
	if r.z.row.Digest {
		if r.made, _, err = face.Seal(r.made, signing); err != nil {
			return err
		}
	}
	if _, err := r.c.queued(&request{ctx: ctx, work: r.adopt, done: make(chan struct{})}); err != nil {
		return err
	}
	r.c.follow(ctx, r.late)
	return nil
}

// rebuildSlice is how many names are rendered at once: the steps of a million would take more memory than the zone.
const rebuildSlice = 2000

// render makes the faces of the rows, slice by slice.
func (r *rebuilding) render(ctx context.Context, c *face.Context) (err error) {
	look, owner := c.Lookup, wire.Name("")
	c.Lookup = func(target wire.Name) model.Flattened {
		f := look(target)
		if f.State == model.FlattenUnknown && r.in.Known.Served != nil {
			f = face.Remembered(r.in.Known, owner)
		}
		return f
	}
	if r.made, err = c.First(r.to, []face.Name{{Owner: r.z.row.Name}}); err != nil {
		return err
	}
	slice := sliceOf{c: c, diff: face.DiffOf(r.made)}
	err = r.in.Records(ctx, func(one *model.Record) error {
		r.holds.Records, r.holds.Octets = r.holds.Records+1, r.holds.Octets+one.Size()
		if one.Name != owner {
			slice.end()
			if slice.names >= rebuildSlice {
				if err := r.apply(&slice); err != nil {
					return err
				}
			}
			owner = one.Name
		}
		kept := one.Clone()
		slice.rows = append(slice.rows, &kept)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	slice.end()
	return r.apply(&slice)
}

// sliceOf is what some names are rendered to, and the rows at the next one.
type sliceOf struct {
	c     *face.Context
	diff  *face.Diff
	names int
	rows  []*model.Record
}

// end renders the name whose rows are complete.
func (s *sliceOf) end() {
	if len(s.rows) > 0 {
		s.diff.Render(s.c, s.rows[0].Name, s.rows, false)
		s.rows, s.names = nil, s.names+1
	}
}

// apply brings a slice into what is made.
func (r *rebuilding) apply(s *sliceOf) error {
	v, err := r.made.Apply(s.diff.Step(r.to, r.to, nil, nil))
	if err == nil {
		r.made, s.diff, s.names = v, face.DiffOf(v), 0
	}
	return err
}

// adopt commits, in one short transaction of the committer's.
func (r *rebuilding) adopt(ctx context.Context) error {
	tx, err := r.c.cfg.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	if err := tx.Lock(ctx, r.need); err != nil {
		return err
	}
	s := newWorkspace(&r.c.cfg, tx, r.need)
	z, err := s.anyZone(ctx, r.in.Zone)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(z.read, r.z.read) || !reflect.DeepEqual(z.acct.read, r.z.acct.read) {
		return errMoved
	}
	z.serial = r.to
	entries, err := s.reset(ctx, z, r.made)
	if err == nil {
		err = tx.Restart(ctx, r.in.Zone, r.holds)
	}
	if err != nil {
		return err
	}
	if z.row.Outgoing != nil {
		entries = append(entries, s.journal(z, model.EntryAccess, model.ZoneAccess(linksOf(&z.row, &z.acct.row)).Append(nil)))
	}
	told := &plan{workspace: s, change: &model.Change{Account: z.row.Account, Zone: r.in.Zone, Actor: r.in.Actor}, zid: r.in.Zone, zw: z}
	told.audit(auditOf{
		action: "update", legacy: "set", resource: "zone.rebuild", id: r.in.Zone,
		before: model.AuditFacts{{Name: "serial", Number: int64(z.read.Serial)}}, after: model.AuditFacts{{Name: "serial", Number: int64(r.to)}},
	})
	told.tell()
	for n := range s.audits {
		s.audits[n].From, s.audits[n].To = z.read.Serial, r.to
	}
	if err := s.writeAudits(ctx); err != nil {
		return err
	}
	shown, err := r.c.makeDurable(ctx, tx, entries, s.made, nil, nil)
	delete(r.c.usages, z.row.Account) // it is counted when somebody asks next
	if err != nil {
		return err
	}
	r.c.stats.changes.Add(1)
	if !shown {
		r.late = entries
	}
	r.out.Seq, r.out.Serial = entries[len(entries)-1].Seq, r.to
	return nil
}
