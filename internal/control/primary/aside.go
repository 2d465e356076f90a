package primary

import (
	"context"
	"slices"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Where other nodes write the same zones, a group takes those that are free. Changes of zones which another node holds at the
// moment are put aside, and come with the next group: so two nodes work beside each other, each on some of the zones, and do
// not take turns with all of them. asideMost bounds how often a change is put aside before its group waits.
const asideMost = 2

// lock takes a group's locks, and gives back the requests for whose zones another node would have to be waited for.
func (p *Primary) lock(ctx context.Context, tx Tx, group []*request, need model.Locks, patient bool) (aside []*request, err error) {
	if patient || !p.cfg.Shared || len(need.Zones) < 2 || len(need.Accounts) > 0 || slices.ContainsFunc(group, overdue) {
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
