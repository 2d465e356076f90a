package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/commit"
	"github.com/headwaterdns/headwater/internal/control/duty"
	"github.com/headwaterdns/headwater/internal/control/events"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/insight"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// diary notes what happens, and when, from its start.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) part(name string) part {
	return part{
		name: name, by: time.Second,
		start: func(context.Context) error { d.note("start %s", name); return nil },
		stop:  func(context.Context) error { d.note("stop %s", name); return nil },
	}
}

var quiet = slog.New(slog.DiscardHandler)

func TestSequenceStopsInItsOwnOrder(t *testing.T) {
	t.Parallel()
	d := &diary{}
	ctx, end := context.WithCancel(t.Context())
	parts := []part{d.part("a"), d.part("b"), d.part("c"), {name: "last", start: func(context.Context) error { end(); return nil }}}
	if err := newSequence(quiet, parts, []string{"b", "c", "a"}).run(ctx, nil, nil); err != nil {
		t.Fatal(err)
	}
	want := []string{"start a", "start b", "start c", "stop b", "stop c", "stop a"}
	if diff := testkit.Diff(want, d.lines); diff != "" {
		t.Error(diff)
	}
}

// A failure amid the start stops what has started, and nothing else.
func TestSequenceFailsAmidStart(t *testing.T) {
	t.Parallel()
	d := &diary{}
	taken := errors.New("address in use")
	bad := d.part("b")
	bad.start = func(context.Context) error { d.note("start b"); return taken }
	err := newSequence(quiet, []part{d.part("a"), bad, d.part("c")}, []string{"c", "b", "a"}).run(t.Context(), nil, nil)
	if !errors.Is(err, taken) {
		t.Errorf("error %v", err)
	}
	if diff := testkit.Diff([]string{"start a", "start b", "stop b", "stop a"}, d.lines); diff != "" {
		t.Error(diff)
	}
}

// Being told to stop while a part starts is an end in order.
func TestSequenceToldToStopAmidStart(t *testing.T) {
	t.Parallel()
	d := &diary{}
	ctx, end := context.WithCancel(t.Context())
	slow := d.part("b")
	slow.start = func(ctx context.Context) error { end(); <-ctx.Done(); return fmt.Errorf("load: %w", ctx.Err()) }
	if err := newSequence(quiet, []part{d.part("a"), slow, d.part("c")}, []string{"c", "b", "a"}).run(ctx, nil, nil); err != nil {
		t.Errorf("error %v", err)
	}
	if diff := testkit.Diff([]string{"start a", "stop b", "stop a"}, d.lines); diff != "" {
		t.Error(diff)
	}
}

// A part that hangs is left behind when its time is over, and those after it have theirs.
func TestSequenceIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		hung := make(chan struct{})
		ctx, end := context.WithCancel(t.Context())
		hangs, after := d.part("hangs"), d.part("after")
		hangs.stop = func(context.Context) error { <-hung; return nil }
		after.by = 2 * time.Second
		after.stop = func(ctx context.Context) error {
			at, _ := ctx.Deadline()
			d.note("stop after, with %s", time.Until(at).Round(50*time.Millisecond))
			return nil
		}
		hangs.start, after.start = nil, func(context.Context) error { end(); return nil }
		began := time.Now()
		if err := newSequence(quiet, []part{hangs, after}, []string{"hangs", "after"}).run(ctx, nil, nil); err != nil {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took > 1100*time.Millisecond {
			t.Errorf("the end took %s", took)
		}
		if diff := testkit.Diff([]string{"stop after, with 950ms"}, d.lines); diff != "" {
			t.Error(diff)
		}
		close(hung)
	})
}

// A loop that ends by itself with an error ends the program in order, and its error is the program's.
func TestLoopThatBreaks(t *testing.T) {
	t.Parallel()
	d := &diary{}
	broke := errors.New("socket lost")
	s := newSequence(quiet, nil, []string{"loop", "a"})
	l := &loop{run: func(context.Context) error { return broke }}
	s.parts = []part{d.part("a"), {name: "loop", by: time.Second, stop: l.stop, start: func(context.Context) error {
		l.start("loop", s.broken)
		return nil
	}}}
	s.broken = make(chan error, 2)
	if err := s.run(t.Context(), nil, nil); !errors.Is(err, broke) {
		t.Errorf("error %v", err)
	}
	if !slices.Contains(d.lines, "stop a") {
		t.Errorf("%q", d.lines)
	}
}

// The order of the end names every part that any role has, once, with time for each, ten seconds in all.
func TestDownOrder(t *testing.T) {
	t.Parallel()
	order := downOrder()
	at := func(name string) int { return slices.Index(order, name) }
	for _, rule := range [][2]string{ // the first ends before the second
		{partHTTP, partFlatten},
		{partHTTP, partNotify},
		{partHTTP, partCommitter},
		{partNotify, partLease},
		{partUpkeep, partImages},
		{partImages, partCommitter},
		{partFlatten, partCommitter},
		{partCommitter, partFeed},
		{partFeed, partDNS},
		{partDNS, partStore},
	} {
		if at(rule[0]) < 0 || at(rule[0]) > at(rule[1]) {
			t.Errorf("%s does not end before %s", rule[0], rule[1])
		}
	}
	if order[len(order)-1] != partStore {
		t.Errorf("%s ends last, want the store", order[len(order)-1])
	}
	for _, roles := range []string{"api,dns,notify", "api", "dns", "notify"} {
		n := openTest(t, roles)
		s := n.sequence()
		var last time.Duration
		for _, name := range s.down {
			i := slices.IndexFunc(s.parts, func(p part) bool { return p.name == name })
			if p := s.parts[i]; p.stop != nil && p.by < last {
				t.Errorf("%s: %s has until %s, and one before it until %s", roles, name, p.by, last)
			} else if p.stop != nil {
				last = p.by
			}
		}
		if last > 10*time.Second {
			t.Errorf("%s: the end may take %s", roles, last)
		}
		for _, p := range s.parts {
			if !slices.Contains(order, p.name) {
				t.Errorf("%s: %s is not in the order of the end", roles, p.name)
			}
		}
		order := func(name string) int { return slices.IndexFunc(s.parts, func(p part) bool { return p.name == name }) }
		if first := order(partFirst); first < order(partHTTPBind) || first < order(partDNSBind) {
			t.Errorf("%s: the administrator is made before the sockets are bound", roles)
		}
	}
}

// openTest is a node with parts that are there and do nothing.
func openTest(t *testing.T, list string) *Node {
	t.Helper()
	r, err := parseRoles(strings.Split(list, ","))
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{cfg: &Config{PprofListen: "127.0.0.1:0"}, roles: r, log: quiet}
	if r.dns {
		n.dns, n.insight = &server.Server{}, &insight.Insight{}
	}
	if r.api {
		n.events = &events.Hub{}
	}
	if r.writes() {
		n.commit, n.keep = &commit.Committer{}, &journal.Upkeep{}
	}
	if r.notify {
		n.duty = &duty.Duty{}
	}
	return n
}
