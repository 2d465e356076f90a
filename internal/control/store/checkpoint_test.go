package store_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// TestLargeImagesGoInPieces replaces the image of a large zone again and again, sometimes twice at once, and sometimes called off
// amid it: whoever reads has one of the images whole, and nothing of others is left.
func TestLargeImagesGoInPieces(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		account := newAccount()
		z := w.addZone(t, account, "big.test")
		image := func(seq model.Seq, mib int, salt byte) model.Image {
			body := noise(mib<<20 + 77)
			body[0] = salt
			return model.Image{Zone: z.ID, Account: account, Name: string(z.Name), Seq: seq, Serial: uint32(seq), Served: body, Transfer: noise(1000)}
		}
		next := func() model.Seq {
			return w.change(t, func(*store.Tx) []model.Entry {
				return []model.Entry{{Kind: model.EntryDelta, Account: account, Zone: z.ID, Serial: 2}}
			})
		}
		have := func() model.Image {
			got, err := w.Image(t.Context(), z.ID)
			must(t, err)
			return got
		}
		same := func(a, b *model.Image) bool {
			return a.Seq == b.Seq && bytes.Equal(a.Served, b.Served) && bytes.Equal(a.Transfer, b.Transfer)
		}
		old := image(next(), 3, 0)
		must(t, w.Checkpoint(t.Context(), old, 0))
		for round := range byte(6) {
			seq := next()
			images := []model.Image{image(seq, 3, round), image(seq, 3, round+100)}
			if round == 5 {
				images = []model.Image{image(seq, 0, round)} // small again
			}
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			for i := range images[:1+int(round)%2*(len(images)-1)] {
				all.Go(func() {
					if err := w.Checkpoint(ctx, images[i], 0); err != nil && !errors.Is(err, model.ErrStale) && round%2 == 0 && ctx.Err() == nil {
						t.Error(err)
					}
				})
			}
			if round == 2 {
				cancel()
			}
			for range 5 {
				got := have()
				if !same(&got, &old) && !same(&got, &images[0]) && !same(&got, &images[len(images)-1]) {
					t.Fatalf("round %d: another image is there, of %d octets at %d", round, len(got.Served), got.Seq)
				}
			}
			all.Wait()
			cancel()
			if round%2 == 0 && round != 2 {
				if got := have(); !same(&got, &images[0]) {
					t.Errorf("round %d: the image is not there", round)
				}
			}
			old = have()
		}
		must(t, w.Checkpoint(t.Context(), image(next(), 2, 77), 0))
		zones := 0
		_, _, err := w.Load(t.Context(), func(img model.Image) error {
			zones++
			if img.Zone != z.ID || len(img.Served) != 2<<20+77 {
				t.Errorf("%d octets are loaded of %s", len(img.Served), img.Zone)
			}
			return nil
		}, func(model.Entry) error { return nil })
		must(t, err)
		if zones != 1 {
			t.Errorf("%d images", zones)
		}
		if n := w.pieces(t); n != 3 {
			t.Errorf("%d pieces are left of an image of three", n)
		}
	})
}

func (w *world) pieces(t *testing.T) (n int) {
	t.Helper()
	db := w.raw(t)
	defer db.Close()
	must(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM images`).Scan(&n))
	return n
}
