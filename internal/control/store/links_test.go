package store_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// TestEntriesOfAZone has zones' entries mixed, pruned at random and dropped with their zones, on SQLite also after a start that
// finds entries of an earlier version among them, and holds what is left against a simple model.
func TestEntriesOfAZone(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	onBoth(t, func(t *testing.T, w *world) {
		ctx, dice := t.Context(), rand.New(rand.NewPCG(seed, 1))
		left, held := map[model.ID][]model.Seq{}, map[model.ID]model.Seq{}
		var zones []model.Zone
		var last model.Seq
		begin := func(name string) {
			z := w.addZone(t, newAccount(), name)
			zones, last = append(zones, z), z.Seq
			left[z.ID], held[z.ID] = []model.Seq{z.Seq}, z.Seq
		}
		for _, name := range []string{"a.test", "b.test", "c.test"} {
			begin(name)
		}
		for round := range 120 {
			at := dice.IntN(len(zones))
			z := zones[at]
			switch dice.IntN(8) {
			case 0: // an image, and what is at or before a position goes that the image before it has
				mine := left[z.ID]
				keep := last
				if len(mine) > 0 {
					keep = mine[dice.IntN(len(mine))]
				}
				now, err := w.Zone(ctx, z.ID)
				must(t, err)
				keep = min(keep, now.Seq)
				must(t, w.Checkpoint(ctx, model.Image{Zone: z.ID, Account: z.Account, Name: string(z.Name), Seq: now.Seq, Serial: 2, Served: []byte("x")}, keep))
				upto := min(keep, held[z.ID])
				left[z.ID] = slices.DeleteFunc(mine, func(s model.Seq) bool { return s <= upto })
				held[z.ID] = max(held[z.ID], now.Seq)
			case 1:
				if round%3 != 0 {
					continue
				}
				last = w.change(t, func(tx *store.Tx) []model.Entry {
					must(t, tx.DeleteZone(ctx, z.ID))
					return []model.Entry{{Kind: model.EntryGone, Account: z.Account, Zone: z.ID, Serial: 3, At: w.now}}
				})
				left[z.ID] = []model.Seq{last}
				zones = slices.Delete(zones, at, at+1)
				begin(z.Name.Host())
			case 2:
				if !w.Shared() {
					db := w.raw(t)
					must(t, w.Close())
					_, err := db.ExecContext(ctx, `UPDATE journal SET prev = NULL WHERE seq % 3 = ?`, dice.IntN(3))
					must(t, err)
				}
				w.reopen(t)
			default:
				var entries []model.Entry
				var of []model.ID
				for range 1 + dice.IntN(4) {
					e := model.Entry{Kind: model.EntryNotify, Account: z.Account, At: w.now}
					if dice.IntN(5) > 0 {
						e = model.Entry{Kind: model.EntryDelta, Zone: zones[dice.IntN(len(zones))].ID, Serial: 2, Body: []byte("delta"), At: w.now}
					}
					entries, of = append(entries, e), append(of, e.Zone)
				}
				last = w.change(t, func(*store.Tx) []model.Entry { return entries })
				for i, zone := range of {
					left[zone] = append(left[zone], last-model.Seq(len(of)-1-i))
				}
			}
			var want []model.Seq
			for _, list := range left {
				want = append(want, list...)
			}
			slices.Sort(want)
			if got := w.remaining(t, 0, last); !slices.Equal(got, want) {
				t.Fatalf("round %d: the journal has %v, not %v", round, got, want)
			}
		}
	})
}
