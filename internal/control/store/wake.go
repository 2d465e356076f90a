package store

import (
	"context"
	"strconv"
	"sync"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// waker knows the newest journal position that was heard of and wakes who waits for a newer one.
type waker struct {
	mu   sync.Mutex
	head model.Seq
	more chan struct{} // closed and replaced when head moves
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

func (w *waker) wait(ctx context.Context, after model.Seq) error {
	for {
		w.mu.Lock()
		head, more := w.head, w.more
		w.mu.Unlock()
		if head > after {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// announce tells other processes of a commit once it is visible.
func (c conn) announce(ctx context.Context, seq model.Seq) error {
	if c.d.notify == "" {
		return nil
	}
	return c.each(ctx, discard, c.d.notify, strconv.FormatUint(uint64(seq), 10))
}
