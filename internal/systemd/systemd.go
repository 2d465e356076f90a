// Package systemd tells the service manager how the process fares, by sd_notify's protocol, and proves to it that the process lives. It
// knows what the manager wants to hear, when, and what it would misunderstand; it must not know what the process does.
//
// Without a manager that listens (NOTIFY_SOCKET) nothing happens.
package systemd

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// How often a manager hears that a start goes on, how long it waits for the next time, and how long something may go on that
// cannot tell how far it has come, such as a migration.
const (
	workPause    = 10 * time.Second
	workPatience = time.Minute
	blindMost    = time.Hour
)

// stage is how far a process has come. READY=1 before it is ready, or after it has begun to stop, would be believed.
type stage int

const (
	starting stage = iota
	ready
	stopping
	gone // another process is the main one
)

// Config is what a Manager needs; everything may be zero.
type Config struct {
	// Successor says that this process takes the place of one that runs, under the same manager.
	Successor bool
	Log       *slog.Logger
}

// Manager is the service manager that this process has, or none.
type Manager struct {
	log       *slog.Logger
	watchdog  time.Duration // 0: nobody watches
	successor bool
	send      func(message string) error

	mu    sync.Mutex
	stage stage
	begun chan struct{} // closed when the start is over
}

// New makes the process's Manager from its environment.
func New(c Config) *Manager {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Successor {
		// It names the process before, and what was promised for that one holds for this.
		_ = os.Unsetenv("WATCHDOG_PID")
	}
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		c.Log.Warn("the service manager's watchdog is not understood", "error", err)
	}
	send := func(message string) error { _, err := daemon.SdNotify(false, message); return err }
	return &Manager{log: c.Log, watchdog: every, successor: c.Successor, send: send, begun: make(chan struct{})}
}

// tell is called with mu held: messages come in the order of what they tell.
func (m *Manager) tell(lines ...string) {
	if err := m.send(strings.Join(lines, "\n")); err != nil {
		m.log.Debug("the service manager does not hear", "error", err)
	}
}

func extend(d time.Duration) string { return fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()) }

// over ends the start; mu is held.
func (m *Manager) over(to stage) {
	if m.stage == starting {
		close(m.begun)
	}
	m.stage = to
}

// Starting has the manager wait for as long as the start goes on (EXTEND_TIMEOUT_USEC), which is while what progress gives keeps changing;
// a progress that gives false cannot tell, and is believed for an hour. The manager of a process before has nothing to wait for.
func (m *Manager) Starting(progress func() (at uint64, known bool)) {
	if m.successor {
		return
	}
	go func() {
		began, last, tick := time.Now(), ^uint64(0), time.NewTicker(workPause)
		defer tick.Stop()
		for {
			select {
			case <-m.begun:
				return
			case <-tick.C:
			}
			at, known := progress()
			goesOn := known && at != last || !known && time.Since(began) < blindMost
			if last = at; !known {
				last = ^uint64(0) // whatever it tells first is something
			}
			m.mu.Lock()
			if m.stage == starting && goesOn {
				m.tell(extend(workPatience), fmt.Sprintf("STATUS=Starting: %d zones loaded.", at))
			}
			m.mu.Unlock()
		}
	}()
}

// Ready tells that the process serves, and with what.
func (m *Manager) Ready(status string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stage >= stopping {
		return
	}
	m.over(ready)
	m.tell(daemon.SdNotifyReady, "STATUS="+status)
}

// Stopping tells, once, that the end has begun and takes so long at most.
func (m *Manager) Stopping(most time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stage >= stopping {
		return
	}
	m.over(stopping)
	m.tell(daemon.SdNotifyStopping, extend(most))
}

// Main tells that this process is the service's main one now: another one was until here.
func (m *Manager) Main() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell(fmt.Sprintf("MAINPID=%d", os.Getpid()))
}

// Left says that another process is the main one now, and that nothing is told by this one any more.
func (m *Manager) Left() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.over(gone)
}

// Reload calls f between telling that the configuration is being read again and that this is over, whatever has become of it (the
// protocol of Type=notify-reload). Who is not ready, or not any more, must not say so for that.
func (m *Manager) Reload(f func() error) error {
	if m.during(ready, func() {
		m.tell(daemon.SdNotifyReloading + "\n" + strings.TrimSuffix(daemon.SdNotifyMonotonicUsec(), "\n"))
	}) {
		defer m.during(ready, func() { m.tell(daemon.SdNotifyReady) })
	}
	return f()
}

// during calls f if the process is that far, and says whether it is.
func (m *Manager) during(s stage, f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stage == s {
		f()
	}
	return m.stage == s
}
