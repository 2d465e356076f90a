package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// TestDraftsAreKept: what a draft holds reads as it was written, names of any octets included; those that are due come in order of their
// times; and they go with their zone.
func TestDraftsAreKept(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "drafts.test")
		odd := testRecord(z.ID, "odd.drafts.test", wire.TypeA, "192.0.2.1")
		odd.Name = wire.Name("\x03\xff\x00\x80" + string(z.Name))
		at := time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC)
		before, after := z, z
		after.VanityNS, after.Paused, after.FourEyes = []string{"ns.example"}, true, &model.FourEyes{Except: []model.ID{newID()}}
		d := model.Draft{
			ID: newID(), Zone: z.ID, Account: z.Account, Name: "one", Note: "a\nnote", State: model.DraftScheduled, Version: 3, Created: at, Modified: at,
			By: model.Author{User: newID(), Email: "a@example.com"}, ApplyAt: at, Approval: &model.Approval{By: model.Author{User: newID()}, On: at, Version: 3},
			Parts: []model.DraftPart{
				{ID: newID(), On: at, Resource: "dns.record", Object: odd.ID, After: &odd},
				{ID: newID(), On: at, Resource: "zone", Object: z.ID, ZoneBefore: &before, ZoneAfter: &after},
			},
		}
		sooner := d
		sooner.ID, sooner.ApplyAt, sooner.Parts = newID(), at.Add(-time.Hour), nil
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.PutDraft(t.Context(), d))
			must(t, tx.PutDraft(t.Context(), sooner))
			return nil
		})
		got, err := w.Draft(t.Context(), z.ID, d.ID)
		must(t, err)
		for i := range got.Parts {
			if p := &got.Parts[i]; p.ZoneBefore != nil {
				p.ZoneBefore.Name, p.ZoneAfter.Name = z.Name, z.Name
			}
		}
		if diff := testkit.Diff(d, got); diff != "" {
			t.Error(diff)
		}
		twin := d
		twin.ID, twin.Parts = newID(), nil
		first, last := min(d.ID, twin.ID), max(d.ID, twin.ID)
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.PutDraft(t.Context(), twin))
			return nil
		})
		for _, tt := range []struct {
			until time.Time
			after model.DraftPlace
			most  int
			want  []model.ID
		}{
			{at, model.DraftPlace{}, 10, []model.ID{sooner.ID, first, last}},
			{at.Add(-time.Microsecond), model.DraftPlace{}, 10, []model.ID{sooner.ID}},
			{sooner.ApplyAt.Add(-time.Microsecond), model.DraftPlace{}, 10, nil},
			{at, model.DraftPlace{}, 2, []model.ID{sooner.ID, first}},
			{at, model.DraftPlace{At: sooner.ApplyAt, ID: sooner.ID}, 10, []model.ID{first, last}},
			{at, model.DraftPlace{At: at, ID: first}, 10, []model.ID{last}},
			{at, model.DraftPlace{At: at, ID: last}, 10, nil},
		} {
			due, err := w.DueDrafts(t.Context(), tt.until, tt.after, tt.most)
			must(t, err)
			var ids []model.ID
			for i := range due {
				ids = append(ids, due[i].ID)
			}
			if diff := testkit.Diff(tt.want, ids); diff != "" {
				t.Errorf("due until %v, behind %v: %s", tt.until, tt.after, diff)
			}
		}
		if _, err := w.Draft(t.Context(), newID(), d.ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("in another zone: %v", err)
		}
	})
}
