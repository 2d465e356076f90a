package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// TestNews: what a node tells with a change all nodes of the database hear, itself too, in pieces of any length that is allowed, and in
// order; of a change that was taken back nobody hears.
func TestNews(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[1].fresh(t), now: at(1)}
	w.Store = w.open(t)
	other := w.open(t)
	heard := map[*store.Store]chan string{w.Store: make(chan string, 1000), other: make(chan string, 1000)}
	for s, c := range heard {
		s.Hear(func(news string) { c <- news })
	}
	tell := func(news ...string) {
		w.change(t, func(tx *store.Tx) []model.Entry {
			must(t, tx.PutAccount(t.Context(), model.Account{ID: newAccount(), Name: "one"}))
			tx.Tell(news)
			return nil
		})
	}
	// until takes what a node hears up to a piece.
	until := func(s *store.Store, last string, within time.Duration) (all []string, found bool) {
		for end := time.After(within); ; {
			select {
			case news := <-heard[s]:
				if all = append(all, news); news == last {
					return all, true
				}
			case <-end:
				return all, false
			}
		}
	}
	for _, s := range []*store.Store{w.Store, other} {
		for found, n := false, 0; !found; n++ { // it may not listen yet
			if n == 60 {
				t.Fatal("nothing is heard")
			}
			tell("a sign of life")
			_, found = until(s, "a sign of life", time.Second)
		}
	}
	tx := w.begin(t)
	must(t, tx.PutAccount(t.Context(), model.Account{ID: newAccount(), Name: "never"}))
	tx.Tell([]string{"never"})
	tx.Rollback()
	long := strings.Repeat("x", 7000)
	tell("one", "two", long)
	tell("last")
	for _, s := range []*store.Store{w.Store, other} {
		all, found := until(s, "last", time.Minute)
		if !found || len(all) < 4 || !slices.Equal(all[len(all)-4:], []string{"one", "two", long, "last"}) || slices.Contains(all, "never") {
			t.Errorf("%d heard, to the end: %v", len(all), found)
		}
	}
}
