package systemd

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Proof is one part of the process that has to answer for the process to be alive.
type Proof struct {
	Name string
	// Ask returns nil when the part has answered, or is not there. It ends with ctx, or soon after; one that does not has not answered.
	Ask func(ctx context.Context) error
	// Patience is for how long the part may not answer: it may have work to do that nobody should end. 0 is not at all.
	Patience time.Duration
	// Excused says that the part waits for somebody else, whom a restart would not heal; nil: it never is.
	Excused func() bool
}

// looks is how often, within the time after which the manager ends a process that says nothing, it is looked whether all live.
const looks = 3

// Watch tells the manager's watchdog, if it has one for this process, that the process lives, for as long as all proofs are given. It
// returns when ctx ends. Who cannot prove it says so in the log, says nothing to the manager, and is ended by that with SIGABRT, which
// has the runtime write down where each goroutine is.
func (m *Manager) Watch(ctx context.Context, proofs ...Proof) {
	if m.watchdog <= 0 {
		return
	}
	select {
	case <-m.begun: // nobody counts before
	case <-ctx.Done():
		return
	}
	every := m.watchdog / looks
	tick := time.NewTicker(every)
	defer tick.Stop()
	watched := make([]watched, len(proofs))
	for i := range proofs {
		watched[i].Proof = proofs[i]
	}
	for {
		if m.alive(ctx, watched, every/2) && ctx.Err() == nil {
			m.mu.Lock()
			if m.stage != gone {
				m.tell(daemon.SdNotifyWatchdog)
			}
			m.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// watched is a part and since when it does not answer.
type watched struct {
	Proof
	silent time.Time
	asked  chan error // of a question that has not come back
}

// alive asks all parts, each for so long.
func (m *Manager) alive(ctx context.Context, parts []watched, each time.Duration) bool {
	alive := true
	for i := range parts {
		w := &parts[i]
		err := w.ask(ctx, each)
		switch {
		case err == nil || ctx.Err() != nil:
			w.silent = time.Time{}
			continue
		case w.silent.IsZero():
			w.silent = time.Now()
		}
		since := time.Since(w.silent)
		excused := w.Excused != nil && w.Excused()
		if excused {
			w.silent = time.Now() // what it is given counts from when it waits for nobody
		}
		forgiven := excused || since < w.Patience
		m.log.Warn("a part of this process does not answer", "part", w.Name, "since", since.Round(time.Second), "error", err, "waits_for_others", excused, "alive", forgiven)
		alive = alive && forgiven
	}
	return alive
}

// ask asks once at a time: a part that never comes back is not asked by more and more.
func (w *watched) ask(ctx context.Context, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if w.asked == nil {
		asked := make(chan error, 1)
		go func() { asked <- w.Ask(ctx) }()
		w.asked = asked
	}
	select {
	case err := <-w.asked:
		w.asked = nil
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-w.asked:
		w.asked = nil
		return err
	case <-time.After(lateness):
		return ctx.Err()
	}
}

// lateness is how long a part has to see that it was not waited for.
const lateness = 50 * time.Millisecond
