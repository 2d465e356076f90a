package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Who waits is woken for what is past the place where he is by then, and for nothing else.
func TestWaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := NewWaker()
		var place atomic.Uint64
		place.Store(5)
		asleep := func() (ended func() bool) {
			done := make(chan error, 1)
			go func() { done <- w.Wait(t.Context(), func() model.Seq { return model.Seq(place.Load()) }) }()
			return func() bool {
				synctest.Wait()
				select {
				case err := <-done:
					if err != nil {
						t.Error(err)
					}
					return true
				default:
					return false
				}
			}
		}
		ended := asleep()
		w.Advance(5)
		if ended() {
			t.Error("woken for what was read")
		}
		place.Store(7) // handed over
		w.Advance(6)
		w.Advance(7)
		if ended() {
			t.Error("woken for what was handed over")
		}
		w.Advance(8)
		if !ended() {
			t.Error("not woken for news")
		}
		if ended = asleep(); !ended() {
			t.Error("sleeps though there is news")
		}
		place.Store(8)
		for name, trouble := range map[string]func(){
			"alarm": func() { w.Alarm(8) },
			"deaf":  func() { w.setDeaf(true) },
		} {
			if ended = asleep(); ended() {
				t.Fatalf("%s: woken for nothing", name)
			}
			if trouble(); !ended() {
				t.Errorf("%s: not woken", name)
			}
			w.setDeaf(false)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.Wait(ctx, func() model.Seq { return 9 }); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if len(w.sleep) != 0 {
			t.Errorf("%d are taken for asleep", len(w.sleep))
		}
	})
}
