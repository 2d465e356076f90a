package flatten

import (
	"net/netip"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Answer is what a look-up found: addresses, none where the target has none, and how long they hold. Through are the names
// that aliases led to on the way.
type Answer struct {
	Addrs   []netip.Addr
	TTL     time.Duration
	Through []wire.Name
}

// target is the end of one or many flattened CNAMEs of an account. Of told, what secondaries get is left out: held has it
// by zone.
type target struct {
	key      model.FlattenTarget
	number   uint64
	account  *account
	chain    []wire.Name                         // its own name, and where aliases led
	owners   map[model.ID]map[wire.Name]struct{} // by zone
	names    int                                 // of all zones
	told     model.Flattened
	held     map[model.ID]held
	void     bool      // what is told was found in a zone that is gone
	expires  time.Time // when the last good answer's TTL ends; zero before the first
	failures int       // since the last good answer
	verify   time.Time
	lookAt   time.Time // next look-up
	underWay bool
	again    bool  // look up once more as soon as the present look-up ends
	queued   class // in which queue it is, or was before the look-up under way
	place    int   // in the queue
}

func (t *target) when() time.Time { return t.lookAt }
func (t *target) slot() *int      { return &t.place }

func (t *target) class() class {
	switch {
	case t.failures > 0:
		return failing
	case t.expires.IsZero():
		return untried
	}
	return answering
}

// learned takes a good answer in.
//
// What is served is a version with fixed TTLs, so the TTL told is what will be left at the next look-up: half of the
// answer's. The look-up comes that much before the end, and an answer served just before it still does not outlive the
// target's own. TTLs are rounded down to few steps, and kept while they are true and not far off, so that a resolver whose
// cache counts down does not make a version every time.
func (t *target) learned(a Answer, now time.Time, cfg *Config) {
	left := min(max(a.TTL, time.Second), cfg.MaxTTL)
	addrs := slices.Clone(a.Addrs)
	slices.SortFunc(addrs, netip.Addr.Compare)
	addrs = slices.Compact(addrs)
	ttl := stepBelow(left / 2)
	old := t.told.TTL
	if t.told.State == model.FlattenKnown && sameAddrs(addrs, t.told.Addrs) &&
		seconds(old) < left && ttl < 2*old && ttl > old/2 {
		ttl = old
	}
	t.told.State, t.told.Addrs, t.told.TTL = model.FlattenKnown, addrs, ttl
	t.expires, t.failures, t.void = now.Add(left), 0, false
	t.lookAt = now.Add(max(left-seconds(ttl), cfg.MinTTL))
}

// Bounds of the pause after a failed look-up.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// failed notes a failed look-up: the last good answer serves on until Keep after its end; before the first good answer,
// what was answered before the start does, for as long.
func (t *target) failed(now, start time.Time, cfg *Config) {
	t.failures++
	since := t.expires
	if since.IsZero() {
		since = start
	}
	end := since.Add(cfg.Keep)
	if t.void {
		end = now
	}
	t.lookAt = now.Add(min(firstRetry<<min(t.failures-1, 10), lastRetry))
	if now.Before(end) {
		if end.Before(t.lookAt) {
			t.lookAt = end
		}
		return
	}
	t.told.State, t.told.Addrs, t.told.TTL = model.FlattenFailed, nil, 0
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// stepBelow rounds a time down to one of few TTLs, 1 being the least.
func stepBelow(d time.Duration) uint32 {
	steps := [...]uint32{1800, 600, 300, 120, 60, 30, 20, 15, 10, 5, 4, 3, 2}
	for _, s := range steps {
		if seconds(s) <= d {
			return s
		}
	}
	return 1
}

func sameAddrs(a, b []netip.Addr) bool { return slices.Equal(a, b) }

// sameTold compares what is served; Held has its own damping.
func sameTold(a, b model.Flattened) bool {
	return a.State == b.State && a.TTL == b.TTL && sameAddrs(a.Addrs, b.Addrs)
}
