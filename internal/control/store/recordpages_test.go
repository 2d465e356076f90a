package store_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestLongLists reads lists of many pages in every order, both ways, with and without a filter, from an offset, up to a
// limit, and holds them against the records sorted in Go.
func TestLongLists(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		var all []model.Record
		for i := range 1100 {
			r := testRecord(z.ID, fmt.Sprintf("n%03d.a.test", i*7%550), []wire.Type{wire.TypeA, wire.TypeTXT, 99}[i%3], strings.Repeat("é", 30*(i%4))+fmt.Sprint(i%9))
			r.TTL, r.Proxied = uint32(i%5), i%4 == 0
			all = append(all, r)
		}
		w.addRecords(t, all...)
		head := func(r *model.Record) string { // what contents are ordered by
			return string([]rune(r.Content)[:min(64, len([]rune(r.Content)))])
		}
		sorted := map[string]func(a, b *model.Record) int{
			"":     func(*model.Record, *model.Record) int { return 0 },
			"type": func(*model.Record, *model.Record) int { return 0 },
			"name": func(a, b *model.Record) int { return cmp.Compare(a.Name.Host(), b.Name.Host()) },
			"content": func(a, b *model.Record) int {
				return cmp.Or(cmp.Compare(head(a), head(b)), cmp.Compare(a.Name.Host(), b.Name.Host()))
			},
			"ttl": func(a, b *model.Record) int {
				return cmp.Or(cmp.Compare(a.TTL, b.TTL), cmp.Compare(a.Name.Host(), b.Name.Host()))
			},
			"proxied": func(a, b *model.Record) int {
				less := map[bool]int{true: 1}
				return cmp.Or(cmp.Compare(less[a.Proxied], less[b.Proxied]), cmp.Compare(a.Name.Host(), b.Name.Host()))
			},
		}
		for order, by := range sorted {
			for _, filter := range [][]model.Filter{nil, {{Field: "content", Op: model.OpEndsWith, Value: "3"}}} {
				want := slices.Clone(all)
				if filter != nil {
					want = slices.DeleteFunc(want, func(r model.Record) bool { return !strings.HasSuffix(r.Content, "3") })
				}
				slices.SortFunc(want, func(a, b model.Record) int {
					return cmp.Or(by(&a, &b), cmp.Compare(a.Type.String(), b.Type.String()), cmp.Compare(a.Name.Host(), b.Name.Host()), cmp.Compare(a.ID, b.ID))
				})
				for _, desc := range []bool{false, true} {
					if desc {
						slices.Reverse(want)
					}
					for _, part := range [][2]int{{0, 0}, {0, 256}, {0, 512}, {3, 700}, {100, 0}, {0, 5000}, {5000, 10}} {
						q := model.RecordQuery{Order: order, Filters: filter, Desc: desc, Offset: part[0], Limit: part[1]}
						from := min(part[0], len(want))
						to := len(want)
						if part[1] > 0 {
							to = min(to, from+part[1])
						}
						got := w.list(t, z.ID, q)
						if !slices.EqualFunc(got, want[from:to], func(a, b model.Record) bool { return a.ID == b.ID && a.Content == b.Content && a.TTL == b.TTL }) {
							t.Errorf("order %q, desc %v, %v, filtered %v: %d records, not the %d that were wanted", order, desc, part, filter != nil, len(got), to-from)
						}
					}
				}
			}
		}
	})
}

// TestNobodyWaitsForASlowReader has far more readers than there are connections stop in the middle of their lists. Others
// read, and write; on SQLite the whole log can be written back, which no snapshot that somebody holds would allow.
func TestNobodyWaitsForASlowReader(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		var list []model.Record
		for i := range 600 {
			list = append(list, testRecord(z.ID, fmt.Sprintf("n%d.a.test", i), wire.TypeTXT, "x"))
		}
		w.addRecords(t, list...)
		const readers = 150
		stop := make(chan struct{})
		var met, wg sync.WaitGroup
		met.Add(readers)
		for i := range readers {
			wg.Go(func() {
				q := []model.RecordQuery{{}, {Order: "ttl"}, {Search: "x"}}[i%3]
				n := 0
				see := func(*model.Record) error {
					if n++; n == 1 {
						met.Done()
						<-stop
					}
					return nil
				}
				var err error
				if i%2 == 0 {
					err = w.Records(context.Background(), z.ID, q, see)
				} else {
					_, err = w.PageRecords(context.Background(), z.ID, q, see)
				}
				if err != nil || n != 600 {
					t.Errorf("a slow reader got %d records: %v", n, err)
				}
			})
		}
		met.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n := 0
		must(t, w.Records(ctx, z.ID, model.RecordQuery{}, func(*model.Record) error { n++; return nil }))
		if n != 600 {
			t.Errorf("another reader got %d records", n)
		}
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.DeleteRecords(ctx, z.ID, nil))
			return []model.Entry{{Kind: model.EntryDelta, Zone: z.ID, Serial: 3, Body: []byte("delta")}}
		})
		if left, whole := w.checkpoint(t); left != 0 || !whole {
			t.Errorf("the log keeps %d pages", left)
		}
		close(stop)
		wg.Wait()
	})
}

// checkpoint writes SQLite's log back and says how many of its pages are left, and whether that was done.
func (w *world) checkpoint(t *testing.T) (left int, done bool) {
	t.Helper()
	dsn, ok := strings.CutPrefix(w.url, "sqlite:")
	if !ok {
		return 0, true
	}
	db, err := sql.Open("sqlite", dsn)
	must(t, err)
	defer db.Close()
	var busy, log, back int
	must(t, db.QueryRowContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &log, &back))
	return log - back, busy == 0
}
