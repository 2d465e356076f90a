package store_test

import (
	"errors"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func TestDependentZones(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account := newAccount()
		names := map[model.ID]string{}
		var want []string
		for _, tt := range []struct {
			name      string
			all       bool // flatten_all
			change    func(r *model.Record)
			dependent bool
		}{
			{"plain.test", false, func(*model.Record) {}, false},
			{"alias.test", false, func(r *model.Record) { r.Type = wire.TypeCNAME }, false},
			{"proxied.test", false, func(r *model.Record) { r.Proxied = true }, true},
			{"apex.test", false, func(r *model.Record) { r.Type, r.Name = wire.TypeCNAME, wire.MustName("apex.test") }, true},
			{"one.test", false, func(r *model.Record) { r.Type, r.Settings.FlattenCNAME = wire.TypeCNAME, true }, true},
			{"all.test", true, func(r *model.Record) { r.Type = wire.TypeCNAME }, true},
			{"nothing.test", true, func(*model.Record) {}, false},
		} {
			z := w.addZone(t, account, tt.name)
			names[z.ID] = tt.name
			if tt.all {
				z.Settings.FlattenAll = true
				w.change(t, func(tx *store.Tx) []model.Entry {
					must(t, tx.PutZone(t.Context(), z))
					return []model.Entry{{Kind: model.EntryDelta, Zone: z.ID, Serial: 2, Body: []byte("delta")}}
				})
			}
			r := testRecord(z.ID, "www."+tt.name, wire.TypeA, "192.0.2.1")
			tt.change(&r)
			w.addRecords(t, r)
			if tt.dependent {
				want = append(want, tt.name)
			}
		}
		var got []string
		must(t, w.DependentZones(t.Context(), func(id model.ID) error {
			got = append(got, names[id])
			_, err := w.Zone(t.Context(), id) // the store can be used meanwhile
			return err
		}))
		equal(t, "dependent zones", got, want)
		enough := errors.New("enough")
		if err := w.DependentZones(t.Context(), func(model.ID) error { return enough }); !errors.Is(err, enough) {
			t.Errorf("the reader's error is %v", err)
		}
	})
}
