package cores

import (
	"context"
	"runtime"
	"sync"
	"time"
)

const (
	// slice is how long work keeps its turn while others wait: about what one password takes, which cannot be interrupted. Who
	// gave way after each small piece would wait for a whole password each time, and strangers who sign in would stop every import.
	slice = 50 * time.Millisecond
	// patience is how long work keeps its turn while it waits for its client: one that takes what it is given costs no turn.
	patience = 2 * time.Millisecond
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

	mu    sync.Mutex // a timer gives the turn away, too
	has   bool
	apart bool      // who has it waits for a client
	since time.Time // when it came
	over  bool
}

// Long waits for a turn; an error is ctx's. The turn is to be given back by End.
func Long(ctx context.Context) (*Turn, error) { return turns.turn(ctx) }

func (l *line) turn(ctx context.Context) (*Turn, error) {
	t := &Turn{line: l, ctx: ctx}
	if err := t.take(); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Turn) take() error {
	if err := t.line.enter(t.ctx); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.has, t.since = true, time.Now() //nolint:forbidigo // how long it has been, not what day it is
	return nil
}

// End gives the turn back for good.
func (t *Turn) End() {
	if t == nil {
		return
	}
	t.give(false)
	t.over = true
}

// give gives the turn back, if it is there and, for a timer, if its owner still waits for a client.
func (t *Turn) give(timer bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.has && (t.apart || !timer) {
		t.has = false
		t.line.leave()
	}
}

// again waits for a turn. When the work's context ends it goes on without: it is about to see that itself.
func (t *Turn) again() {
	if !t.over {
		_ = t.take()
	}
}

// Pass lets who waits have a turn, once this one has lasted for a slice. To be called about every tenth of a millisecond.
func (t *Turn) Pass() {
	if t == nil || !t.has || time.Since(t.since) < slice || !t.line.wanted() {
		runtime.Gosched()
		return
	}
	t.give(false)
	t.again()
}

// Apart does something that waits for others than cores, a client for example: if that takes a while, somebody else has the turn
// meanwhile.
func (t *Turn) Apart(f func()) {
	if t == nil {
		f()
		return
	}
	t.wait(true)
	timer := time.AfterFunc(patience, func() { t.give(true) })
	f()
	timer.Stop()
	if t.wait(false) {
		t.Pass()
	} else {
		t.again()
	}
}

// wait notes that the owner waits for a client, or does so no longer, and says whether the turn is still there.
func (t *Turn) wait(apart bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.apart = apart
	return t.has
}
