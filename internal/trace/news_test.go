package trace_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/trace"
)

// elsewhere is a tracer that records what is below spans of other processes, but for those of one name.
type elsewhere struct{ log *log }

func (elsewhere) Begin(string, time.Time, string, ...trace.Attr) trace.Span { return nil }

func (e elsewhere) Elsewhere(traceparent string) trace.Span {
	if traceparent == "unrecorded" {
		return nil
	}
	return noted{traceparent, e.log}
}

// TestNews: what one node tells is what the others hear, each change once, and no node hears itself.
func TestNews(t *testing.T) {
	t.Parallel()
	var (
		l        log
		now      = time.Now()
		one, two = trace.NewBook(), trace.NewBook()
		changes  []trace.Change
	)
	for i := range uint32(300) {
		name := fmt.Sprintf("00-%032x-%016x-01", i, i)
		if i%10 == 0 {
			name = "unrecorded"
		}
		changes = append(changes, trace.NewChange(fmt.Sprintf("%032x", i%7), ^uint32(0)-150+i, noted{name, &l}))
	}
	pieces := one.News(changes)
	if len(pieces) < 2 || len(one.News(nil)) != 0 {
		t.Errorf("%d pieces", len(pieces))
	}
	var heard []trace.Heard
	for _, p := range pieces {
		if len(p) >= 8000 {
			t.Errorf("%d octets", len(p))
		}
		if got := one.Hear(now, p, elsewhere{&l}); len(got) > 0 {
			t.Errorf("it hears itself: %v", got)
		}
		heard = append(heard, two.Hear(now, p, elsewhere{&l})...)
	}
	if len(heard) != 270 || heard[0] != (trace.Heard{Zone: fmt.Sprintf("%032x", 1), Serial: ^uint32(0) - 149}) {
		t.Errorf("%d heard, %v", len(heard), heard[0])
	}
	taken := 0
	for i := range 7 {
		taken += len(two.Take(now, fmt.Sprintf("%032x", i), 1000, newer))
	}
	if taken != 270 {
		t.Errorf("%d taken", taken)
	}
	var none *trace.Book
	if none.News(changes) != nil || none.Hear(now, pieces[0], elsewhere{&l}) != nil {
		t.Error("nobody traces, and hears")
	}
}

// TestNewsAreBounded: a group of any size tells of no more than others remember.
func TestNewsAreBounded(t *testing.T) {
	t.Parallel()
	var l log
	changes := make([]trace.Change, 5000)
	for i := range changes {
		changes[i] = trace.NewChange(strings.Repeat("a", 32), uint32(i), noted{"x", &l})
	}
	told := 0
	for _, p := range trace.NewBook().News(changes) {
		told += strings.Count(p, "\n")
	}
	if told != 1024 {
		t.Errorf("told of %d", told)
	}
}

// TestOldChanges: who begins to tell of a zone long after a change says nothing of it.
func TestOldChanges(t *testing.T) {
	t.Parallel()
	var (
		l    log
		book = trace.NewBook()
		now  = time.Now()
	)
	book.Put(now, trace.NewChange("a", 1, noted{"a1", &l}), trace.NewChange("b", 1, noted{"b1", &l}))
	now = now.Add(time.Hour)
	book.Put(now, trace.NewChange("a", 2, noted{"a2", &l}))
	if got := len(book.Take(now, "a", 2, newer)) + len(book.Take(now, "b", 2, newer)); got != 1 {
		t.Errorf("%d taken", got)
	}
}

// FuzzHear: whatever the database's users tell, hearing it ends, and nothing is heard that is not a zone, a serial, and a name.
func FuzzHear(f *testing.F) {
	var l log
	f.Add("other\nzone 1 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Add("other\nzone 4294967296 x\nzone -1 x\n  \n\n")
	f.Add("")
	f.Add(trace.NewBook().News([]trace.Change{trace.NewChange("zone", 1, noted{"x", &l})})[0])
	f.Fuzz(func(t *testing.T, news string) {
		book, now := trace.NewBook(), time.Now()
		open := map[string]int{}
		for _, h := range book.Hear(now, news, elsewhere{&l}) {
			if strings.ContainsAny(h.Zone, " \n") {
				t.Errorf("the zone %q", h.Zone)
			}
			open[h.Zone]++
		}
		for zone, n := range open {
			up := book.Take(now, zone, 0, func(uint32, uint32) bool { return false })
			if len(up) > n {
				t.Errorf("%d changes of %q heard, %d in the book", n, zone, len(up))
			}
		}
	})
}
