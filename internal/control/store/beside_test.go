package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// An image that is written beside a zone's nobody takes for it, until a change adopts it with what is to stand behind; one that is not
// whole any more, or whose zone has got another image, is not adopted. Nothing is left of what is not the zone's.
func TestImageBeside(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx, account := t.Context(), newAccount()
		z := w.addZone(t, account, "big.test")
		image := func(mib int) model.Image {
			return model.Image{Zone: z.ID, Account: account, Name: string(z.Name), Served: noise(mib<<20 + 77), Transfer: noise(1000)}
		}
		have := func() model.Image {
			var loaded model.Image
			_, _, err := w.Load(ctx, func(img model.Image) error { loaded = img; return nil }, func(model.Entry) error { return nil })
			must(t, err)
			got, err := w.Image(ctx, z.ID)
			must(t, err)
			if !bytes.Equal(got.Served, loaded.Served) || !bytes.Equal(got.Transfer, loaded.Transfer) || got.Seq != loaded.Seq {
				t.Error("a start has another image than a reset")
			}
			return got
		}
		rows := func() (n int) {
			must(t, w.raw(t).QueryRowContext(ctx, `SELECT count(*) FROM images`).Scan(&n))
			return n
		}
		adopt := func(b *store.Beside, serial uint32, late []byte) (model.Seq, error) {
			tx, err := w.Begin(ctx)
			must(t, err)
			defer tx.Rollback()
			must(t, tx.Lock(ctx, model.Locks{Zones: []model.ID{z.ID}}))
			_, err = tx.Zone(ctx, z.ID)
			must(t, err)
			if err := b.Adopt(ctx, tx, serial, late); err != nil {
				return 0, err
			}
			return tx.Commit(ctx, []model.Entry{{Kind: model.EntryReset, Account: account, Zone: z.ID, Serial: serial, At: at(9)}})
		}
		small := have()
		for i, mib := range []int{3, 5, 0} {
			before, img, late := have(), image(mib), noise(1<<20+5)
			b, err := w.PutBeside(ctx, &img)
			must(t, err)
			if got := have(); got.Seq != before.Seq || !bytes.Equal(got.Served, before.Served) {
				t.Fatal("an image is seen that nobody has adopted")
			}
			seq, err := adopt(b, uint32(20+i), late)
			must(t, err)
			got := have()
			if got.Seq != seq || got.Serial != uint32(20+i) || !bytes.Equal(got.Served, img.Served) || !bytes.Equal(got.Transfer, append(img.Transfer, late...)) {
				t.Fatalf("the image is another: %d and %d octets at %d, serial %d", len(got.Served), len(got.Transfer), got.Seq, got.Serial)
			}
			must(t, b.Clear(ctx))
			if n := rows(); n != mib+3 {
				t.Errorf("the image of %d MiB takes %d rows", mib, n)
			}
		}
		// What comes between has another one there, or has it left: then it is not adopted.
		for what, between := range map[string]func(*store.Beside){
			"a checkpoint": func(*store.Beside) {
				img := image(2)
				img.Seq = w.change(t, func(*store.Tx) []model.Entry {
					return []model.Entry{{Kind: model.EntryDelta, Account: account, Zone: z.ID, Serial: 30}}
				})
				must(t, w.Checkpoint(ctx, img, 0))
			},
			"its end": func(b *store.Beside) { must(t, b.Clear(ctx)) },
			"an import": func(*store.Beside) {
				st, err := w.Stage(ctx, z.ID)
				must(t, err)
				must(t, st.PutImage(ctx, &small))
				w.change(t, func(tx *store.Tx) []model.Entry {
					_, err := tx.Zone(ctx, z.ID)
					must(t, err)
					must(t, st.Adopt(ctx, tx, 0))
					return []model.Entry{{Kind: model.EntryReset, Account: account, Zone: z.ID, Serial: 31, At: at(9)}}
				})
			},
		} {
			img := image(4)
			b, err := w.PutBeside(ctx, &img)
			must(t, err)
			between(b)
			before := have()
			if _, err := adopt(b, 40, nil); !errors.Is(err, model.ErrStale) {
				t.Errorf("%s: %v", what, err)
			}
			must(t, b.Clear(ctx))
			if got := have(); got.Seq != before.Seq || !bytes.Equal(got.Served, before.Served) {
				t.Errorf("%s: the zone has another image", what)
			}
		}
	})
}

// How far a zone is signed every node can tell, and nobody when it is over.
func TestSigningIsTold(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx, zone := t.Context(), newID()
		told := func() (model.Signing, bool) {
			s := w.Store
			if w.Shared() {
				s = w.reopen(t)
			}
			now, there, err := s.Signing(ctx, zone)
			must(t, err)
			return now, there
		}
		if now, there := told(); there {
			t.Errorf("nobody signs it: %+v", now)
		}
		for _, done := range []int{1, 5} {
			want := model.Signing{Done: done, Total: 9, Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
			must(t, w.PutSigning(ctx, zone, want))
			if now, there := told(); !there || now != want {
				t.Errorf("%+v is told, %v, not %+v", now, there, want)
			}
		}
		must(t, w.EndSigning(ctx, zone))
		if now, there := told(); there {
			t.Errorf("it is over: %+v", now)
		}
	})
}
