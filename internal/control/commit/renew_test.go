package commit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// TestRenewSmall has a start find images of small zones that hold all changes, and nothing else changed.
func TestRenewSmall(t *testing.T) {
	t.Parallel()
	var written []string
	b := startKept(t, func(c *journal.Config) {
		renew := c.RenewImages
		c.RenewImages = func(ctx context.Context, images []model.Image) error {
			for _, img := range images {
				written = append(written, string(img.Zone))
			}
			return renew(ctx, images)
		}
	})
	small, large, quiet := b.zone(t, "example"), b.zone(t, "large.test"), b.zone(t, "quiet.test")
	b.add(t, small.ID, rec("p.example", "A", "192.0.2.1", proxied), rec("w.example", "A", "192.0.2.2"))
	for i := range 8 {
		b.add(t, large.ID, rec(fmt.Sprintf("h%d.large.test", i), "TXT", strings.Repeat("x", 3000)))
	}
	entries := len(b.store.Journal())
	for range 2 { // the second one finds nothing to do
		if err := b.keep.RenewSmall(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(written) != fmt.Sprint([]model.ID{small.ID}) {
		t.Errorf("images of %v were written, not that of %s", written, small.ID)
	}
	if n := len(b.store.Journal()); n != entries {
		t.Errorf("the journal has %d entries, and had %d", n, entries)
	}
	b.checkFold(t)
	db := zone.NewDB(0)
	behind := map[model.ID]int{}
	f := feed.New(feed.Config{Source: b.store, DB: db, Seen: func(e model.Entry, inImage bool) {
		if !inImage {
			behind[e.Zone]++
		}
	}})
	b.follow(t, f)
	<-f.Recalled()
	if behind[small.ID] != 0 || behind[quiet.ID] != 0 || behind[large.ID] != 8 {
		t.Errorf("entries replayed: %v", behind)
	}
	for _, z := range []model.Zone{small, large, quiet} {
		got, want := db.ByID(string(z.ID)).State(), b.state(t, z.ID)
		if text(got.Served)+text(got.Transfer) != text(want.Served)+text(want.Transfer) {
			t.Errorf("%s is another zone after the restart", z.Name)
		}
	}
}

// A change while images are written, and a store that fails, lose nothing.
func TestRenewThatFails(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	z := b.zone(t, "example")
	b.add(t, z.ID, rec("a.example", "A", "192.0.2.1"))
	boom := errors.New("disk full")
	b.store.SetFail(func(op string) error {
		if op == "renew" {
			return boom
		}
		return nil
	})
	if err := b.keep.RenewSmall(t.Context()); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	b.store.SetFail(nil)
	b.add(t, z.ID, rec("b.example", "A", "192.0.2.1"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_ = b.keep.RenewSmall(ended)
	b.checkFold(t)
	if err := b.keep.RenewSmall(t.Context()); err != nil {
		t.Error(err)
	}
	b.checkFold(t)
}
