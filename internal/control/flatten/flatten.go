package flatten

import (
	"container/heap"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Config is what a Flattener needs. Resolve, Change and Clock are required.
type Config struct {
	// Resolve finds a target's addresses: a Resolver's method, or in tests something else. It must end with its context.
	Resolve func(ctx context.Context, target wire.Name) (Answer, error)
	// Change commits a Relearn: primary.Change.
	Change func(context.Context, model.Change) (model.Result, error)
	// Zones yields the zones that may hold flattened names; each is rendered anew when Run starts. Nil for none.
	Zones func(ctx context.Context, yield func(model.ID) error) error
	// Duty says whether this node keeps a zone's names fresh; nil: always. When its answers change, call Review. A name of
	// another zone is rendered anew only when what this node has written waits for its first answer.
	Duty func(zone model.ID) bool
	// Shared says that other nodes change zones, too: what they flatten is found out now and then.
	Shared bool
	Clock  func() time.Time
	// MinTTL and MaxTTL bound how soon and how late a target is looked up again; 1 second and 1 hour when zero.
	MinTTL, MaxTTL time.Duration
	// Keep is how long the last good answer is served after its TTL while the resolver fails; 1 hour when zero, none when
	// negative.
	Keep time.Duration
	// Damping is the least time between two changes of what secondaries get, for each zone; 1 minute when zero, none when
	// negative.
	Damping time.Duration
	// Lookups bounds the look-ups under way; 32 when zero.
	Lookups int
	Log     *slog.Logger
}

func (c *Config) fill() {
	for _, f := range []struct {
		at  *time.Duration
		def time.Duration
	}{{&c.MinTTL, time.Second}, {&c.MaxTTL, time.Hour}, {&c.Keep, time.Hour}, {&c.Damping, time.Minute}} {
		switch {
		case *f.at == 0:
			*f.at = f.def
		case *f.at < 0:
			*f.at = 0
		}
	}
	if c.Lookups <= 0 {
		c.Lookups = 32
	}
	if c.Duty == nil {
		c.Duty = func(model.ID) bool { return true }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Flattener knows the targets of all flattened names. It is safe for many callers; one Run does the work.
type Flattener struct {
	cfg    Config
	start  time.Time
	wake   chan struct{}
	review chan struct{} // Duty answers otherwise
	stats  counters

	mu      sync.Mutex
	targets map[wire.Name]*target
	owners  map[ownerKey]*owner
	byName  map[wire.Name]*owner // the same, to find loops
	listing bool                 // discover is at work: what is wanted now has been published long ago
	queue   schedule
	zones   map[model.ID]*holder                // those with flattened names
	late    map[model.ID]time.Time              // those whose secondaries get a change then
	dirty   map[model.ID]map[wire.Name]struct{} // owners to render anew
	busy    map[model.ID]bool                   // zones whose Relearn is under way
	changed map[model.ID]struct{}               // zones that may have new flattened names, written by other nodes
}

// ownerKey is a flattened name.
type ownerKey struct {
	zone model.ID
	name wire.Name
}

// owner is a flattened name's target. wants counts how often rendering asked for it: a name that is rendered and does not
// ask any more is flattened no longer.
type owner struct {
	target *target
	wants  uint64
	unsure bool // it was rendered without an answer
}

type counters struct{ lookups, failures, relearns atomic.Uint64 }

// Stats are counters since the start, and sizes.
type Stats struct {
	Lookups, Failures, Relearns uint64
	Targets, Names              int
}

// New returns a Flattener that knows no target yet.
func New(cfg Config) *Flattener {
	cfg.fill()
	return &Flattener{
		cfg: cfg, start: cfg.Clock(), wake: make(chan struct{}, 1), review: make(chan struct{}, 1),
		changed: map[model.ID]struct{}{},
		targets: map[wire.Name]*target{}, owners: map[ownerKey]*owner{}, byName: map[wire.Name]*owner{}, zones: map[model.ID]*holder{}, late: map[model.ID]time.Time{},
		dirty: map[model.ID]map[wire.Name]struct{}{}, busy: map[model.ID]bool{},
	}
}

// Stats returns the counters and sizes.
func (f *Flattener) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Stats{
		Lookups: f.stats.lookups.Load(), Failures: f.stats.failures.Load(), Relearns: f.stats.relearns.Load(),
		Targets: len(f.targets), Names: len(f.owners),
	}
}

// Lookup says what is known of a target, and what secondaries of a zone get for it, without waiting for anything.
func (f *Flattener) Lookup(zone model.ID, name wire.Name) model.Flattened {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.targets[name]
	if t == nil {
		return model.Flattened{}
	}
	told, h := t.told, t.held[zone]
	told.Held, told.HeldTTL = h.addrs, h.ttl
	return told
}

// unpublished is how long a new target waits for the version that wants it: a look-up before it would see a target of our
// own as it was, perhaps not there at all.
const unpublished = time.Second

// Want notes that a name is flattened to a target, and has an unknown target looked up as soon as the zone's version is
// published, which Touched tells, or after a second.
func (f *Flattener) Want(zone model.ID, name, targetName wire.Name) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := ownerKey{zone, name}
	o := f.owner(key)
	o.wants++
	if t := f.targets[targetName]; t == nil || t.told.State == model.FlattenUnknown {
		o.unsure = true
	}
	if o.target != nil && o.target.name == targetName {
		return
	}
	f.leave(key, o)
	t := f.targets[targetName]
	if t == nil {
		at := f.cfg.Clock()
		if !f.listing {
			at = at.Add(unpublished)
		}
		t = newTarget(targetName, at)
		f.targets[targetName] = t
		heap.Push(&f.queue, t)
		f.nudge()
	}
	f.join(t, key)
	o.target = t
	if _, known := t.held[zone]; !known {
		f.hold(t, f.cfg.Clock())
	}
}

// leave takes a name away from its target; a target that nobody wants is forgotten.
func (f *Flattener) leave(key ownerKey, o *owner) {
	t := o.target
	if t == nil {
		return
	}
	f.part(t, key)
	if len(t.owners) > 0 {
		return
	}
	delete(f.targets, t.name)
	if t.place >= 0 {
		heap.Remove(&f.queue, t.place)
	}
}

func (f *Flattener) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Touched has targets inside a zone looked up again, because the zone has changed, and those that its names are the first
// to want: feed's Published. It returns at once.
func (f *Flattener) Touched(z *zone.Zone) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cfg.Shared {
		f.changed[model.ID(z.ID)] = struct{}{}
	}
	for name, t := range f.targets {
		_, wanted := t.zones[model.ID(z.ID)]
		if !name.Within(z.Name) && (!wanted || !t.fresh()) {
			continue
		}
		if t.place < 0 {
			t.again = true // the look-up under way may have seen the zone as it was
			continue
		}
		t.lookAt = f.cfg.Clock()
		heap.Fix(&f.queue, t.place)
	}
	f.nudge()
}

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

func (f *Flattener) untilNext(running int) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, wait := f.cfg.Clock(), idle
	if len(f.queue) > 0 && running < f.cfg.Lookups {
		wait = min(wait, f.queue[0].lookAt.Sub(now))
	}
	if at, waits := f.nextLate(); waits {
		wait = min(wait, at.Sub(now))
	}
	return max(wait, 0)
}

// resolve looks a target up, unless it leads back to itself through flattened names of our own: then each would go on
// answering with what the others had.
func (f *Flattener) resolve(ctx context.Context, t *target) (Answer, error) {
	if f.loops(t) {
		return Answer{}, errLoop
	}
	return f.cfg.Resolve(ctx, t.name)
}

// loops follows a target through flattened names. Names in a loop are rendered anew, because one that is flattened no
// longer is known to nobody else.
func (f *Flattener) loops(t *target) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	chain := []*target{t}
	for at := t; len(chain) <= maxAliases; {
		o := f.byName[at.name]
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

// due takes a target whose time has come out of the queue; learn puts it back.
func (f *Flattener) due() *target {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 || f.queue[0].lookAt.After(f.cfg.Clock()) {
		return nil
	}
	return heap.Pop(&f.queue).(*target)
}

// learn takes a look-up's outcome in.
func (f *Flattener) learn(r result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.lookups.Add(1)
	t, now := r.target, f.cfg.Clock()
	if f.targets[t.name] != t {
		return // nobody wants it any more
	}
	before := t.told
	if r.err != nil {
		f.stats.failures.Add(1)
		if t.failures == 0 {
			f.cfg.Log.Warn("flattened target cannot be looked up", "target", t.name.Host(), "error", r.err)
		}
		t.failed(now, f.start, &f.cfg)
	} else {
		t.learned(r.answer, now, &f.cfg)
	}
	if t.again {
		t.again, t.lookAt = false, now
	}
	f.hold(t, now)
	if !sameTold(before, t.told) || !now.Before(t.verify) {
		t.verify = now.Add(verifyEvery)
		f.soilAll(t)
	}
	heap.Push(&f.queue, t)
}

// verifyEvery is how often the names of a target that never changes are rendered anew, to notice those that are gone.
const verifyEvery = time.Hour
