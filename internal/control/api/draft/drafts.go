package draft

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/api/people"
	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/draft"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Routes are the operations of drafts.
func Routes() []api.Route {
	const all = api.Own + "/zones/{zone_id}/drafts"
	const one = all + "/{draft_id}"
	return []api.Route{
		api.NewRoute(http.MethodGet, all, api.ScopeZone, api.DNSRead, listDrafts),
		api.NewRoute(http.MethodPost, all, api.ScopeZone, api.RecordsWrite, createDraft),
		api.NewRoute(http.MethodGet, one, api.ScopeZone, api.DNSRead, getDraft),
		api.NewRoute(http.MethodPatch, one, api.ScopeZone, api.RecordsWrite, renameDraft),
		api.NewRoute(http.MethodDelete, one, api.ScopeZone, api.RecordsWrite, deleteDraft),
		api.NewRoute(http.MethodGet, one+"/plan", api.ScopeZone, api.DNSRead, api.Heavy(planDraft)),
		api.NewRoute(http.MethodDelete, one+"/parts/{part_id}", api.ScopeZone, api.RecordsWrite, removePart),
		api.NewRoute(http.MethodPost, one+"/approve", api.ScopeZone, api.RecordsWrite, approveDraft),
		api.NewRoute(http.MethodDelete, one+"/approval", api.ScopeZone, api.RecordsWrite, withdrawApproval),
		api.NewRoute(http.MethodPost, one+"/apply", api.ScopeZone, api.RecordsWrite, applyDraft),
		api.NewRoute(http.MethodDelete, one+"/schedule", api.ScopeZone, api.RecordsWrite, unscheduleDraft),
	}
}

type whoJSON struct {
	User  model.ID `json:"user_id,omitempty"`
	Email string   `json:"email,omitempty"`
	Token model.ID `json:"token_id,omitempty"`
}

func whoOf(a *model.Author) whoJSON { return whoJSON{a.User, a.Email, a.Token} }

type draftJSON struct {
	ID        model.ID      `json:"id"`
	Zone      model.ID      `json:"zone_id"`
	Name      string        `json:"name"`
	Note      string        `json:"note"`
	State     string        `json:"state"`
	Version   int           `json:"version"`
	Created   api.Stamp     `json:"created_on"`
	Modified  api.Stamp     `json:"modified_on"`
	By        whoJSON       `json:"created_by"`
	Approval  *approvalJSON `json:"approval"`
	ApplyAt   api.Stamp     `json:"apply_at"`
	Scheduler *whoJSON      `json:"scheduled_by"`
	Applied   api.Stamp     `json:"applied_on"`
	Serial    uint32        `json:"serial"`
	Failure   string        `json:"failure"`
	Needs     bool          `json:"needs_approval"`
}

// stateApproved is how an open draft is shown that somebody has approved.
const stateApproved = "approved"

type wholeJSON struct {
	draftJSON
	Authors    []whoJSON  `json:"authors"`
	Parts      []partJSON `json:"parts"`
	MayApprove bool       `json:"may_approve"`
	MayApply   bool       `json:"may_apply"`
}

type approvalJSON struct {
	By whoJSON   `json:"by"`
	On api.Stamp `json:"on"`
}

type partJSON struct {
	ID       model.ID        `json:"id"`
	Author   whoJSON         `json:"author"`
	On       api.Stamp       `json:"on"`
	Action   string          `json:"action"`
	Resource string          `json:"resource"`
	Object   model.ID        `json:"object_id"`
	Before   json.RawMessage `json:"before"`
	After    json.RawMessage `json:"after"`
}

func headOf(z *model.Zone, d *model.Draft) draftJSON {
	out := draftJSON{
		ID: d.ID, Zone: d.Zone, Name: d.Name, Note: d.Note, State: string(d.State), Version: d.Version, Created: api.Stamp(d.Created),
		Modified: api.Stamp(d.Modified), By: whoOf(&d.By), ApplyAt: api.Stamp(d.ApplyAt), Applied: api.Stamp(d.Applied), Serial: d.Serial,
		Failure: d.Failure, Needs: z.FourEyes != nil,
	}
	if d.Approval != nil {
		out.Approval = &approvalJSON{whoOf(&d.Approval.By), api.Stamp(d.Approval.On)}
		if d.State == model.DraftOpen {
			out.State = stateApproved
		}
	}
	if d.State == model.DraftScheduled {
		by := whoOf(&d.Scheduler)
		out.Scheduler = &by
	}
	return out
}

func wholeOf(q *api.Request, z *model.Zone, d *model.Draft) wholeJSON {
	over := d.State.Over() || len(d.Parts) == 0
	out := wholeJSON{
		draftJSON: headOf(z, d), Authors: []whoJSON{}, MayApprove: !over && draft.MayApprove(d, q.Author()) == nil,
		MayApply: !over && (z.FourEyes == nil || d.Approval != nil),
	}
	out.Parts = api.Each(d.Parts, func(p *model.DraftPart) partJSON {
		by := whoOf(&p.By)
		if !slices.Contains(out.Authors, by) {
			out.Authors = append(out.Authors, by)
		}
		before, after := valueOf(p.Before, p.ZoneBefore), valueOf(p.After, p.ZoneAfter)
		return partJSON{
			p.ID, by, api.Stamp(p.On), action(before, after), p.Resource, p.Object, people.Described(before, q.Now()), people.Described(after, q.Now()),
		}
	})
	return out
}

func valueOf(r *model.Record, z *model.Zone) any {
	switch {
	case r != nil:
		return *r
	case z != nil:
		return *z
	}
	return nil
}

func listDrafts(a *api.API, q *api.Request) error {
	page, per, err := q.Page(25, 100)
	if err != nil {
		return err
	}
	all, err := a.Store.Drafts(q.Ctx(), q.Zone.ID)
	if err != nil {
		return err
	}
	heads := api.Each(all, func(d *model.Draft) draftJSON { return headOf(&q.Zone, d) })
	if state := api.Last(q.R.URL.Query(), "state"); state != "" {
		heads = slices.DeleteFunc(heads, func(d draftJSON) bool { return d.State != state })
	}
	slices.SortStableFunc(heads, func(x, y draftJSON) int { return time.Time(y.Modified).Compare(time.Time(x.Modified)) })
	some := api.Slice(heads, page, per)
	return q.List(some, api.Info(page, per, len(some), len(heads)))
}

func missing(err error) error {
	if errors.Is(err, model.ErrNotFound) {
		return draft.Missing()
	}
	return err
}

func getDraft(a *api.API, q *api.Request) error {
	d, err := a.Store.Draft(q.Ctx(), q.Zone.ID, q.PathID("draft_id"))
	if err != nil {
		return missing(err)
	}
	return q.OK(wholeOf(q, &q.Zone, &d))
}

type namesBody struct {
	Name api.Optional[string] `json:"name"`
	Note api.Optional[string] `json:"note"`
}

func createDraft(_ *api.API, q *api.Request) error {
	var in namesBody
	if err := q.Decode(&in); err != nil {
		return err
	}
	return change(q, draft.Create(draft.Names{Name: in.Name.Value, Note: in.Note.Value}, q.Author()))
}

func renameDraft(a *api.API, q *api.Request) error {
	var in namesBody
	if err := q.Decode(&in); err != nil {
		return err
	}
	d, err := a.Store.Draft(q.Ctx(), q.Zone.ID, q.PathID("draft_id"))
	if err != nil {
		return missing(err)
	}
	if !in.Name.Set {
		in.Name.Value = d.Name
	}
	if !in.Note.Set {
		in.Note.Value = d.Note
	}
	return change(q, draft.Rename(d.ID, draft.Names{Name: in.Name.Value, Note: in.Note.Value}))
}

// change commits an edit of a draft and answers with the draft as it is then.
func change(q *api.Request, e model.Edit) error {
	res, err := q.Change(e)
	if err != nil {
		return told(err)
	}
	d := res.Outcomes[0].Draft
	if d.State == model.DraftApplied {
		d.Serial = res.Serial
	}
	return q.OK(wholeOf(q, res.Outcomes[0].Zone, d))
}

// told is an error with each clash on its own.
func told(err error) error {
	clashed, ok := errors.AsType[*model.Clashed](err)
	if !ok {
		return err
	}
	f := api.Failure(err)
	for i, c := range clashed.List {
		one := api.ErrorAt(model.CodeDraftClash, c.Reason, "/parts/"+strconv.Itoa(c.Part))
		if i == 0 {
			f.Also = nil
		}
		f.Also = append(f.Also, one)
	}
	return f
}

func deleteDraft(_ *api.API, q *api.Request) error {
	id := q.PathID("draft_id")
	if _, err := q.Change(draft.Delete(id)); err != nil {
		return err
	}
	return q.OK(api.IDOnly{ID: id})
}

func removePart(_ *api.API, q *api.Request) error {
	return change(q, draft.Remove(q.PathID("draft_id"), q.PathID("part_id"), q.Author()))
}

type versionBody struct {
	Version api.Optional[int]    `json:"version"`
	At      api.Optional[string] `json:"at"`
}

func readVersion(q *api.Request, in *versionBody) error {
	if err := q.Decode(in); err != nil {
		return err
	}
	if !in.Version.Given() {
		return api.Invalid(model.CodeDraftInvalid, "/version", "The version of the draft that you have seen is missing.")
	}
	return nil
}

// mayAll refuses a draft that changes more than records to who may change records alone: approved or applied it would be his doing. The
// commit asks for this very version again.
func mayAll(q *api.Request, version int) error {
	if q.Who.Can(api.DNSWrite, q.Zone.Account, q.Zone.ID) {
		return nil
	}
	d, err := q.API.Store.Draft(q.Ctx(), q.Zone.ID, q.PathID("draft_id"))
	if err != nil {
		return missing(err)
	}
	if d.Version == version && slices.ContainsFunc(d.Parts, func(p model.DraftPart) bool { return p.ZoneAfter != nil || p.ZoneBefore != nil }) {
		return auth.Forbidden(false)
	}
	return nil
}

func approveDraft(_ *api.API, q *api.Request) error {
	var in versionBody
	if err := readVersion(q, &in); err != nil {
		return err
	}
	if err := mayAll(q, in.Version.Value); err != nil {
		return err
	}
	return change(q, draft.Approve(q.PathID("draft_id"), in.Version.Value, q.Author()))
}

func withdrawApproval(_ *api.API, q *api.Request) error {
	return change(q, draft.Withdraw(q.PathID("draft_id")))
}

func unscheduleDraft(_ *api.API, q *api.Request) error {
	return change(q, draft.Unschedule(q.PathID("draft_id")))
}

// applyDraft does what a draft says, now or at a time.
func applyDraft(_ *api.API, q *api.Request) error {
	var in versionBody
	if err := readVersion(q, &in); err != nil {
		return err
	}
	if err := mayAll(q, in.Version.Value); err != nil {
		return err
	}
	id := q.PathID("draft_id")
	if !in.At.Given() {
		return change(q, draft.Apply(id, in.Version.Value, time.Time{}))
	}
	when, err := time.Parse(time.RFC3339, in.At.Value)
	if err != nil {
		return api.Invalid(model.CodeDraftInvalid, "/at", "at must be a time such as 2026-12-24T20:00:00Z.")
	}
	return change(q, draft.Schedule(id, in.Version.Value, when, q.Author()))
}

// planDraft tells what a draft would do, or which of its parts clash.
func planDraft(a *api.API, q *api.Request) error {
	_, p, err := q.Plan(draft.Preview(q.PathID("draft_id")))
	var list []model.DraftClash
	if clashed, ok := errors.AsType[*model.Clashed](err); ok {
		p, list, err = &model.Plan{}, clashed.List, nil
	}
	if err != nil {
		return err
	}
	out := render(q.Now(), p, nil)
	out.Draft, out.Clashes = q.PathID("draft_id"), api.Each(list, func(c *model.DraftClash) clashJSON { return clashJSON{c.Part, c.ID, c.Reason} })
	return q.OK(out)
}
