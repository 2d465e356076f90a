package events_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/control/events"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := testkit.Leaked(); code == 0 && err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// log is the log that nodes share.
type log struct {
	mu     sync.Mutex
	list   []model.Event
	first  uint64 // position of list[0]
	rights uint64
	reads  int
	fail   error
}

func (l *log) read(_ context.Context, after uint64, limit int) (out model.EventLog, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	if l.fail != nil {
		return out, l.fail
	}
	out.Rights, out.Head = l.rights, l.first+uint64(len(l.list))-1
	for _, e := range l.list {
		if e.Log > after && len(out.Events) < limit {
			out.Events = append(out.Events, e)
		}
	}
	return out, nil
}

func (l *log) put(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		l.list = append(l.list, model.Event{Kind: model.EventAlarm, Log: l.first + uint64(len(l.list)), Alarm: &model.Alarm{}})
	}
}

func newLog() *log { return &log{first: 1} }

func hub(t *testing.T, l *log, change func(*events.Config)) *events.Hub {
	t.Helper()
	cfg := events.Config{Log: l.read, Most: 8, Patience: time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	return events.New(cfg)
}

func entry(seq model.Seq) *model.Entry {
	return &model.Entry{Seq: seq, Kind: model.EntryDelta, Account: "a", Zone: "z", Serial: uint32(seq)}
}

// take reads what there is at once, as "j5 l2".
func take(t *testing.T, l *events.Listener) (string, events.Reset) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out []string
	room := make([]model.Event, 3)
	for {
		n, why, err := l.Next(ctx, room)
		for i := range room[:n] {
			l.Passed(&room[i])
			if room[i].Seq > 0 {
				out = append(out, fmt.Sprintf("j%d", room[i].Seq))
			} else {
				out = append(out, fmt.Sprintf("l%d", room[i].Log))
			}
		}
		if why != events.None || err != nil {
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			return strings.Join(out, " "), why
		}
	}
}

func listen(t *testing.T, h *events.Hub, cursor string) (*events.Listener, events.Reset) {
	t.Helper()
	l, why, err := h.Listen(t.Context(), cursor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, why
}

// TestCursor: whoever comes back with a cursor hears all that came since, of the journal and of the log, on another node as on the same;
// what is kept no longer, what nobody has given out, and what another history has given out is told apart.
func TestCursor(t *testing.T) {
	t.Parallel()
	shared := newLog()
	history := "one"
	of := func(c *events.Config) { c.History = func() string { return history } }
	a, b := hub(t, shared, of), hub(t, shared, of)
	for _, h := range []*events.Hub{a, b} {
		h.Journal(entry(4)) // read at start: nobody hears of it
		h.Begin(4)
	}
	first, why := listen(t, a, "")
	if why != events.None {
		t.Fatal(why)
	}
	for seq := range model.Seq(3) {
		a.Journal(entry(5 + seq))
		b.Journal(entry(5 + seq))
	}
	a.Journal(entry(2)) // history, read again
	shared.put(2)
	second, _ := listen(t, a, first.Cursor()) // which reads the log
	for name, l := range map[string]*events.Listener{"stayed": first, "came at once": second} {
		if got, why := take(t, l); got != "j5 j6 j7 l1 l2" || why != events.None {
			t.Errorf("%s: %q %q", name, got, why)
		}
	}
	cursor := first.Cursor()
	a.Journal(entry(8))
	b.Journal(entry(8))
	shared.put(1)
	for name, h := range map[string]*events.Hub{"same node": a, "other node": b} {
		back, why := listen(t, h, cursor)
		if got, _ := take(t, back); why != events.None || got != "j8 l3" && got != "l3 j8" {
			t.Errorf("%s: %q %q", name, got, why)
		}
	}
	for bad, want := range map[string]events.Reset{
		"x": events.Unknown, "x.1": events.Unknown, "..": events.Unknown, "0.7.2": events.HistoryGap,
		strings.Replace(cursor, ".7.", ".99.", 1): events.Unknown, strings.Replace(cursor, ".7.", ".3.", 1): events.TooOld,
	} {
		if l, why := listen(t, a, bad); why != want {
			t.Errorf("%q: %q, want %q", bad, why, want)
		} else if got, _ := take(t, l); got != "" {
			t.Errorf("%q: begins with %s", bad, got)
		}
	}
	for seq := range model.Seq(9) {
		a.Journal(entry(9 + seq))
	}
	if _, why := listen(t, a, cursor); why != events.TooOld {
		t.Errorf("pushed out: %q", why)
	}
	history = "two"
	a.Rewound()
	if _, why := listen(t, a, cursor); why != events.HistoryGap {
		t.Errorf("after a loss: %q", why)
	}
	if _, why := take(t, first); why != events.HistoryGap {
		t.Errorf("who listened: %q", why)
	}
}

// TestCursorBeforeReading: who is given a cursor, reads, and listens behind it, on whichever node, hears all that came after the cursor,
// and nothing that was there before: neither of the journal nor of the log, which nobody has looked at yet.
func TestCursorBeforeReading(t *testing.T) {
	t.Parallel()
	shared := newLog()
	shared.put(6)
	shared.list, shared.first = shared.list[3:], 4 // pruned while nobody listened
	a, b := hub(t, shared, nil), hub(t, shared, nil)
	for _, h := range []*events.Hub{a, b} {
		h.Begin(4)
	}
	if _, err := b.Cursor(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Journal(entry(5))
	behind, err := a.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ahead, err := b.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a.Journal(entry(5))
	for _, h := range []*events.Hub{a, b} {
		h.Journal(entry(6))
	}
	shared.put(1)
	for name, h := range map[string]*events.Hub{"a": a, "b": b} {
		for want, cursor := range map[string]string{"j5 j6 l7": behind, "j6 l7": ahead} {
			l, why := listen(t, h, cursor)
			got, _ := take(t, l)
			if why != events.None || got != want {
				t.Errorf("%s behind %s: %q %q, want %q", name, cursor, got, why, want)
			}
		}
	}
	before := shared.reads
	if _, err := a.Cursor(t.Context()); err != nil || shared.reads != before {
		t.Errorf("while others listen the log is read once more: %v", err)
	}
	shared.fail = errors.New("away")
	if _, err := hub(t, shared, nil).Cursor(t.Context()); !errors.Is(err, shared.fail) {
		t.Errorf("a log that cannot be read: %v", err)
	}
}

// TestNodeBehind: who comes from a node that is ahead loses nothing while this one catches up, and hears so when it does not.
func TestNodeBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := newLog()
		of := func(c *events.Config) { c.Patience = 0 }
		ahead, behind := hub(t, shared, of), hub(t, shared, of)
		for _, h := range []*events.Hub{ahead, behind} {
			h.Begin(0)
		}
		heard, _ := listen(t, ahead, "")
		for seq := range model.Seq(3) {
			ahead.Journal(entry(1 + seq))
		}
		if got, _ := take(t, heard); got != "j1 j2 j3" {
			t.Fatal(got)
		}
		behind.Journal(entry(1))
		follow := time.AfterFunc(time.Second, func() {
			for seq := range model.Seq(3) {
				behind.Journal(entry(2 + seq))
			}
		})
		defer follow.Stop()
		l, why := listen(t, behind, heard.Cursor())
		if got, _ := take(t, l); why != events.None || got != "j4" {
			t.Errorf("%q %q", got, why)
		}
		ahead.Journal(entry(4))
		ahead.Journal(entry(5))
		_, _ = take(t, heard)
		began := time.Now()
		if _, why := listen(t, behind, heard.Cursor()); why != events.Unknown || time.Since(began) != 10*time.Second {
			t.Errorf("never there: %q after %v", why, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := behind.Listen(ctx, heard.Cursor()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who leaves meanwhile: %v", err)
		}
		closing := time.AfterFunc(time.Second, behind.Close)
		defer closing.Stop()
		if _, why := listen(t, behind, heard.Cursor()); why != events.Unknown {
			t.Errorf("the node stops: %q", why)
		}
	})
}

// TestRightsBefore: nothing that happens after this process has taken rights away is handed out before those who listen were asked again.
func TestRightsBefore(t *testing.T) {
	t.Parallel()
	h := hub(t, newLog(), nil)
	h.Begin(0)
	l, _ := listen(t, h, "")
	h.Rights()
	h.Journal(entry(1))
	room := make([]model.Event, 3)
	if n, why, err := l.Next(t.Context(), room); n != 0 || why != events.None || err != nil {
		t.Errorf("%d events, %q, %v", n, why, err)
	}
	if !l.RightsMoved() || l.RightsMoved() {
		t.Error("rights have moved once")
	}
	if got, _ := take(t, l); got != "j1" {
		t.Errorf("then %q", got)
	}
}

// TestSlow: who does not come along loses his place, hears so, and goes on with what happens from then on; others lose nothing.
func TestSlow(t *testing.T) {
	t.Parallel()
	h := hub(t, newLog(), nil)
	h.Begin(0)
	slow, _ := listen(t, h, "")
	quick, _ := listen(t, h, "")
	all := ""
	for seq := range model.Seq(20) {
		h.Journal(entry(seq + 1))
		got, why := take(t, quick)
		if all += got + " "; why != events.None {
			t.Fatal(why)
		}
	}
	if n := strings.Count(all, "j"); n != 20 {
		t.Errorf("%d of 20: %s", n, all)
	}
	if got, why := take(t, slow); got != "" || why != events.TooSlow {
		t.Errorf("%q %q", got, why)
	}
	h.Journal(entry(21))
	if got, why := take(t, slow); got != "j21" || why != events.None {
		t.Errorf("then %q %q", got, why)
	}
	h.Journal(entry(25)) // the journal was pruned past this node
	if got, why := take(t, quick); got != "" || why != events.TooSlow {
		t.Errorf("after a gap %q %q", got, why)
	}
}

// TestPrunedLog: a node that did not listen for long, so that the log was pruned past it, tells those who come back with older cursors.
func TestPrunedLog(t *testing.T) {
	t.Parallel()
	shared := newLog()
	h := hub(t, shared, nil)
	h.Begin(0)
	l, _ := listen(t, h, "")
	cursor := l.Cursor()
	shared.put(6)
	shared.list, shared.first = shared.list[3:], 4
	if _, why := listen(t, h, cursor); why != events.TooOld {
		t.Errorf("%q", why)
	}
	if _, why := take(t, l); why != events.TooSlow {
		t.Errorf("who listened: %q", why)
	}
}

// TestWakes: who waits is woken by an entry, by what another node has written, by rights that change, and by the end; while nobody
// listens the log is not read.
func TestWakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := newLog()
		h := hub(t, shared, nil)
		h.Begin(0)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = h.Run(ctx) }()
		time.Sleep(time.Minute)
		if shared.reads != 0 {
			t.Errorf("read %d times for nobody", shared.reads)
		}
		l, _ := listen(t, h, "")
		next := func() (model.Event, error) {
			room := make([]model.Event, 1)
			_, _, err := l.Next(ctx, room)
			return room[0], err
		}
		after := func(d time.Duration, do func()) {
			go func() {
				time.Sleep(d)
				do()
			}()
		}
		after(time.Minute, func() { h.Journal(entry(1)) })
		if e, _ := next(); e.Seq != 1 {
			t.Errorf("%+v", e)
		}
		after(time.Minute, func() { shared.put(1) })
		if e, _ := next(); e.Log != 1 {
			t.Errorf("%+v", e)
		}
		after(time.Minute, func() {
			shared.mu.Lock()
			shared.rights++
			shared.mu.Unlock()
			h.Wake()
		})
		if e, _ := next(); e.Kind != 0 || !l.RightsMoved() || l.RightsMoved() {
			t.Errorf("%+v", e)
		}
		after(time.Minute, h.Close)
		if _, err := next(); !errors.Is(err, events.ErrClosed) {
			t.Error(err)
		}
	})
}

// TestWhat: entries are told as what they did.
func TestWhat(t *testing.T) {
	t.Parallel()
	known := map[model.ID]bool{"old": true}
	h := hub(t, newLog(), func(c *events.Config) { c.Known = func(z model.ID) bool { return known[z] } })
	h.Begin(0)
	l, _ := listen(t, h, "")
	for i, e := range []model.Entry{
		{Kind: model.EntryReset, Zone: "new"},
		{Kind: model.EntryReset, Zone: "old"},
		{Kind: model.EntryDelta, Zone: "old"},
		{Kind: model.EntryAccess, Zone: "old"},
		{Kind: model.EntryAccess, Account: "a"},
		{Kind: model.EntryNotify, Zone: "old"},
		{Kind: model.EntryGone, Zone: "old"},
	} {
		e.Seq = model.Seq(i + 1)
		h.Journal(&e)
	}
	room := make([]model.Event, 8)
	n, _, err := l.Next(t.Context(), room)
	var got []string
	for _, e := range room[:n] {
		got = append(got, string(e.What))
	}
	if s := strings.Join(got, " "); err != nil || s != "created replaced published links access notify removed" || room[4].Kind != model.EventAccount {
		t.Errorf("%s, %v", s, err)
	}
}

// TestJournalAllocatesNothing: every commit passes here, though nobody listens.
func TestJournalAllocatesNothing(t *testing.T) {
	h := hub(t, newLog(), nil)
	h.Begin(0)
	e := entry(0)
	if n := testing.AllocsPerRun(100, func() { e.Seq++; h.Journal(e) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
