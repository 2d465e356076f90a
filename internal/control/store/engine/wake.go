package engine

import (
	"context"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Waker knows the newest journal position that was heard of and wakes who waits for a newer one.
type Waker struct {
	mu   sync.Mutex
	head model.Seq
	more chan struct{} // closed and replaced when head moves, and when deaf becomes true
	deaf bool          // nobody tells of commits at present
	odd  bool          // something is amiss: who waits next is sent to look for himself
}

// NewWaker gives a Waker that has heard of nothing.
func NewWaker() *Waker { return &Waker{more: make(chan struct{})} }

// Advance tells of a position that was committed.
func (w *Waker) Advance(seq model.Seq) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if seq > w.head {
		w.head = seq
		close(w.more)
		w.more = make(chan struct{})
	}
}

// Alarm takes the head as it was read, though it may have been farther, and sends who waits to look for himself.
func (w *Waker) Alarm(head model.Seq) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.head, w.odd = head, true
	close(w.more)
	w.more = make(chan struct{})
}

// Newest is the newest position that was heard of.
func (w *Waker) Newest() model.Seq {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.head
}

// setDeaf says whether commits are heard of. Who waits while they are not is sent to look for himself.
func (w *Waker) setDeaf(deaf bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if deaf && !w.deaf {
		close(w.more)
		w.more = make(chan struct{})
	}
	w.deaf = deaf
}

// deafPause is the longest wait while commits are not heard of.
const deafPause = time.Second

// Wait returns when head is past after, when commits are heard of no longer, and now and then while they are not.
func (w *Waker) Wait(ctx context.Context, after model.Seq) error {
	for first := true; ; first = false {
		w.mu.Lock()
		head, more, deaf, odd := w.head, w.more, w.deaf, w.odd
		w.odd = false
		w.mu.Unlock()
		if odd || head > after || deaf && !first {
			return nil
		}
		var look <-chan time.Time
		if deaf {
			look = time.After(deafPause)
		}
		select {
		case <-more:
		case <-look:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
