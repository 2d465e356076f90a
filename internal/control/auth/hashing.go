package auth

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/cores"
)

// Bounds of hashing: each place takes the 19 MiB of argon2id while it works. Who waits takes next to nothing.
const (
	mostWaiting = 1024 // in all
	mostOfOne   = 128  // of one account, or from one address
)

// Hashing bounds how many passwords are hashed at once. Accounts and strangers' addresses that wait are served in turn,
// and people who came with credentials and strangers by turns, so that nobody's many keep another's one waiting.
type Hashing struct {
	mu      sync.Mutex
	free    int
	waiting int
	queues  [2]turns // of strangers, and of others
	next    int      // whose turn it is
}

// turns are waiters by key, and the order in which keys come.
type turns struct {
	by    map[string][]chan struct{}
	order []string
}

// hashPlaces are half of the cores, and two at most: the other half is left to those who need no password hashed.
func hashPlaces() int { return min(2, max(1, cores.Count()/2)) }

// NewHashing returns a Hashing with all its places free.
func NewHashing() *Hashing {
	return &Hashing{free: hashPlaces(), queues: [2]turns{{by: map[string][]chan struct{}{}}, {by: map[string][]chan struct{}{}}}}
}

// The two kinds of who waits for a place.
const (
	stranger = 0
	known    = 1
)

// Hash is HashPassword once there is a place; key names on whose account it is.
func (h *Hashing) Hash(ctx context.Context, key, password string) (string, error) {
	if err := h.enter(ctx, known, key); err != nil {
		return "", err
	}
	defer h.leave()
	turn, err := cores.Long(ctx)
	if err != nil {
		return "", fmt.Errorf("wait to hash a password: %w", err)
	}
	defer turn.End()
	return HashPassword(password)
}

func (h *Hashing) verify(ctx context.Context, kind int, key, hash, password string) (bool, error) {
	if err := h.enter(ctx, kind, key); err != nil {
		return false, err
	}
	defer h.leave()
	turn, err := cores.Long(ctx)
	if err != nil {
		return false, fmt.Errorf("wait to hash a password: %w", err)
	}
	defer turn.End()
	return verifyPassword(hash, password)
}

func (h *Hashing) enter(ctx context.Context, kind int, key string) error {
	h.mu.Lock()
	if h.free > 0 {
		h.free--
		h.mu.Unlock()
		return nil
	}
	q := &h.queues[kind]
	if h.waiting >= mostWaiting || len(q.by[key]) >= mostOfOne {
		h.mu.Unlock()
		return busy()
	}
	turn := make(chan struct{})
	if len(q.by[key]) == 0 {
		q.order = append(q.order, key)
	}
	q.by[key] = append(q.by[key], turn)
	h.waiting++
	h.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		h.withdraw(q, key, turn)
		return fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

// withdraw takes a waiter out; one whose turn has come meanwhile gives its place back.
func (h *Hashing) withdraw(q *turns, key string, turn chan struct{}) {
	h.mu.Lock()
	for i, w := range q.by[key] {
		if w == turn {
			h.waiting--
			if q.by[key] = slices.Delete(q.by[key], i, i+1); len(q.by[key]) == 0 {
				delete(q.by, key)
				q.order = slices.DeleteFunc(q.order, func(k string) bool { return k == key })
			}
			h.mu.Unlock()
			return
		}
	}
	h.mu.Unlock()
	h.leave()
}

// leave hands the place to whose turn it is.
func (h *Hashing) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for range h.queues {
		h.next = 1 - h.next
		if turn := h.queues[h.next].pop(); turn != nil {
			h.waiting--
			close(turn)
			return
		}
	}
	h.free++
}

// pop takes the first waiter of the first key, which then goes to the end.
func (q *turns) pop() chan struct{} {
	if len(q.order) == 0 {
		return nil
	}
	key := q.order[0]
	q.order = q.order[1:]
	first, rest := q.by[key][0], q.by[key][1:]
	if len(rest) == 0 {
		delete(q.by, key)
		return first
	}
	q.by[key] = rest
	q.order = append(q.order, key)
	return first
}

func busy() *Failure {
	return &Failure{
		Status: statusTooManyRequests, Code: model.CodeSignInTooOften, Why: WhyThrottled, RetryAfter: 1,
		Message: "Too many passwords are waiting to be checked, please try again",
	}
}
