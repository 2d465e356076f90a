package xfr

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// quota bounds how many transfers run at once. Those beyond it wait, first come first served, but past those whose zone or
// address is what is busy.
type quota struct {
	total, perZone, perPeer int
	most                    int // that may wait
	patience                time.Duration

	mu      sync.Mutex
	running int
	zones   map[string]int
	peers   map[netip.Addr]int
	queue   []*waiter
}

// waiter is a transfer that is not running yet.
type waiter struct {
	zone string
	peer netip.Addr
	turn chan struct{} // closed when it is counted as running
}

func newQuota(c *Config) quota {
	return quota{
		total: c.Total, perZone: c.PerZone, perPeer: c.PerPeer, most: max(c.Waiting, 0), patience: c.Patience,
		zones: map[string]int{}, peers: map[netip.Addr]int{},
	}
}

// enter waits for a transfer's turn. With true, leave must be called at its end.
func (q *quota) enter(ctx context.Context, zone string, peer netip.Addr) (leave func(), ok bool) {
	w := &waiter{zone: zone, peer: peer, turn: make(chan struct{})}
	leave = func() { q.leave(w) }
	q.mu.Lock()
	if q.admit(w) {
		q.mu.Unlock()
		return leave, true
	}
	if len(q.queue) >= q.most {
		q.mu.Unlock()
		return nil, false
	}
	q.queue = append(q.queue, w)
	q.mu.Unlock()
	timer := time.NewTimer(q.patience)
	defer timer.Stop()
	select {
	case <-w.turn:
		return leave, true
	case <-timer.C:
	case <-ctx.Done():
	}
	return leave, !q.giveUp(w)
}

// giveUp takes a waiter out of the queue; false means that its turn came at the same moment.
func (q *quota) giveUp(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.queue, w)
	if i < 0 {
		return false
	}
	q.queue = slices.Delete(q.queue, i, i+1)
	return true
}

// admit counts a waiter as running if there is room.
func (q *quota) admit(w *waiter) bool {
	if q.running >= q.total || q.zones[w.zone] >= q.perZone || q.peers[w.peer] >= q.perPeer {
		return false
	}
	q.running++
	q.zones[w.zone]++
	q.peers[w.peer]++
	return true
}

func (q *quota) leave(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	if q.zones[w.zone]--; q.zones[w.zone] == 0 {
		delete(q.zones, w.zone)
	}
	if q.peers[w.peer]--; q.peers[w.peer] == 0 {
		delete(q.peers, w.peer)
	}
	q.queue = slices.DeleteFunc(q.queue, func(next *waiter) bool {
		if !q.admit(next) {
			return false
		}
		close(next.turn)
		return true
	})
}

func (q *quota) counts() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running, len(q.queue)
}
