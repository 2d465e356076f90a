package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
)

// TestCookieSecrets: of many nodes that make or roll the secrets of cookies at once one does, and all hold the same; each secret is
// known before and after it is the current one.
func TestCookieSecrets(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		if _, err := w.CookieSecrets(t.Context()); !errors.Is(err, model.ErrNotFound) {
			t.Fatalf("before anybody made any: %v", err)
		}
		now := time.Unix(1_800_000_000, 0).UTC()
		var was store.CookieSecrets
		for step := range 4 {
			var got [6]store.CookieSecrets
			var nodes sync.WaitGroup
			for i := range got {
				nodes.Go(func() {
					var err error
					if got[i], err = w.RollCookies(t.Context(), now.Add(-time.Hour), now); err != nil {
						t.Error(err)
					}
				})
			}
			nodes.Wait()
			for i := range got {
				if got[i] != got[0] {
					t.Fatalf("step %d: nodes hold %v and %v", step, got[0], got[i])
				}
			}
			if s := got[0]; step > 0 && (s.Current != was.Next || s.Previous != was.Current) || s.Next == s.Current || !s.Rolled.Equal(now) {
				t.Errorf("step %d: %v after %v", step, s, was)
			}
			again, err := w.RollCookies(t.Context(), now.Add(-time.Hour), now.Add(time.Minute))
			if must(t, err); again != got[0] {
				t.Errorf("step %d: rolled before its time", step)
			}
			was, now = got[0], now.Add(2*time.Hour)
		}
	})
}
