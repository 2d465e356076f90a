package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// TestBeginContextEnds checks that a transaction outlives the context it was begun under: what is committed afterwards is
// there, and nobody is left in doubt.
func TestBeginContextEnds(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		ctx, cancel := context.WithCancel(t.Context())
		tx, err := w.Begin(ctx)
		must(t, err)
		defer tx.Rollback()
		a := model.Account{ID: newAccount(), Name: "kept"}
		must(t, tx.PutAccount(t.Context(), a))
		cancel()
		if _, err := tx.Commit(t.Context(), nil); err != nil {
			t.Fatalf("commit: %v", err)
		}
		if _, err := w.Account(t.Context(), a.ID); err != nil {
			t.Errorf("account: %v", err)
		}
		if _, err := w.Begin(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("begin under a context that is over: %v", err)
		}
	})
}

// TestOddQueries asks for text that no row can have: it is not found, and no error of the database.
func TestOddQueries(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		r := testRecord(z.ID, "www.a.test", wire.TypeTXT, "text")
		r.Tags = []string{"a:b"}
		w.addRecords(t, r)
		for _, odd := range []string{"\x00", "a\x00b", "\xff", "te\xffxt"} {
			for op := model.OpExact; op <= model.OpEndsWithCase; op++ {
				f := []model.Filter{{Field: "content", Op: op, Value: odd}}
				if _, err := w.CountRecords(t.Context(), z.ID, model.RecordQuery{Filters: f}); err != nil {
					t.Errorf("records, operator %d, %q: %v", op, odd, err)
				}
				tag := []model.TagFilter{{Name: odd, Op: op, Value: odd}}
				if _, err := w.CountRecords(t.Context(), z.ID, model.RecordQuery{Tags: tag}); err != nil {
					t.Errorf("tags, operator %d, %q: %v", op, odd, err)
				}
				f = []model.Filter{{Field: "name", Op: op, Value: odd}}
				if _, _, err := w.Zones(t.Context(), model.ZoneQuery{All: true, Filters: f}); err != nil {
					t.Errorf("zones, operator %d, %q: %v", op, odd, err)
				}
			}
			if n, err := w.CountRecords(t.Context(), z.ID, model.RecordQuery{Search: odd}); err != nil || n != 0 {
				t.Errorf("search for %q: %d %v", odd, n, err)
			}
			if list, _, err := w.Zones(t.Context(), model.ZoneQuery{All: true, Search: odd}); err != nil || len(list) != 0 {
				t.Errorf("search for zones %q: %d %v", odd, len(list), err)
			}
			if list, _, err := w.Accounts(t.Context(), nil, odd, false, 0, 0); err != nil || len(list) != 0 {
				t.Errorf("accounts named %q: %d %v", odd, len(list), err)
			}
			if _, err := w.UserByEmail(t.Context(), odd); !errors.Is(err, model.ErrNotFound) {
				t.Errorf("user with address %q: %v", odd, err)
			}
			a := testAudit(newID(), 1)
			a.Actor.Email = odd
			w.change(t, func(tx *store.Tx) []model.Entry {
				if err := tx.Audit(t.Context(), []model.Audit{a}); err != nil {
					t.Errorf("audit of %q: %v", odd, err)
				}
				return nil
			})
			w.change(t, func(tx *store.Tx) []model.Entry {
				if err := tx.PutAccount(t.Context(), model.Account{ID: newAccount(), Name: "the " + odd}); err != nil {
					t.Errorf("put account %q: %v", odd, err)
				}
				return nil
			})
		}
	})
}

// TestSlowReaders checks that clients which take a long list slowly do not keep others from reading.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		z := w.addZone(t, newAccount(), "a.test")
		w.addRecords(t, testRecord(z.ID, "www.a.test", wire.TypeA, "192.0.2.1"))
		ctx, cancel := context.WithCancel(t.Context())
		const slow, reading = 40, 3
		began, ended := make(chan struct{}, slow), make(chan struct{}, slow)
		for range slow {
			go func() {
				defer func() { ended <- struct{}{} }()
				_ = w.Records(ctx, z.ID, model.RecordQuery{}, func(*model.Record) error {
					began <- struct{}{}
					<-ctx.Done()
					return ctx.Err()
				})
			}()
		}
		for range reading {
			<-began
		}
		limited, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		for range 300 {
			if _, err := w.Zone(limited, z.ID); err != nil {
				t.Errorf("read beside slow readers: %v", err)
				break
			}
		}
		cancel()
		for range slow {
			<-ended
		}
	})
}
