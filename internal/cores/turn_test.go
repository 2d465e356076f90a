package cores

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns has more long work than there are turns: no more of it computes at once, everybody has a turn, also while some wait
// for their clients, and who gives up costs no turn.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const places = 2
		l := newLine(places)
		var now, most atomic.Int32
		compute := func() {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Millisecond)
			now.Add(-1)
		}
		var all sync.WaitGroup
		done := [6]int{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for i := range done {
			all.Go(func() {
				turn, err := l.turn(ctx)
				if err != nil {
					return
				}
				defer turn.End()
				for ctx.Err() == nil {
					if i == 0 {
						turn.Apart(func() { time.Sleep(100 * time.Millisecond) }) // a slow client
					}
					if turn.has {
						compute()
					}
					done[i]++
					turn.Pass()
				}
			})
		}
		all.Go(func() {
			short, cancel := context.WithTimeout(ctx, time.Microsecond)
			defer cancel()
			if turn, err := l.turn(short); err == nil {
				turn.End()
			}
		})
		all.Wait()
		if most.Load() != places {
			t.Errorf("%d computed at once", most.Load())
		}
		for i, n := range done {
			if least := 300; i > 0 && n < least {
				t.Errorf("%d of %d had %d turns", i, len(done), n)
			}
		}
		if l.free != places || len(l.waits) != 0 {
			t.Errorf("%d places are free in the end, %d wait", l.free, len(l.waits))
		}
	})
}

// TestPolite yields beside somebody who takes ten milliseconds each time: the work goes on for most of the time. Where nobody
// takes anything each yield is one.
func TestPolite(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		away        time.Duration
		least, most int
	}{{10 * time.Millisecond, 20, 90}, {0, 40_000, 40_000}} {
		synctest.Test(t, func(t *testing.T) {
			yields := 0
			yield := Polite(func() { yields++; time.Sleep(tt.away) }, time.Now)
			for range 40_000 { // ten seconds of work
				time.Sleep(250 * time.Microsecond)
				yield()
			}
			if yields < tt.least || yields > tt.most {
				t.Errorf("away for %v each: %d yields", tt.away, yields)
			}
		})
	}
}

// TestTurnsBesidePasswords has work that comes in small pieces beside work that cannot be interrupted, of which there is always more:
// the small pieces get their share, and a client that takes what it is given costs nobody a turn.
func TestTurnsBesidePasswords(t *testing.T) {
	t.Parallel()
	for name, piece := range map[string]func(*Turn){
		"an import": func(turn *Turn) {
			time.Sleep(100 * time.Microsecond)
			turn.Pass()
		},
		"an export": func(turn *Turn) {
			time.Sleep(50 * time.Microsecond)
			turn.Apart(func() { time.Sleep(50 * time.Microsecond) })
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := newLine(1)
			ctx, cancel := context.WithCancel(t.Context())
			var strangers sync.WaitGroup
			for range 2 {
				strangers.Go(func() {
					for ctx.Err() == nil {
						turn, err := l.turn(ctx)
						if err != nil {
							return
						}
						time.Sleep(50 * time.Millisecond)
						turn.End()
					}
				})
			}
			start := time.Now()
			turn, err := l.turn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for range 5000 { // half a second of work
				piece(turn)
			}
			turn.End()
			if took := time.Since(start); took > 2500*time.Millisecond {
				t.Errorf("%s of half a second took %v beside strangers' passwords", name, took)
			}
			cancel()
			strangers.Wait()
		})
	}
}
