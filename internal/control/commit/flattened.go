package commit

import (
	"bytes"
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// target is a name as the zone's account sees it.
func (z *zoneWork) target(n wire.Name) model.FlattenTarget {
	return model.FlattenTarget{Account: z.row.Account, Name: n}
}

// checkTarget refuses a record with a new target for flattening when its account has as many as it may. rows are those at
// the record's name, its own former state among them.
func (p *plan) checkTarget(z *zoneWork, rows []*model.Record, r *model.Record) error {
	if r.Type != wire.TypeCNAME {
		return nil
	}
	quotas := p.cfg.Quotas.For(&z.acct.row)
	if _, bounded := quotas[model.QuotaFlattened]; !bounded || !p.context(z).Flattens(r) {
		return nil
	}
	var instead wire.Name
	for _, old := range rows {
		if old.ID == r.ID && old.Type == wire.TypeCNAME && !bytes.Equal(old.RData, r.RData) {
			instead = wire.Name(old.RData)
		}
	}
	target := z.target(wire.Name(r.RData))
	if _, planned := z.acct.targets[target.Name]; planned {
		return nil
	}
	others, known := p.cfg.Flattened.Targets(target, instead)
	if known {
		return nil
	}
	if err := quotas.Allow(model.QuotaFlattened, int64(others+len(z.acct.targets)), 1); err != nil {
		return err
	}
	if z.acct.targets == nil {
		z.acct.targets = map[wire.Name]struct{}{}
	}
	put(&p.undo, z.acct.targets, target.Name, struct{}{})
	return nil
}

// checkTargets does so for all records of a zone that new settings flatten.
func (p *plan) checkTargets(ctx context.Context, z *zoneWork, old *model.Zone) error {
	if _, bounded := p.cfg.Quotas.For(&z.acct.row)[model.QuotaFlattened]; !bounded {
		return nil
	}
	if !z.fresh {
		stored, err := p.tx.Dependent(ctx, z.row.ID)
		if err != nil {
			return fmt.Errorf("read dependent names: %w", err)
		}
		if err := p.load(ctx, z, stored); err != nil {
			return err
		}
	}
	before, now := p.contextOf(z, old), p.context(z)
	for _, rows := range z.rows {
		for _, r := range rows {
			if r.Type != wire.TypeCNAME || before.Flattens(r) || !now.Flattens(r) {
				continue
			}
			if err := p.checkTarget(z, nil, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// doubt notes that a CNAME goes or becomes another.
func (p *plan) doubt(z *zoneWork, r *model.Record) {
	if r.Type != wire.TypeCNAME {
		return
	}
	if z.doubted == nil {
		z.doubted = map[wire.Name]struct{}{}
	}
	put(&p.undo, z.doubted, r.Name, struct{}{})
}

// doubts tells, when all is committed, which names may be flattened no longer.
func (s *workspace) doubts() {
	for _, z := range s.order {
		switch {
		case z.gone:
		case z.recast:
			s.cfg.Flattened.Doubt(z.row.ID, nil)
		case len(z.doubted) > 0:
			s.cfg.Flattened.Doubt(z.row.ID, s.unflattened(z))
		}
	}
}

// unflattened are the names among those in doubt at which nothing is flattened now.
func (s *workspace) unflattened(z *zoneWork) []wire.Name {
	c := s.context(z)
	out := make([]wire.Name, 0, len(z.doubted))
	for n := range z.doubted {
		flat := false
		for _, r := range z.rows[n] {
			flat = flat || c.Flattens(r)
		}
		if !flat {
			out = append(out, n)
		}
	}
	return out
}
