package commit

import (
	"context"
	"time"
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
