package flatten

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// result is a finished look-up.
type result struct {
	target *target
	answer Answer
	err    error
}

// Run has every zone rendered anew, which tells what is flattened, and then keeps targets fresh until ctx ends.
func (f *Flattener) Run(ctx context.Context) error {
	var jobs sync.WaitGroup
	defer jobs.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs.Go(func() { f.discoverAll(ctx) })
	results := make(chan result)
	running := 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for running < f.cfg.Lookups {
			t := f.due()
			if t == nil {
				break
			}
			running++
			jobs.Go(func() {
				answer, err := f.resolve(ctx, t)
				select {
				case results <- result{t, answer, err}:
				case <-ctx.Done():
				}
			})
		}
		f.submit(ctx, &jobs)
		timer.Reset(f.untilNext(running))
		select {
		case <-ctx.Done():
			return nil
		case r := <-results:
			running--
			f.learn(r)
		case <-f.wake:
		case <-timer.C:
		}
	}
}

// idle is how long the loop sleeps when nothing is planned; Want wakes it.
const idle = time.Hour

// resolve looks a target up, unless it leads back to itself through flattened names of our own: then each would go on
// answering with what the others had.
func (f *Flattener) resolve(ctx context.Context, t *target) (Answer, error) {
	if f.loops(t) {
		return Answer{}, errLoop
	}
	return f.cfg.Resolve(ctx, t.key)
}

// loops follows a target through flattened names. Names in a loop are rendered anew, because one that is flattened no
// longer is known to nobody else.
func (f *Flattener) loops(t *target) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	chain := []*target{t}
	for at := t; len(chain) <= maxAliases; {
		o := f.byName[at.key]
		if o == nil || o.target == nil {
			return false
		}
		if at = o.target; slices.Contains(chain, at) {
			for _, c := range chain {
				f.soilAll(c)
			}
			return true
		}
		chain = append(chain, at)
	}
	return true
}

// learn takes a look-up's outcome in.
func (f *Flattener) learn(r result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.lookups.Add(1)
	t, now := r.target, f.cfg.Clock()
	t.account.running[t.queued]--
	t.underWay = false
	if f.targets[t.key] != t {
		f.arrange(t.account)
		return // nobody wants it any more
	}
	again := t.again
	t.again = false
	if again && t.void {
		f.plan(t, now) // what was found may be from the zone that is gone
		return
	}
	was := t.told
	if r.err != nil {
		f.stats.failures.Add(1)
		if t.failures == 0 {
			f.cfg.Log.Warn("flattened target cannot be looked up", "target", t.key.Name.Host(), "error", r.err)
		}
		t.failed(now, f.start, &f.cfg)
	} else {
		t.learned(r.answer, now, &f.cfg)
		f.names.set(t, append([]wire.Name{t.key.Name}, r.answer.Through...))
	}
	if again {
		t.lookAt = now
	}
	f.hold(t, now)
	if !sameTold(was, t.told) || !now.Before(t.verify) {
		t.verify = now.Add(verifyEvery)
		f.soilAll(t)
	}
	f.plan(t, t.lookAt)
}

// verifyEvery is how often the names of a target that never changes are rendered anew, to notice those that are gone.
const verifyEvery = time.Hour
