package server

import (
	"runtime"
	"time"
)

// turnLength is how long a thread's goroutine goes on before it goes through Go's scheduler: less than the 10 ms after which the
// runtime's monitor thinks that it has had enough.
const turnLength = 8 * time.Millisecond

// turn has a goroutine that does nothing but system calls, on a thread of its own, go through Go's scheduler before the runtime's monitor (sysmon)
// finds that it has not. From then on the monitor takes its processor away whenever it sees it in a system call, where it nearly always is,
// and looks again after 20 us, each time anew: that took a tenth of the core under load, and up to a third of a query's cost at 20,000/s.
type turn struct{ began time.Time }

func newTurn(now time.Time) turn { return turn{began: now} }

// end ends the turn if it has lasted, and begins another. Nobody is to wait for an answer meanwhile: it takes two changes of threads.
func (t *turn) end(now time.Time) {
	if now.Sub(t.began) < turnLength {
		return
	}
	runtime.Gosched()
	t.began = now
}
