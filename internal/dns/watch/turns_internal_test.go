package watch

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns has two accounts with very many silent peers wait beside one with a few that answer: that one's questions are
// asked at once, nobody has more than its share, and what waits already is not added again.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const askers, share, silent, takes = 8, 2, 3000, 4 * time.Second
		work := newTurns(share)
		var mu sync.Mutex
		running, most, done := map[string]int{}, map[string]int{}, map[string]int{}
		question := func(account string, i int, takes time.Duration) job {
			return job{account, fmt.Sprint(i), func(context.Context) {
				mu.Lock()
				running[account]++
				most[account] = max(most[account], running[account])
				mu.Unlock()
				time.Sleep(takes)
				mu.Lock()
				running[account]--
				done[account]++
				mu.Unlock()
			}}
		}
		var wg sync.WaitGroup
		for range askers {
			wg.Go(func() { work.ask(t.Context()) })
		}
		for range 3 { // rounds that come before the last is over
			for i := range silent {
				work.add(question("bad", i, takes))
				work.add(question("worse", i, takes))
			}
			for i := range 10 {
				work.add(question("good", i, 10*time.Millisecond))
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		mu.Lock()
		if done["good"] != 30 {
			t.Errorf("of 30 questions %d were asked", done["good"])
		}
		if most["bad"] != share || most["worse"] != share {
			t.Errorf("at once %v", most)
		}
		mu.Unlock()
		time.Sleep(2 * silent / share * takes)
		synctest.Wait()
		mu.Lock()
		if done["bad"] < silent || done["bad"] > silent+share || done["worse"] != done["bad"] {
			t.Errorf("asked %v", done)
		}
		mu.Unlock()
		work.mu.Lock()
		if len(work.lanes) != 0 {
			t.Errorf("%d accounts are remembered", len(work.lanes))
		}
		work.mu.Unlock()
		work.close()
		wg.Wait()
	})
}
