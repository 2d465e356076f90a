package commit

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/audit"
	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func (p *plan) addRecord(ctx context.Context, e model.AddRecord) (model.Outcome, error) {
	z, err := p.recordsOf(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	r := &e.Record // a copy already; what is planned of it nobody changes any more
	rows, err := p.at(ctx, z, r.Name)
	if err != nil {
		return model.Outcome{}, err
	}
	if same := rules.Identical(rows, r); same != nil && e.SkipIdentical {
		p.passed++
		return model.Outcome{Record: same, Skipped: true}, nil
	}
	if err := p.allowRecord(ctx, z, 1, r.Size()); err != nil {
		return model.Outcome{}, err
	}
	rules.Stamp(r, nil, p.now)
	r.Zone = z.row.ID
	fresh := r.ID == ""
	if fresh {
		r.ID = p.cfg.NewID()
	}
	at, err := p.place(ctx, z, rows, r)
	if err != nil {
		return model.Outcome{}, err
	}
	if err = rules.Added(at, r); err == nil {
		err = p.checkTarget(z, rows, r)
	}
	if err != nil {
		var bad *model.Invalid
		if e.SkipRefused && errors.As(err, &bad) {
			p.passed++
			return model.Outcome{Skipped: true, Refused: bad}, nil
		}
		return model.Outcome{}, err
	}
	if fresh {
		p.insertFresh(z, rows, r)
	} else {
		p.insert(z, r)
	}
	p.retarget(z, r)
	if e.SkipIdentical && !p.trying && !p.pieces {
		p.added++
	} else {
		p.audit(auditOf{action: "create", legacy: "rec_add", resource: "dns.record", id: r.ID, after: r})
	}
	return model.Outcome{Record: r}, nil
}

func (p *plan) editRecord(ctx context.Context, e model.EditRecord) (model.Outcome, error) {
	z, old, err := p.recordOf(ctx, e.ID)
	if err != nil {
		return model.Outcome{}, err
	}
	r, err := e.Apply(old.Clone())
	if err != nil {
		return model.Outcome{}, err
	}
	r.ID, r.Zone = old.ID, old.Zone
	rules.Stamp(&r, old, p.now)
	if rules.Same(&r, old) {
		return model.Outcome{Record: old}, nil
	}
	rows, err := p.at(ctx, z, r.Name)
	if err != nil {
		return model.Outcome{}, err
	}
	at, err := p.place(ctx, z, rows, &r)
	if err != nil {
		return model.Outcome{}, err
	}
	if err := rules.Edited(at, old, &r); err != nil {
		return model.Outcome{}, err
	}
	if err := p.checkTarget(z, append(slices.Clip(rows), old), &r); err != nil {
		return model.Outcome{}, err
	}
	if err := p.allowRecord(ctx, z, 0, r.Size()-old.Size()); err != nil {
		return model.Outcome{}, err
	}
	p.remove(z, old)
	p.insert(z, &r)
	if r.Name != old.Name || !bytes.Equal(r.RData, old.RData) || r.Proxied != old.Proxied || r.Settings != old.Settings {
		p.retarget(z, &r)
	}
	p.audit(auditOf{action: "update", legacy: "rec_set", resource: "dns.record", id: r.ID, before: old, after: &r})
	return model.Outcome{Record: &r}, nil
}

func (p *plan) deleteRecord(ctx context.Context, e model.DeleteRecord) (model.Outcome, error) {
	z, old, err := p.recordOf(ctx, e.ID)
	if err != nil {
		return model.Outcome{}, err
	}
	p.remove(z, old)
	put(&p.undo, z.dels, old.ID, struct{}{})
	drop(&p.undo, z.puts, old.ID)
	p.audit(auditOf{action: "delete", legacy: "rec_del", resource: "dns.record", id: old.ID, before: old})
	return model.Outcome{Record: old}, nil
}

// takeDS has a delegation follow the CDS records of the zone below.
func (p *plan) takeDS(ctx context.Context, e model.TakeDS) (model.Outcome, error) {
	z, err := p.recordsOf(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	rows, err := p.at(ctx, z, e.Owner)
	if err != nil || !slices.ContainsFunc(rows, func(r *model.Record) bool { return r.Type == wire.TypeNS }) {
		return zoneOutcome(z), err
	}
	missing := slices.Clone(e.DS)
	for _, r := range slices.Clone(rows) {
		if r.Type != wire.TypeDS {
			continue
		}
		if i := slices.IndexFunc(missing, func(ds []byte) bool { return bytes.Equal(ds, r.RData) }); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
			continue
		}
		if _, err := p.deleteRecord(ctx, model.DeleteRecord{ID: r.ID}); err != nil {
			return model.Outcome{}, err
		}
	}
	for _, ds := range missing {
		r := model.Record{Name: e.Owner, Type: wire.TypeDS, TTL: dsTTL, RData: ds}
		if _, err := p.addRecord(ctx, model.AddRecord{Record: r}); err != nil {
			return model.Outcome{}, err
		}
	}
	return zoneOutcome(z), nil
}

// dsTTL is short: a roll waits for it.
const dsTTL = 3600

// replaceAt brings the records at a name to what they shall be.
func (p *plan) replaceAt(ctx context.Context, e model.ReplaceAt) (model.Outcome, error) {
	z, err := p.recordsOf(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	rows, err := p.at(ctx, z, e.Name)
	if err != nil {
		return model.Outcome{}, err
	}
	told := p.told
	defer func() { p.told = told }()
	add := slices.Clone(e.Records)
	for _, r := range slices.Clone(rows) {
		same := func(o model.Record) bool { return o.Type == r.Type && o.TTL == r.TTL && bytes.Equal(o.RData, r.RData) }
		if at := slices.IndexFunc(add, same); at >= 0 {
			add = slices.Delete(add, at, at+1)
		} else if _, err := p.deleteRecord(ctx, model.DeleteRecord{ID: r.ID}); err != nil {
			return model.Outcome{}, err
		}
	}
	for _, r := range add {
		r.Name = e.Name
		if _, err := p.addRecord(ctx, model.AddRecord{Record: r}); err != nil {
			return model.Outcome{}, err
		}
	}
	return zoneOutcome(z), nil
}

// rewrite does what is worked out from what stands in the zone.
func (p *plan) rewrite(ctx context.Context, e model.Rewrite) (model.Outcome, error) {
	z, err := p.recordsOf(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	soa, err := face.SOA(&z.row, z.soaSerial())
	if err != nil {
		return model.Outcome{}, err
	}
	c := p.context(z)
	edits, err := e.Plan(model.View{
		Zone: &z.row,
		Rows: func(n wire.Name) ([]*model.Record, error) { return p.at(ctx, z, n) },
		Published: func(n wire.Name) []rr.Set {
			if z.state == nil {
				return nil
			}
			return z.state.Transfer.Sets(n)
		},
		SOA:      soa,
		Answered: func(r *model.Record) bool { return c.Flattens(r) || r.Proxied && !c.DNSOnly && len(c.Pool) > 0 },
	})
	if err != nil {
		return model.Outcome{}, err
	}
	for i, edit := range edits {
		if _, err := p.edit(ctx, edit); err != nil {
			return model.Outcome{}, err
		}
		p.yield(i)
	}
	return zoneOutcome(z), nil
}

// soaSerial is the serial that the zone has by now.
func (z *zoneWork) soaSerial() uint32 {
	if z.raise != nil {
		return *z.raise
	}
	return z.row.Serial
}

// recordsOf is the zone, whose records the change is about. While an import is on its way nobody else changes them.
func (p *plan) recordsOf(ctx context.Context) (*zoneWork, error) {
	z, err := p.zone(ctx)
	if err == nil && z.read.Importing {
		return nil, errImporting()
	}
	return z, err
}

func (p *plan) recordOf(ctx context.Context, id model.ID) (*zoneWork, *model.Record, error) {
	z, err := p.recordsOf(ctx)
	if err != nil {
		return nil, nil, err
	}
	r, err := p.record(ctx, z, id)
	if err != nil {
		return nil, nil, err
	}
	if r == nil {
		return nil, nil, missing(model.CodeRecordNotFound, "Record does not exist.")
	}
	return z, r, nil
}

// retarget notes that a CNAME stands for something else than before.
func (p *plan) retarget(z *zoneWork, r *model.Record) {
	if r.Type == wire.TypeCNAME {
		put(&p.undo, z.retargeted, r.Name, struct{}{})
	}
}

// noteCut has the name looked at again when the whole change is planned, so that within a batch NS and DS may come and
// go in any order.
func (p *plan) noteCut(z *zoneWork, r *model.Record) {
	if (r.Type != wire.TypeNS && r.Type != wire.TypeDS) || z != p.zw {
		return
	}
	if p.cuts == nil {
		p.cuts = map[wire.Name]struct{}{}
	}
	p.cuts[r.Name] = struct{}{}
}

// revert brings records and settings back to what they were. The history that this was worked out from must be all that there is: what
// another change of this very group has done to the zone is not in it either.
func (p *plan) revert(ctx context.Context, e model.Revert) (model.Outcome, error) {
	z, err := p.recordsOf(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	if z.read.Told != e.Base || slices.ContainsFunc(p.audits, func(a model.Audit) bool { return a.Zone == z.row.ID }) {
		moved := invalid(model.CodeUndoMoved, "The zone has been changed meanwhile. Try again.")
		moved.Status = 409
		return model.Outcome{}, moved
	}
	p.audit(auditOf{action: "revert", legacy: "set", resource: "zone.revert", id: z.row.ID, after: e.Facts})
	if e.Settings != nil {
		if _, err := p.editZone(ctx, model.EditZone{Action: "dns_settings", Apply: e.Settings}); err != nil {
			return model.Outcome{}, err
		}
	}
	olds, err := p.revertRemoves(ctx, z, e.Records)
	if err != nil {
		return model.Outcome{}, err
	}
	clashes, err := p.revertPolicies(ctx, e.Policies)
	if err != nil {
		return model.Outcome{}, err
	}
	for i := range e.Records {
		var bad *model.Invalid
		err := p.revertRecord(ctx, z, olds[i], &e.Records[i])
		switch {
		case errors.As(err, &bad):
			clashes = append(clashes, model.Clash{ID: e.Records[i].ID, Err: bad})
		case err != nil:
			return model.Outcome{}, err
		}
		p.yield(i)
	}
	if clashes != nil {
		return model.Outcome{}, &model.Clashes{List: clashes}
	}
	out := zoneOutcome(z)
	out.Zone.Told = model.Place{At: p.now.UnixMicro(), ID: audit.First(p.told[len(p.told)-1].ID)}
	return out, nil
}

// revertRemoves takes away all that a revert changes or removes, and gives it.
func (p *plan) revertRemoves(ctx context.Context, z *zoneWork, list []model.RevertRecord) ([]*model.Record, error) {
	var names []wire.Name
	for i := range list {
		if to := list[i].To; to != nil {
			names = append(names, to.Name)
		}
		if list[i].At != "" {
			names = append(names, list[i].At)
		}
	}
	if err := p.load(ctx, z, names); err != nil {
		return nil, err
	}
	olds := make([]*model.Record, len(list))
	for i := range list {
		old, err := p.record(ctx, z, list[i].ID)
		if err != nil {
			return nil, err
		}
		if olds[i] = old; old != nil {
			p.remove(z, old)
		}
	}
	return olds, nil
}

// revertRecord makes a record what it was.
func (p *plan) revertRecord(ctx context.Context, z *zoneWork, old *model.Record, to *model.RevertRecord) error {
	if to.To == nil {
		if old != nil {
			put(&p.undo, z.dels, old.ID, struct{}{})
			drop(&p.undo, z.puts, old.ID)
			p.audit(auditOf{action: "delete", legacy: "rec_del", resource: "dns.record", id: old.ID, before: old})
		}
		return nil
	}
	r := to.To.Clone()
	r.ID, r.Zone = to.ID, z.row.ID
	rules.Stamp(&r, old, p.now)
	rows, err := p.at(ctx, z, r.Name)
	if err != nil {
		return err
	}
	if err := p.allowRecord(ctx, z, 1, r.Size()); err != nil {
		return err
	}
	at, err := p.place(ctx, z, rows, &r)
	if err != nil {
		return err
	}
	if old == nil {
		err = rules.Added(at, &r)
	} else {
		err = rules.Edited(at, old, &r)
	}
	if err == nil {
		err = p.checkTarget(z, rows, &r)
	}
	if err != nil {
		return err
	}
	p.insert(z, &r)
	p.retarget(z, &r)
	if old == nil {
		p.audit(auditOf{action: "create", legacy: "rec_add", resource: "dns.record", id: r.ID, after: &r})
		return nil
	}
	p.audit(auditOf{action: "update", legacy: "rec_set", resource: "dns.record", id: r.ID, before: old, after: &r})
	return nil
}
