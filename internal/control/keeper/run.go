package keeper

import (
	"container/heap"
	"context"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// agenda holds wards that wait, the earliest first.
type agenda struct{ wards wards }

func (a *agenda) put(w *ward) {
	if w.place >= 0 {
		heap.Fix(&a.wards, w.place)
		return
	}
	heap.Push(&a.wards, w)
}

func (a *agenda) remove(w *ward) {
	if w.place >= 0 {
		heap.Remove(&a.wards, w.place)
	}
}

// wards is the heap; its methods are called by package heap alone.
type wards []*ward

func (h wards) Len() int           { return len(h) }
func (h wards) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h wards) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].place, h[j].place = i, j }

// Push adds a ward at the end.
func (h *wards) Push(x any) {
	w := x.(*ward)
	w.place = len(*h)
	*h = append(*h, w)
}

// Pop takes the last ward off.
func (h *wards) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	w.place = -1
	return w
}

// idle is how long the loop sleeps when nothing is planned, and the longest that a zone is left alone: clocks are set, machines
// sleep, and what nobody has thought of is found then.
const idle = time.Hour

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
		return idle
	}
	return min(idle, max(0, k.agenda.wards[0].at.Sub(k.cfg.Clock())))
}

// back puts a ward on the agenda again after a visit, unless it needs no visits any more.
func (k *Keeper) back(w *ward) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.zones[w.id] != w {
		return // it has gone meanwhile
	}
	soon := w.last.Add(spacing)
	switch {
	case w.again && w.at.After(soon):
		w.at = soon
	case !w.again && w.failures == 0 && w.kept.Keys == 0:
		delete(k.zones, w.id)
		return
	}
	k.agenda.put(w)
}
