package cores

import (
	"context"
	"runtime"
	"sync"
)

// turns are the places at which long work computes: lists and exports of large zones, imports as they are read, passwords. They
// are half of the cores. Without them whoever asks for enough of that takes every core, and a short request, which needs one for
// a moment and several times, waits for the kernel's slices of all of them each time.
//
// Whoever waits for a turn must hold nothing that others need, a connection or a lock: who has the turn may be waiting for it.
//
//nolint:gochecknoglobals // there is one for the process, as there is one count of cores
var turns = newLine(max(1, count/2))

// line hands out places in the order in which they are asked for.
type line struct {
	mu    sync.Mutex
	free  int
	waits []chan struct{}
}

func newLine(places int) *line { return &line{free: places} }

func (l *line) enter(ctx context.Context) error {
	l.mu.Lock()
	if l.free > 0 {
		l.free--
		l.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	l.waits = append(l.waits, mine)
	l.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	for i, w := range l.waits {
		if w == mine {
			l.waits = append(l.waits[:i], l.waits[i+1:]...)
			l.mu.Unlock()
			return ctx.Err()
		}
	}
	l.mu.Unlock()
	l.leave() // it had come meanwhile
	return ctx.Err()
}

func (l *line) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waits) == 0 {
		l.free++
		return
	}
	close(l.waits[0])
	l.waits = l.waits[1:]
}

func (l *line) wanted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waits) > 0
}

// Turn is long work's place. It belongs to one goroutine; a nil Turn is that of work that is not known to be long.
type Turn struct {
	line *line
	ctx  context.Context //nolint:containedctx // it is the work's, and ends the waiting for a turn as it ends the work
	has  bool
	over bool
}

// Long waits for a turn; an error is ctx's. The turn is to be given back by End.
func Long(ctx context.Context) (*Turn, error) { return turns.turn(ctx) }

func (l *line) turn(ctx context.Context) (*Turn, error) {
	if err := l.enter(ctx); err != nil {
		return nil, err
	}
	return &Turn{line: l, ctx: ctx, has: true}, nil
}

// End gives the turn back for good.
func (t *Turn) End() {
	if t != nil {
		t.give()
		t.over = true
	}
}

func (t *Turn) give() {
	if t.has {
		t.has = false
		t.line.leave()
	}
}

// again waits for a turn. When the work's context ends it goes on without: it is about to see that itself.
func (t *Turn) again() { t.has = !t.over && t.line.enter(t.ctx) == nil }

// Pass lets who waits have a turn first. To be called about every tenth of a millisecond.
func (t *Turn) Pass() {
	if t == nil || !t.has || !t.line.wanted() {
		runtime.Gosched()
		return
	}
	t.give()
	t.again()
}

// Apart does something that waits for others than cores, a client for example, while somebody else has the turn.
func (t *Turn) Apart(f func()) {
	if t == nil {
		f()
		return
	}
	t.give()
	f()
	t.again()
}
