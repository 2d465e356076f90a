package flatten

import (
	"context"
	"log/slog"
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
	Resolve func(ctx context.Context, target model.FlattenTarget) (Answer, error)
	// Change commits a Relearn: commit.Committer.Change.
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
	// Lookups bounds the look-ups under way, of which no account has more than a quarter; 64 when zero.
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
		c.Lookups = 64
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

	share share

	mu       sync.Mutex
	targets  map[model.FlattenTarget]*target
	made     uint64 // targets so far
	names    index
	accounts map[model.ID]*account
	agenda   agenda[*account] // those with nothing due
	line     []*account       // those with something due, in order of arrival
	owners   map[ownerKey]*owner
	byName   map[model.FlattenTarget]*owner      // the same as targets would name them, to find loops
	listing  bool                                // discover is at work: what is wanted now has been published long ago
	zones    map[model.ID]*holder                // those with flattened names
	late     agenda[*holder]                     // those whose secondaries get a change then
	dirty    map[model.ID]map[wire.Name]struct{} // owners to render anew
	busy     map[model.ID]bool                   // zones whose Relearn is under way
	changed  map[model.ID]struct{}               // zones that may have new flattened names, written by other nodes
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
		cfg: cfg, start: cfg.Clock(), wake: make(chan struct{}, 1), review: make(chan struct{}, 1), share: shareOf(cfg.Lookups),
		targets: map[model.FlattenTarget]*target{}, names: newIndex(), accounts: map[model.ID]*account{},
		owners: map[ownerKey]*owner{}, byName: map[model.FlattenTarget]*owner{}, zones: map[model.ID]*holder{},
		dirty: map[model.ID]map[wire.Name]struct{}{}, busy: map[model.ID]bool{}, changed: map[model.ID]struct{}{},
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
func (f *Flattener) Lookup(zone model.ID, name model.FlattenTarget) model.Flattened {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.targets[name]
	if t == nil {
		return model.Flattened{}
	}
	told, h := t.told, t.held[zone]
	told.HeldState, told.Held, told.HeldTTL = h.state, h.addrs, h.ttl
	return told
}

// unpublished is how long a new target waits for the version that wants it: a look-up before it would see a target of our
// own as it was, perhaps not there at all.
const unpublished = time.Second

// Want notes that a name is flattened to a target, and has an unknown target looked up as soon as the zone's version is
// published, which Touched tells, or after a second.
func (f *Flattener) Want(zone model.ID, name wire.Name, wanted model.FlattenTarget) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := ownerKey{zone, name}
	o := f.owner(key, wanted.Account)
	o.wants++
	if t := f.targets[wanted]; t == nil || t.told.State == model.FlattenUnknown {
		o.unsure = true
	}
	if o.target != nil && o.target.key == wanted {
		return
	}
	f.leave(key, o)
	t := f.targets[wanted]
	if t == nil {
		t = f.newTarget(wanted)
		f.zones[zone].fresh[t] = struct{}{}
	}
	f.join(t, key)
	o.target = t
	if _, known := t.held[zone]; !known {
		f.hold(t, f.cfg.Clock())
	}
}

// newTarget plans the first look-up of a target.
func (f *Flattener) newTarget(key model.FlattenTarget) *target {
	f.made++
	t := &target{
		key: key, number: f.made, account: f.accountOf(key.Account), place: nowhere,
		owners: map[model.ID]map[wire.Name]struct{}{}, held: map[model.ID]held{},
	}
	f.targets[key] = t
	f.names.set(t, []wire.Name{key.Name})
	t.account.targets++
	at := f.cfg.Clock()
	if !f.listing {
		at = at.Add(unpublished)
	}
	f.plan(t, at)
	f.nudge()
	return t
}

// leave takes a name away from its target; a target that nobody wants is forgotten.
func (f *Flattener) leave(key ownerKey, o *owner) {
	t := o.target
	if t == nil {
		return
	}
	f.part(t, key)
	if t.names > 0 {
		return
	}
	delete(f.targets, t.key)
	f.names.set(t, nil)
	t.account.targets--
	t.account.queues[t.queued].remove(t)
	f.arrange(t.account)
}

// Targets counts the targets of an account besides one. instead is what a name leads to that is to lead there from now on:
// it does not count if no other name wants it. Known says that the one is wanted already.
func (f *Flattener) Targets(one model.FlattenTarget, instead wire.Name) (others int, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := f.accounts[one.Account]; a != nil {
		others = a.targets
	}
	if f.targets[one] != nil {
		return others - 1, true
	}
	if t := f.targets[model.FlattenTarget{Account: one.Account, Name: instead}]; t != nil && t.names == 1 {
		others--
	}
	return others, false
}

// Doubt has names of a zone rendered anew that may be flattened no longer, so that their targets are let go: those given,
// or with nil all.
func (f *Flattener) Doubt(zone model.ID, names []wire.Name) {
	f.mu.Lock()
	defer f.mu.Unlock()
	z := f.zones[zone]
	switch {
	case z == nil:
		return
	case names == nil:
		for n := range z.names {
			f.render(zone, n)
		}
	}
	for _, n := range names {
		if _, flattened := z.names[n]; flattened {
			f.render(zone, n)
		}
	}
	f.nudge()
}

func (f *Flattener) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Touched has targets that lead into a zone looked up again, because the zone has changed, and those that its names are the
// first to want: feed's Published. It returns at once.
func (f *Flattener) Touched(z *zone.Zone) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := model.ID(z.ID)
	work := f.cfg.Shared // most zones have nothing to do with flattening, and nobody is woken for them
	if f.cfg.Shared {
		f.changed[id] = struct{}{}
	}
	for t := range f.names.within(model.ID(z.AccountID()), z.Name) {
		work = true
		f.lookNow(t)
	}
	if h := f.zones[id]; h != nil {
		work = work || len(h.fresh) > 0
		for t := range h.fresh {
			f.lookNow(t)
		}
		clear(h.fresh)
	}
	if work {
		f.nudge()
	}
}

// Gone forgets the names of a zone that is not served any more. What was found in it is void: targets there are looked up
// elsewhere, and nobody goes on with their last good answer if that fails.
func (f *Flattener) Gone(z *zone.Zone) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := model.ID(z.ID)
	if h := f.zones[id]; h != nil {
		for n := range h.names {
			key := ownerKey{id, n}
			f.forget(key, f.owners[key])
		}
	}
	delete(f.dirty, id)
	delete(f.changed, id)
	for t := range f.names.within(model.ID(z.AccountID()), z.Name) {
		t.void = true
		f.lookNow(t)
	}
	f.nudge()
}
