package auth

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// allowance is how many failed sign-ins are free, and how long it takes until one more is.
type allowance struct {
	burst int
	every time.Duration
}

// What is counted: failures for one e-mail from one address, from one address, for one e-mail, with the cookie of one
// browser, and of one user who confirms something. Nobody else can use up what is counted for a browser, or for an e-mail
// and an address that are somebody's alone; all beside that slows down and never locks, since anybody can use it up for
// somebody else: behind a proxy that is not declared all have one address, and an e-mail is no secret.
var (
	ofPair    = allowance{5, 30 * time.Second}
	ofAddress = allowance{30, 10 * time.Second}
	ofEmail   = allowance{100, 5 * time.Second}
	ofBrowser = allowance{5, 30 * time.Second}
)

const (
	maxCounters = 50_000 // some 40 octets each
	maxSeen     = 10_000
	seenFor     = 30 * 24 * time.Hour
	sweepEvery  = time.Minute
	slowBy      = time.Second // what a sign-in waits that comes over an allowance for everybody
	slowPlaces  = 8           // how many may wait so for one address, and for one e-mail
	pairPlaces  = 2           // and for one e-mail from an address from which it has signed in
)

// subject is what a counter is of: a hash, so that no stranger's text is kept.
type subject [16]byte

func subjectOf(kind string, parts ...string) subject {
	d := sha256.Sum256([]byte(kind + "\x00" + strings.Join(parts, "\x00")))
	return subject(d[:16])
}

// throttle counts failed sign-ins. It is kept in memory: a restart forgives.
type throttle struct {
	mu      sync.Mutex
	empty   map[subject]time.Time // when the counter will be empty again, and is dropped
	waiting map[subject]int       // sign-ins that are being slowed down
	seen    map[subject]time.Time // pairs that have signed in, and when last
	swept   time.Time
}

func newThrottle() throttle {
	return throttle{empty: map[subject]time.Time{}, waiting: map[subject]int{}, seen: map[subject]time.Time{}}
}

// limit is one counter that an attempt falls under.
type limit struct {
	of subject
	allowance
}

// attempt is one sign-in as the throttle sees it: what it may be refused for, and what slows it down.
type attempt struct {
	own   limit
	slows []limit
	pair  subject
}

// newAttempt is that of a browser that has signed in for the e-mail before, or of an address.
func newAttempt(email string, addr netip.Addr, browser string) attempt {
	email = strings.ToLower(email)
	from := network(addr)
	pair := subjectOf("pair", from, email)
	if browser != "" {
		return attempt{own: limit{subjectOf("browser", browser), ofBrowser}, pair: pair}
	}
	return attempt{
		own:   limit{pair, ofPair},
		slows: []limit{{subjectOf("address", from), ofAddress}, {subjectOf("email", email), ofEmail}},
		pair:  pair,
	}
}

// network is what an attacker easily has: one IPv4 address, or a /64 of IPv6.
func network(addr netip.Addr) string {
	addr = addr.Unmap()
	if addr.Is6() {
		p, _ := addr.WithZone("").Prefix(64)
		return p.String()
	}
	return addr.String()
}

// take counts the attempt as a failure until forgive takes it back, so that many at once do not slip through. It returns
// how long to wait when the attempt's own allowance is used up, and counts nothing then; and what slows it down. Who has
// signed in from there before is slowed down at most: the right password gets through.
func (t *throttle) take(a attempt, now time.Time) (wait time.Duration, slow []subject) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	_, known := t.seen[a.pair]
	over := t.over(a.own, now)
	if over > 0 && !known {
		return over, nil
	}
	if over > 0 && t.waiting[a.own.of] >= pairPlaces {
		return slowBy, nil
	}
	if over > 0 {
		slow = append(slow, a.own.of)
	}
	for _, l := range a.slows {
		if known || t.over(l, now) <= 0 {
			continue
		}
		if t.waiting[l.of] >= slowPlaces {
			return slowBy, nil
		}
		slow = append(slow, l.of)
	}
	for _, s := range slow {
		t.waiting[s]++
	}
	for _, l := range append(a.slows, a.own) {
		t.add(l, now)
	}
	return 0, slow
}

// over is how long until one more failure is free, zero if one is.
func (t *throttle) over(l limit, now time.Time) time.Duration {
	at, counted := t.empty[l.of]
	if !counted {
		return 0
	}
	return at.Sub(now) - time.Duration(l.burst-1)*l.every
}

// add counts a failure. A counter that has been used up stays where it is: who goes on is not punished for ever.
func (t *throttle) add(l limit, now time.Time) {
	at := t.empty[l.of]
	if at.Before(now) {
		at = now
	}
	if most := now.Add(time.Duration(l.burst) * l.every); at.Add(l.every).Before(most) {
		t.empty[l.of] = at.Add(l.every)
	} else {
		t.empty[l.of] = most
	}
}

// pass waits as long as a sign-in is slowed down, and gives its places back.
func (t *throttle) pass(ctx context.Context, slow []subject) error {
	if len(slow) == 0 {
		return nil
	}
	timer := time.NewTimer(slowBy)
	defer timer.Stop()
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, s := range slow {
			if t.waiting[s]--; t.waiting[s] <= 0 {
				delete(t.waiting, s)
			}
		}
	}()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// forgive takes an attempt back that succeeded, clears what was its own, and remembers from where it came.
func (t *throttle) forgive(a attempt, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.empty, a.own.of)
	for _, l := range a.slows {
		if at, counted := t.empty[l.of]; counted {
			t.empty[l.of] = at.Add(-l.every)
		}
	}
	room(t.seen, maxSeen)
	t.seen[a.pair] = now
}

// sweep drops counters that are empty, and makes room for more.
func (t *throttle) sweep(now time.Time) {
	if now.Sub(t.swept) >= sweepEvery {
		t.swept = now
		for k, at := range t.empty {
			if !now.Before(at) {
				delete(t.empty, k)
			}
		}
		for k, at := range t.seen {
			if now.Sub(at) > seenFor {
				delete(t.seen, k)
			}
		}
	}
	room(t.empty, maxCounters)
}

// room drops some, whichever, of a map that is full: to forgive a few is better than to forget all, or to take no more.
func room(m map[subject]time.Time, most int) {
	for k := range m {
		if len(m) < most-3 {
			return
		}
		delete(m, k)
	}
}
