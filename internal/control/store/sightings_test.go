package store_test

import (
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// What nodes saw of keys is kept for each of them: since when stays, until when goes forward alone, and what is old is forgotten.
func TestKeySightings(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		id := func(c string) model.ID { return model.ID("0000000000000000000000000000000" + c) }
		at := func(s int64) time.Time { return time.Unix(1e9+s, 0).UTC() }
		see := func(node, key string, s int64) store.KeySighting {
			return store.KeySighting{Peer: id("1"), Zone: id("2"), Node: id(node), Key: key, Certain: true, Since: at(s), Seen: at(s)}
		}
		other := see("a", "old.", 5)
		other.Peer = id("9")
		must(t, w.PutKeySightings(t.Context(), []store.KeySighting{see("a", "old.", 1), see("b", "new.", 2), other}))
		must(t, w.PutKeySightings(t.Context(), []store.KeySighting{see("a", "old.", 4)}))
		must(t, w.PutKeySightings(t.Context(), []store.KeySighting{see("a", "old.", 3)}))
		first := see("a", "old.", 1)
		first.Seen = at(4)
		got, err := w.KeySightings(t.Context(), []model.ID{id("1"), id("7")})
		must(t, err)
		if d := testkit.Diff([]store.KeySighting{first, see("b", "new.", 2)}, got); d != "" {
			t.Error(d)
		}
		must(t, w.ForgetKeySightings(t.Context(), at(3)))
		if got, err = w.KeySightings(t.Context(), []model.ID{id("1")}); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
	})
}
