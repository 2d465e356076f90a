package commit

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// createZone makes a zone; edits that follow in the same change concern it.
func (p *plan) createZone(ctx context.Context, e model.CreateZone) (model.Outcome, error) {
	row := e.Zone
	if row.Account == "" {
		row.Account = p.change.Account
	}
	if len(row.Name) < 2 {
		return model.Outcome{}, invalid(model.CodeZoneInvalid, "The zone needs a name.")
	}
	a, err := p.account(ctx, row.Account)
	if errors.Is(err, model.ErrNotFound) {
		return model.Outcome{}, invalid(model.CodeAccountInvalid,
			"Invalid account identifier passed in your organization variable")
	}
	if err != nil {
		return model.Outcome{}, err
	}
	if err := p.allow(ctx, a, model.QuotaZones, 1); err != nil {
		return model.Outcome{}, err
	}
	taken, err := p.nameTaken(ctx, row.Name)
	if err != nil {
		return model.Outcome{}, err
	}
	if taken {
		return model.Outcome{}, invalid(model.CodeZoneExists, "%s already exists", row.Name.Host())
	}
	if err := p.checkName(ctx, &row, &a.row, e.Anywhere); err != nil {
		return model.Outcome{}, err
	}
	if row.Serial, err = p.firstSerial(ctx, row.Name); err != nil {
		return model.Outcome{}, err
	}
	p.fillZone(&row, &a.row)
	if err := checkSettings(&row); err != nil {
		return model.Outcome{}, err
	}
	z := newZoneWork(row, a)
	z.fresh, z.dirty = true, true
	put(&p.undo, p.zones, row.ID, z)
	put(&p.undo, p.named, row.Name, z)
	assign(&p.undo, &p.order, append(slices.Clip(p.order), z))
	p.touch(z, row.Name)
	p.zid, p.zw = row.ID, z
	p.grow(z, model.Usage{Zones: 1})
	p.audit(auditOf{action: "create", legacy: "add", resource: "zone", id: row.ID, after: row})
	return zoneOutcome(z), nil
}

// fillZone gives a new zone what its creator left open.
func (p *plan) fillZone(row *model.Zone, a *model.Account) {
	if row.ID == "" {
		row.ID = p.change.Zone
	}
	if row.ID == "" {
		row.ID = p.cfg.NewID()
	}
	if row.Type == "" {
		row.Type = "full"
	}
	if row.Created.IsZero() {
		row.Created = p.now
	}
	if row.Status == "" {
		row.Status, row.Activated = model.StatusActive, row.Created
	}
	row.Modified = row.Created
	if len(row.NameServers) == 0 {
		row.NameServers = slices.Clone(p.cfg.NameServers)
	}
	if row.Settings == (model.Settings{}) {
		row.Settings = a.ZoneDefaults
	}
	if row.Settings == (model.Settings{}) {
		row.Settings = model.DefaultSettings()
	}
	if row.Mode == "" {
		row.Mode = a.TransferMode
	}
	if row.Mode == "" {
		row.Mode = model.ModeOrigin
	}
}

// nameTaken says whether a zone of this name exists, this group's doings included. Names are unique on the server.
func (p *plan) nameTaken(ctx context.Context, n wire.Name) (bool, error) {
	if z := p.named[n]; z != nil {
		return !z.gone, nil
	}
	_, err := p.tx.ZoneByName(ctx, n)
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	return err == nil, wrap(err, "look for zone %s", n.Host())
}

// checkName gathers for package rules what is around a new zone's name, this group's doings included.
func (p *plan) checkName(ctx context.Context, row *model.Zone, owner *model.Account, anywhere bool) error {
	if anywhere {
		return nil
	}
	many, err := p.tx.ManyAccounts(ctx)
	if err != nil {
		return err
	}
	if many {
		if err := rules.Suffix(row.Name); err != nil {
			return err
		}
	}
	list, err := p.tx.Relatives(ctx, row.Name, row.Account)
	if err != nil {
		return err
	}
	for _, z := range p.order {
		if other := z.row.Name; z.fresh && !z.gone && z.row.Account != row.Account && (other.Within(row.Name) || row.Name.Within(other)) {
			list = append(list, model.Relative{Account: z.row.Account, Zone: other})
		}
	}
	for _, r := range list {
		other, err := p.account(ctx, r.Account)
		if err != nil {
			return err
		}
		if err := rules.Nested(row.Name, owner, &other.row); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) editZone(ctx context.Context, e model.EditZone) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	old := z.row
	row, err := e.Apply(old.Clone())
	if err != nil {
		return model.Outcome{}, err
	}
	row.ID, row.Account, row.Name, row.Created = old.ID, old.Account, old.Name, old.Created
	row.Serial, row.Seq, row.Modified = old.Serial, old.Seq, old.Modified
	if err := p.checkOutgoing(ctx, z, &old, &row); err != nil {
		return model.Outcome{}, err
	}
	enabling := row.Outgoing != nil && row.Outgoing.Enabled && (old.Outgoing == nil || !old.Outgoing.Enabled)
	if e.Action == "outgoing.enable" || enabling {
		assign(&p.undo, &z.notify, true)
	}
	if reflect.DeepEqual(old, row) {
		return zoneOutcome(z), nil
	}
	if err := checkSettings(&row); err != nil {
		return model.Outcome{}, err
	}
	row.Modified = p.now
	p.zoneChanged(z, &old, &row)
	p.setRow(z, row)
	if err := p.wantDNSSEC(ctx, z, &old); err != nil {
		return model.Outcome{}, err
	}
	row = z.row
	if z.recast {
		if err := p.checkTargets(ctx, z, &old); err != nil {
			return model.Outcome{}, err
		}
	}
	p.audit(auditOf{action: "update", legacy: "set", resource: zoneResource(e.Action), id: row.ID, before: old, after: row})
	return zoneOutcome(z), nil
}

// zoneChanged marks what depends on a zone's own members.
func (p *plan) zoneChanged(z *zoneWork, old, row *model.Zone) {
	s, t := &old.Settings, &row.Settings
	if s.SOA != t.SOA || s.NSTTL != t.NSTTL || s.MultiProvider != t.MultiProvider ||
		!slices.Equal(old.NS(), row.NS()) || old.Digest != row.Digest {
		p.touch(z, row.Name)
	}
	if s.FlattenAll != t.FlattenAll || s.ZoneMode != t.ZoneMode || old.Paused != row.Paused || old.Mode != row.Mode {
		assign(&p.undo, &z.dependents, true)
		assign(&p.undo, &z.recast, true)
	}
	if linksOf(old, &z.acct.row).differ(linksOf(row, &z.acct.row)) {
		assign(&p.undo, &z.relink, true)
	}
}

func (p *plan) deleteZone(ctx context.Context) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil && (z == nil || z.bad == nil) {
		return model.Outcome{}, err
	}
	stored, err := p.stored(ctx, z)
	if err != nil {
		return model.Outcome{}, err
	}
	p.grow(z, stored.Plus(z.grown).Times(-1))
	assign(&p.undo, &z.gone, true)
	put(&p.undo, p.named, z.row.Name, z)
	p.audit(auditOf{action: "delete", legacy: "delete", resource: "zone", id: z.row.ID, before: z.row})
	return zoneOutcome(z), nil
}

func (p *plan) relearn(ctx context.Context, e model.Relearn) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	if e.Names == nil {
		assign(&p.undo, &z.dependents, true)
		return zoneOutcome(z), nil
	}
	names := make([]wire.Name, 0, len(e.Names))
	for _, text := range e.Names {
		n, err := wire.ParseName(text)
		if err != nil {
			return model.Outcome{}, fmt.Errorf("relearn %q: %w", text, err)
		}
		if !n.Within(z.row.Name) {
			return model.Outcome{}, fmt.Errorf("relearn %q: not in zone %s", text, z.row.Name.Host())
		}
		names = append(names, n)
		p.touch(z, n)
	}
	return zoneOutcome(z), p.load(ctx, z, names)
}

// checkSettings refuses what could not be rendered; the ranges of numbers are the API's matter.
func checkSettings(row *model.Zone) error {
	if _, err := face.SOA(row, 0); err != nil {
		e := invalid(model.CodeSettingsInvalid, "The SOA settings are not valid: %v.", err)
		return e
	}
	for _, ns := range row.NS() {
		if _, err := wire.ParseName(ns); err != nil {
			return invalid(model.CodeSettingsInvalid, "The name server %q is not a valid name.", ns)
		}
	}
	return nil
}

// putUpdatePolicy makes or replaces a policy for updates by messages. Back: one that has been removed may come back under the ID that it had.
func (p *plan) putUpdatePolicy(ctx context.Context, u model.UpdatePolicy, back bool) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	if err := rules.UpdatePolicy(z.row.Name, &u); err != nil {
		return model.Outcome{}, err
	}
	key, err := p.access(z.acct).tsigs.get(ctx, u.TSIG)
	if err != nil {
		return model.Outcome{}, err
	}
	if key == nil {
		e := invalid(model.CodeUpdateTSIG, "There is no TSIG %s in the zone's account.", u.TSIG)
		e.Pointer = "/tsig_id"
		return model.Outcome{}, e
	}
	row := z.row.Clone()
	u = u.Clone()
	u.Created, u.Modified = p.now, p.now
	at := slices.IndexFunc(row.Updates, func(o model.UpdatePolicy) bool { return o.ID == u.ID })
	switch {
	case u.ID != "" && at < 0 && !back:
		return model.Outcome{}, missing(model.CodeUpdateMissing, "There is no such update policy.")
	case at < 0:
		if len(row.Updates) >= rules.MaxUpdatePolicies {
			return model.Outcome{}, invalid(model.CodeUpdateMost, "A zone has at most %d update policies.", rules.MaxUpdatePolicies)
		}
		if u.ID == "" {
			u.ID = p.cfg.NewID()
		}
		row.Updates = append(row.Updates, u)
		p.setUpdates(z, row, nil, &u)
		return model.Outcome{UpdatePolicy: &u}, nil
	}
	old := row.Updates[at]
	if u.Created, u.Modified = old.Created, old.Modified; reflect.DeepEqual(old, u) {
		return model.Outcome{UpdatePolicy: &u}, nil
	}
	u.Modified = p.now
	row.Updates[at] = u
	p.setUpdates(z, row, &old, &u)
	return model.Outcome{UpdatePolicy: &u}, nil
}

// editUpdatePolicy makes another of a policy, as it is now.
func (p *plan) editUpdatePolicy(ctx context.Context, e model.EditUpdatePolicy) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	at := slices.IndexFunc(z.row.Updates, func(o model.UpdatePolicy) bool { return o.ID == e.ID })
	if at < 0 {
		return model.Outcome{}, missing(model.CodeUpdateMissing, "There is no such update policy.")
	}
	u, err := e.Apply(z.row.Updates[at].Clone())
	if err != nil {
		return model.Outcome{}, err
	}
	u.ID = e.ID
	return p.putUpdatePolicy(ctx, u, false)
}

func (p *plan) deleteUpdatePolicy(ctx context.Context, e model.DeleteUpdatePolicy) (model.Outcome, error) {
	z, err := p.zone(ctx)
	if err != nil {
		return model.Outcome{}, err
	}
	row := z.row.Clone()
	at := slices.IndexFunc(row.Updates, func(o model.UpdatePolicy) bool { return o.ID == e.ID })
	if at < 0 {
		return model.Outcome{}, missing(model.CodeUpdateMissing, "There is no such update policy.")
	}
	old := row.Updates[at]
	if e.Check != nil {
		if err := e.Check(&old); err != nil {
			return model.Outcome{}, err
		}
	}
	row.Updates = slices.Delete(row.Updates, at, at+1)
	p.setUpdates(z, row, &old, nil)
	return model.Outcome{UpdatePolicy: &old}, nil
}

// revertPolicies brings policies of updates back. What rules forbid now is a clash.
func (p *plan) revertPolicies(ctx context.Context, list []model.RevertPolicy) (clashes []model.Clash, err error) {
	for i := range list {
		var bad *model.Invalid
		if to := list[i].To; to != nil {
			_, err = p.putUpdatePolicy(ctx, *to, true)
		} else {
			_, err = p.deleteUpdatePolicy(ctx, model.DeleteUpdatePolicy{ID: list[i].ID})
		}
		switch {
		case errors.As(err, &bad):
			clashes = append(clashes, model.Clash{Policy: list[i].ID, Err: bad})
		case err != nil:
			return nil, err
		}
	}
	return clashes, nil
}

// setUpdates plans a zone's policies, of which one is another than it was.
func (p *plan) setUpdates(z *zoneWork, row model.Zone, old, now *model.UpdatePolicy) {
	if len(row.Updates) == 0 {
		row.Updates = nil
	}
	row.Modified = p.now
	p.setRow(z, row)
	e := auditOf{action: "update", legacy: "set", resource: zoneResource("update_policy")}
	switch {
	case old == nil:
		e.action, e.legacy = "create", "add"
	case now == nil:
		e.action, e.legacy = "delete", "delete"
	}
	if old != nil {
		e.id, e.before = old.ID, old.Facts()
	}
	if now != nil {
		e.id, e.after = now.ID, now.Facts()
	}
	p.audit(e)
}
