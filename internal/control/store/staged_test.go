package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
)

// seen is everything that a reader can find of a zone, and of everything.
func (w *world) seen(t *testing.T, s *store.Store, zone model.ID) string {
	t.Helper()
	var out []any
	must(t, s.Records(t.Context(), zone, model.RecordQuery{}, func(r *model.Record) error {
		out = append(out, *r)
		return nil
	}))
	n, err := s.CountRecords(t.Context(), zone, model.RecordQuery{})
	must(t, err)
	tagged, err := s.CountRecords(t.Context(), zone, model.RecordQuery{Tags: []model.TagFilter{{Name: "env", Op: model.OpPresent}}})
	must(t, err)
	img, err := s.Image(t.Context(), zone)
	must(t, err)
	z, err := s.Zone(t.Context(), zone)
	must(t, err)
	z.Importing, z.OutgoingTransfers = false, nil
	return fmt.Sprint(out, n, tagged, string(img.Served), len(img.Transfer), z)
}

func importRecords(zone model.ID, n int) []*model.Record {
	out := make([]*model.Record, n)
	for i := range out {
		r := testRecord(zone, fmt.Sprintf("i%05d.one.test.", i), wire.TypeA, fmt.Sprintf("192.0.2.%d", i%256))
		r.Tags = []string{"env:import"}
		out[i] = &r
	}
	return out
}

// What is staged nobody sees, in no list, count, image or backup, until it is adopted, and then everybody sees all of it.
func TestStagedRowsAreSeenByNobodyAndThenByAll(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx, account := t.Context(), newAccount()
		z := w.addZone(t, account, "one.test.")
		other := w.addZone(t, account, "two.test.")
		old := testRecord(z.ID, "www.one.test.", wire.TypeTXT, "old")
		old.Tags = []string{"env:prod"}
		many := []model.Record{old}
		for i := range 600 {
			many = append(many, testRecord(z.ID, fmt.Sprintf("o%d.one.test.", i), wire.TypeA, "192.0.2.1"))
		}
		w.addRecords(t, many...)
		before, others := w.seen(t, w.Store, z.ID), w.seen(t, w.Store, other.ID)
		backup := dump(t, w.Store)

		st, err := w.Stage(ctx, z.ID)
		must(t, err)
		if _, err := w.Stage(ctx, z.ID); !errors.Is(err, model.ErrBusy) {
			t.Errorf("a second import into the zone: %v", err)
		}
		if got, err := w.Zone(ctx, z.ID); err != nil || !got.Importing {
			t.Errorf("the zone does not say that it is importing: %v", err)
		}
		must(t, st.Copy(ctx))
		must(t, st.Put(ctx, importRecords(z.ID, 1000)))
		big := bytes.Repeat([]byte("served "), 400_000)
		must(t, st.PutImage(ctx, &model.Image{Zone: z.ID, Account: account, Name: string(z.Name), Serial: 9, Served: []byte("first try")}))
		must(t, st.PutImage(ctx, &model.Image{Zone: z.ID, Account: account, Name: string(z.Name), Serial: 9, Served: big, Transfer: big[1:]}))
		if diff := testkit.Diff(before, w.seen(t, w.Store, z.ID)); diff != "" {
			t.Errorf("staged rows are seen:\n%.2000s", diff)
		}
		if !bytes.Equal(backup, dump(t, w.Store)) {
			t.Error("a backup has what is staged")
		}
		// A zone that is made meanwhile does not get the number.
		third := w.addZone(t, account, "three.test.")
		if n := len(w.list(t, third.ID, model.RecordQuery{})); n != 0 {
			t.Errorf("a new zone has %d records of the import", n)
		}
		w.change(t, func(tx *store.Tx) []model.Entry {
			_, err := tx.Zone(ctx, z.ID)
			must(t, err)
			must(t, st.Adopt(ctx, tx, 1601))
			return []model.Entry{{Kind: model.EntryReset, Account: account, Zone: z.ID, Serial: 9, At: at(9)}}
		})
		must(t, st.Abandon(ctx)) // too late, and no harm
		for name, s := range map[string]*store.Store{"this": w.Store, "another": w.reopen(t)} {
			if name == "this" && !w.Shared() {
				s = w.Store
			}
			got, err := s.Zone(ctx, z.ID)
			must(t, err)
			if got.Importing || got.Serial != 9 || !got.Modified.Equal(z.Modified) || got.Outgoing != nil {
				t.Errorf("%s: the zone is %+v", name, got)
			}
			if n, err := s.CountRecords(ctx, z.ID, model.RecordQuery{}); err != nil || n != 1601 {
				t.Errorf("%s: %d records, %v", name, n, err)
			}
			if n := len(w.list(t, z.ID, model.RecordQuery{})); n != 1601 {
				t.Errorf("%s: %d records listed", name, n)
			}
			if n, err := s.CountRecords(ctx, z.ID, model.RecordQuery{Tags: []model.TagFilter{{Name: "env", Op: model.OpPresent}}}); err != nil || n != 1001 {
				t.Errorf("%s: %d records with the tag, %v", name, n, err)
			}
			img, err := s.Image(ctx, z.ID)
			must(t, err)
			if !bytes.Equal(img.Served, big) || !bytes.Equal(img.Transfer, big[1:]) || img.Seq != got.Seq || img.Serial != 9 {
				t.Errorf("%s: the image is another: %d and %d octets at %d", name, len(img.Served), len(img.Transfer), img.Seq)
			}
			if diff := testkit.Diff(others, w.seen(t, s, other.ID)); diff != "" {
				t.Errorf("%s: the other zone changed:\n%s", name, diff)
			}
		}
		w.swept(t)
	})
}

// forget has all deleted zones of an account go for good.
func (w *world) forget(t *testing.T, account model.ID) {
	t.Helper()
	list, err := w.DeletedZones(t.Context(), account)
	must(t, err)
	for _, z := range list {
		must(t, w.ForgetDeleted(t.Context(), account, z.ID))
	}
}

// swept waits until no row is left that belongs to no zone.
func (w *world) swept(t *testing.T) {
	t.Helper()
	const no = ` NOT IN (SELECT no FROM zones)`
	const unowned = `SELECT (SELECT count(*) FROM records WHERE zone` + no + `) + (SELECT count(*) FROM record_tags WHERE zone` + no + `) +
		(SELECT count(*) FROM images WHERE part / 65536` + no + `) + (SELECT count(*) FROM stagings)`
	db := w.raw(t)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		var n int
		must(t, db.QueryRowContext(t.Context(), unowned).Scan(&n))
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d rows belong to no zone", n)
		}
	}
}

// However an import ends, what it has written goes, the zone is as it was, and a new import may begin.
func TestImportsThatEndEarlyLeaveNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for _, end := range []string{"abandoned", "process died", "zone deleted", "given up by another"} {
			account := newAccount()
			z := w.addZone(t, account, "one.test.")
			w.addRecords(t, testRecord(z.ID, "www.one.test.", wire.TypeA, "192.0.2.1"))
			before := w.seen(t, w.Store, z.ID)
			st, err := w.Stage(ctx, z.ID)
			must(t, err)
			must(t, st.Copy(ctx))
			must(t, st.Put(ctx, importRecords(z.ID, 700)))
			must(t, st.PutImage(ctx, &model.Image{Zone: z.ID, Account: account, Name: string(z.Name), Serial: 9, Served: []byte("staged")}))
			switch end {
			case "abandoned":
				must(t, st.Abandon(ctx))
			case "process died":
				if w.Shared() {
					must(t, w.ForgetImports(ctx))
				} else {
					w.reopen(t)
				}
			case "given up by another":
				must(t, w.ForgetImports(ctx))
				if err := st.Put(ctx, importRecords(z.ID, 1)); err == nil {
					t.Error("an import that was given up goes on")
				}
				tx := w.begin(t)
				must(t, err)
				_, err = tx.Zone(ctx, z.ID)
				must(t, err)
				if err := st.Adopt(ctx, tx, 701); !errors.Is(err, model.ErrStale) {
					t.Errorf("an import that was given up is adopted: %v", err)
				}
				tx.Rollback()
			case "zone deleted":
			}
			if end != "zone deleted" {
				if diff := testkit.Diff(before, w.seen(t, w.Store, z.ID)); diff != "" {
					t.Errorf("%s: %s", end, diff)
				}
				again, err := w.Stage(ctx, z.ID)
				must(t, err)
				must(t, again.Abandon(ctx))
			}
			w.change(t, func(tx *store.Tx) []model.Entry {
				must(t, tx.DeleteZone(ctx, z.ID))
				return []model.Entry{{Kind: model.EntryGone, Account: account, Zone: z.ID, Serial: 2}}
			})
			w.forget(t, account)
			w.swept(t)
		}
	})
}

// A large zone is deleted at once for everybody, and cleared away when nobody can bring it back any more; a zone made meanwhile has none
// of it.
func TestDeletingALargeZone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx, account := t.Context(), newAccount()
		z := w.addZone(t, account, "one.test.")
		rows := make([]model.Record, 0, 3000)
		for _, r := range importRecords(z.ID, cap(rows)) {
			rows = append(rows, *r)
		}
		w.addRecords(t, rows...)
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.DeleteZone(ctx, z.ID))
			return []model.Entry{{Kind: model.EntryGone, Account: account, Zone: z.ID, Serial: 2}}
		})
		w.forget(t, account)
		account = newAccount()
		next := w.addZone(t, account, "one.test.")
		if got := w.list(t, next.ID, model.RecordQuery{}); len(got) != 0 {
			t.Errorf("a new zone has %d old records", len(got))
		}
		if n, err := w.CountAccountRecords(ctx, account); err != nil || n != 0 {
			t.Errorf("%d records counted, %v", n, err)
		}
		w.swept(t)
	})
}
