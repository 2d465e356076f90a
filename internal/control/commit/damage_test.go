package commit_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// TestDamagedZoneFailsAlone has changes of a damaged zone in one group with those of others, which are committed at once,
// all together, as if it were not there. The zone is named, and can be deleted.
func TestDamagedZoneFailsAlone(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	bad, good, other := b.zone(t, "bad"), b.zone(t, "good"), b.zone(t, "other")
	b.damage(t, bad.ID)
	before, health := b.p.Stats(), b.feed.Health()
	if health.Damaged != 1 {
		t.Errorf("%+v", health)
	}
	release := b.hold(t)
	var all, sent sync.WaitGroup
	for i := range 30 {
		sent.Add(1)
		all.Go(func() {
			z := []model.Zone{bad, good, other}[i%3]
			sent.Done()
			_, err := b.change(t, model.Change{Zone: z.ID, Edits: []model.Edit{
				model.AddRecord{Record: rec(fmt.Sprintf("r%d.%s", i, z.Name.Host()), "A", "192.0.2.1")},
			}})
			var refused *model.Invalid
			switch {
			case z.ID != bad.ID && err != nil:
				t.Errorf("%s: %v", z.Name, err)
			case z.ID == bad.ID && (!errors.As(err, &refused) || refused.Code != model.CodeZoneDamaged || refused.Status != 500):
				t.Errorf("a change of the damaged zone: %v", err)
			}
		})
	}
	sent.Wait()
	release()
	all.Wait()
	after := b.p.Stats()
	if after.Retries != before.Retries || after.Failed != before.Failed {
		t.Errorf("the others noticed: %+v after %+v", after, before)
	}
	b.must(t, model.Change{Zone: bad.ID, Edits: []model.Edit{model.DeleteZone{}}})
	if h := b.feed.Health(); h.Damaged != 0 {
		t.Errorf("damaged when deleted: %+v", h)
	}
	b.zone(t, "bad")
	b.checkFold(t)
}

// damage spoils the image of a zone, whose memory this node then loses.
func (b *bench) damage(t *testing.T, zone model.ID) {
	t.Helper()
	tx, err := b.store.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.PutImage(t.Context(), model.Image{Zone: zone, Account: account, Served: []byte("nonsense")}); err != nil {
		t.Fatal(err)
	}
	seq, err := tx.Commit(t.Context(), []model.Entry{{Kind: model.EntryReset, Zone: zone, Account: account, Serial: 7}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.feed.Wait(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
}
