package store

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// waker knows the newest journal position that was heard of and wakes who waits for a newer one.
type waker struct {
	mu   sync.Mutex
	head model.Seq
	more chan struct{} // closed and replaced when head moves, and when deaf becomes true
	deaf bool          // nobody tells of commits at present
	odd  bool          // something is amiss: who waits next is sent to look for himself
}

func newWaker() *waker { return &waker{more: make(chan struct{})} }

func (w *waker) advance(seq model.Seq) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if seq > w.head {
		w.head = seq
		close(w.more)
		w.more = make(chan struct{})
	}
}

// alarm takes the head as it was read, though it may have been farther, and sends who waits to look for himself.
func (w *waker) alarm(head model.Seq) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.head, w.odd = head, true
	close(w.more)
	w.more = make(chan struct{})
}

// newest is the newest position that was heard of.
func (w *waker) newest() model.Seq {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.head
}

// setDeaf says whether commits are heard of. Who waits while they are not is sent to look for himself.
func (w *waker) setDeaf(deaf bool) {
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

// wait returns when head is past after, when commits are heard of no longer, and now and then while they are not.
func (w *waker) wait(ctx context.Context, after model.Seq) error {
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

// announce tells other processes of a commit once it is visible. In the same breath it makes sure that the database has the
// history that the commit was planned on; other commits wait already, so it stays so.
func (t *Tx) announce(ctx context.Context, seq model.Seq) error {
	if t.c.d.alone {
		return nil
	}
	var st standing
	var told any
	dest := append(st.dest(), &told)
	text, args := `SELECT `+t.c.d.selectStanding(), []any(nil)
	if t.c.d.notify != "" {
		text, args = text+`, `+t.c.d.notify, []any{strconv.FormatUint(uint64(seq), 10)}
	} else {
		dest = dest[:len(dest)-1]
	}
	if err := t.c.one(ctx, dest, text, args...); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	return t.s.standsOn(&st)
}
