package commit

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

func (p *plan) createAccount(_ context.Context, e model.CreateAccount) (model.Outcome, error) {
	row := e.Account
	if row.ID == "" {
		row.ID = p.cfg.NewID()
	}
	if row.Created.IsZero() {
		row.Created = p.now
	}
	if row.Type == "" {
		row.Type = "standard"
	}
	if row.ZoneDefaults == (model.Settings{}) {
		row.ZoneDefaults = model.DefaultSettings()
	}
	if row.TransferMode == "" {
		row.TransferMode = model.ModeOrigin
	}
	put(&p.undo, p.accounts, row.ID, &accountWork{row: row, fresh: true, dirty: true})
	p.audit(auditOf{action: "create", legacy: "add", resource: "account", id: row.ID, account: row.ID, after: row})
	return model.Outcome{Account: &row}, nil
}

// editAccount changes an account. The entitlement, the edge pool and enforce_dns_only are the zones' matter, too: all of
// them are rewritten in the same transaction, so that the answer is true when it is given.
func (p *plan) editAccount(ctx context.Context, e model.EditAccount) (model.Outcome, error) {
	a, err := p.account(ctx, p.change.Account)
	if err != nil {
		return model.Outcome{}, err
	}
	old := a.row
	row, err := e.Apply(old.Clone())
	if err != nil {
		return model.Outcome{}, err
	}
	row.ID, row.Created = old.ID, old.Created
	if reflect.DeepEqual(old, row) {
		return model.Outcome{Account: &row}, nil
	}
	if old.KeyEach && !row.KeyEach {
		if err := p.checkAllShared(ctx, a, &row); err != nil {
			return model.Outcome{}, err
		}
	}
	if old.OutgoingTransfers != row.OutgoingTransfers {
		assign(&p.undo, &a.entitled, true)
	}
	if old.EnforceDNSOnly != row.EnforceDNSOnly || !slices.Equal(old.EdgeAddresses, row.EdgeAddresses) {
		assign(&p.undo, &a.dependents, true)
	}
	assign(&p.undo, &a.row, row)
	assign(&p.undo, &a.dirty, true)
	p.audit(auditOf{
		action: "update", legacy: "set", resource: accountResource(e.Action), id: row.ID, before: old, after: row,
	})
	return model.Outcome{Account: &row}, nil
}

// usages is what accounts hold, as the committer knows it: read from the store when it is first asked for, and moved by
// its own commits, so that a change costs no look at all zones of its account. What other nodes commit is seen when a
// number has become old, and, for an account that comes near a quota, in the transaction itself.
type usages map[model.ID]*usage

type usage struct {
	model.Usage
	read time.Time
}

// usageLife is how long a number is believed where other nodes commit, too.
const usageLife = 5 * time.Second

// usagesMost bounds the accounts that are remembered.
const usagesMost = 100_000

// moved takes in what a committed workspace has changed.
func (u usages) moved(s *workspace) {
	for id, a := range s.accounts {
		if known := u[id]; known != nil {
			known.Usage = known.Plus(a.grown)
		}
	}
}

// forget drops what a workspace may have changed, nobody knows.
func (u usages) forget(s *workspace) {
	for id := range s.accounts {
		delete(u, id)
	}
}

// usage is what an account holds, as planned so far. exact asks for what is committed now, where others commit, too.
func (s *workspace) usage(ctx context.Context, a *accountWork, exact bool) (model.Usage, error) {
	id := a.row.ID
	known := s.usages[id]
	if known == nil || s.cfg.Shared && !a.counted && (exact || s.now.Sub(known.read) > usageLife) {
		n, err := s.tx.Usage(ctx, id)
		if err != nil {
			return n, fmt.Errorf("usage of account %s: %w", id, err)
		}
		if len(s.usages) >= usagesMost {
			clear(s.usages)
		}
		known = &usage{n, s.now}
		s.usages[id] = known
		a.counted = true
	}
	return known.Plus(a.grown), nil
}

// near says that a number comes so close to a limit that what others have committed since it was read may matter.
func near(n, limit int64) bool { return n > limit-max(limit/64, 1000) }

// allow holds what an account is going to have more of against its quota.
func (s *workspace) allow(ctx context.Context, a *accountWork, which model.Quota, more int64) error {
	quotas := s.cfg.Quotas.For(&a.row)
	limit, bounded := quotas[which]
	if !bounded || more <= 0 {
		return nil
	}
	have, err := s.usage(ctx, a, false)
	if err != nil {
		return err
	}
	if near(have.Of(which)+more, limit) {
		if have, err = s.usage(ctx, a, true); err != nil {
			return err
		}
	}
	return quotas.Allow(which, have.Of(which), more)
}

// allowRecord holds a record that is added, or grows by so many octets, against the quotas of its account and its zone.
func (s *workspace) allowRecord(ctx context.Context, z *zoneWork, added, octets int64) error {
	if err := s.allow(ctx, z.acct, model.QuotaOctets, octets); err != nil {
		return err
	}
	if added == 0 {
		return nil
	}
	if err := s.allow(ctx, z.acct, model.QuotaRecords, added); err != nil {
		return err
	}
	quotas := s.cfg.Quotas.For(&z.acct.row)
	limit, bounded := quotas[model.QuotaZoneRecords]
	if !bounded {
		return nil
	}
	// Most zones need not be counted: their account has fewer records in all.
	all, err := s.usage(ctx, z.acct, false)
	if err != nil || !near(all.Records+added, limit) {
		return err
	}
	stored, err := s.stored(ctx, z)
	if err != nil {
		return err
	}
	return quotas.Allow(model.QuotaZoneRecords, stored.Records+z.grown.Records, added)
}

// stored is what a zone holds in the store.
func (s *workspace) stored(ctx context.Context, z *zoneWork) (model.Usage, error) {
	if z.fresh || z.stored != nil {
		if z.stored == nil {
			return model.Usage{}, nil
		}
		return *z.stored, nil
	}
	n, err := s.tx.ZoneUsage(ctx, z.row.ID)
	if err != nil {
		return n, fmt.Errorf("usage of zone %s: %w", z.row.ID, err)
	}
	z.stored = &n
	return n, nil
}

// grow counts what a zone, and with it its account, has more of.
func (p *plan) grow(z *zoneWork, by model.Usage) {
	zone, acct := z.grown, z.acct.grown
	p.undo = append(p.undo, func() { z.grown, z.acct.grown = zone, acct })
	z.grown, z.acct.grown = zone.Plus(by), acct.Plus(by)
}
