package store

import (
	"context"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Own takes accounts for locked, for tests whose accounts nobody else writes.
func (t *Tx) Own(accounts ...model.ID) {
	for _, a := range accounts {
		t.locks.accounts[a] = true
	}
}

// PruneAudits is what the store does by itself once an hour.
func (s *Store) PruneAudits(ctx context.Context, keep time.Duration) error {
	return s.pruneAudits(ctx, keep)
}
