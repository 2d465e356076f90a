package engine

import (
	"context"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Waker knows the newest journal position that was heard of and wakes who is behind it.
type Waker struct {
	mu    sync.Mutex
	head  model.Seq
	sleep map[*sleeper]struct{}
	deaf  bool // nobody tells of commits at present
	odd   bool // something is amiss: who waits next is sent to look for himself
}

// sleeper waits for what is past the position that it has when it is looked at: who is handed entries while it sleeps is not
// woken for them.
type sleeper struct {
	at    func() model.Seq
	awake chan struct{} // has room for one token
}

// NewWaker gives a Waker that has heard of nothing.
func NewWaker() *Waker { return &Waker{sleep: map[*sleeper]struct{}{}} }

// Advance tells of a position that was committed.
func (w *Waker) Advance(seq model.Seq) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if seq <= w.head {
		return
	}
	w.head = seq
	for s := range w.sleep {
		if seq > s.at() {
			s.rouse()
		}
	}
}

func (s *sleeper) rouse() {
	select {
	case s.awake <- struct{}{}:
	default:
	}
}

func (w *Waker) rouseAll() {
	for s := range w.sleep {
		s.rouse()
	}
}

// Alarm takes the head as it was read, though it may have been farther, and sends who waits to look for himself.
func (w *Waker) Alarm(head model.Seq) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.head, w.odd = head, true
	w.rouseAll()
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
		w.rouseAll()
	}
	w.deaf = deaf
}

// deafPause is the longest wait while commits are not heard of.
const deafPause = time.Second

// Wait returns when head is past where the caller is, which is asked with each news and must be told at once; when commits are heard
// of no longer; and now and then while they are not.
func (w *Waker) Wait(ctx context.Context, at func() model.Seq) error {
	s := &sleeper{at: at, awake: make(chan struct{}, 1)}
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.sleep, s)
	}()
	for first := true; ; first = false {
		w.mu.Lock()
		w.sleep[s] = struct{}{}
		head, deaf, odd := w.head, w.deaf, w.odd
		w.odd = false
		w.mu.Unlock()
		if odd || head > at() || deaf && !first {
			return nil
		}
		var look <-chan time.Time
		if deaf {
			look = time.After(deafPause)
		}
		select {
		case <-s.awake:
		case <-look:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
