package events

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Reset says why a listener may have missed something, and must look at everything anew.
type Reset string

// The reasons; None is none.
const (
	None       Reset = ""
	TooOld     Reset = "cursor_too_old" // what came after the cursor is not kept any more
	Unknown    Reset = "cursor_unknown" // the cursor is none of this server's, or of a node that this one does not catch up with
	TooSlow    Reset = "too_slow"
	HistoryGap Reset = "history_lost" // the store has lost changes
)

// ErrClosed ends listening: the node stops.
var ErrClosed = errors.New("nothing is told any more")

// Listener goes through what happens. It is for one caller.
type Listener struct {
	h       *Hub
	number  uint64 // of the event that it looks at next
	at      place  // what was handed out
	passed  place  // what the caller is done with
	history string
	rights  rights
}

// Listen begins behind a cursor, or with what happens from now on where that is empty. With a reset it begins now, too, and the
// caller must look at everything anew. Close ends it. Who comes from a node that is a little ahead waits until this one is as far:
// what he heard there is not lost, only on its way.
func (h *Hub) Listen(ctx context.Context, cursor string) (*Listener, Reset, error) {
	h.mu.Lock()
	h.listeners++
	h.mu.Unlock()
	if err := h.look(ctx); err != nil { // the log may not have been read while nobody listened
		h.leave()
		return nil, None, fmt.Errorf("read the log of events: %w", err)
	}
	l, why, wait := h.begin(cursor)
	if wait == nil {
		return l, why, nil
	}
	patience := time.NewTimer(h.cfg.Patience)
	defer patience.Stop()
	for wait != nil {
		select {
		case <-wait:
			l, why, wait = h.begin(cursor)
		case <-patience.C:
			wait = nil
		case <-ctx.Done():
			h.leave()
			return nil, None, ctx.Err()
		}
	}
	return l, why, nil
}

// begin makes a listener that stands behind a cursor. Where it is ahead of what is known, the listener stands at the end, and wait is
// closed when more is known.
func (h *Hub) begin(cursor string) (l *Listener, why Reset, wait <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stand()
	l = &Listener{h: h, rights: h.rights}
	l.toEnd()
	if cursor == "" {
		return l, None, nil
	}
	history, at, ok := parse(cursor)
	switch {
	case !ok:
		return l, Unknown, nil
	case history != digest(h.history):
		return l, HistoryGap, nil
	case at.seq > h.at.seq || at.log > h.at.log:
		if h.over {
			return l, Unknown, nil
		}
		return l, Unknown, h.change()
	case at.seq < h.floor.seq || at.log < h.floor.log:
		return l, TooOld, nil
	}
	l.number, l.at, l.passed = h.first, at, at
	return l, None, nil
}

// change is closed when something has come. The lock is held.
func (h *Hub) change() <-chan struct{} {
	if h.moved == nil {
		h.moved = make(chan struct{})
	}
	return h.moved
}

func (h *Hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners--
}

// Close ends listening.
func (l *Listener) Close() { l.h.leave() }

// toEnd has the listener pass all that there is. The hub's lock is held.
func (l *Listener) toEnd() {
	l.number, l.at, l.passed, l.history = l.h.next, l.h.at, l.h.at, l.h.history
}

// Passed notes that the caller is done with an event, in order.
func (l *Listener) Passed(e *model.Event) {
	l.passed.seq, l.passed.log = max(l.passed.seq, e.Seq), max(l.passed.log, e.Log)
}

// Cursor names what the caller is done with, on every node.
func (l *Listener) Cursor() string { return cursorAt(l.history, l.passed) }

// Cursor names what has happened until now: whoever reads something afterwards, on any node, and then listens behind it, misses nothing of
// what becomes of that.
func (h *Hub) Cursor(ctx context.Context) (string, error) {
	if h.listening() == 0 { // else the log is looked at all the time
		if err := h.look(ctx); err != nil {
			return "", fmt.Errorf("read the log of events: %w", err)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stand()
	return cursorAt(h.history, h.at), nil
}

func cursorAt(history string, at place) string {
	return digest(history) + "." + strconv.FormatUint(uint64(at.seq), 10) + "." + strconv.FormatUint(at.log, 10)
}

// RightsMoved says, once for each time, whether somebody may do more or less than when the listener was made.
func (l *Listener) RightsMoved() bool {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	moved := l.rights != l.h.rights
	l.rights = l.h.rights
	return moved
}

// Next waits until there is something and puts it into the room given, which is not kept: as many events as fit. None, without an error,
// is that rights have moved. With a reset the listener goes on with what happens from now on. It ends with ctx's error, or ErrClosed.
func (l *Listener) Next(ctx context.Context, room []model.Event) (n int, why Reset, err error) {
	for {
		n, why, wait, err := l.some(room)
		if wait == nil {
			return n, why, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return 0, None, ctx.Err()
		}
	}
}

// some is Next without waiting: what to wait for, if there is nothing.
func (l *Listener) some(room []model.Event) (n int, why Reset, wait <-chan struct{}, err error) {
	h := l.h
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.over:
		return 0, None, nil, ErrClosed
	case l.history != h.history:
		l.toEnd()
		return 0, HistoryGap, nil, nil
	case l.number < h.first:
		l.toEnd()
		return 0, TooSlow, nil, nil
	case l.rights != h.rights:
		return 0, None, nil, nil
	}
	for ; l.number < h.next && n < len(room); l.number++ {
		e := &h.ring[l.number%uint64(len(h.ring))]
		if e.Seq > l.at.seq || e.Log > l.at.log {
			l.at.seq, l.at.log = max(l.at.seq, e.Seq), max(l.at.log, e.Log)
			room[n] = *e
			n++
		}
	}
	if n > 0 {
		return n, None, nil, nil
	}
	return 0, None, h.change(), nil
}

// digest is a history as cursors have it.
func digest(history string) string {
	d := fnv.New32a()
	_, _ = d.Write([]byte(history)) // never fails
	return strconv.FormatUint(uint64(d.Sum32()), 16)
}

// parse reads a cursor.
func parse(s string) (history string, at place, ok bool) {
	history, rest, _ := strings.Cut(s, ".")
	seq, log, _ := strings.Cut(rest, ".")
	j, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return "", at, false
	}
	n, err := strconv.ParseUint(log, 10, 64)
	return history, place{model.Seq(j), n}, err == nil
}
