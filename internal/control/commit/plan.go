package commit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/audit"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/preview"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// plan is one change on its way over a workspace.
type plan struct {
	*workspace
	change *model.Change
	zid    model.ID               // the zone that edits concern
	zw     *zoneWork              // the same, once read
	cuts   map[wire.Name]struct{} // names whose DS and NS must agree at the end
	added  int                    // records that an import has brought, told to the audit log in one entry
	passed int                    // and those that were there
	told   []model.Audit          // what it did, one entry for each log and zone
	pieces bool                   // the audit log is told of each record, of an import as well
	// approved says that more than one has seen what is planned.
	approved bool
}

// run plans every edit of c. On an error the workspace is as before.
func (s *workspace) run(ctx context.Context, c *model.Change) (out []model.Outcome, err error) {
	mark := s.undo.mark()
	defer func() {
		// Apply closures are foreign code; the committer must outlive a fault in one.
		if r := recover(); r != nil {
			err = &planPanic{what: fmt.Sprint(r)}
		}
		if err != nil {
			s.undo.back(mark)
		}
	}()
	p := &plan{workspace: s, change: c, zid: c.Zone}
	out = make([]model.Outcome, 0, len(c.Edits))
	for i, e := range c.Edits {
		o, err := p.edit(ctx, e)
		if err != nil {
			return nil, &model.EditError{Index: i, Err: err}
		}
		out = append(out, o)
		s.yield(i)
	}
	p.auditImport(p.now)
	for n := range p.cuts {
		if err := rules.Cut(n, p.zw.rows[n]); err != nil {
			return nil, err
		}
	}
	p.tell()
	return out, nil
}

// planPanic is a fault in somebody's Apply.
type planPanic struct{ what string }

func (e *planPanic) Error() string { return "plan change: panic: " + e.what }

func (p *plan) edit(ctx context.Context, e model.Edit) (model.Outcome, error) {
	if err := p.guard(ctx, e); err != nil {
		return model.Outcome{}, err
	}
	if p.change.Only != nil {
		return p.only(ctx, e)
	}
	return p.do(ctx, e)
}

func (p *plan) do(ctx context.Context, e model.Edit) (model.Outcome, error) {
	switch e := e.(type) {
	case model.Within:
		return p.within(ctx, e)
	case model.AddRecord:
		return p.addRecord(ctx, e)
	case model.EditRecord:
		return p.editRecord(ctx, e)
	case model.DeleteRecord:
		return p.deleteRecord(ctx, e)
	case model.ReplaceAt:
		return p.replaceAt(ctx, e)
	case model.CreateZone:
		return p.createZone(ctx, e)
	case model.EditZone:
		return p.editZone(ctx, e)
	case model.DeleteZone:
		return p.deleteZone(ctx)
	case model.NotifyZone:
		return p.notifyZone(ctx)
	case model.RaiseSerial:
		return p.raiseSerial(ctx, e)
	case model.Revert:
		return p.revert(ctx, e)
	case model.Rewrite:
		return p.rewrite(ctx, e)
	case model.PutUpdatePolicy:
		return p.putUpdatePolicy(ctx, e.Policy, false)
	case model.EditUpdatePolicy:
		return p.editUpdatePolicy(ctx, e)
	case model.DeleteUpdatePolicy:
		return p.deleteUpdatePolicy(ctx, e)
	case model.CreateAccount:
		return p.createAccount(ctx, e)
	case model.EditAccount:
		return p.editAccount(ctx, e)
	}
	return p.doKeys(ctx, e)
}

// doKeys is do for a zone's keys and how it is signed, and after these for who may have it.
func (p *plan) doKeys(ctx context.Context, e model.Edit) (model.Outcome, error) {
	switch e := e.(type) {
	case model.TakeDS:
		return p.takeDS(ctx, e)
	case model.KeepDNSSEC:
		return p.keepDNSSEC(ctx, e)
	case model.RollKeys:
		return p.rollKeys(ctx, e)
	case model.SeenDS:
		return p.seenDS(ctx, e)
	case model.ImportKey:
		return p.importKey(ctx, e)
	case model.DropKey:
		return p.dropKey(ctx, e)
	case model.ExportKey:
		return p.exportKey(ctx, e)
	case model.Relearn:
		return p.relearn(ctx, e)
	}
	return p.editAccess(ctx, e)
}

// zone is the zone that the change concerns. A zone of another account is not found, as if it did not exist.
func (p *plan) zone(ctx context.Context) (*zoneWork, error) {
	if p.zw != nil && !p.zw.gone {
		return p.zw, p.zw.bad
	}
	z, err := p.anyZone(ctx, p.zid)
	if err != nil {
		return nil, err
	}
	if p.change.Account != "" && z.row.Account != p.change.Account {
		return nil, fmt.Errorf("zone %s in account %s: %w", p.zid, p.change.Account, model.ErrNotFound)
	}
	p.zw = z
	return z, z.bad
}

// touch has a name of the zone rendered.
func (p *plan) touch(z *zoneWork, n wire.Name) {
	if _, there := z.touched[n]; !there {
		put(&p.undo, z.touched, n, struct{}{})
	}
}

// setRow plans new members of the zone itself.
func (p *plan) setRow(z *zoneWork, row model.Zone) {
	assign(&p.undo, &z.row, row)
	assign(&p.undo, &z.dirty, true)
}

// zoneOutcome tells the zone as planned so far; the committer adds serial and position.
func zoneOutcome(z *zoneWork) model.Outcome {
	row := z.row
	return model.Outcome{Zone: &row}
}

// auditOf says what happened to an object; before and after are model values, nil for none.
type auditOf struct {
	action, legacy, resource string
	id                       model.ID
	account                  model.ID // when not the change's
	before, after            any
}

// audit tells what an edit did. All that a change did in one log stands in one entry, which is written in the transaction of the
// change; what it is about is packed as it is, and shown by whoever reads the log.
func (p *plan) audit(e auditOf) {
	head := model.AuditHead{Account: p.change.Account, Actor: p.change.Actor, When: p.now}
	if p.zw != nil {
		head.Zone, head.Account = p.zw.row.ID, p.zw.row.Account
	}
	if e.account != "" {
		head.Account = e.account
	}
	n := len(p.told)
	if n == 0 || p.told[n-1].Account != head.Account || p.told[n-1].Zone != head.Zone {
		head.ID = p.cfg.NewID()
		if p.zw != nil {
			head.ZoneName = p.zw.row.Name.Host()
		}
		p.told = append(p.told, model.Audit{AuditHead: head, Parts: make([]model.AuditPart, 0, min(len(p.change.Edits), 128))})
		n++
	}
	last := &p.told[n-1]
	last.Parts = append(last.Parts, model.AuditPart{
		Action: e.action, Legacy: e.legacy, Resource: e.resource, ResourceID: e.id, Before: e.before, After: e.after,
	})
}

// tell has what the change did written with the group. Nothing after it may refuse the change.
func (p *plan) tell() {
	for i := range p.told {
		audit.Spread(&p.told[i])
	}
	p.audits = slices.Concat(p.audits, p.told)
}

// writeAudits writes what the group's changes did, which is the history of its zones, too: so they have their new serials already.
func (s *workspace) writeAudits(ctx context.Context) error {
	if len(s.audits) == 0 {
		return nil
	}
	return wrap(s.tx.Audit(ctx, s.audits), "write audit log")
}

// auditImport tells an import in one entry: a million of them would help nobody. Its records can be told from others by the instant in
// which they were made.
func (p *plan) auditImport(made time.Time) {
	if p.added == 0 {
		return
	}
	p.audit(auditOf{action: "create", legacy: "rec_import", resource: "dns.record", id: p.zw.row.ID, after: model.AuditFacts{
		{Name: model.FactImported, Number: int64(p.added)}, {Name: "skipped", Number: int64(p.passed)}, {Name: model.FactStamp, Number: made.UnixMicro()},
	}})
}

// zoneResource names the part of a zone that an edit's action is about.
func zoneResource(action string) string { return resource("zone", action) }

func accountResource(action string) string { return resource("account", action) }

// resource joins an object and an action such as "outgoing.enable" to what the audit log shows.
func resource(object, action string) string {
	if action == "" {
		return object
	}
	return object + "." + action
}

// invalid is a rule of the API that the change breaks.
func invalid(code int, format string, args ...any) *model.Invalid {
	return &model.Invalid{Code: code, Message: fmt.Sprintf(format, args...)}
}

// missing is invalid for an object that is not there.
func missing(code int, format string, args ...any) *model.Invalid {
	e := invalid(code, format, args...)
	e.Status = 404
	return e
}

// undo takes back what a refused change has done to the workspace: the steps are run newest first.
type undo []func()

func (u *undo) mark() int { return len(*u) }

func (u *undo) back(to int) {
	for i := len(*u) - 1; i >= to; i-- {
		(*u)[i]()
	}
	*u = (*u)[:to]
}

// assign sets *at to v.
func assign[T any](u *undo, at *T, v T) {
	old := *at
	*u = append(*u, func() { *at = old })
	*at = v
}

// put sets m[k] to v.
func put[K comparable, V any](u *undo, m map[K]V, k K, v V) {
	restore(u, m, k)
	m[k] = v
}

// drop removes k from m.
func drop[K comparable, V any](u *undo, m map[K]V, k K) {
	if _, there := m[k]; !there {
		return
	}
	restore(u, m, k)
	delete(m, k)
}

func restore[K comparable, V any](u *undo, m map[K]V, k K) {
	old, there := m[k]
	*u = append(*u, func() { putBack(m, k, old, there) })
}

// putBack makes m[k] what it was.
func putBack[K comparable, V any](m map[K]V, k K, old V, there bool) {
	if there {
		m[k] = old
		return
	}
	delete(m, k)
}

// Bounds of what is tried.
const (
	triedEdits   = 10_000 // of one change
	triedZones   = 1000   // that one change may concern
	triedAtOnce  = 2
	triedTooMuch = "The change is too large to be planned: %d %s, of at most %d."
)

// Plan tells what a change would do: outcomes and errors are those that it would have. It goes the way of the change itself, all of it but
// the commit, in a transaction of its own that is taken back. So nothing is written, published or told to anybody, and what is told is what
// then happens, unless others come between.
func (c *Committer) Plan(ctx context.Context, ch model.Change) (model.Result, *model.Plan, error) {
	if len(ch.Edits) > triedEdits {
		return model.Result{}, nil, invalid(model.CodePlanTooLarge, triedTooMuch, len(ch.Edits), "edits", triedEdits)
	}
	select {
	case c.plans <- struct{}{}:
	case <-ctx.Done():
		return model.Result{}, nil, fmt.Errorf("plan: %w", ctx.Err())
	}
	ch.ID = "" // the change itself may come under its ID
	r := &request{ctx: ctx, change: ch}
	told, zones, err := c.tryOut(ctx, r)
	<-c.plans
	if err != nil {
		return model.Result{}, nil, err
	}
	p, err := preview.Of(ctx, told, zones, c.cfg.Review)
	return r.out, p, err
}

// tryOut runs a request as a group of its own, up to the commit. It waits for an import into the zone, a while.
func (c *Committer) tryOut(ctx context.Context, r *request) (told []model.Audit, zones []preview.Zone, err error) {
	cfg := c.cfg
	cfg.Flattened = glimpse{cfg.Flattened}
	for patience := time.Now().Add(importPatience); ; {
		err = c.within(ctx, &cfg, locksOf([]*request{r}), func(s *workspace) error {
			s.usages, s.trying = usages{}, true
			_, err := c.planGroup(ctx, s, []*request{r})
			if err == nil {
				err = r.err
			}
			if err != nil {
				return err
			}
			entries, err := s.flush(ctx)
			if err != nil {
				return err
			}
			r.report(s, 0, entries)
			told = s.audits
			zones, err = s.previews(ctx, entries)
			return err
		})
		if !isImporting(err) || !c.imports.wait(ctx, r.change.Zone, patience) {
			return told, zones, err
		}
	}
}

// glimpse looks at flattened targets and asks nobody to look any up.
type glimpse struct{ Flattened }

func (glimpse) Want(model.ID, wire.Name, model.FlattenTarget) {}
func (glimpse) Doubt(model.ID, []wire.Name)                   {}
