package commit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// flush writes what a workspace became into its transaction and returns the journal entries to commit, accounts before zones.
func (s *workspace) flush(ctx context.Context) ([]model.Entry, error) {
	var entries []model.Entry
	for _, id := range slices.Sorted(maps.Keys(s.accounts)) {
		a := s.accounts[id]
		if err := s.spread(ctx, a); err != nil {
			return nil, err
		}
		if a.dirty {
			if err := s.tx.PutAccount(ctx, a.row); err != nil {
				return nil, fmt.Errorf("write account %s: %w", id, err)
			}
		}
		more, err := s.flushAccess(ctx, a)
		if err != nil {
			return nil, err
		}
		entries = append(entries, more...)
	}
	// Whoever makes a zone waits for who has just removed one of that name: so names have an order, too (store/locks.go). Of
	// one name, what is removed comes before what is made.
	slices.SortStableFunc(s.order, func(a, b *zoneWork) int { return strings.Compare(string(a.row.Name), string(b.row.Name)) })
	for _, z := range s.order {
		more, err := s.flushZone(ctx, z)
		if err != nil {
			return nil, fmt.Errorf("zone %s: %w", z.row.Name.Host(), err)
		}
		if entries = append(entries, more...); len(more) > 0 {
			z.entry = len(entries) - 1
		}
	}
	for i := range s.audits {
		if z := s.zones[s.audits[i].Zone]; z != nil {
			s.audits[i].From, s.audits[i].To = z.read.Serial, z.serial
		}
	}
	return entries, s.writeAudits(ctx)
}

// spread brings what changed of an account to its zones.
func (s *workspace) spread(ctx context.Context, a *accountWork) error {
	if !a.dependents && !a.entitled {
		return nil
	}
	var ids []model.ID
	collect := func(id model.ID) error { ids = append(ids, id); return nil }
	if err := s.tx.AccountZones(ctx, a.row.ID, collect); err != nil {
		return fmt.Errorf("list zones of account %s: %w", a.row.ID, err)
	}
	if s.trying && len(ids) > triedZones {
		return invalid(model.CodePlanTooLarge, triedTooMuch, len(ids), "zones", triedZones)
	}
	if err := s.lockAll(ids); err != nil {
		return err
	}
	for _, id := range ids {
		if z := s.zones[id]; z != nil && z.gone {
			continue
		}
		z, err := s.zone(ctx, id)
		if err != nil {
			return err
		}
		z.dependents, z.recast = z.dependents || a.dependents, z.recast || a.dependents
		z.relink = z.relink || a.entitled && z.row.Outgoing != nil
	}
	return nil
}

// flushZone writes one zone: rows, then the journal entries that follow from them.
func (s *workspace) flushZone(ctx context.Context, z *zoneWork) ([]model.Entry, error) {
	switch {
	case z.gone && z.fresh:
		return nil, nil
	case z.gone:
		if err := s.tx.DeleteZone(ctx, z.row.ID); err != nil {
			return nil, fmt.Errorf("delete: %w", err)
		}
		return []model.Entry{s.journal(z, model.EntryGone, nil)}, nil
	}
	names, err := s.toRender(ctx, z)
	if err != nil {
		return nil, err
	}
	if z.keysDirty {
		s.revise(z)
	}
	if err := s.flushRows(ctx, z); err != nil {
		return nil, err
	}
	if z.row.DNSSEC.Signed {
		if _, err := s.keysOf(ctx, z); err != nil {
			return nil, err
		}
	}
	var entries []model.Entry
	if z.fresh {
		entries, err = s.firstVersion(ctx, z, names)
	} else {
		entries, err = s.nextVersion(ctx, z, names)
	}
	if err != nil {
		return nil, err
	}
	if z.keysDirty {
		if err := s.flushKeys(ctx, z, z.serial); err != nil {
			return nil, err
		}
	}
	if err := s.flushDrafts(ctx, z); err != nil {
		return nil, err
	}
	access := linksOf(&z.row, &z.acct.row)
	if z.relink || z.fresh && z.row.Outgoing != nil {
		entries = append(entries, s.journal(z, model.EntryAccess, model.ZoneAccess(access).Append(nil)))
	}
	if z.notify && access.Enabled || z.told {
		entries = append(entries, s.journal(z, model.EntryNotify, nil))
	}
	return entries, nil
}

func (s *workspace) journal(z *zoneWork, kind model.EntryKind, body []byte) model.Entry {
	return model.Entry{
		Kind: kind, Account: z.row.Account, Zone: z.row.ID, Serial: z.serial, At: s.now, Body: body,
	}
}

// toRender lists the owners to render, in a fixed order, with their rows read.
func (s *workspace) toRender(ctx context.Context, z *zoneWork) ([]wire.Name, error) {
	if z.dependents {
		z.touched[z.row.Name] = struct{}{}
		if !z.fresh {
			stored, err := s.tx.Dependent(ctx, z.row.ID)
			if err != nil {
				return nil, fmt.Errorf("read dependent names: %w", err)
			}
			for _, n := range stored {
				z.touched[n] = struct{}{}
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(z.touched), func(a, b wire.Name) int {
		return strings.Compare(string(a), string(b))
	})
	return names, s.load(ctx, z, names)
}

func (s *workspace) flushRows(ctx context.Context, z *zoneWork) error {
	if z.dirty {
		if err := s.tx.PutZone(ctx, z.row); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	if len(z.dels) > 0 && !z.fresh {
		ids := slices.Sorted(maps.Keys(z.dels))
		if err := s.tx.DeleteRecords(ctx, z.row.ID, ids); err != nil {
			return fmt.Errorf("delete records: %w", err)
		}
	}
	if err := s.tx.GrowZone(ctx, z.row.ID, z.grown.Octets); err != nil {
		return fmt.Errorf("count octets: %w", err)
	}
	if len(z.puts) == 0 {
		return nil
	}
	added := make([]*model.Record, 0, len(z.adds))
	var edited []model.Record
	for id, r := range z.puts {
		if _, fresh := z.adds[id]; fresh {
			added = append(added, r)
		} else {
			edited = append(edited, *r)
		}
	}
	if err := s.tx.AddRecords(ctx, added); err != nil {
		return fmt.Errorf("add records: %w", err)
	}
	return wrap(s.tx.PutRecords(ctx, edited), "write records")
}

// context is what rendering a zone depends on, as planned.
func (s *workspace) context(z *zoneWork) *face.Context { return s.contextOf(z, &z.row) }

// contextOf is the same with other members of the zone.
func (s *workspace) contextOf(z *zoneWork, row *model.Zone) *face.Context {
	c := s.cfg.context(row, &z.acct.row)
	c.Keys = z.keys
	c.Want = func(owner, target wire.Name) { s.cfg.Flattened.Want(row.ID, owner, z.target(target)) }
	return c
}

// context is what a state of a zone is rendered with that nobody looks up anything for.
func (c *Config) context(row *model.Zone, a *model.Account) *face.Context {
	return &face.Context{
		Zone:    row,
		DNSOnly: row.Paused || row.Settings.ZoneMode == "dns_only" || a.EnforceDNSOnly,
		Pool:    c.pool(a),
		Lookup: func(target wire.Name) model.Flattened {
			return c.Flattened.Lookup(row.ID, model.FlattenTarget{Account: row.Account, Name: target})
		},
		Want: func(wire.Name, wire.Name) {},
	}
}

// Context is what a state of a zone, past or planned, would be rendered with now.
func (c *Committer) Context(z *model.Zone, account *model.Account) *face.Context {
	return c.cfg.context(z, account)
}
