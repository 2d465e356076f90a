package store_test

import (
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestUpdatePolicies: a zone's policies come back as they were written, and the zone is found by their keys.
func TestUpdatePolicies(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account, key := newAccount(), newID()
		z := testZone(account, "example.com")
		z.Updates = []model.UpdatePolicy{
			{
				ID: newID(), TSIG: key, Names: []model.UpdateName{{Match: model.MatchWildcard, Name: "_acme-challenge.*"}, {Match: model.MatchSelf}},
				Types: []wire.Type{wire.TypeTXT, 65280}, Comment: "certbot", Created: at(6), Modified: at(7),
			},
			{ID: newID(), TSIG: key, Names: []model.UpdateName{{Match: model.MatchSubtree, Name: "example.com"}}, Except: []wire.Type{wire.TypeMX}, Created: at(6), Modified: at(7)},
		}
		z.Seq = w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.PutZone(t.Context(), z))
			return []model.Entry{{Kind: model.EntryReset, Zone: z.ID, Serial: 100}}
		})
		z.Serial = 100
		got, err := w.Zone(t.Context(), z.ID)
		must(t, err)
		equal(t, "zone", got, z)
		w.change(t, func(tx *store.Tx) []model.Entry {
			found, err := tx.ZonesLinking(t.Context(), key, 10)
			must(t, err)
			equal(t, "zones of the key", found, []model.Zone{z})
			z.Updates = nil
			must(t, tx.PutZone(t.Context(), z))
			found, err = tx.ZonesLinking(t.Context(), key, 10)
			must(t, err)
			equal(t, "zones of a key that nobody has any more", len(found), 0)
			return nil
		})
	})
}
