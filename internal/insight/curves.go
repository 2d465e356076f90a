package insight

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/curve"
	"github.com/headwaterdns/headwater/internal/dns/meter"
)

// Store keeps curves (store.Store).
type Store interface {
	AddCurves(ctx context.Context, run model.ID, batch int64, now time.Time, cells []store.CurveCell) error
	Curve(ctx context.Context, account, about model.ID, from store.CurveSince) ([]store.CurveCell, error)
	CurveFirst(ctx context.Context, account model.ID, step time.Duration) (int64, error)
	CurveShares(ctx context.Context, account model.ID, from store.CurveSince, most int) ([]store.CurveShare, error)
	ForgetCurves(ctx context.Context, told time.Time, before ...store.CurveSince) error
}

// How often what has been counted is written, how much of it in one transaction, and how often what is old goes. A process that is killed
// loses what it has not written.
const (
	keptEvery = 5 * time.Minute
	keptMost  = 500
	tidyEvery = time.Hour
	lastWrite = 2 * time.Second // of an orderly end
)

// namesShown and zonesShown bound the lists beside the numbers.
const namesShown, zonesShown = 20, 10

//nolint:gochecknoglobals // a table
var periods = map[api.Period]curve.Period{api.PeriodHour: curve.Hour, api.PeriodDay: curve.Day, api.PeriodMonth: curve.Month}

func runID() model.ID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return model.ID(hex.EncodeToString(b[:]))
}

// Keep writes what is counted until ctx ends, and once more then.
func (n *Insight) Keep(ctx context.Context) error {
	tick := time.NewTicker(keptEvery)
	defer tick.Stop()
	var tidied time.Time
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
			defer cancel()
			n.Write(last)
			return nil
		case <-tick.C:
			n.Write(ctx)
			if now := n.cfg.Now(); now.Sub(tidied) >= tidyEvery && n.cfg.Holds("") {
				tidied = now
				n.tidy(ctx, now)
			}
		}
	}
}

func (n *Insight) tidy(ctx context.Context, now time.Time) {
	before := make([]store.CurveSince, 0, curve.Month)
	for p := curve.Day; p <= curve.Month; p++ {
		before = append(before, store.CurveSince{Step: p.Step(), Cell: p.First(now)})
	}
	month := time.Duration(curve.Month.Cells()) * curve.Month.Step()
	if err := n.cfg.Store.ForgetCurves(ctx, now.Add(-month), before...); err != nil && ctx.Err() == nil {
		n.cfg.Log.Warn("old curves are not forgotten", slog.Any("error", err))
	}
}

// Write writes what has been counted. What fails is written the next time, once.
func (n *Insight) Write(ctx context.Context) {
	for b := n.curve.Take(keptMost); b != nil; b = n.curve.Take(keptMost) {
		cells := make([]store.CurveCell, len(b.Rows))
		for i := range b.Rows {
			r := &b.Rows[i]
			cells[i] = store.CurveCell{Account: model.ID(r.Account), About: model.ID(r.About), Step: r.Period.Step(), Cell: r.Cell, Sum: stored(&r.Sum)}
		}
		if err := n.cfg.Store.AddCurves(ctx, n.run, b.Number, n.cfg.Now(), cells); err != nil {
			n.cfg.Log.Debug("cannot write curves, trying again", slog.Any("error", err))
			return
		}
		n.curve.Done()
	}
}

func stored(s *curve.Sum) (out store.CurveSum) {
	for i, q := range s.Queries {
		out.Queries[i] = int64(q)
	}
	out.Full, out.Steps, out.TransfersRefused, out.Failed = int64(s.Full), int64(s.Steps), int64(s.Refused), int64(s.Failed)
	out.FullOctets, out.StepOctets = int64(s.FullOctets), int64(s.StepOctets)
	out.Arrivals, out.LagMS, out.LagMax = int64(s.Arrivals), int64(s.LagMS), int64(s.LagMax)
	return out
}

func restored(s *store.CurveSum) (out curve.Sum) {
	for i, q := range s.Queries {
		out.Queries[i] = uint64(q)
	}
	out.Full, out.Steps, out.Refused, out.Failed = uint64(s.Full), uint64(s.Steps), uint64(s.TransfersRefused), uint64(s.Failed)
	out.FullOctets, out.StepOctets = uint64(s.FullOctets), uint64(s.StepOctets)
	out.Arrivals, out.LagMS, out.LagMax = uint64(s.Arrivals), uint64(s.LagMS), uint64(s.LagMax)
	return out
}

// Curve tells what happened to a zone or, without one, to an account. An hour is what this node has seen since it was started; the other
// periods are what all nodes have told, and what this one has not told yet.
func (n *Insight) Curve(ctx context.Context, account, zone model.ID, period api.Period) (out api.Curve, err error) {
	p, now, about := periods[period], n.cfg.Now(), zone
	if zone == "" {
		about = account
	}
	sums := make([]curve.Sum, p.Cells())
	out = api.Curve{Since: n.curve.Since(), End: p.Begin(p.Cell(now) + 1), Step: p.Step(), Cells: make([]api.CurveCell, p.Cells())}
	if p != curve.Hour && n.cfg.Store != nil {
		if out.Since, err = n.told(ctx, account, about, p, now, sums); err != nil {
			return out, err
		}
	}
	n.curve.Series(string(about), p, now, sums)
	for i := range sums {
		s := &sums[i]
		out.Cells[i] = api.CurveCell{
			Queries:   s.Queries,
			Transfers: api.CourseHour{Full: s.Full, Steps: s.Steps, Refused: s.Refused, Failed: s.Failed, FullOctets: s.FullOctets, StepOctets: s.StepOctets},
			Arrivals:  s.Arrivals, LagSum: time.Duration(s.LagMS) * time.Millisecond, LagMax: time.Duration(s.LagMax) * time.Millisecond,
		}
	}
	return out, nil
}

// told adds what the store has, and says since when it has anything of the account.
func (n *Insight) told(ctx context.Context, account, about model.ID, p curve.Period, now time.Time, sums []curve.Sum) (since time.Time, err error) {
	first := p.First(now)
	since = n.curve.Since()
	switch cell, err := n.cfg.Store.CurveFirst(ctx, account, p.Step()); {
	case errors.Is(err, model.ErrNotFound):
	case err != nil:
		return since, err
	default:
		if at := p.Begin(max(cell, first)); at.Before(since) {
			since = at
		}
	}
	cells, err := n.cfg.Store.Curve(ctx, account, about, store.CurveSince{Step: p.Step(), Cell: first})
	for i := range cells {
		if k := cells[i].Cell - first; k < int64(len(sums)) { // another node's clock may be ahead
			s := restored(&cells[i].Sum)
			sums[k].Add(&s)
		}
	}
	return since, err
}

func (n *Insight) queries(ctx context.Context, account, zone model.ID, period api.Period) (out api.Queries, err error) {
	out.Curve, err = n.Curve(ctx, account, zone, period)
	for i := range out.Cells {
		for c, v := range out.Cells[i].Queries {
			out.Total[c] += v
		}
	}
	return out, err
}

// ZoneQueries tells what was asked of a zone. The names are those that this node was asked.
func (n *Insight) ZoneQueries(ctx context.Context, account, zone model.ID, period api.Period) (api.Queries, error) {
	out, err := n.queries(ctx, account, zone, period)
	names, sampled := n.Meter.Names(string(zone), namesShown)
	out.Sampled = sampled
	out.Names = api.Each(names, func(a *meter.Asked) api.QueryName {
		return api.QueryName{Name: a.Name.Host(), Type: a.Type.String(), Class: a.Class.String(), Count: a.Count}
	})
	return out, err
}

// AccountQueries tells what was asked of an account's zones.
func (n *Insight) AccountQueries(ctx context.Context, account model.ID, period api.Period) (api.Queries, error) {
	out, err := n.queries(ctx, account, "", period)
	if err != nil {
		return out, err
	}
	p, now := periods[period], n.cfg.Now()
	shares := map[string]*curve.Sum{}
	if p != curve.Hour && n.cfg.Store != nil {
		// What this node has not told yet may lift a zone into the list: twice as many are looked at as are shown.
		list, err := n.cfg.Store.CurveShares(ctx, account, store.CurveSince{Step: p.Step(), Cell: p.First(now)}, 2*zonesShown)
		if err != nil {
			return out, err
		}
		for i := range list {
			s := restored(&store.CurveSum{Queries: list[i].Queries})
			shares[string(list[i].Zone)] = &s
		}
	}
	n.curve.Shares(string(account), p, now, shares)
	for zone, s := range shares {
		if z := n.cfg.DB.ByID(zone); z != nil && s.Asked() > 0 {
			out.Zones = append(out.Zones, api.QueryZone{Zone: model.ID(zone), Name: z.Name.Host(), Counts: s.Queries})
		}
	}
	slices.SortFunc(out.Zones, func(a, b api.QueryZone) int {
		x, y := curve.Sum{Queries: a.Counts}, curve.Sum{Queries: b.Counts}
		return cmp.Or(cmp.Compare(y.Asked(), x.Asked()), cmp.Compare(a.Zone, b.Zone))
	})
	out.Zones = out.Zones[:min(len(out.Zones), zonesShown)]
	return out, nil
}
