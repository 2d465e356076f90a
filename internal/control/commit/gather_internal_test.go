package commit

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// TestGather tells how long a group waits, and for how many.
func TestGather(t *testing.T) {
	t.Parallel()
	const took = time.Millisecond
	for _, tc := range []struct {
		name    string
		group   int           // of the last time
		waiting int           // when it was answered, the first of the next group included
		took    time.Duration // by the last group
		late    []time.Duration
		want    int
		waits   time.Duration
	}{
		{name: "alone", group: 1, waiting: 0, took: took, want: 1},
		{name: "all there", group: 1, waiting: 3, took: took, late: []time.Duration{took}, want: 3, waits: took / 2},
		{name: "the other one comes back", group: 1, waiting: 1, took: took, late: []time.Duration{took / 10}, want: 2, waits: took / 10},
		{name: "all come back", group: 3, waiting: 2, took: took, late: []time.Duration{10, 20, 30, 40}, want: 5, waits: 30},
		{name: "one comes too late", group: 2, waiting: 1, took: took, late: []time.Duration{took / 10, took}, want: 2, waits: took / 2},
		{name: "a long group", group: 1, waiting: 1, took: time.Second, late: []time.Duration{time.Second}, want: 1, waits: patienceMost},
		{name: "no more than the limit", group: 8, waiting: 3, took: took, late: []time.Duration{10, 20, 30, 40}, want: 6, waits: 30},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := gathering{queue: make(chan *request, 16), limits: &Limits{GroupChanges: 6, GroupEdits: 100}}
				send := func() { g.queue <- &request{change: model.Change{Edits: make([]model.Edit, 1)}} }
				for range tc.waiting {
					send()
				}
				g.answered(tc.group, tc.took)
				for _, d := range tc.late {
					time.AfterFunc(d, send)
				}
				if tc.waiting == 0 {
					send()
				}
				begin := time.Now()
				group := g.gather(t.Context(), <-g.queue)
				if waited := time.Since(begin); len(group) != tc.want || waited != tc.waits {
					t.Errorf("a group of %d after %v, want %d after %v", len(group), waited, tc.want, tc.waits)
				}
				time.Sleep(time.Second) // until all have come
			})
		})
	}
}

// TestGatherBounds: edits fill a group, too, and nobody waits when all is over.
func TestGatherBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := gathering{queue: make(chan *request, 16), limits: &Limits{GroupChanges: 6, GroupEdits: 5}}
		for range 4 {
			g.queue <- &request{change: model.Change{Edits: make([]model.Edit, 3)}}
		}
		if group := g.gather(t.Context(), <-g.queue); len(group) != 2 {
			t.Errorf("%d changes of three edits in a group of five", len(group))
		}
		g.answered(6, time.Second)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		if g.gather(over, <-g.queue); time.Since(begin) != 0 {
			t.Errorf("waited %v after the end", time.Since(begin))
		}
	})
}
