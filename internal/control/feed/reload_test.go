package feed_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/controltest"
	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// replace gives a zone other contents.
func (w writer) replace(z string, serial uint32) []model.Entry {
	return w.commit(func(tx *controltest.Tx) []model.Entry {
		tx.PutImage(w.t.Context(), image(z, w.version(z, serial)))
		return []model.Entry{{Kind: model.EntryReset, Zone: model.ID(z), Account: "acc", Serial: serial}}
	})
}

func (w writer) remove(z string) []model.Entry {
	return w.commit(func(tx *controltest.Tx) []model.Entry {
		tx.DeleteZone(w.t.Context(), model.ID(z))
		return []model.Entry{{Kind: model.EntryGone, Zone: model.ID(z), Account: "acc"}}
	})
}

// hold has images come no further than into the store's hands until release is called; asked hears of each that is asked for.
func hold(s *controltest.Store) (asked chan struct{}, release func()) {
	asked, gate := make(chan struct{}, 100), make(chan struct{})
	s.SetFail(func(op string) error {
		if op == "image" {
			asked <- struct{}{}
			<-gate
		}
		return nil
	})
	return asked, sync.OnceFunc(func() { close(gate) })
}

// within says whether something is reached while nobody else does anything.
func within(f func(ctx context.Context) error, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return f(ctx) == nil
}

// TestImageHoldsNobodyUp has a zone's new image take its time, while other zones change, by the journal and by Offer: they are
// published, and who waits for them alone goes on. What the journal says of the zone itself comes after its image, and only
// then is it said that memory shows all.
func TestImageHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w := writer{controltest.NewStore(), t}
	w.create("big", 10)
	w.create("one", 10)
	n := start(t, w.store)
	<-n.Loaded()
	asked, release := hold(w.store)
	defer release()
	reset := w.replace("big", 20)
	<-asked
	if seq, loading := n.Loading("big"); !loading || seq != reset[0].Seq {
		t.Errorf("loading %v from %d", loading, seq)
	}
	later := w.step("big", 20, 21)
	for serial := uint32(10); serial < 20; serial++ {
		e := w.step("one", serial, serial+1)
		if serial%2 == 0 {
			n.Offer(e, nil, nil)
		}
		if err := n.Wait(t.Context(), e[0].Seq, "one"); err != nil {
			t.Fatal(err)
		}
		if got := n.serial(t, "one"); got != serial+1 {
			t.Fatalf("serial %d is said to be there, and %d is", serial+1, got)
		}
		if !n.Offer(e, nil, nil) {
			t.Error("an entry that is in memory is not told as there")
		}
	}
	if n.serial(t, "big") != 10 || n.Health().Seq >= reset[0].Seq {
		t.Errorf("serial %d, position %d before the image", n.serial(t, "big"), n.Health().Seq)
	}
	for what, f := range map[string]func(context.Context) error{
		"all":      func(ctx context.Context) error { return n.Wait(ctx, reset[0].Seq) },
		"the zone": func(ctx context.Context) error { return n.Wait(ctx, later[0].Seq, "one", "big") },
	} {
		if within(f, 20*time.Millisecond) {
			t.Errorf("%s is said to be in memory", what)
		}
	}
	if n.Offer(later, nil, nil) {
		t.Error("an entry that waits for an image is told as there")
	}
	if !within(func(ctx context.Context) error { return n.Reads(ctx, later[0].Seq) }, time.Minute) {
		t.Error("the journal is said not to be read, because an image is on its way")
	}
	if !within(func(ctx context.Context) error { return n.Wait(ctx, reset[0].Seq-1) }, time.Second) {
		t.Error("what came before the image is not told as there")
	}
	release()
	last := w.step("one", 20, 21)
	n.wait(t, last[0].Seq)
	if n.serial(t, "big") != 21 || n.serial(t, "one") != 21 || n.Health().Seq < last[0].Seq {
		t.Errorf("serials %d and %d, position %d", n.serial(t, "big"), n.serial(t, "one"), n.Health().Seq)
	}
}

// TestGoneWhileItsImageComes deletes a zone whose image is on its way and makes one of the same name: the first never comes
// back.
func TestGoneWhileItsImageComes(t *testing.T) {
	t.Parallel()
	w := writer{controltest.NewStore(), t}
	w.create("old", 10)
	n := start(t, w.store)
	<-n.Loaded()
	asked, release := hold(w.store)
	defer release()
	w.replace("old", 20)
	<-asked
	gone := w.remove("old")
	if err := n.Wait(t.Context(), gone[0].Seq); err != nil {
		t.Fatal(err)
	}
	if n.db.ByID("old") != nil {
		t.Error("it is still there")
	}
	made := w.commit(func(tx *controltest.Tx) []model.Entry {
		tx.PutZone(t.Context(), model.Zone{ID: "new", Account: "acc", Name: wire.MustName("old")})
		img := image("old", w.version("old", 30))
		img.Zone = "new"
		tx.PutImage(t.Context(), img)
		return []model.Entry{{Kind: model.EntryReset, Zone: "new", Account: "acc", Serial: 30}}
	})
	v := w.version("old", 30)
	if !n.Offer(made, map[model.ID]face.Versions{"new": {Served: v, Transfer: v}}, nil) {
		n.Wait(t.Context(), made[0].Seq, "new")
	}
	release()
	n.wait(t, w.create("other", 1)[0].Seq)
	if z := n.db.Get(wire.MustName("old")); z == nil || z.ID != "new" || z.State().Transfer.Serial() != 30 || n.db.ByID("old") != nil {
		t.Errorf("%+v", z)
	}
}

// TestImagesInAnyOrder has zones come, change, be replaced and go while images take their time or cannot be read: in the end
// memory has what the store has.
func TestImagesInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		w := writer{controltest.NewStore(), t}
		n := start(t, w.store)
		<-n.Loaded()
		var mu sync.Mutex
		luck := rand.New(rand.NewPCG(seed, 3))
		w.store.SetFail(func(op string) error {
			mu.Lock()
			k := luck.IntN(8)
			mu.Unlock()
			if op != "image" {
				return nil
			}
			time.Sleep(time.Duration(k) * 300 * time.Microsecond)
			if k == 7 {
				return errors.New("connection reset")
			}
			return nil
		})
		serials := map[string]uint32{}
		last := w.create("first", 1)
		for range 200 {
			z := fmt.Sprintf("z%d", r.IntN(5))
			serial, known := serials[z]
			switch k := r.IntN(10); {
			case !known:
				serials[z] = 10 + serial
				last = w.create(z, serials[z])
			case k == 0:
				delete(serials, z)
				last = w.remove(z)
			case k < 3:
				serials[z] = serial + 5
				last = w.replace(z, serials[z])
			default:
				serials[z]++
				last = w.step(z, serial, serial+1)
			}
			if r.IntN(3) == 0 {
				n.Offer(last, nil, nil)
			}
		}
		n.wait(t, last[0].Seq)
		for i := range 5 {
			z := fmt.Sprintf("z%d", i)
			if got := n.serial(t, z); got != serials[z] {
				t.Errorf("seed %d: zone %s is at %d, want %d", seed, z, got, serials[z])
			}
		}
		if h := n.Health(); h.Damaged != 0 {
			t.Errorf("seed %d: %+v", seed, h)
		}
	}
}

// TestHistoryIsRecalledUnderARoof has more history in the journal than all histories may take: the newest of it is recalled.
func TestHistoryIsRecalledUnderARoof(t *testing.T) {
	t.Parallel()
	const zones, steps, roof = 40, 50, 50_000
	w := writer{controltest.NewStore(), t}
	name := func(i int) string { return fmt.Sprintf("z%d", i) }
	for i := range zones {
		w.create(name(i), 1)
		w.enable(name(i))
	}
	var images []model.Image
	for serial := uint32(1); serial <= steps; serial++ {
		for i := range zones {
			e := w.step(name(i), serial, serial+1)
			if serial == steps {
				img := image(name(i), w.version(name(i), serial+1))
				img.Seq = e[0].Seq
				images = append(images, img)
			}
		}
	}
	if err := w.store.RenewImages(t.Context(), images); err != nil {
		t.Fatal(err)
	}
	n := &node{db: zone.NewDB(0)}
	n.db.BoundHistories(roof)
	n.Feed = feed.New(feed.Config{Source: w.store, DB: n.db})
	n.run(t)
	<-n.Recalled()
	size, _, _ := n.db.Histories()
	if size > roof || size < roof*9/10 {
		t.Errorf("%d octets of history, and %d may be", size, roof)
	}
	least, most := steps, 0
	for i := range zones {
		k := n.db.ByID(name(i)).State().History.Len()
		least, most = min(least, k), max(most, k)
	}
	if least == 0 || most > least+1 {
		t.Errorf("zones that changed by turns have histories of %d to %d deltas", least, most)
	}
}
