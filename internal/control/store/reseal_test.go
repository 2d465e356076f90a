package store_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// brittle is a context that ends when it was asked so often, by whomever.
type brittle struct {
	context.Context
	left *atomic.Int64
}

func (b brittle) Err() error {
	if b.left.Add(-1) < 0 {
		return context.Canceled
	}
	return b.Context.Err()
}

// TestReseal: a store gets another key, wherever that breaks off on the way: until its end both keys together open everything, at
// its end the new one alone does, and the old one opens nothing.
func TestReseal(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		const keys = 300
		newKey := [32]byte{4, 5, 6}
		z := fill(t, w)
		var made []model.TSIG
		zoneKey := model.ZoneKey{ID: newID(), Zone: z.ID, Private: []byte("private")}
		w.change(t, func(tx *store.Tx) (out []model.Entry) {
			must(t, tx.PutZoneKey(t.Context(), zoneKey))
			for i := range keys {
				k := model.TSIG{ID: newID(), Account: z.Account, Name: fmt.Sprintf("k%d.", i), Algo: "hmac-sha256.", Secret: base64.StdEncoding.EncodeToString([]byte{1, byte(i >> 8), byte(i)})}
				must(t, tx.PutTSIG(t.Context(), k))
				made = append(made, k)
				out = append(out, model.Entry{Kind: model.EntryAccess, Account: z.Account, Secret: []byte(k.Secret)})
			}
			return out
		})
		must(t, w.Close())
		open := func(key [32]byte, older ...[32]byte) *store.Store {
			for {
				s, err := store.Open(t.Context(), store.Config{URL: w.url, SecretKey: key, OlderKeys: older})
				if !errors.Is(err, store.ErrInUse) { // by a child of another test, which has all our files until it is a program of its own
					must(t, err)
					return s
				}
			}
		}
		readable := func(s *store.Store) {
			t.Helper()
			for _, k := range made {
				got, err := s.TSIG(t.Context(), z.Account, k.ID)
				must(t, err)
				if got.Secret != k.Secret {
					t.Fatalf("%s has the secret %q", k.Name, got.Secret)
				}
			}
			if got, err := s.ZoneKeys(t.Context(), z.ID); err != nil || len(got) != 2 || string(got[0].Private)+string(got[1].Private) == "" {
				t.Fatalf("keys of the zone: %v: %v", got, err)
			}
			found := 0
			must(t, s.Entries(t.Context(), 0, func(e model.Entry) error { found += min(len(e.Secret), 1); return nil }))
			_, _, err := s.Load(t.Context(), func(model.Image) error { return nil }, func(e model.Entry) error { found += min(len(e.Secret), 1); return nil })
			must(t, err)
			if found != keys+4 {
				t.Fatalf("%d secrets in journal and access, want %d", found, keys+4)
			}
			must(t, s.Close())
		}
		for _, breaks := range []int{0, 3, 10, 100, 500} {
			s := open(testKey, newKey)
			var left atomic.Int64
			left.Store(int64(breaks))
			if _, err := s.Reseal(brittle{t.Context(), &left}, newKey); err == nil {
				t.Fatalf("not broken off after %d steps", breaks)
			}
			must(t, s.Close())
			readable(open(testKey, newKey))
			readable(open(newKey, testKey))
		}
		s := open(newKey, testKey)
		_, err := s.Reseal(t.Context(), newKey)
		must(t, err)
		must(t, s.Close())
		readable(open(newKey))
		if _, err := store.Open(t.Context(), store.Config{URL: w.url, SecretKey: testKey}); !errors.Is(err, store.ErrSecretKey) {
			t.Errorf("the old key: %v", err)
		}
		s = open(newKey)
		n, err := s.Reseal(t.Context(), newKey)
		must(t, err)
		if n != 0 {
			t.Errorf("%d secrets of the old key were left", n)
		}
		must(t, s.Close())
	})
}
