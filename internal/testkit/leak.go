package testkit

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// patience is for goroutines that have been told to end and are about to.
const patience = 10 * time.Second

// VerifyTestMain runs a package's tests and ends the process: with status 1 if goroutines are left, too.
func VerifyTestMain(m interface{ Run() int }) {
	code := m.Run()
	if code == 0 {
		if err := Leaked(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Leaked waits for all goroutines but the caller's and those of the runtime and of package testing to end. Those that do not are
// the error, with their stacks.
func Leaked() error { return leaked(patience) }

func leaked(patience time.Duration) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		left := others()
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d goroutines are left:\n\n%s", len(left), strings.Join(left, "\n\n"))
		}
	}
}

// nobodys are goroutines that no test starts: one in which tests or the process's signals are waited for. Each is told by the
// function at its top, or by who made it.
var nobodys = []string{
	"testing.(*M).startAlarm", "testing.(*T).Run(", "testing.(*F).", "testing.runFuzz", "runtime.ensureSigM", "runtime.ReadTrace",
	"os/signal.signal_recv", "os/signal.loop", "created by runtime.",
}

// others gives the stacks of the goroutines beside the caller's that somebody has started.
func others() []string {
	b := make([]byte, 1<<16)
	for {
		n := runtime.Stack(b, true)
		if n < len(b) {
			b = b[:n]
			break
		}
		b = make([]byte, 2*len(b))
	}
	all := strings.Split(strings.TrimSpace(string(b)), "\n\n")
	return slices.DeleteFunc(all[1:], func(stack string) bool { // the first is the caller's
		return slices.ContainsFunc(nobodys, func(what string) bool { return strings.Contains(stack, what) })
	})
}
