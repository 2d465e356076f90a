package auth

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// ZoneLister lists zones by a query, with their total number.
type ZoneLister interface {
	Zones(ctx context.Context, q model.ZoneQuery) ([]model.Zone, int, error)
}

// AccountLister lists accounts; ids nil means all.
type AccountLister interface {
	Accounts(ctx context.Context, ids []model.ID, name string, desc bool, offset, limit int) ([]model.Account, int, error)
}

// BoundZones sets All, IDs and Accounts of q to what the identity may see by any of the zone-scoped groups. Where a token
// names zones one by one, or denies something, the zones are listed once and each is asked for.
func (i *Identity) BoundZones(ctx context.Context, l ZoneLister, groups []string, q *model.ZoneQuery) error {
	b := i.zoneBounds(groups)
	q.All, q.IDs, q.Accounts = b.All, b.IDs, b.Accounts
	if len(b.IDs) == 0 && !i.denies() {
		return nil
	}
	zones, _, err := l.Zones(ctx, model.ZoneQuery{All: b.All, IDs: b.IDs, Accounts: b.Accounts})
	if err != nil {
		return fmt.Errorf("list visible zones: %w", err)
	}
	q.All, q.Accounts, q.IDs = false, []model.ID{}, []model.ID{}
	for k := range zones {
		if i.Can(groups, zones[k].Account, zones[k].ID) {
			q.IDs = append(q.IDs, zones[k].ID)
		}
	}
	return nil
}

// BoundAccounts returns the accounts that the identity may see by any of the account-scoped groups; nil means all.
func (i *Identity) BoundAccounts(ctx context.Context, l AccountLister, groups []string) ([]model.ID, error) {
	all, ids := i.accountBounds(groups)
	if all && !i.denies() {
		return nil, nil
	}
	if all {
		list, _, err := l.Accounts(ctx, nil, "", false, 0, 0)
		if err != nil {
			return nil, fmt.Errorf("list visible accounts: %w", err)
		}
		for k := range list {
			ids = append(ids, list[k].ID)
		}
	}
	out := []model.ID{}
	for _, id := range ids {
		if i.Can(groups, id, "") {
			out = append(out, id)
		}
	}
	return out, nil
}

// denies says whether the token has a policy that takes away.
func (i *Identity) denies() bool {
	return i.Token != nil && slices.ContainsFunc(i.Token.Policies, func(p model.Policy) bool { return p.Effect != EffectAllow })
}

// zoneBounds gathers what grants name, before denials. Zones named one by one are not checked against their account
// here: it is not known yet.
func (i *Identity) zoneBounds(names []string) model.ZoneQuery {
	q := model.ZoneQuery{IDs: []model.ID{}, Accounts: []model.ID{}}
	owned, every := i.ownedAccounts(names)
	if i.Token == nil {
		q.All, q.Accounts, q.IDs = every, owned, i.ownedZones()
		return q
	}
	for _, s := range i.scopes(names) {
		switch {
		case s.Kind == KindUser:
		case s.Kind == KindZone && s.ID != "*":
			q.IDs = append(q.IDs, model.ID(s.ID))
		case s.Kind == KindAccount && s.ID != "*":
			q.Accounts = append(q.Accounts, model.ID(s.ID))
		case s.Account != "":
			q.Accounts = append(q.Accounts, s.Account)
		default:
			q.All = true
		}
	}
	if every {
		return q
	}
	if q.All {
		q.All, q.IDs, q.Accounts = false, i.ownedZones(), owned
		return q
	}
	q.IDs = append(q.IDs, i.ownedZones()...)
	q.Accounts = intersect(q.Accounts, owned)
	return q
}

// ownedZones are zones in which the identity's user has a role beside those that he has in accounts.
func (i *Identity) ownedZones() []model.ID {
	out := []model.ID{}
	if i.User.Admin {
		return out
	}
	for _, m := range i.members {
		for _, r := range m.zones {
			if r.Zone != model.AllZones {
				out = append(out, r.Zone)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// MemberOf are the accounts that a user is a member of, whatever he may there; none for a token.
func (i *Identity) MemberOf() []model.ID {
	if i.Token != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(i.members))
}

func (i *Identity) accountBounds(names []string) (all bool, ids []model.ID) {
	owned, every := i.ownedAccounts(names)
	if i.Token == nil {
		return every, owned
	}
	for _, s := range i.scopes(names) {
		switch {
		case s.Kind != KindAccount:
		case s.ID == "*":
			return every, owned
		default:
			ids = append(ids, model.ID(s.ID))
		}
	}
	slices.Sort(ids)
	return false, slices.Compact(ids)
}

// ownedAccounts are those in which the identity's owner has one of the groups; every is true when that is all of them.
func (i *Identity) ownedAccounts(names []string) (ids []model.ID, every bool) {
	if i.User.ID == "" {
		return []model.ID{i.Token.Account}, false
	}
	if i.User.Admin {
		return []model.ID{}, true
	}
	ids = []model.ID{}
	for _, acc := range slices.Sorted(maps.Keys(i.members)) {
		if slices.ContainsFunc(names, func(n string) bool { return i.owns(groupNames[n], acc, "") }) {
			ids = append(ids, acc)
		}
	}
	return ids, false
}

// scopes are the resources of all grants that hold one of the groups.
func (i *Identity) scopes(names []string) []model.Scope {
	var out []model.Scope
	for k := range i.Token.Policies {
		p := &i.Token.Policies[k]
		if p.Effect == EffectAllow && slices.ContainsFunc(names, func(n string) bool { return holds(p, groupNames[n]) }) {
			out = append(out, p.Scopes...)
		}
	}
	return out
}

func intersect(a, b []model.ID) []model.ID {
	out := []model.ID{}
	for _, id := range a {
		if slices.Contains(b, id) {
			out = append(out, id)
		}
	}
	return out
}
