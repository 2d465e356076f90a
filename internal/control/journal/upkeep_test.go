package journal_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/headwaterdns/headwater/internal/control/journal"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

const apex wire.Name = "\x07example\x00"

func set(owner wire.Name, t wire.Type, data ...string) rr.Set {
	s := rr.Set{Owner: owner, Type: t, TTL: 300}
	for _, d := range data {
		s.Data = append(s.Data, []byte(d))
	}
	return s
}

func soa() rr.Set { return set(apex, wire.TypeSOA, string(apex)+string(apex)+string(make([]byte, 20))) }

func build(t *testing.T, sets ...rr.Set) *zone.Version {
	t.Helper()
	v, err := zone.Build(apex, sets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestImage: both faces come back from an image, and one that was both comes back as one.
func TestImage(t *testing.T) {
	t.Parallel()
	one := build(t, soa(), set(apex, wire.TypeA, "\xc0\x00\x02\x01"))
	other := build(t, soa(), set(apex, wire.TypeA, "\xc0\x00\x02\x02"), set("\x03www"+apex, wire.TypeTXT, "\x01t"))
	img := journal.Encode("z", "a", one, other)
	served, transfer, err := journal.Decode(&img)
	if err != nil || len(zone.Diff(served, one).Added)+len(zone.Diff(transfer, other).Added) > 0 || served.Records() != 2 || transfer.Records() != 3 {
		t.Errorf("%d and %d records: %v", served.Records(), transfer.Records(), err)
	}
	img = journal.Encode("z", "a", other, other)
	if served, transfer, err = journal.Decode(&img); err != nil || served != transfer {
		t.Error("one version has become two", err)
	}
	img.Transfer = []byte{1, 2, 3}
	if _, _, err := journal.Decode(&img); err == nil {
		t.Error("a damaged step is read")
	}
	img.Served = img.Served[:len(img.Served)/2]
	if _, _, err := journal.Decode(&img); err == nil {
		t.Error("half of an image is read")
	}
}

// TestWhenAnImageIsWritten: not before the journal behind it has grown long, once then, and again when it has grown long anew; what
// neither a start nor IXFR needs any more is cut. A store that fails is asked again with the next change, and who has no duty for
// a zone writes none of its images.
func TestWhenAnImageIsWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const part = 1<<20/4 + 1
		var cuts []model.Seq
		var fail error
		duty := true
		cfg := journal.Config{
			HistoryBytes: 2 * part, DB: zone.NewDB(0), Duty: func(model.ID) bool { return duty },
			Checkpoint: func(_ context.Context, img model.Image, keep model.Seq) error {
				cuts = append(cuts, keep)
				if img.Zone != "z" || img.Account != "a" {
					t.Errorf("image of %s in %s", img.Zone, img.Account)
				}
				return fail
			},
		}
		v, seq := build(t, soa()), model.Seq(100)
		cfg.DB.Reset("z", "a", uint64(seq), v, v, zone.Links{}, nil)
		u := journal.New(cfg)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() {
			if err := u.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		defer func() { cancel(); running.Wait() }()
		change := func(want ...model.Seq) {
			t.Helper()
			seq++
			cfg.DB.Reset("z", "a", uint64(seq), v, v, zone.Links{}, nil)
			u.Observe(model.Entry{Kind: model.EntryDelta, Zone: "z", Seq: seq, Body: make([]byte, part)}, false)
			synctest.Wait()
			if !slices.Equal(cuts, want) {
				t.Fatalf("at %d: images were written that cut at %v, want %v", seq, cuts, want)
			}
		}
		change() // 101
		change()
		change()
		fail = errors.New("disk full")
		change(102) // all but the last two are beyond the history
		fail, duty = nil, false
		change(102)
		duty = true
		change(102, 104)
		if u.Images() != 1 {
			t.Errorf("%d images", u.Images())
		}
		change(102, 104)
		change(102, 104)
		change(102, 104)
		change(102, 104, 108)
		u.Rewound()
		change(102, 104, 108)
	})
}
