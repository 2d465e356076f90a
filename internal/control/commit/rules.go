package commit

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// place gathers what package rules needs to know of where a record shall stand; rows are those at its name.
func (p *plan) place(ctx context.Context, z *zoneWork, rows []*model.Record, r *model.Record) (*rules.Place, error) {
	at := &rules.Place{
		Apex: z.row.Name, Rows: rows, Pool: p.pool(z), DNAME: z.dnameAbove(r),
		Limits: rules.Limits{Data: p.cfg.Limits.RecordBytes, Set: p.cfg.Limits.SetBytes},
	}
	if !rules.LooksBelow(r.Type) {
		return at, nil
	}
	var err error
	at.Below, err = p.below(ctx, z, r)
	return at, err
}

// dnameAbove is the owner of a DNAME, other than r itself, above the name of r, as planned. Where the workspace has not read the
// rows of an ancestor, memory has its DNAME: both faces show it.
func (z *zoneWork) dnameAbove(r *model.Record) wire.Name {
	var m zone.Match
	for n := r.Name; n != z.row.Name && n.Within(z.row.Name); {
		n = n.Parent()
		rows, read := z.rows[n]
		for _, other := range rows {
			if other.Type == wire.TypeDNAME && other.ID != r.ID {
				return n
			}
		}
		if read || z.state == nil || !z.state.Transfer.At([]byte(n), &m) {
			continue
		}
		if _, ok := m.RRset(wire.TypeDNAME); ok {
			return n
		}
	}
	return ""
}

// below says whether records other than r itself stand below the name of r, as planned: among the rows that the workspace has
// read, or else in memory. Flattened names need not show there, so the rows of those are read.
func (p *plan) below(ctx context.Context, z *zoneWork, r *model.Record) (bool, error) {
	if err := p.countUnder(ctx, z); err != nil {
		return false, err
	}
	count := z.under[r.Name]
	if old := z.byID[r.ID]; old != nil && old.Name != r.Name && old.Name.Within(r.Name) {
		count--
	}
	if count > 0 || z.state == nil {
		return count > 0, nil
	}
	found := false
	for _, face := range []*zone.Version{z.state.Transfer, z.state.Served} {
		face.Below(r.Name, func(name []byte) bool {
			_, read := z.rows[wire.Name(name)]
			found = !read
			return read
		})
		if found || z.state.Served == z.state.Transfer {
			break
		}
	}
	return found, nil
}

// countUnder begins to count how many rows the workspace has below each name: from a zone's first DNAME on, for few ever have
// one.
func (p *plan) countUnder(ctx context.Context, z *zoneWork) error {
	if z.under != nil {
		return nil
	}
	if !z.fresh && z.read.Mode == model.ModeEdge {
		names, err := p.tx.Dependent(ctx, z.row.ID)
		if err != nil {
			return fmt.Errorf("read dependent names: %w", err)
		}
		if err := p.load(ctx, z, names); err != nil {
			return err
		}
	}
	assign(&p.undo, &z.under, map[wire.Name]int{})
	for n, rows := range z.rows {
		z.tally(n, len(rows))
	}
	return nil
}

// tally counts rows that come or go at a name, for all names above it.
func (z *zoneWork) tally(n wire.Name, by int) {
	if z.under == nil || by == 0 {
		return
	}
	for n != z.row.Name {
		n = n.Parent()
		z.under[n] += by
	}
}

// tally is that for rows that are planned.
func (p *plan) tally(z *zoneWork, n wire.Name, by int) {
	if z.under != nil {
		z.tally(n, by)
		p.undo = append(p.undo, func() { z.tally(n, -by) })
	}
}
