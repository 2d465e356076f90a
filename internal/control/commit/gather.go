package commit

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/trace"
)

// gathering brings requests together into groups, of which each costs a commit.
//
// While a group is made durable the next one comes together by itself. But callers who send one change after the other would
// then fall into two groups that take turns: those who are answered come back too late for the group that has waited
// meanwhile. So a group waits for as many as there were last time, the answered and the waiting, though no longer than half of what
// the last one took. Who is alone never waits.
type gathering struct {
	queue    chan *request
	limits   *Limits
	company  int           // how many may come
	patience time.Duration // how long to wait for them
}

// patienceMost is as long as a caller nearby takes to come back.
const patienceMost = 2 * time.Millisecond

// answered tells of a group that was answered, and how long that took.
func (g *gathering) answered(group int, took time.Duration) {
	g.company = group + len(g.queue)
	g.patience = min(took/2, patienceMost)
}

// fill takes what waits behind a group, waiting for nobody.
func (g *gathering) fill(group []*request) []*request {
	edits := 0
	for _, r := range group {
		edits += len(r.change.Edits)
	}
	for len(group) < g.limits.GroupChanges && edits < g.limits.GroupEdits {
		select {
		case r := <-g.queue:
			group = append(group, r)
			edits += len(r.change.Edits)
		default:
			return group
		}
	}
	return group
}

// gather takes what waits behind the first request, or comes in time.
func (g *gathering) gather(ctx context.Context, first *request) []*request {
	group, edits := []*request{first}, len(first.change.Edits)
	var late <-chan time.Time
	for len(group) < g.limits.GroupChanges && edits < g.limits.GroupEdits {
		var r *request
		select {
		case r = <-g.queue:
		default:
			if len(group) >= g.company {
				return group
			}
			if late == nil {
				late = time.After(g.patience)
			}
			select {
			case r = <-g.queue:
			case <-late:
				return group
			case <-ctx.Done():
				return group
			}
		}
		group = append(group, r)
		edits += len(r.change.Edits)
	}
	return group
}

// traced is what a request has of its trace.
type traced struct {
	span   trace.Span
	since  time.Time
	stages *trace.Group // of its last group, which is over
}

// trace finds the span that work is done for.
func (c *Committer) trace(ctx context.Context) *traced {
	if c.cfg.Traced == nil {
		return nil
	}
	span := trace.Of(ctx)
	if span == nil {
		return nil
	}
	return &traced{span: span, since: c.cfg.Clock()}
}

// alone notes what one zone's work goes through that no group shares, and the serial that it leads to.
func (t *traced) alone(c *Committer, zone model.ID, serial uint32) *trace.Group {
	if t == nil {
		return nil
	}
	t.stages = trace.NewGroup("commit", 1, c.cfg.Traced, c.cfg.Clock)
	t.stages.LeadsTo([]trace.Change{trace.NewChange(string(zone), serial, t.span)})
	return t.stages
}

// told records what the request has gone through. The committer, which others wait for, is spared that.
func (r *request) told() {
	if r.traced == nil {
		return
	}
	failed := ""
	switch {
	case r.err == nil || errors.Is(r.err, model.ErrDuplicateChange):
	case ownFault(r.err):
		failed = "refused" // the error itself may repeat what a record says
	default:
		failed = "failed"
	}
	r.traced.stages.Tell(r.traced.span, r.traced.since, failed)
}

// tracing notes what a group goes through; nil where nothing is recorded for any of its requests.
func (c *Committer) tracing(group []*request) *trace.Group {
	if c.cfg.Traced == nil || !slices.ContainsFunc(group, func(r *request) bool { return r.traced != nil }) {
		return nil
	}
	return trace.NewGroup("commit group", len(group), c.cfg.Traced, c.cfg.Clock)
}

// tracedBy says what requests have gone through, but for those that come again with another group.
func tracedBy(of *trace.Group, group, aside []*request) {
	if of == nil {
		return
	}
	for _, r := range notAside(group, aside) {
		if r.traced != nil {
			r.traced.stages = of
		}
	}
}

// leadsTo tells which versions the planned requests lead to, for who will tell secondaries of them.
func (s *workspace) leadsTo(planned []*request, of *trace.Group) {
	if of == nil {
		return
	}
	var changes []trace.Change
	for _, r := range planned {
		if r.traced == nil {
			continue
		}
		if z := s.zones[r.change.Zone]; z != nil {
			changes = append(changes, trace.NewChange(string(z.row.ID), z.serial, r.traced.span))
			continue
		}
		for i := range r.out.Outcomes {
			if o := r.out.Outcomes[i].Zone; o != nil && s.zones[o.ID] != nil {
				changes = append(changes, trace.NewChange(string(o.ID), s.zones[o.ID].serial, r.traced.span))
			}
		}
	}
	of.LeadsTo(changes)
}
