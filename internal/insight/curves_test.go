package insight

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/curve"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// doubtful is a store whose commits come about, and whose answers are lost now and then.
type doubtful struct {
	*store.Store

	lost bool
}

func (d *doubtful) AddCurves(ctx context.Context, run model.ID, batch int64, now time.Time, cells []store.CurveCell) error {
	if err := d.Store.AddCurves(ctx, run, batch, now, cells); err != nil || !d.lost {
		return err
	}
	return errors.New("the answer was lost")
}

// TestCurvesOutliveProcesses: what one process has counted is told by the next, and by two at once, each thing once, although an answer of the database
// was lost; and what nobody has written yet is told, too.
func TestCurvesOutliveProcesses(t *testing.T) {
	t.Parallel()
	const account, zoneID model.ID = "0000000000000000000000000000000a", "00000000000000000000000000000001"
	st, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "test.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	now := time.Unix(1_800_000_000, 0).UTC()
	at := &doubtful{Store: st}
	process := func() *Insight {
		return New(Config{DB: zone.NewDB(0), Now: func() time.Time { return now }, Store: at, Log: slog.New(slog.DiscardHandler), Holds: func(model.ID) bool { return true }})
	}
	add := func(n *Insight, queries uint64) {
		sum := curve.Arrived(time.Second)
		sum.Queries[1] = queries
		n.curve.Add(string(account), string(zoneID), &sum)
	}
	check := func(n *Insight, period api.Period, queries, arrivals uint64) {
		t.Helper()
		for _, zone := range []model.ID{zoneID, ""} {
			c, err := n.Curve(t.Context(), account, zone, period)
			if err != nil {
				t.Fatal(err)
			}
			got, peers := uint64(0), uint64(0)
			for i := range c.Cells {
				got += c.Cells[i].Queries[1]
				peers += c.Cells[i].Arrivals
			}
			if got != queries || peers != arrivals {
				t.Errorf("%s of %q: %d queries, %d arrivals, not %d and %d", period, zone, got, peers, queries, arrivals)
			}
		}
	}
	first := process()
	add(first, 5)
	at.lost = true
	first.Write(t.Context())
	add(first, 1)
	at.lost = false
	first.Write(t.Context()) // the same batch again, and then the rest
	second := process()
	check(second, api.PeriodMonth, 6, 2)
	check(second, api.PeriodDay, 6, 2)
	check(second, api.PeriodHour, 0, 0)
	add(second, 10)
	check(second, api.PeriodMonth, 16, 3)
	check(first, api.PeriodMonth, 6, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := second.Keep(ctx); err != nil { // an orderly end
		t.Fatal(err)
	}
	check(first, api.PeriodMonth, 16, 3)
	c, err := first.Curve(t.Context(), account, "", api.PeriodMonth)
	if err != nil || !c.Since.Equal(curve.Month.Begin(curve.Month.Cell(now))) {
		t.Errorf("since %v, %v", c.Since, err)
	}
	now = now.Add(25 * time.Hour)
	check(first, api.PeriodDay, 0, 0)
	check(first, api.PeriodMonth, 16, 3)
	first.tidy(t.Context(), now)
	check(first, api.PeriodMonth, 16, 3)
	now = now.Add(31 * 24 * time.Hour)
	first.tidy(t.Context(), now)
	if _, err := st.CurveFirst(t.Context(), account, curve.Month.Step()); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("after a month: %v", err)
	}
}
