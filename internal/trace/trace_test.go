package trace_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/trace"
)

// noted is a span that writes down what it is told.
type noted struct {
	name string
	log  *log
}

type log struct {
	sync.Mutex
	lines []string
	open  int
}

func (l *log) add(open int, format string, args ...any) {
	l.Lock()
	defer l.Unlock()
	l.open += open
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (n noted) Child(name string, _ trace.Kind, _ time.Time, _ ...trace.Attr) trace.Span {
	n.log.add(1, "%s/%s", n.name, name)
	return noted{n.name + "/" + name, n.log}
}

func (n noted) Event(name string, _ time.Time, _ ...trace.Attr) { n.log.add(0, "%s %s", n.name, name) }
func (noted) Set(...trace.Attr)                                 {}
func (n noted) Traceparent() string                             { return n.name }
func (n noted) End(_ time.Time, failed string)                  { n.log.add(-1, "%s end %s", n.name, failed) }

func newer(a, b uint32) bool { return int32(a-b) > 0 }

// TestNobodyTraces: where nobody traces, whoever tells of work does nothing for it, and keeps nothing.
func TestNobodyTraces(t *testing.T) {
	var (
		group *trace.Group
		book  *trace.Book
		told  trace.Tellings
		now   = time.Now()
		ctx   = context.Background()
	)
	if n := testing.AllocsPerRun(100, func() {
		group.Begin("plan")
		group.Durable()
		group.End()
		group.Tell(trace.Of(ctx), now, "")
		told.Add(book.Take(now, "zone", 1, newer), now)
		told.Sent(now, 1)
		told.Event("refused", now)
		told.Known(now, 1, newer)
		told.Drop(now, "")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestTellings: who is told of several changes by one message is told of in the trace of each, until it has each.
func TestTellings(t *testing.T) {
	t.Parallel()
	var (
		l    log
		book trace.Book
		told trace.Tellings
		now  = time.Now()
	)
	change := func(zone string, serial uint32) trace.Change {
		return trace.NewChange(zone, serial, noted{fmt.Sprint(zone, serial), &l})
	}
	last := ^uint32(0) // serials go around
	book.Put(now, change("a", last), change("b", 7), change("a", 0), change("a", 1))
	taken := book.Take(now, "a", 0, newer)
	if len(taken) != 2 || len(book.Take(now, "a", 0, newer)) != 0 || len(book.Take(now, "c", 9, newer)) != 0 {
		t.Fatalf("%d taken", len(taken))
	}
	told.Add(taken, now)
	told.Sent(now, 0)
	told.Known(now, last, newer)
	told.Add(book.Take(now, "a", 1, newer), now)
	told.Sent(now, 1)
	told.Known(now, 1, newer)
	want := []string{
		"a4294967295/NOTIFY", "a0/NOTIFY", "a4294967295/NOTIFY sent", "a0/NOTIFY sent",
		"a4294967295/NOTIFY acknowledged", "a4294967295/NOTIFY end ",
		"a1/NOTIFY", "a0/NOTIFY sent", "a1/NOTIFY sent", "a0/NOTIFY acknowledged", "a0/NOTIFY end ", "a1/NOTIFY acknowledged", "a1/NOTIFY end ",
	}
	if !slices.Equal(l.lines, want) {
		t.Errorf("%s", strings.Join(l.lines, "\n"))
	}
}

// TestBounds: of changes that nobody is told of, and of secondaries that never answer, only so much is kept, and every span ends.
func TestBounds(t *testing.T) {
	t.Parallel()
	var (
		l    log
		book trace.Book
		told trace.Tellings
		now  = time.Now()
	)
	for serial := range uint32(5000) {
		book.Put(now, trace.NewChange("a", serial, noted{"x", &l}))
	}
	taken := book.Take(now, "a", 5000, newer)
	if len(taken) != 1024 {
		t.Errorf("%d changes kept", len(taken))
	}
	told.Add(taken, now)
	if l.open != 32 {
		t.Errorf("%d spans are open", l.open)
	}
	for range 6 {
		told.Sent(now, 5000)
	}
	if l.open != 0 || !strings.HasSuffix(l.lines[len(l.lines)-1], "end no answer") {
		t.Errorf("%d spans are open; %s", l.open, l.lines[len(l.lines)-1])
	}
	told.Add(taken[:3], now)
	told.Drop(now, "gone")
	told.Drop(now, "gone")
	if l.open != 0 {
		t.Errorf("%d spans are open", l.open)
	}
	// Of changes that are planned again and again, the first stages are told, and that there were more.
	g := trace.NewGroup("group", 1, &book, time.Now)
	for range 1000 {
		g.Begin("lock")
	}
	g.End()
	before := len(l.lines)
	g.Tell(noted{"x", &l}, now, "failed")
	if n := len(l.lines) - before; l.open != 0 || n != 2*(1+1+64) {
		t.Errorf("%d lines, %d open", n, l.open)
	}
}
