package commit

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
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
	p.auditImport()
	for n := range p.cuts {
		if err := rules.Cut(n, p.zw.rows[n]); err != nil {
			return nil, err
		}
	}
	if c.Trial {
		return out, nil
	}
	p.tell()
	return out, nil
}

// planPanic is a fault in somebody's Apply.
type planPanic struct{ what string }

func (e *planPanic) Error() string { return "plan change: panic: " + e.what }

func (p *plan) edit(ctx context.Context, e model.Edit) (model.Outcome, error) {
	switch e := e.(type) {
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
	case model.Rewrite:
		return p.rewrite(ctx, e)
	case model.PutUpdatePolicy:
		return p.putUpdatePolicy(ctx, e.Policy)
	case model.DeleteUpdatePolicy:
		return p.deleteUpdatePolicy(ctx, e.ID)
	case model.CreateAccount:
		return p.createAccount(ctx, e)
	case model.EditAccount:
		return p.editAccount(ctx, e)
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
