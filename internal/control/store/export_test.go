package store

import "github.com/headwaterdns/headwater/internal/control/model"

// Own takes accounts for locked, for tests whose accounts nobody else writes.
func (t *Tx) Own(accounts ...model.ID) {
	for _, a := range accounts {
		t.locks.accounts[a] = true
	}
}
