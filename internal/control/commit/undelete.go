package commit

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Deleted reads a deleted zone of an account that may come back, and yields its records in order of their names.
type Deleted func(ctx context.Context, account, zone model.ID, yield func(*model.Record) error) (model.DeletedZone, error)

// Undelete brings a deleted zone back: with its records and their ids, its keys, its history, and its links as far as their peers are there,
// under a serial that is newer than any that it had. What was kept of it nobody changes, so it is rendered and signed beside everything
// else; one short transaction of the committer's makes it a zone again, unless the account or the serial has moved on: then once more.
func (c *Committer) Undelete(ctx context.Context, in *model.Undelete) (model.Undeleted, error) {
	for n := 0; ; n++ {
		u := &undeleting{c: c, in: in}
		err := u.run(ctx)
		if moved := errors.Is(err, errMoved) || errors.Is(err, model.ErrStale); !moved || n == importTries {
			return u.out, wrap(err, "undelete zone %s", in.Zone)
		}
	}
}

// undeleting is a zone on its way back.
type undeleting struct {
	c    *Committer
	in   *model.Undelete
	was  model.DeletedZone
	z    *zoneWork // as it shall be
	made face.Versions
	late []model.Entry
	out  model.Undeleted
}

func (u *undeleting) run(ctx context.Context) error {
	names, err := u.read(ctx)
	if err != nil {
		return err
	}
	var signing *face.Signing
	var c *face.Context
	err = u.c.within(ctx, &u.c.cfg, u.need(), func(s *workspace) error {
		if u.z, err = u.prepare(ctx, s); err != nil {
			return err
		}
		c = s.context(u.z)
		signing, err = s.signing(ctx, u.z)
		return err
	})
	if err != nil {
		return err
	}
	if u.made, err = c.First(u.z.row.Serial, names); err == nil && signing != nil {
		u.made, err = signing.All(u.made, u.made)
	}
	if err == nil && u.z.row.Digest {
		u.made, _, err = face.Seal(u.made, signing)
	}
	if err != nil {
		return err
	}
	if _, err := u.c.queued(&request{ctx: ctx, work: u.adopt, done: make(chan struct{})}); err != nil {
		return err
	}
	u.c.follow(ctx, u.late)
	return nil
}

// need is what the transactions lock.
func (u *undeleting) need() model.Locks {
	return model.Locks{Accounts: []model.ID{u.in.Account}, Zones: []model.ID{u.in.Zone}}
}

// read reads what was kept, by names; the apex is one in any case.
func (u *undeleting) read(ctx context.Context) ([]face.Name, error) {
	var names []face.Name
	apex := false
	var err error
	u.was, err = u.c.cfg.Deleted(ctx, u.in.Account, u.in.Zone, func(r *model.Record) error {
		one := r.Clone()
		if len(names) == 0 || names[len(names)-1].Owner != one.Name {
			names = append(names, face.Name{Owner: one.Name})
		}
		at := &names[len(names)-1]
		at.Rows = append(at.Rows, &one)
		return nil
	})
	for i := range names {
		apex = apex || names[i].Owner == u.was.Name
	}
	if !apex {
		names = append(names, face.Name{Owner: u.was.Name})
	}
	return names, err
}

// prepare works out what the zone shall be.
func (u *undeleting) prepare(ctx context.Context, s *workspace) (*zoneWork, error) {
	a, err := s.account(ctx, u.in.Account)
	if err != nil {
		return nil, err
	}
	p := u.plan(s, a)
	if err := p.links(ctx, a, u); err != nil {
		return nil, err
	}
	z := p.zw
	if z.row.Serial, err = p.firstSerial(ctx, z.row.Name); err != nil {
		return nil, err
	}
	z.serial = z.row.Serial
	if z.keys, err = s.tx.ZoneKeys(ctx, z.row.ID); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	z.keysRead = true
	return z, nil
}

// plan is a change that is about the zone.
func (u *undeleting) plan(s *workspace, a *accountWork) *plan {
	row := u.was.Clone()
	row.Seq, row.Told, row.Importing, row.Modified = 0, model.Place{}, false, s.now
	z := newZoneWork(row, a)
	z.fresh = true
	return &plan{workspace: s, change: &model.Change{Account: u.in.Account, Zone: u.in.Zone, Actor: u.in.Actor}, zid: u.in.Zone, zw: z}
}

// links leaves out links whose peers are gone, and all of them where those that are left do not go together any more; likewise policies of
// updates whose keys are.
func (p *plan) links(ctx context.Context, a *accountWork, u *undeleting) error {
	o, row := p.zw.row.Outgoing, &p.zw.row
	u.out.Gone = nil
	if o == nil && len(row.Updates) == 0 {
		return nil
	}
	access := p.access(a)
	if err := access.tsigs.need(ctx, keysOf(row.Updates)); err != nil {
		return err
	}
	row.Updates = slices.DeleteFunc(row.Updates, func(k model.UpdatePolicy) bool {
		gone := access.tsigs.now[k.TSIG] == nil
		if gone {
			u.out.Gone = append(u.out.Gone, k.TSIG)
		}
		return gone
	})
	if o == nil {
		return nil
	}
	if err := access.peers.need(ctx, o.Peers); err != nil {
		return err
	}
	o.Peers = slices.DeleteFunc(o.Peers, func(id model.ID) bool {
		gone := access.peers.now[id] == nil
		if gone {
			u.out.Gone = append(u.out.Gone, id)
		}
		return gone
	})
	if err := access.checkShared(ctx, &a.row, o.Peers, p.zw.row.Name); err != nil {
		u.out.Gone, o.Peers = append(u.out.Gone, o.Peers...), nil
	}
	return nil
}

// adopt makes it a zone again, in one short transaction of the committer's.
func (u *undeleting) adopt(ctx context.Context) error {
	tx, err := u.c.cfg.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	if err := tx.Lock(ctx, u.need()); err != nil {
		return err
	}
	s := newWorkspace(&u.c.cfg, tx, u.need())
	s.usages = u.c.usages
	a, err := s.account(ctx, u.in.Account)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(a.row, u.z.acct.read) {
		return errMoved
	}
	p := u.plan(s, a)
	p.zw.row, p.zw.serial = u.z.row.Clone(), u.z.serial
	if err := u.allowed(ctx, p, a); err != nil {
		return err
	}
	if u.in.Trial {
		u.out.Zone = p.zw.row
		return nil
	}
	return u.give(ctx, p)
}

// allowed holds the zone against what is there now.
func (u *undeleting) allowed(ctx context.Context, p *plan, a *accountWork) error {
	row := &p.zw.row
	for quota, n := range map[model.Quota]int64{model.QuotaZones: 1, model.QuotaRecords: u.was.Records, model.QuotaOctets: u.was.Octets} {
		if err := p.allow(ctx, a, quota, n); err != nil {
			return err
		}
	}
	taken, err := p.nameTaken(ctx, row.Name)
	if err != nil {
		return err
	}
	if taken {
		e := invalid(model.CodeZoneExists, "%s already exists", row.Name.Host())
		e.Status = 409
		return e
	}
	if err := p.checkName(ctx, row, &a.row, u.in.Anywhere); err != nil {
		return err
	}
	access, linked := p.access(a), []model.ID(nil)
	if row.Outgoing != nil {
		linked = row.Outgoing.Peers
	}
	peers, err := access.peers.some(ctx, linked)
	if err != nil {
		return err
	}
	tsigs, err := access.tsigs.some(ctx, keysOf(row.Updates))
	if err != nil {
		return err
	}
	if slices.Contains(peers, nil) || slices.Contains(tsigs, nil) {
		return errMoved
	}
	// Another zone of this name may have come and gone meanwhile.
	last, err := p.tx.LastSerial(ctx, row.Name)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return err
	}
	if err == nil && !wire.SerialNewer(row.Serial, last) {
		return errMoved
	}
	return nil
}

// give commits.
func (u *undeleting) give(ctx context.Context, p *plan) error {
	z := p.zw
	if err := p.tx.Undelete(ctx, &z.row); err != nil {
		return err
	}
	entries, err := p.reset(ctx, z, u.made)
	if err != nil {
		return err
	}
	if z.row.Outgoing != nil {
		links := linksOf(&z.row, &z.acct.row)
		entries = append(entries, p.journal(z, model.EntryAccess, model.ZoneAccess(links).Append(nil)))
	}
	p.audit(auditOf{action: "undelete", legacy: "add", resource: "zone", id: z.row.ID, after: z.row})
	p.tell()
	for i := range p.audits {
		p.audits[i].From, p.audits[i].To = u.was.Serial, z.serial
	}
	if err := p.writeAudits(ctx); err != nil {
		return err
	}
	shown, err := u.c.makeDurable(ctx, p.tx, entries, p.made, nil, nil)
	delete(u.c.usages, z.row.Account) // it is counted when somebody asks next
	if err != nil {
		return err
	}
	u.c.stats.changes.Add(1)
	if !shown {
		u.late = entries
	}
	u.out.Zone, u.out.Seq = z.row, entries[len(entries)-1].Seq
	return nil
}

// keysOf are the keys that policies name.
func keysOf(policies []model.UpdatePolicy) []model.ID {
	out := make([]model.ID, len(policies))
	for i := range policies {
		out[i] = policies[i].TSIG
	}
	return out
}
