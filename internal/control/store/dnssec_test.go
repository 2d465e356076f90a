package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
)

// TestZoneKeys: the keys of a zone are its own, their private halves are nowhere to be read in the tables, and they go with it.
func TestZoneKeys(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account := newAccount()
		z, other := w.addZone(t, account, "signed.test"), w.addZone(t, account, "other.test")
		z.DNSSEC = model.DNSSEC{Status: model.DNSSECActive, NSEC3: model.SwitchOff, Modified: time.Unix(1, 0).UTC(), Signed: true}
		var keys []model.ZoneKey
		for i, role := range []dnssec.Role{dnssec.KSK, dnssec.ZSK} {
			id := newID()
			k := model.ZoneKey{
				ID: id, Zone: z.ID, Created: time.Unix(2, 0).UTC(), Private: []byte("swordfish" + string(id)),
				Public: dnssec.DNSKEY{Flags: 256, Algorithm: 15, Public: bytes.Repeat([]byte{byte(i)}, 32)},
				State:  dnssec.KeyState{ID: string(id), Role: role, Algorithm: 15},
			}
			k.State.Marks[dnssec.Published] = dnssec.Mark{On: true, Serial: 7, Since: time.Unix(3, 0).UTC()}
			keys = append(keys, k)
		}
		if keys[0].ID > keys[1].ID {
			keys[0], keys[1] = keys[1], keys[0]
		}
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.PutZone(t.Context(), z))
			for _, k := range keys {
				must(t, tx.PutZoneKey(t.Context(), k))
			}
			keys[1].State.Leaving = true
			must(t, tx.PutZoneKey(t.Context(), keys[1]))
			got, err := tx.ZoneKeys(t.Context(), z.ID)
			must(t, err)
			equal(t, "keys inside", got, keys)
			return nil
		})
		got, err := w.ZoneKeys(t.Context(), z.ID)
		must(t, err)
		equal(t, "keys", got, keys)
		row, err := w.Zone(t.Context(), z.ID)
		must(t, err)
		equal(t, "what is wanted", row.DNSSEC, z.DNSSEC)
		if none, err := w.ZoneKeys(t.Context(), other.ID); err != nil || none != nil {
			t.Errorf("another zone has the keys %v: %v", none, err)
		}
		var secret []byte
		must(t, w.raw(t).QueryRowContext(t.Context(), `SELECT secret FROM dnssec_keys ORDER BY id LIMIT 1`).Scan(&secret))
		if bytes.Contains(secret, []byte("swordfish")) {
			t.Error("a private key can be read in the table")
		}
		w.change(t, func(tx *store.Tx) []model.Entry {
			if err := tx.DeleteZoneKey(t.Context(), other.ID, keys[0].ID); !errors.Is(err, model.ErrNotFound) {
				t.Errorf("the key of another zone: %v", err)
			}
			must(t, tx.DeleteZoneKey(t.Context(), z.ID, keys[0].ID))
			return nil
		})
		got, err = w.ZoneKeys(t.Context(), z.ID)
		must(t, err)
		equal(t, "keys left", got, keys[1:])
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.DeleteZone(t.Context(), z.ID))
			return []model.Entry{{Kind: model.EntryGone, Zone: z.ID}}
		})
		got, err = w.ZoneKeys(t.Context(), z.ID)
		must(t, err)
		equal(t, "keys of a deleted zone, which may come back", got, keys[1:])
		w.forget(t, z.Account)
		if none, err := w.ZoneKeys(t.Context(), z.ID); err != nil || none != nil {
			t.Errorf("a zone that is gone has the keys %v: %v", none, err)
		}
	})
}
