package curve_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/curve"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) { testkit.VerifyTestMain(m) }

type clock struct{ at time.Time }

func (c *clock) now() time.Time       { return c.at }
func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

func begin(c curve.Config) (*clock, *curve.Book) {
	at := &clock{time.Unix(1_800_000_000, 0).UTC()}
	c.Now = at.now
	return at, curve.New(c)
}

func asked(n uint64) *curve.Sum { return &curve.Sum{Queries: [curve.Classes]uint64{n}} }

// series are the cells in which anything is, by how many cells ago.
func series(b *curve.Book, about string, p curve.Period, now time.Time) map[int]uint64 {
	cells := make([]curve.Sum, p.Cells())
	b.Series(about, p, now, cells)
	out := map[int]uint64{}
	for i := range cells {
		if n := cells[i].Asked(); n > 0 {
			out[len(cells)-1-i] = n
		}
	}
	return out
}

// Series end now, whatever time has passed without anything, and each period has its own cells; a clock that is set back loses nothing.
func TestSeries(t *testing.T) {
	t.Parallel()
	at, b := begin(curve.Config{Taken: true})
	b.Add("a", "z", asked(3))
	at.pass(10 * time.Minute)
	b.Add("a", "z", asked(2))
	b.Add("a", "y", asked(10))
	for _, tt := range []struct {
		after  time.Duration
		about  string
		period curve.Period
		want   map[int]uint64 // by cells before the last
	}{
		{0, "z", curve.Hour, map[int]uint64{0: 2, 10: 3}},
		{0, "a", curve.Hour, map[int]uint64{0: 12, 10: 3}},
		{49 * time.Minute, "z", curve.Hour, map[int]uint64{49: 2, 59: 3}},
		{time.Minute, "z", curve.Hour, map[int]uint64{50: 2}},
		{time.Hour, "z", curve.Hour, map[int]uint64{}},
		{0, "z", curve.Month, map[int]uint64{0: 5}},
		{0, "a", curve.Month, map[int]uint64{0: 15}},
		{40 * 24 * time.Hour, "z", curve.Month, map[int]uint64{}},
		{0, "z", curve.Day, map[int]uint64{}},
	} {
		at.pass(tt.after)
		if d := testkit.Diff(tt.want, series(b, tt.about, tt.period, at.now())); d != "" {
			t.Errorf("after %v, %s, period %d: %s", tt.after, tt.about, tt.period, d)
		}
	}
	b.Add("a", "z", asked(1))
	at.pass(-30 * time.Minute)
	b.Add("a", "z", asked(1))
	at.pass(30 * time.Minute)
	if d := testkit.Diff(map[int]uint64{0: 2}, series(b, "z", curve.Hour, at.now())); d != "" {
		t.Error(d)
	}
}

// What is handed over is handed over until it has arrived, the same under the same number, and is counted all the while; what
// comes meanwhile comes in the next batch.
func TestHandingOver(t *testing.T) {
	t.Parallel()
	at, b := begin(curve.Config{Taken: true})
	b.Add("a", "z", asked(3))
	first := b.Take(100)
	b.Add("a", "z", asked(4))
	again := b.Take(100)
	if first == nil || len(first.Rows) != 4 || again.Number != first.Number || again.Rows[0].Sum != *asked(3) {
		t.Fatalf("%+v, then %+v", first, again)
	}
	if d := testkit.Diff(map[int]uint64{0: 7}, series(b, "z", curve.Day, at.now())); d != "" {
		t.Error(d)
	}
	b.Done()
	second := b.Take(3)
	if second.Number != first.Number+1 || len(second.Rows) != 3 || second.Rows[2].Sum != *asked(4) {
		t.Fatalf("%+v", second)
	}
	b.Done()
	if rest := b.Take(3); len(rest.Rows) != 1 {
		t.Errorf("%+v", rest)
	}
	b.Done()
	if b.Take(3) != nil || len(series(b, "z", curve.Day, at.now())) != 0 {
		t.Error("what has arrived is told of still")
	}
}

// Space is bounded in memory by what had news last, in what is handed over by cell; and accounts have all of their zones' sums.
func TestBounds(t *testing.T) {
	t.Parallel()
	at, b := begin(curve.Config{Zones: 10, Taken: true})
	for i := range 100 {
		at.pass(time.Millisecond)
		b.Add("a", fmt.Sprint(i), asked(1))
	}
	if d := testkit.Diff(map[int]uint64{0: 100}, series(b, "a", curve.Hour, at.now())); d != "" {
		t.Error(d)
	}
	if len(series(b, "0", curve.Hour, at.now())) != 0 || len(series(b, "99", curve.Hour, at.now())) != 1 {
		t.Error("the oldest are kept, or the newest are not")
	}
	if n := len(b.Take(1000).Rows); n != 2*11 {
		t.Errorf("%d rows are handed over", n)
	}
	b.Done()
	for range 1000 {
		at.pass(6 * time.Hour)
		b.Add("a", "z", asked(1))
	}
	if n := len(b.Take(10_000).Rows); n != 160 {
		t.Errorf("%d rows wait after 250 days in which nobody took any", n)
	}
	_, none := begin(curve.Config{})
	none.Add("a", "z", asked(1))
	if none.Take(1) != nil {
		t.Error("rows for nobody")
	}
}

func TestLag(t *testing.T) {
	t.Parallel()
	sum := curve.Arrived(3 * time.Second)
	for _, d := range []time.Duration{time.Second, -time.Second} {
		one := curve.Arrived(d)
		sum.Add(&one)
	}
	if sum != (curve.Sum{Arrivals: 3, LagMS: 4000, LagMax: 3000}) {
		t.Errorf("%+v", sum)
	}
}
