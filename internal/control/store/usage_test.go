package store_test

import (
	"bytes"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestUsage counts what accounts hold, change by change and again after a restore on either engine, which counts octets
// anew: in octets, not in characters.
func TestUsage(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account := model.Account{ID: newAccount(), Name: "a"}
		z, other := w.addZone(t, account.ID, "a.test"), w.addZone(t, newAccount(), "b.test")
		list := []model.Record{testRecord(z.ID, "a.test", wire.TypeTXT, "grüße"), testRecord(z.ID, "b.a.test", wire.TypeA, "x")}
		list[0].Comment, list[0].Tags = "ünï", []string{"é:1", "b"}
		var octets int64
		for i := range list {
			octets += list[i].Size()
		}
		grow := func(zone model.ID, list []model.Record, by int64) {
			w.change(t, func(tx *store.Tx) []model.Entry {
				must(t, tx.PutRecords(t.Context(), list))
				must(t, tx.GrowZone(t.Context(), zone, by))
				return []model.Entry{{Kind: model.EntryDelta, Zone: zone, Serial: 2, Body: []byte("delta")}}
			})
		}
		grow(z.ID, list, octets)
		more := []model.Record{testRecord(other.ID, "b.test", wire.TypeA, "y")}
		grow(other.ID, more, more[0].Size())
		w.change(t, func(tx *store.Tx) []model.Entry {
			u, err := tx.Usage(t.Context(), account.ID)
			must(t, err)
			equal(t, "usage", u, model.Usage{Zones: 1, Records: 2, Octets: octets})
			u, err = tx.ZoneUsage(t.Context(), other.ID)
			must(t, err)
			equal(t, "usage of a zone", u, model.Usage{Zones: 1, Records: 1, Octets: more[0].Size()})
			must(t, tx.PutAccount(t.Context(), account))
			return nil
		})
		before, err := w.Usage(t.Context(), account.ID)
		must(t, err)
		b := dump(t, w.Store)
		for _, e := range engines {
			to := &world{url: e.fresh(t)}
			to.Store = to.open(t)
			must(t, to.Restore(t.Context(), bytes.NewReader(b), nil))
			after, err := to.Usage(t.Context(), account.ID)
			must(t, err)
			equal(t, e.name, after, before)
		}
	})
}
