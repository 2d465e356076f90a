package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// Cells add up, whoever writes them and at once; a batch that is written again counts once; what is old goes, and nothing else.
func TestCurves(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		id := func(c string) model.ID { return model.ID("0000000000000000000000000000000" + c) }
		account, zone, step, day := id("a"), id("1"), 6*time.Hour, 15*time.Minute
		cells := func(about model.ID, at, n int64) []store.CurveCell {
			sum := store.CurveSum{Queries: [5]int64{n, 2, 3, 4, 5}, Full: 6, Steps: 7, TransfersRefused: 8, Failed: 9, FullOctets: 10, StepOctets: 11, Arrivals: 12, LagMS: 13, LagMax: n}
			return []store.CurveCell{
				{Account: account, About: about, Step: day, Cell: at, Sum: sum}, {Account: account, About: account, Step: step, Cell: at, Sum: sum},
			}
		}
		must(t, w.AddCurves(t.Context(), id("7"), 1, w.now, cells(zone, 5, 100)))
		must(t, w.AddCurves(t.Context(), id("7"), 1, w.now, cells(zone, 5, 100))) // again
		must(t, w.AddCurves(t.Context(), id("8"), 1, w.now, cells(zone, 5, 1)))   // another run
		must(t, w.AddCurves(t.Context(), id("7"), 2, w.now, cells(id("2"), 6, 1000)))
		got, err := w.Curve(t.Context(), account, zone, store.CurveSince{Step: day, Cell: 5})
		must(t, err)
		want := cells(zone, 5, 101)[:1]
		s := &want[0].Sum
		*s = store.CurveSum{Queries: [5]int64{101, 4, 6, 8, 10}, Full: 12, Steps: 14, TransfersRefused: 16, Failed: 18, FullOctets: 20, StepOctets: 22, Arrivals: 24, LagMS: 26, LagMax: 100}
		if d := testkit.Diff(want, got); d != "" {
			t.Error(d)
		}
		if got, err := w.Curve(t.Context(), account, account, store.CurveSince{Step: step, Cell: 6}); err != nil || len(got) != 1 || got[0].Cell != 6 {
			t.Errorf("%v, %v", got, err)
		}
		shares, err := w.CurveShares(t.Context(), account, store.CurveSince{Step: day, Cell: 0}, 5)
		must(t, err)
		if d := testkit.Diff([]store.CurveShare{{Zone: id("2"), Queries: [5]int64{1000, 2, 3, 4, 5}}, {Zone: zone, Queries: [5]int64{101, 4, 6, 8, 10}}}, shares); d != "" {
			t.Error(d)
		}
		if first, err := w.CurveFirst(t.Context(), account, step); err != nil || first != 5 {
			t.Errorf("%d, %v", first, err)
		}
		must(t, w.ForgetCurves(t.Context(), w.now, store.CurveSince{Step: step, Cell: 6}))
		if first, err := w.CurveFirst(t.Context(), account, step); err != nil || first != 6 {
			t.Errorf("%d, %v", first, err)
		}
		if got, err := w.Curve(t.Context(), account, zone, store.CurveSince{Step: day}); err != nil || len(got) != 1 {
			t.Errorf("other cells went along: %v, %v", got, err)
		}
		if _, err := w.CurveFirst(t.Context(), id("b"), step); !errors.Is(err, model.ErrNotFound) {
			t.Error(err)
		}
		var all sync.WaitGroup
		for run := range 4 {
			all.Go(func() {
				for batch := range int64(5) {
					if err := w.AddCurves(t.Context(), id(string(rune('b'+run))), batch+1, w.now, cells(id("3"), 9, 1)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if got, err := w.Curve(t.Context(), account, id("3"), store.CurveSince{Step: day}); err != nil || len(got) != 1 || got[0].Sum.Queries[0] != 20 {
			t.Errorf("%v, %v", got, err)
		}
	})
}
