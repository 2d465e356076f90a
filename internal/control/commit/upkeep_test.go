package commit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// TestUpkeep lets a journal grow until an image is written and the journal pruned, and starts anew from both.
func TestUpkeep(t *testing.T) {
	t.Parallel()
	const history = 100 << 10
	written := make(chan model.Image, 8)
	b := startKept(t, func(c *journal.Config) {
		c.HistoryBytes = history
		checkpoint := c.Checkpoint
		c.Checkpoint = func(ctx context.Context, img model.Image, keep model.Seq) error {
			err := checkpoint(ctx, img, keep)
			written <- img
			return err
		}
	})
	z := b.zone(t, "example")
	b.must(t, model.Change{Zone: z.ID, Edits: []model.Edit{model.EditZone{Action: "outgoing.enable", Apply: func(z model.Zone) (model.Zone, error) {
		z.Outgoing = &model.Outgoing{Name: "example.", Enabled: true}
		return z, nil
	}}}})
	b.add(t, z.ID, rec("p.example", "A", "192.0.2.1", proxied))
	serial := b.state(t, z.ID).Transfer.Serial()
	long := strings.Repeat("x", 3000)
	var last model.Record
	var img model.Image
	for i := 0; img.Zone == ""; i++ {
		if i > 2000 {
			t.Fatal("no image was written")
		}
		c := model.Change{Zone: z.ID, Edits: []model.Edit{
			model.AddRecord{Record: rec("h.example", "TXT", fmt.Sprint(i, long))},
		}}
		if last.ID != "" {
			c.Edits = append(c.Edits, model.DeleteRecord{ID: last.ID})
		}
		last = *b.must(t, c).Outcomes[0].Record
		select {
		case img = <-written:
		default:
		}
	}
	if len(img.Transfer) == 0 || img.Zone != z.ID || img.Account != account {
		t.Errorf("image of zone %s in account %s with %d octets of transfer face", img.Zone, img.Account, len(img.Transfer))
	}
	kept := 0
	for _, e := range b.store.Journal() {
		kept += len(e.Body)
	}
	// More than a mebibyte was written; changes that came during the writing of the image are kept on top.
	if kept > 700<<10 || kept < history-8000 {
		t.Errorf("the journal keeps %d octets of history", kept)
	}
	b.checkFold(t)
	db := zone.NewDB(0)
	f := feed.New(feed.Config{Source: b.store, DB: db})
	b.follow(t, f)
	<-f.Recalled()
	h := db.ByID(string(z.ID)).State().History
	if _, ok := h.Since(b.state(t, z.ID).Transfer.Serial() - 5); !ok {
		t.Error("IXFR of the last five versions is gone with the restart")
	}
	if _, ok := h.Since(serial); ok {
		t.Error("pruned history is still there")
	}
}
