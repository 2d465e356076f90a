package auth

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestCountersLeave: a flood of strangers leaves no more than so many counters, and none when their time is over.
func TestCountersLeave(t *testing.T) {
	t.Parallel()
	th := newThrottle()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for i := range 2 * maxCounters {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		th.take(newAttempt(fmt.Sprintf("u%d@example.com", i), addr, ""), now)
	}
	if n := len(th.empty); n > maxCounters {
		t.Errorf("%d counters", n)
	}
	for i := range 2 * maxSeen {
		th.forgive(newAttempt(fmt.Sprintf("u%d@example.com", i), netip.AddrFrom4([4]byte{10}), ""), now)
	}
	if n := len(th.seen); n > maxSeen {
		t.Errorf("%d pairs remembered", n)
	}
	now = now.Add(15 * time.Minute)
	th.take(newAttempt("last@example.com", netip.AddrFrom4([4]byte{10}), ""), now)
	if n := len(th.empty); n != 3 {
		t.Errorf("%d counters when all others are over", n)
	}
	if len(th.waiting) != 0 {
		t.Errorf("%d wait", len(th.waiting))
	}
}

// TestOneEmailFromEverywhere: very many addresses that guess for one e-mail slow strangers down, and nobody who has signed
// in from where he is.
func TestOneEmailFromEverywhere(t *testing.T) {
	t.Parallel()
	th := newThrottle()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	from := func(i int) attempt {
		return newAttempt("known@example.com", netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), "")
	}
	home := from(9999)
	th.forgive(home, now)
	slowed := 0
	for i := range 200 {
		wait, slow := th.take(from(i), now)
		if wait > slowBy {
			t.Fatalf("attempt %d is locked out for %v", i, wait)
		}
		slowed += len(slow)
	}
	if slowed != slowPlaces {
		t.Errorf("%d attempts are slowed down", slowed)
	}
	if wait, slow := th.take(home, now); wait > 0 || len(slow) > 0 {
		t.Errorf("one who is known waits %v, slowed by %d", wait, len(slow))
	}
	if wait, slow := th.take(newAttempt("other@example.com", netip.AddrFrom4([4]byte{10}), ""), now); wait > 0 || len(slow) > 0 {
		t.Errorf("another e-mail waits %v, slowed by %d", wait, len(slow))
	}
}

// TestHashingIsFair: one who has very many passwords hashed keeps neither another account nor a stranger waiting for more
// than a few turns, no more are hashed at once than there are places, and who goes away leaves nothing behind.
func TestHashingIsFair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := NewHashing()
		var running, most, served atomic.Int32
		work := func(kind int, key string) error {
			if err := h.enter(t.Context(), kind, key); err != nil {
				return err
			}
			defer h.leave()
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			served.Add(1)
			return nil
		}
		var all sync.WaitGroup
		for range mostOfOne + hashPlaces() {
			all.Go(func() {
				if err := work(known, "greedy"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if err := h.enter(t.Context(), known, "greedy"); err == nil {
			t.Error("one account waits without a bound")
		}
		gone, cancel := context.WithCancel(t.Context())
		all.Go(func() {
			if err := h.enter(gone, known, "gone"); err == nil {
				t.Error("a place for one who went away")
			}
		})
		synctest.Wait()
		cancel()
		for _, other := range []struct {
			kind int
			key  string
		}{{known, "modest"}, {stranger, "192.0.2.1"}} {
			all.Go(func() {
				if err := work(other.kind, other.key); err != nil {
					t.Error(err)
				}
				if n := int(served.Load()); n > 4*hashPlaces() {
					t.Errorf("%s was served after %d others", other.key, n)
				}
			})
		}
		all.Wait()
		if int(most.Load()) != hashPlaces() || h.waiting != 0 || h.free != hashPlaces() {
			t.Errorf("%d at once; %d wait, %d places are free", most.Load(), h.waiting, h.free)
		}
		for _, q := range h.queues {
			if len(q.by)+len(q.order) != 0 {
				t.Errorf("left: %v %v", q.by, q.order)
			}
		}
	})
}
