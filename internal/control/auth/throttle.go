package auth

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// How many failed sign-ins a window allows: of one address for one e-mail, of one address, for one e-mail. The last is
// wide, since anyone can use it up for somebody else.
const (
	throttleWindow = 15 * time.Minute
	maxPair        = 5
	maxAddress     = 30
	maxEmail       = 100
	maxCounters    = 50_000
)

// throttle counts failed sign-ins. It is kept in memory: a restart forgives.
type throttle struct {
	mu    sync.Mutex
	count map[string]counter
}

type counter struct {
	failures int
	since    time.Time
}

// attempt is one sign-in as the throttle sees it: three counters with their limits.
type attempt [3]struct {
	key   string
	limit int
}

func newAttempt(email string, addr netip.Addr) attempt {
	e, a := strings.ToLower(email), network(addr)
	return attempt{{"p|" + a + "|" + e, maxPair}, {"a|" + a, maxAddress}, {"e|" + e, maxEmail}}
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
// how long to wait when a limit is reached, and counts nothing then.
func (t *throttle) take(a attempt, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range a {
		if c, ok := t.count[k.key]; ok && c.failures >= k.limit {
			wait = max(wait, c.since.Add(throttleWindow).Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	t.sweep(now)
	for _, k := range a {
		c := t.count[k.key]
		if c.failures == 0 || now.Sub(c.since) >= throttleWindow {
			c = counter{since: now}
		}
		c.failures++
		t.count[k.key] = c
	}
	return 0
}

// forgive takes an attempt back that succeeded, and clears what the pair had failed before.
func (t *throttle) forgive(a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.count, a[0].key)
	for _, k := range a[1:] {
		if c, ok := t.count[k.key]; ok && c.failures > 1 {
			c.failures--
			t.count[k.key] = c
		} else {
			delete(t.count, k.key)
		}
	}
}

// sweep drops counters of windows gone by when there are many, and all of them when that does not help: memory stays
// bounded, at the price of forgiving.
func (t *throttle) sweep(now time.Time) {
	if len(t.count) < maxCounters {
		return
	}
	for k, c := range t.count {
		if now.Sub(c.since) >= throttleWindow {
			delete(t.count, k)
		}
	}
	if len(t.count) >= maxCounters {
		clear(t.count)
	}
}
