package systemd

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// heard is a Manager of a test and what has been told to it, with when.
type heard struct {
	*Manager
	began time.Time
	said  []string
	at    []time.Duration
}

func listen(watchdog time.Duration) *heard {
	h := &heard{began: time.Now()}
	h.Manager = &Manager{log: slog.New(slog.DiscardHandler), watchdog: watchdog, begun: make(chan struct{}), send: func(m string) error {
		h.said, h.at = append(h.said, m), append(h.at, time.Since(h.began))
		return nil
	}}
	return h
}

// count is how many messages have such a line.
func (h *heard) count(prefix string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.said {
		if strings.HasPrefix(m, prefix) || strings.Contains(m, "\n"+prefix) {
			n++
		}
	}
	return n
}

// A start is waited for while it goes on: not when it stands still, nor when it is over.
func TestStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := listen(0)
		var zones atomic.Uint64
		var known atomic.Bool
		h.Starting(func() (uint64, bool) { return zones.Load(), known.Load() })
		step := func(d time.Duration, want int, what string) {
			t.Helper()
			before := h.count("EXTEND_TIMEOUT_USEC=60000000")
			time.Sleep(d)
			synctest.Wait()
			if n := h.count("EXTEND_TIMEOUT_USEC=60000000") - before; n != want {
				t.Errorf("%s: more time was asked for %d times, want %d", what, n, want)
			}
		}
		step(35*time.Second, 3, "who cannot tell how far it is")
		known.Store(true)
		step(10*time.Second, 1, "the first zones")
		step(time.Minute, 0, "nothing comes")
		zones.Store(1000)
		step(10*time.Second, 1, "more zones")
		known.Store(false)
		step(2*time.Hour, 6*60-12, "who cannot tell, for an hour from the beginning")
		h.Ready("Serving.")
		known.Store(true)
		zones.Store(2000)
		step(time.Minute, 0, "ready")
	})
}

// What would be misunderstood is not told: READY=1 of a reload before the process serves, or when it stops; anything when another is the main
// process.
func TestStages(t *testing.T) {
	reload := func(h *heard) (n int) {
		before, ran := len(h.said), false
		if err := h.Reload(func() error { ran = true; return errors.ErrUnsupported }); !ran || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("reloaded %v: %v", ran, err)
		}
		return len(h.said) - before
	}
	h := listen(0)
	if n := reload(h); n != 0 {
		t.Errorf("a reload before the start is over told %d messages", n)
	}
	h.Ready("Serving.")
	if n := reload(h); n != 2 || !strings.Contains(h.said[1], "RELOADING=1\nMONOTONIC_USEC=") || h.said[2] != "READY=1" {
		t.Errorf("a reload: %q", h.said)
	}
	h.Stopping(time.Minute)
	h.Stopping(time.Second)
	h.Ready("Serving.")
	if n := reload(h); n != 0 || h.count("STOPPING=1") != 1 || h.count("EXTEND_TIMEOUT_USEC=60000000") != 1 || h.count("READY=1") != 2 {
		t.Errorf("the end: %q", h.said)
	}
	h = listen(0)
	h.Ready("Serving.")
	h.Left()
	h.Stopping(time.Second)
	if reload(h); len(h.said) != 1 {
		t.Errorf("after another process has taken over: %q", h.said)
	}
}

// The watchdog hears of a process while every part answers, and no longer than a part's patience of one that has one that does not.
func TestWatch(t *testing.T) {
	var dead, hung, excused atomic.Bool
	for _, tt := range []struct {
		name    string
		happens func()
		told    time.Duration // for how long after that the watchdog hears of it; 0: for ever
	}{
		{"all is well", func() {}, 0},
		{"a part says that it is dead", func() { dead.Store(true) }, time.Second},
		{"one with patience hangs", func() { hung.Store(true) }, 5*time.Minute + 20*time.Second},
		{"it waits for others", func() { excused.Store(true); hung.Store(true) }, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, b := range []*atomic.Bool{&dead, &hung, &excused} {
					b.Store(false)
				}
				h := listen(time.Minute)
				ctx, cancel := context.WithCancel(t.Context())
				release := make(chan struct{})
				var asked atomic.Int32
				done := make(chan struct{})
				go func() {
					defer close(done)
					h.Watch(ctx,
						Proof{Name: "a", Ask: func(context.Context) error {
							if dead.Load() {
								return errors.ErrUnsupported
							}
							return nil
						}},
						Proof{Name: "b", Patience: 5 * time.Minute, Excused: func() bool { return excused.Load() }, Ask: func(context.Context) error {
							if hung.Load() {
								asked.Add(1)
								<-release // whatever its ctx says
							}
							return nil
						}})
				}()
				time.Sleep(time.Hour)
				if synctest.Wait(); len(h.said) != 0 {
					t.Errorf("told before it was ready: %q", h.said)
				}
				h.Ready("Serving.")
				time.Sleep(10*time.Minute + time.Second)
				synctest.Wait()
				if n := h.count("WATCHDOG=1"); n != 31 {
					t.Errorf("told %d times in ten minutes, want every 20 s", n)
				}
				tt.happens()
				then := time.Since(h.began)
				time.Sleep(time.Hour)
				synctest.Wait()
				last := h.at[len(h.at)-1] - then
				if tt.told == 0 && last < time.Hour-time.Minute || tt.told > 0 && last > tt.told {
					t.Errorf("told for %s, want %s", last, tt.told)
				}
				if n := asked.Load(); n > 1 {
					t.Errorf("a part that hangs was asked %d times", n)
				}
				dead.Store(false)
				hung.Store(false)
				close(release)
				time.Sleep(time.Minute)
				synctest.Wait()
				if last := time.Since(h.began) - h.at[len(h.at)-1]; last > 20*time.Second {
					t.Errorf("a process that has come back was told of %s ago", last)
				}
				cancel()
				<-done
			})
		})
	}
}

// The process before is the one whom the manager's environment names, and this one is watched all the same.
func TestSuccessorIsWatched(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "60000000")
	t.Setenv("WATCHDOG_PID", "1")
	if m := New(Config{}); m.watchdog != 0 {
		t.Error("somebody else's watchdog is told")
	}
	if m := New(Config{Successor: true}); m.watchdog != time.Minute {
		t.Errorf("a successor tells the watchdog every %s", m.watchdog)
	}
}
