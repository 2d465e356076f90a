package primary

import (
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
		case model.AddRecord, model.EditRecord, model.DeleteRecord, model.NotifyZone, model.Relearn, model.RaiseSerial:
		default:
			return false
		}
	}
	return true
}

// lockAll makes sure that zones which a stage comes to late are locked, all of them at once.
func (s *stage) lockAll(zones []model.ID) error {
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
