package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/rr"
)

// mostReverted bounds the records that one revert changes: it is a change like others, and others wait for it.
const mostReverted = 20_000

// Wish is what a revert is to bring back: a version, or with Change what was before one change alone.
type Wish struct {
	Point    Point
	Change   *model.Place
	Settings bool // the zone's settings, too
}

// Undoing is what it takes to bring that back.
type Undoing struct {
	Edit     model.Revert
	Records  []RecordChange
	Settings []SettingChange
	Left     []SettingChange // that differ, and are left alone
	Policies []PolicyChange  // of updates
}

// PolicyChange is what a policy of updates is, and what it becomes; nil for none.
type PolicyChange struct {
	ID            model.ID
	Before, After *model.UpdatePolicy
}

// Empty says that there is nothing to be done.
func (u *Undoing) Empty() bool { return len(u.Records)+len(u.Settings)+len(u.Policies) == 0 }

// Undo works out what takes a zone back. Where a change alone is to be taken back, what has been changed again since is a clash
// (*model.Clashes), and no edit.
func (h *Reader) Undo(ctx context.Context, z *model.Zone, w Wish, kept time.Duration) (*Undoing, error) {
	if w.Change != nil {
		return h.undoChange(ctx, z, w)
	}
	d, err := h.Diff(ctx, z, Point{}, w.Point, kept)
	if err != nil {
		return nil, err
	}
	u := &Undoing{Records: d.Edits}
	u.settle(d.Settings, w.Settings)
	facts := model.AuditFacts{{Name: "serial", Number: int64(d.To.Serial)}}
	if w.Point.Serial == nil {
		facts = model.AuditFacts{{Name: "time", Text: w.Point.Time.UTC().Format(time.RFC3339Nano)}}
	}
	return u, u.edit(z, &d.To, facts)
}

// settle tells settings that come back from those that do not.
func (u *Undoing) settle(list []SettingChange, wanted bool) {
	for _, s := range list {
		if s.Undone && wanted {
			u.Settings = append(u.Settings, s)
		} else {
			u.Left = append(u.Left, s)
		}
	}
}

// edit makes one edit of all.
func (u *Undoing) edit(z, to *model.Zone, facts model.AuditFacts) error {
	if len(u.Records) > mostReverted {
		return tooMuch("%d records would change, which is more than the %d that a revert may.", len(u.Records), mostReverted)
	}
	u.Edit = model.Revert{Base: z.Told, Facts: facts}
	for i := range u.Records {
		r := model.RevertRecord{ID: u.Records[i].ID, To: u.Records[i].After}
		if now := u.Records[i].Before; now != nil {
			r.At = now.Name
		}
		u.Edit.Records = append(u.Edit.Records, r)
	}
	for _, c := range u.Policies {
		u.Edit.Policies = append(u.Edit.Policies, model.RevertPolicy{ID: c.ID, To: c.After})
	}
	if len(u.Settings) == 0 {
		return nil
	}
	names := map[string]bool{}
	for _, s := range u.Settings {
		names[s.Name] = true
	}
	from := to.Clone()
	u.Edit.Settings = func(row model.Zone) (model.Zone, error) {
		for _, s := range settings {
			if names[s.name] {
				s.take(&row, &from)
			}
		}
		return row, nil
	}
	return nil
}

// undoChange works out what takes one change back, and nothing else.
func (h *Reader) undoChange(ctx context.Context, z *model.Zone, w Wish) (*Undoing, error) {
	e, err := h.entry(ctx, z, *w.Change)
	if err != nil {
		return nil, err
	}
	c := describe(e)
	if !c.Undoable() {
		return nil, invalid(model.CodeNothingToUndo, 409, "There is nothing in this change that can be taken back.")
	}
	u := &undoing{h: h, z: z, of: e, c: &c, later: map[model.ID]*model.Audit{}}
	if err := u.look(ctx); err != nil {
		return nil, err
	}
	u.records()
	if err := u.imported(ctx); err != nil {
		return nil, err
	}
	to := u.settings(w.Settings)
	u.policies()
	if len(u.clashes) > 0 {
		return nil, &model.Clashes{List: u.clashes}
	}
	return &u.out, u.out.edit(z, to, model.AuditFacts{{Name: "change", Text: ChangeID(*w.Change)}})
}

// undoing is one change on its way to be taken back.
type undoing struct {
	h       *Reader
	z       *model.Zone
	of      *model.Audit
	c       *Change
	rows    map[model.ID]*model.Record // as they are now
	later   map[model.ID]*model.Audit  // the newest entry behind the change that tells of an object
	same    map[model.ID]bool          // records that other changes of its very instant have made
	removed map[model.ID]*model.Record // what was removed since, as it was then
	out     Undoing
	clashes []model.Clash
}

// mostLater bounds how many changes are looked through that came behind the one to be taken back.
const mostLater = 100_000

// look reads what has become of what the change touched.
func (u *undoing) look(ctx context.Context) error {
	u.same, u.removed = map[model.ID]bool{}, map[model.ID]*model.Record{}
	seen, beyond := 0, false
	err := u.h.Store.ZoneHistory(ctx, u.z.Account, u.z.ID, u.z.Told, func(e *model.Audit, _ model.Place) (bool, error) {
		if seen++; seen > mostLater {
			return false, tooMuch("More than %d changes have come since.", mostLater)
		}
		if e.ID == u.of.ID {
			beyond = true
			return true, nil
		}
		if beyond && e.When.UnixMicro() != u.of.When.UnixMicro() {
			return false, nil
		}
		u.meet(e, beyond)
		return true, nil
	})
	if err != nil {
		return err
	}
	if !beyond {
		return invalid(model.CodeNoChange, 404, "This change is not in the history of the zone.")
	}
	ids := make([]model.ID, 0, len(u.c.Edits))
	for i := range u.c.Edits {
		ids = append(ids, u.c.Edits[i].ID)
	}
	list, err := u.h.Store.RecordsByID(ctx, u.z.ID, ids)
	if err != nil {
		return err
	}
	u.rows = make(map[model.ID]*model.Record, len(list))
	for i := range list {
		u.rows[list[i].ID] = &list[i]
	}
	return nil
}

// meet notes what another change did; beyond says that it came before the one that is to be taken back.
func (u *undoing) meet(e *model.Audit, beyond bool) {
	for i := range e.Parts {
		id := e.Parts[i].ResourceID
		if _, told := u.later[id]; !told && !beyond {
			u.later[id] = e
			if before := recordOf(e.Parts[i].Before); before != nil && e.Parts[i].After == nil {
				u.removed[id] = before
			}
		}
		if e.When.UnixMicro() == u.of.When.UnixMicro() {
			u.same[id] = true
		}
	}
}

// records takes back what the change did to records. One record may have been changed twice in it.
func (u *undoing) records() {
	first, last := map[model.ID]*model.Record{}, map[model.ID]*model.Record{}
	var order []model.ID
	for i := range u.c.Edits {
		e := &u.c.Edits[i]
		if _, met := first[e.ID]; !met {
			first[e.ID] = e.Before
			order = append(order, e.ID)
		}
		last[e.ID] = e.After
	}
	for _, id := range order {
		now, left, to := u.rows[id], last[id], first[id]
		switch {
		case sameRecord(left, to):
		case !sameRecord(now, left):
			u.clash(id, left, to)
		default:
			u.out.Records = append(u.out.Records, RecordChange{id, now, to})
		}
	}
}

func sameRecord(a, b *model.Record) bool {
	return a == nil && b == nil || a != nil && b != nil && rules.Same(a, b)
}

// clash names a record that is not any more what the change made of it.
func (u *undoing) clash(id model.ID, left, to *model.Record) {
	one := left
	if one == nil {
		one = to
	}
	what := "is there again"
	switch {
	case u.rows[id] == nil:
		what = "has been removed"
	case left != nil:
		what = "has been changed"
	}
	message := one.Type.String() + " " + one.Name.Host() + " " + rr.FormatData(one.Type, one.RData) + " " + what + " since"
	if e := u.later[id]; e != nil {
		message += " by the change " + ChangeID(e.Place()) + " at " + e.When.UTC().Format(time.RFC3339)
	}
	u.clashes = append(u.clashes, model.Clash{ID: id, Err: &model.Invalid{Code: model.CodeUndoRecord, Status: 409, Message: message + "."}})
}

// errEnough ends a look through a zone.
var errEnough = errors.New("enough")

// imported takes back what an import has brought: the records that were made in its instant.
func (u *undoing) imported(ctx context.Context) error {
	for i := range u.of.Parts {
		stamp, n, ok := importOf(&u.of.Parts[i])
		if !ok {
			continue
		}
		found, err := u.brought(ctx, stamp)
		if errors.Is(err, errEnough) {
			return tooMuch("The import has brought %d records, and a revert changes %d at most.", n, mostReverted)
		}
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(u.removed)) {
			if r := u.removed[id]; r.Created.UnixMicro() == stamp && !u.same[id] {
				found++
				u.clash(id, r, nil)
			}
		}
		if found != n {
			u.clashes = append(u.clashes, model.Clash{Err: &model.Invalid{
				Code: model.CodeUndoRecord, Status: 409, Message: fmt.Sprintf("Of %d records that the import has brought %d are there, or were removed since.", n, found),
			}})
		}
	}
	return nil
}

// brought finds the records of an instant, of which those that have been changed since clash.
func (u *undoing) brought(ctx context.Context, stamp int64) (found int, err error) {
	err = u.h.Store.Records(ctx, u.z.ID, model.RecordQuery{Order: "name"}, func(r *model.Record) error {
		if r.Created.UnixMicro() != stamp || u.same[r.ID] {
			return nil
		}
		if found++; found > mostReverted {
			return errEnough
		}
		one := r.Clone()
		if u.later[r.ID] != nil {
			u.rows[r.ID] = &one
			u.clash(r.ID, &one, nil)
		}
		u.out.Records = append(u.out.Records, RecordChange{r.ID, &one, nil})
		return nil
	})
	return found, err
}

// policies takes back what the change did to policies of updates.
func (u *undoing) policies() {
	first, last := map[model.ID]*model.UpdatePolicy{}, map[model.ID]*model.UpdatePolicy{}
	var order []model.ID
	for i := range u.c.Objects {
		o := &u.c.Objects[i]
		if o.Kind != KindPolicy {
			continue
		}
		if _, met := first[o.ID]; !met {
			first[o.ID] = policyOf(o.ID, o.Before)
			order = append(order, o.ID)
		}
		last[o.ID] = policyOf(o.ID, o.After)
	}
	for _, id := range order {
		var now *model.UpdatePolicy
		if at := slices.IndexFunc(u.z.Updates, func(p model.UpdatePolicy) bool { return p.ID == id }); at >= 0 {
			now = &u.z.Updates[at]
		}
		switch left, to := last[id], first[id]; {
		case samePolicy(left, to):
		case !samePolicy(now, left):
			message := "The policy of updates " + string(id) + " has been changed since"
			if e := u.later[id]; e != nil {
				message += " by the change " + ChangeID(e.Place()) + " at " + e.When.UTC().Format(time.RFC3339)
			}
			u.clashes = append(u.clashes, model.Clash{Policy: id, Err: &model.Invalid{Code: model.CodeUndoSetting, Status: 409, Message: message + "."}})
		default:
			u.out.Policies = append(u.out.Policies, PolicyChange{id, now, to})
		}
	}
}

func policyOf(id model.ID, facts model.AuditFacts) *model.UpdatePolicy {
	if p, ok := model.UpdatePolicyOf(id, facts); ok {
		return &p
	}
	return nil
}

func samePolicy(a, b *model.UpdatePolicy) bool {
	return a == nil && b == nil || a != nil && b != nil && slices.Equal(a.Facts(), b.Facts())
}

// settings takes back what the change did to the zone, and gives the zone as it was before.
func (u *undoing) settings(wanted bool) *model.Zone {
	to := u.z.Clone()
	for _, part := range slices.Backward(u.of.Parts) {
		before, was := part.Before.(model.Zone)
		after, is := part.After.(model.Zone)
		if !was || !is {
			continue
		}
		changes := settingsBetween(&after, &before)
		now := map[string]any{}
		for _, s := range settingsBetween(&after, &to) {
			now[s.Name] = s.After
		}
		for _, s := range changes {
			if _, moved := now[s.Name]; moved && s.Undone && wanted {
				u.clashes = append(u.clashes, model.Clash{Setting: s.Name, Err: &model.Invalid{
					Code: model.CodeUndoSetting, Status: 409, Message: "The setting " + s.Name + " has been changed since.",
				}})
			}
		}
		u.out.settle(changes, wanted)
		for _, s := range settings {
			for _, c := range changes {
				if s.name == c.Name && s.take != nil {
					s.take(&to, &before)
				}
			}
		}
	}
	return &to
}
