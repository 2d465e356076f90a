package commit

import (
	"context"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// locksOf are the accounts and zones that a group is known to write. What turns out to be needed only while it is planned, an
// UnlockedError tells, and the group begins anew with that.
func locksOf(group []*request) model.Locks {
	var l model.Locks
	for _, r := range group {
		c := &r.change
		if c.Zone != "" {
			l.Zones = append(l.Zones, c.Zone)
		}
		if c.Account != "" && !recordsOnly(c.Edits) {
			l.Accounts = append(l.Accounts, c.Account)
		}
		for _, e := range c.Edits {
			if e, ok := e.(model.CreateZone); ok && e.Zone.Account != "" {
				l.Accounts = append(l.Accounts, e.Zone.Account)
			}
		}
	}
	return model.Locks{}.With(l)
}

// recordsOnly says that edits concern what is in a zone and nothing that its account has a part in: changes of records do
// not wait for one another because their zones have one owner.
func recordsOnly(edits []model.Edit) bool {
	for _, e := range edits {
		switch e.(type) {
		case model.AddRecord, model.EditRecord, model.DeleteRecord, model.ReplaceAt, model.Rewrite, model.NotifyZone, model.Relearn, model.RaiseSerial:
		default:
			return false
		}
	}
	return true
}

// lockAll makes sure that zones which a workspace comes to late are locked, all of them at once.
func (s *workspace) lockAll(zones []model.ID) error {
	var missing []model.ID
	for _, id := range zones {
		if _, locked := slices.BinarySearch(s.locked.Zones, id); s.zones[id] == nil && !locked {
			missing = append(missing, id)
		}
	}
	if missing == nil {
		return nil
	}
	return &model.UnlockedError{Missing: model.Locks{Zones: missing}}
}

// Where other nodes write the same zones, a group takes those that are free. Changes of zones which another node holds at the
// moment are put aside, and come with the next group: so two nodes work beside each other, each on some of the zones, and do
// not take turns with all of them. asideMost bounds how often a change is put aside before its group waits.
const asideMost = 2

// lock takes a group's locks, and gives back the requests for whose zones another node would have to be waited for.
func (c *Committer) lock(ctx context.Context, tx Tx, group []*request, need model.Locks, patient bool) (aside []*request, err error) {
	if patient || !c.cfg.Shared || len(need.Zones) < 2 || len(need.Accounts) > 0 || slices.ContainsFunc(group, overdue) {
		return nil, tx.Lock(ctx, need)
	}
	free, err := tx.LockFree(ctx, need.Zones)
	if err != nil {
		return nil, err
	}
	for _, r := range group {
		if _, locked := slices.BinarySearch(free, r.change.Zone); !locked && r.change.Zone != "" {
			aside = append(aside, r)
		}
	}
	return aside, nil
}

func overdue(r *request) bool { return r.aside == asideMost }

// notAside is a group less some of its requests.
func notAside(group, aside []*request) []*request {
	if len(aside) == 0 {
		return group
	}
	return slices.DeleteFunc(slices.Clone(group), func(r *request) bool { return slices.Contains(aside, r) })
}
