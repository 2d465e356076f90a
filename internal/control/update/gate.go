package update

import (
	"context"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// outcome is an answer.
type outcome struct {
	code wire.Rcode
	why  string
}

// recent remembers what was answered to messages, for those who ask again because the answer was lost: a prerequisite that held does not
// hold any more once the update is done. What was done the store remembers, too; what was refused, only this.
type recent struct {
	mu    sync.Mutex
	of    map[model.ID]*flight
	order []landed // those that are remembered begin at head
	head  int
}

// flight is a message that is being done, or was.
type flight struct {
	done chan struct{}
	out  outcome
}

type landed struct {
	id model.ID
	at time.Time
}

// How long answers are remembered, and how many: longer than clocks may differ by which a signature still verifies (RFC 8945 section 10
// recommends 300 seconds).
const (
	remembered     = 11 * time.Minute
	rememberedMost = 1 << 14
)

// once does what f does, unless the same message has been done, or is being done now: then it gives that answer. One that failed for
// reasons of ours is forgotten, and may be tried again.
func (r *recent) once(ctx context.Context, id model.ID, now time.Time, f func() outcome) (out outcome, repeated bool) {
	r.mu.Lock()
	if r.of == nil {
		r.of = map[model.ID]*flight{}
	}
	if other := r.of[id]; other != nil {
		r.mu.Unlock()
		select {
		case <-other.done:
			return other.out, true
		case <-ctx.Done():
			return outcome{wire.RcodeServFail, "the same message is being worked on"}, true
		}
	}
	one := &flight{done: make(chan struct{}), out: outcome{code: wire.RcodeServFail}}
	r.of[id] = one
	r.order = append(r.order, landed{id, now})
	r.trim(now)
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if one.out.code == wire.RcodeServFail && r.of[id] == one {
			delete(r.of, id)
		}
		close(one.done)
	}()
	one.out = f()
	return one.out, false
}

// trim forgets what is old, or too much.
func (r *recent) trim(now time.Time) {
	for r.head < len(r.order) && (len(r.order)-r.head > rememberedMost || now.Sub(r.order[r.head].at) > remembered) {
		delete(r.of, r.order[r.head].id)
		r.head++
	}
	if r.head > len(r.order)/2 {
		r.order = append([]landed(nil), r.order[r.head:]...)
		r.head = 0
	}
}

// keyBounds bounds what one key may ask for, so that one client that is out of its mind leaves room to the others; and one account, which has
// as many keys as it likes.
type keyBounds struct {
	perSecond float64 // of a key

	mu sync.Mutex
	of map[string]*keyUse
}

// keyUse is a bucket of what a key or an account may still ask for, and how many of its messages are under way.
type keyUse struct {
	left    float64
	at      time.Time
	running int
}

// Bounds of one key and of one account: a quarter and half of all that may be under way, what an account may in keys, and how many are told apart
// before those that rest are forgotten.
const (
	keyRunning     = 32
	accountRunning = 64
	accountKeys    = 4
	keysMost       = 1 << 12
)

// enter says whether a message of an account's key may be under way, be it done or only waiting for the same message to be; leave must be
// called at its end.
func (k *keyBounds) enter(account, key string, now time.Time) (leave func(), ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	own, all := k.both(account, key, now)
	if own.running >= keyRunning || all.running >= accountRunning {
		return nil, false
	}
	own.running++
	all.running++
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		own.running--
		all.running--
	}, true
}

// pay says whether one that has entered may be done. Those that are only answered again are free: whoever has seen one pass would use up
// with it what its key may ask for.
func (k *keyBounds) pay(account, key string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	own, all := k.both(account, key, now)
	if k.perSecond > 0 && (own.left < 1 || all.left < 1) {
		return false
	}
	own.left--
	all.left--
	return true
}

func (k *keyBounds) both(account, key string, now time.Time) (own, all *keyUse) {
	return k.use(account+" "+key, k.perSecond, now), k.use(account, accountKeys*k.perSecond, now)
}

// use is the bucket of a key or an account, filled until now.
func (k *keyBounds) use(who string, perSecond float64, now time.Time) *keyUse {
	if k.of == nil {
		k.of = map[string]*keyUse{}
	}
	u := k.of[who]
	if u == nil {
		if len(k.of) >= keysMost {
			k.forget(now)
		}
		u = &keyUse{left: 2 * perSecond, at: now}
		k.of[who] = u
	}
	u.left = min(2*perSecond, u.left+perSecond*now.Sub(u.at).Seconds())
	u.at = now
	return u
}

// forget forgets keys that would get all they may ask for anyhow.
func (k *keyBounds) forget(now time.Time) {
	for key, u := range k.of {
		if u.running == 0 && now.Sub(u.at) > 2*time.Second {
			delete(k.of, key)
		}
	}
}
