package notify

import (
	"net/netip"
	"time"
)

// paceBurst is how many messages a peer is sent in one go.
const paceBurst = 100

// pace gives every message to a peer a slot in time.
type pace struct {
	step  time.Duration
	next  map[netip.AddrPort]time.Time // the first free slot
	sweep int                          // of how many peers those that are quiet are forgotten
}

// sweepLeast is how many peers are remembered at least.
const sweepLeast = 4096

func newPace(rate int) pace {
	return pace{step: time.Second / time.Duration(rate), next: map[netip.AddrPort]time.Time{}, sweep: sweepLeast}
}

// slot is when a due task may be sent: now, or later, when it must come again. Its place is kept.
func (p *pace) slot(t *task, now time.Time) time.Time {
	if t.slotted {
		t.slotted = false
		return now
	}
	free := latest(p.next[t.to()], now.Add(-paceBurst*p.step))
	if len(p.next) >= p.sweep {
		p.forget(now)
	}
	p.next[t.to()] = free.Add(p.step)
	t.slotted = free.After(now)
	return free
}

// forget forgets peers that have been quiet: a fresh start gives them the same. Where few have been, it comes again when there are twice as
// many: a look at all for each message would be quadratic.
func (p *pace) forget(now time.Time) {
	for to, free := range p.next {
		if free.Before(now.Add(-paceBurst * p.step)) {
			delete(p.next, to)
		}
	}
	p.sweep = max(sweepLeast, 2*len(p.next))
}
