package keeper

import (
	"container/heap"
	"context"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// agenda holds wards that wait, the earliest first: a heap, whose capital methods are called by package heap alone.
type agenda struct{ wards []*ward }

func (a *agenda) put(w *ward) {
	if w.place >= 0 {
		heap.Fix(a, w.place)
		return
	}
	heap.Push(a, w)
}

func (a *agenda) remove(w *ward) {
	if w.place >= 0 {
		heap.Remove(a, w.place)
	}
}

func (a *agenda) Len() int           { return len(a.wards) }
func (a *agenda) Less(i, j int) bool { return a.wards[i].at.Before(a.wards[j].at) }
func (a *agenda) Swap(i, j int) {
	a.wards[i], a.wards[j] = a.wards[j], a.wards[i]
	a.wards[i].place, a.wards[j].place = i, j
}

// Push adds a ward at the end.
func (a *agenda) Push(x any) {
	w := x.(*ward)
	w.place = len(a.wards)
	a.wards = append(a.wards, w)
}

// Pop takes the last ward off.
func (a *agenda) Pop() any {
	last := len(a.wards) - 1
	w := a.wards[last]
	a.wards[last] = nil // or the array keeps it alive
	a.wards = a.wards[:last]
	w.place = -1
	return w
}

// idle is the longest that a zone is left alone: what nobody has thought of is found then. nap is how long the loop sleeps at most:
// clocks are set, and machines sleep.
const idle, nap = time.Hour, 5 * time.Minute

// slack is by how much a clock may go back without anybody minding: signatures begin an hour before they are made.
const slack = 10 * time.Minute

// Run looks after zones until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	done := make(chan *ward)
	running := 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer func() {
		for ; running > 0; running-- {
			<-done // visits end with ctx
		}
	}()
	for {
		k.lookAtClock()
		k.list(ctx)
		for running < k.cfg.Visits {
			w := k.due()
			if w == nil {
				break
			}
			running++
			go func() {
				k.visit(ctx, w)
				done <- w
			}()
		}
		timer.Reset(k.untilNext(running))
		select {
		case <-ctx.Done():
			return nil
		case w := <-done:
			running--
			k.back(w)
		case <-k.wake:
		case <-timer.C:
		}
	}
}

// lookAtClock finds out whether the clock was set back. What was planned by it is planned too late then, and signatures that were made
// by it may begin later than now.
func (k *Keeper) lookAtClock() {
	now := k.cfg.Clock()
	k.mu.Lock()
	defer k.mu.Unlock()
	ahead := k.latest.Sub(now)
	if ahead <= slack {
		k.latest = later(k.latest, now)
		return
	}
	k.latest = now
	k.stats.setBack.Add(1)
	k.cfg.Log.Warn("the clock was set back: signatures that begin later than now are made anew, and keys wait until it is as late as it was",
		"by", ahead.Round(time.Second).String())
	for _, w := range k.zones {
		if w.back = true; w.place >= 0 {
			w.at = now
			k.agenda.put(w)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// list takes up the zones that have keys. They are visited one after the other, for there may be many.
func (k *Keeper) list(ctx context.Context) {
	k.mu.Lock()
	review := k.review
	k.review = false
	k.mu.Unlock()
	if !review {
		return
	}
	err := k.cfg.Zones(ctx, func(id model.ID) error {
		if k.cfg.Duty(id) {
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.zones[id] == nil {
				k.plan(id, k.cfg.Clock())
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		k.cfg.Log.Warn("the zones that have keys cannot be listed, signatures are renewed later", "error", err)
		time.AfterFunc(retryLeast, k.Review)
	}
}

// due takes the first ward off the agenda whose time has come.
func (k *Keeper) due() *ward {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.agenda.wards) > 0 {
		w := k.agenda.wards[0]
		if w.at.After(k.cfg.Clock()) {
			return nil
		}
		k.agenda.remove(w)
		if k.cfg.Duty(w.id) {
			w.told, w.again, w.last = w.again, false, k.cfg.Clock()
			if w.back {
				w.back, w.whole, w.look = false, false, time.Time{}
			}
			return w
		}
		delete(k.zones, w.id) // it falls to another node now, which lists it
	}
	return nil
}

// untilNext is how long the loop may sleep. With all hands busy it waits for one of them.
func (k *Keeper) untilNext(running int) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.agenda.wards) == 0 || running >= k.cfg.Visits {
		return nap
	}
	return min(nap, max(0, k.agenda.wards[0].at.Sub(k.cfg.Clock())))
}

// back puts a ward on the agenda again after a visit, unless it needs no visits any more.
func (k *Keeper) back(w *ward) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.zones[w.id] != w {
		return // it has gone meanwhile
	}
	soon := w.last.Add(spacing)
	w.waits = len(w.kept.Servers) > 0
	switch {
	case w.back:
		w.at, w.last = k.cfg.Clock(), time.Time{}
	case w.again && w.at.After(soon):
		w.at = soon
	case !w.again && w.failures == 0 && w.kept.Keys == 0:
		delete(k.zones, w.id)
		return
	}
	k.agenda.put(w)
}
