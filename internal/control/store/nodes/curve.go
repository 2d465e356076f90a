package nodes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// CurveSum is what happened in a cell: queries by class, transfers and their octets, and how long versions took to be with peers.
type CurveSum struct {
	Queries                                         [5]int64
	Full, Steps, TransfersRefused, Failed           int64
	FullOctets, StepOctets, Arrivals, LagMS, LagMax int64
}

// fields are the sums in the order of the columns. The last is a most, and not a sum.
func (s *CurveSum) fields() [14]*int64 {
	q := &s.Queries
	return [...]*int64{
		&q[0], &q[1], &q[2], &q[3], &q[4], &s.Full, &s.Steps, &s.TransfersRefused, &s.Failed, &s.FullOctets, &s.StepOctets, &s.Arrivals, &s.LagMS, &s.LagMax,
	}
}

var curveColumns = [14]string{
	"noerror", "nxdomain", "servfail", "refused", "other", "full_transfers", "steps", "transfers_refused", "transfers_failed", "full_octets", "step_octets",
	"arrivals", "lag_ms", "lag_max",
}

// CurveCell is a cell of a zone, or of an account, which is About itself then. Step is the length of the cell, and Cell its number since 1970.
type CurveCell struct {
	Account, About model.ID
	Step           time.Duration
	Cell           int64
	Sum            CurveSum
}

// CurveSince asks for the cells of a step from one on.
type CurveSince struct {
	Step time.Duration
	Cell int64
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// AddCurves adds cells to what is there. A run of a node numbers what it adds, from 1 on; what has been added under a number is not added
// under it again, so that whoever does not know whether a commit came about repeats it. Cells come in the order of account, about, step, cell.
func (s *Store) AddCurves(ctx context.Context, run model.ID, batch int64, now time.Time, cells []CurveCell) error {
	err := s.db.Write(ctx, false, func(c engine.Conn) error {
		first, err := c.Exec(ctx, `INSERT INTO curve_runs (run, batch, told) VALUES (?, ?, ?)
			ON CONFLICT (run) DO UPDATE SET batch = excluded.batch, told = excluded.told WHERE curve_runs.batch < excluded.batch`, engine.ID(run), batch, now.UnixMicro())
		if err != nil || first == 0 {
			return err
		}
		_, err = c.Insert(ctx, curveInto(), curveTail(), len(cells), 4+len(curveColumns), func(b *engine.Binds, i int) {
			k := &cells[i]
			b.ID(k.Account)
			b.ID(k.About)
			b.Int(seconds(k.Step))
			b.Int(k.Cell)
			for _, f := range k.Sum.fields() {
				b.Int(*f)
			}
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("write %d cells of curves: %w", len(cells), err)
	}
	return nil
}

func curveInto() string {
	return "curves (account, about, step, cell, " + strings.Join(curveColumns[:], ", ") + ")"
}

func curveTail() string {
	last := len(curveColumns) - 1
	sets := make([]string, 0, len(curveColumns))
	for _, c := range curveColumns[:last] {
		sets = append(sets, c+" = curves."+c+" + excluded."+c)
	}
	m := curveColumns[last]
	sets = append(sets, m+" = CASE WHEN excluded."+m+" > curves."+m+" THEN excluded."+m+" ELSE curves."+m+" END")
	return "ON CONFLICT (account, about, step, cell) DO UPDATE SET " + strings.Join(sets, ", ")
}

// Curve lists the cells of a zone, or of an account, in their order.
func (s *Store) Curve(ctx context.Context, account, about model.ID, from CurveSince) (out []CurveCell, err error) {
	err = s.db.Read.Each(ctx, func(r *engine.Rows) error {
		k := CurveCell{Account: account, About: about, Step: from.Step}
		dest := []any{&k.Cell}
		for _, f := range k.Sum.fields() {
			dest = append(dest, f)
		}
		err := r.Scan(dest...)
		out = append(out, k)
		return err
	}, `SELECT cell, `+strings.Join(curveColumns[:], ", ")+` FROM curves WHERE account = ? AND about = ? AND step = ? AND cell >= ? ORDER BY cell`,
		engine.ID(account), engine.ID(about), seconds(from.Step), from.Cell)
	if err != nil {
		return nil, fmt.Errorf("read a curve: %w", err)
	}
	return out, nil
}

// CurveFirst is the first cell that there is of an account; model.ErrNotFound: there is none.
func (s *Store) CurveFirst(ctx context.Context, account model.ID, step time.Duration) (cell int64, err error) {
	err = s.db.Read.One(ctx, []any{&cell}, `SELECT cell FROM curves WHERE account = ? AND about = ? AND step = ? ORDER BY cell LIMIT 1`,
		engine.ID(account), engine.ID(account), seconds(step))
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		err = fmt.Errorf("read the first cell of a curve: %w", err)
	}
	return cell, err
}

// CurveShare is what a zone was asked.
type CurveShare struct {
	Zone    model.ID
	Queries [5]int64
}

// CurveShares lists the zones of an account that were asked most, those first.
func (s *Store) CurveShares(ctx context.Context, account model.ID, from CurveSince, most int) (out []CurveShare, err error) {
	err = s.db.Read.Each(ctx, func(r *engine.Rows) error {
		var k CurveShare
		var all int64
		q := &k.Queries
		err := r.Scan(engine.ToID(&k.Zone), &q[0], &q[1], &q[2], &q[3], &q[4], &all)
		out = append(out, k)
		return err
	}, `SELECT about, CAST(sum(noerror) AS BIGINT), CAST(sum(nxdomain) AS BIGINT), CAST(sum(servfail) AS BIGINT), CAST(sum(refused) AS BIGINT), CAST(sum(other) AS BIGINT),
			CAST(sum(noerror + nxdomain + servfail + refused + other) AS BIGINT) AS asked
		FROM curves WHERE account = ? AND about <> ? AND step = ? AND cell >= ? GROUP BY about ORDER BY asked DESC, about LIMIT ?`,
		engine.ID(account), engine.ID(account), seconds(from.Step), from.Cell, most)
	if err != nil {
		return nil, fmt.Errorf("read what zones were asked: %w", err)
	}
	return out, nil
}

// ForgetCurves forgets the cells before some, and runs that have told nothing for as long as told says.
func (s *Store) ForgetCurves(ctx context.Context, told time.Time, before ...CurveSince) error {
	err := s.db.Write(ctx, false, func(c engine.Conn) error {
		for _, b := range before {
			if _, err := c.Exec(ctx, `DELETE FROM curves WHERE step = ? AND cell < ?`, seconds(b.Step), b.Cell); err != nil {
				return err
			}
		}
		_, err := c.Exec(ctx, `DELETE FROM curve_runs WHERE told < ?`, told.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("forget old curves: %w", err)
	}
	return nil
}
