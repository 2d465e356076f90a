package api

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/draft"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// Headers by which a writing call is done otherwise: tried out, put into a draft, or answered when all secondaries have what it did.
const (
	dryHeader   = "Headwater-Dry-Run"
	waitHeader  = "Headwater-Wait"
	draftHeader = "Headwater-Draft"
)

// Planned marks routes whose calls can be tried out: whatever they write goes through Request.Change or Request.ImportRecords.
func Planned(routes []Route) []Route {
	for i := range routes {
		routes[i].planned = true
	}
	return routes
}

// Unplanned takes the mark away from one that writes in other ways, too.
func (r Route) Unplanned() Route {
	r.apart = true
	return r
}

// writes says whether a call may change something.
func (q *Request) writes() bool { return q.R.Method != http.MethodGet && q.R.Method != http.MethodHead }

// modes reads the headers, before anything is done. What a route cannot do is refused: nothing is done in silence that was only to be
// tried. To calls that read they mean nothing.
func (q *Request) modes(route *Route) error {
	if !q.writes() {
		return nil
	}
	if q.challenges && (q.R.Header.Get(dryHeader) != "" || q.R.Header.Get(draftHeader) != "" || q.R.Header.Get(waitHeader) != "") {
		return Invalid(model.CodeNoPlan, "", "Who may answer ACME challenges alone can have nothing tried out, drafted or waited for: the answers tell more of the zone. Nothing was done.")
	}
	switch s := q.R.Header.Get(dryHeader); {
	case s == "" || s == "0" || s == "false":
	case s != "1" && s != "true":
		return Invalid(model.CodeNoPlan, "", dryHeader+" must be 1 or 0.")
	case !route.planned || route.apart:
		return noPlan()
	default:
		q.dry = true
		q.W.Header().Set(dryHeader, "1")
	}
	if err := q.readDraft(route); err != nil {
		return err
	}
	return q.readWait(route)
}

func (q *Request) readDraft(route *Route) error {
	s := q.R.Header.Get(draftHeader)
	switch {
	case s == "":
		return nil
	case q.dry || !ValidID(s):
		return Invalid(model.CodeNoPlan, "", draftHeader+" must be the id of a draft, without "+dryHeader+". Nothing was done.")
	case !route.planned || route.apart || route.Scope != ScopeZone:
		return Invalid(model.CodeNoPlan, "", "This call cannot be put into a draft. Nothing was done.")
	}
	q.draft = model.ID(s)
	q.W.Header().Set(draftHeader, s)
	return nil
}

// DraftID is the draft that the request went into; empty for none.
func (q *Request) DraftID() model.ID { return q.draft }

func noPlan() error {
	return Invalid(model.CodeNoPlan, "", "This call cannot be planned. With "+dryHeader+" it does nothing.")
}

// Dry says that the request is to be tried out.
func (q *Request) Dry() bool { return q.dry }

// plannedCall is how a request that is tried out ends: the handler goes no further than its change.
type plannedCall struct {
	plan   *model.Plan
	answer any
}

func (*plannedCall) Error() string { return "the change was planned" }

// Planned ends a request that was tried out with its plan, and with what the call would answer.
func (q *Request) Planned(p *model.Plan, answer any) error { return &plannedCall{p, answer} }

// Plan tells what edits would do, and does nothing.
func (q *Request) Plan(edits ...model.Edit) (model.Result, *model.Plan, error) {
	if _, err := q.changeID(); err != nil {
		return model.Result{}, nil, err
	}
	return q.API.Changer.Plan(q.Ctx(), model.Change{Account: q.Account, Zone: q.Zone.ID, Actor: q.actor(), Edits: edits})
}

// tryChange plans edits and ends the request with that.
func (q *Request) tryChange(edits []model.Edit) error {
	_, p, err := q.Plan(edits...)
	if err != nil {
		return err
	}
	return q.Planned(p, nil)
}

// draftChange puts edits into a draft, and ends the request with the plan of the draft.
func (q *Request) draftChange(edits []model.Edit) error {
	if _, err := q.do([]model.Edit{draft.Add(q.draft, q.Author(), edits)}); err != nil {
		if outer, ok := errors.AsType[*model.EditError](err); ok {
			return outer.Err // which of the edits it is the one inside says
		}
		return err
	}
	return q.tryChange([]model.Edit{draft.Preview(q.draft)})
}

// importEdits are many new records as edits.
func (q *Request) importEdits(records *model.Pack, lenient bool) ([]model.Edit, error) {
	n := records.Len()
	if n > q.API.Limits.Batch {
		return nil, Invalid(model.CodePlanTooLarge, "", fmt.Sprintf("The import is too large to be planned: %d records, of at most %d.", n, q.API.Limits.Batch))
	}
	edits := make([]model.Edit, n)
	for i := range edits {
		edits[i] = model.AddRecord{Record: *records.Record(i), SkipIdentical: true, SkipRefused: lenient}
	}
	return edits, nil
}

// sendPlan answers with a plan; nil is that of a call that changes nothing.
func (q *Request) sendPlan(p *model.Plan, answer any) error {
	if p == nil {
		p = &model.Plan{}
	}
	q.telling = true
	return q.OK(q.API.RenderPlan(q, p, answer))
}

// ended answers for a handler that a plan has ended, and leaves every other error as it is.
func (q *Request) ended(err error) error {
	if made, ok := errors.AsType[*plannedCall](err); ok {
		return q.sendPlan(made.plan, made.answer)
	}
	return err
}

// Bounds of waiting for a zone.
const (
	LiveWait   = 30 * time.Second // without another wish
	LiveMost   = 5 * time.Minute
	quorumMost = 1000
)

// waiting is what a writing call waits for before it is answered.
type waiting struct {
	quorum  int
	timeout time.Duration
	end     func() // gives the place among those who wait back
}

// readWait reads what is to be waited for, and takes a place among those who wait: when the change is done it is too late to say that
// there is none.
func (q *Request) readWait(route *Route) error {
	s := q.R.Header.Get(waitHeader)
	if s == "" {
		return nil
	}
	no := func(format string, args ...any) error {
		return Invalid(model.CodeNoWait, "", waitHeader+fmt.Sprintf(format, args...)+" Nothing was done.")
	}
	what, params, err := mime.ParseMediaType(s)
	w := &waiting{timeout: LiveWait}
	if err == nil && what == "live" {
		err = w.read(params)
	}
	goes := route.Method == http.MethodDelete && strings.HasSuffix(route.Path, "/{zone_id}")
	switch {
	case err != nil || what != "live":
		return no(" must be live, and may say quorum, all or 1 to %d, and timeout, 0s to 5m, as in: live; quorum=2; timeout=30s.", quorumMost)
	case q.dry || q.draft != "":
		return no(" waits for nothing where nothing is done.")
	case route.Scope != ScopeZone || goes || q.API.Live == nil:
		return no(" is for calls that change a zone which is there afterwards.")
	}
	end, ok := q.API.waits.take(q.Ctx(), q.Account)
	if !ok {
		q.retryAfter(2)
		return &Failed{Status: http.StatusTooManyRequests, Code: codeRate, Message: tooManyWait}
	}
	w.end = end
	q.wait = w
	return nil
}

func (w *waiting) read(params map[string]string) (err error) {
	for name, s := range params {
		switch name {
		case "quorum":
			w.quorum, err = ReadQuorum(s)
		case "timeout":
			w.timeout, err = ReadWait(s)
		default:
			err = model.ErrNotFound
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// awaitLive waits until the zone is served as the call has left it, and tells who serves it so. What was done is done, whoever has it.
func (q *Request) awaitLive() any {
	ctx, cancel := context.WithTimeout(q.Ctx(), q.wait.timeout)
	defer cancel()
	z, err := q.API.Store.Zone(ctx, q.Zone.ID)
	if err == nil {
		var out *LiveJSON
		if out, err = q.AwaitLive(ctx, &z, LiveWanted{Serial: z.Serial, Quorum: q.wait.quorum}); err == nil {
			return out
		}
	}
	q.API.Log.Warn("what a change waits for is not known", "request", q.Id, "zone", q.Zone.ID, "error", err)
	return &LiveJSON{Zone: q.Zone.ID, Missing: []string{}, Servers: []LiveServerJSON{}, Trouble: "Nobody knows who serves the change, which is done."}
}
