package testkit

import (
	"testing"
	"time"
)

// Patience is how long a test waits for what must come. It measures nothing: a machine that has other things to do takes its time.
const Patience = 2 * time.Minute

// Until asks again and again until nothing is missing: for what other processes do, of which nobody is told when it is done. What is
// still missing after Patience fails the test, and so does what is missing when the test ends.
func Until(tb testing.TB, missing func() string) {
	tb.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(Patience); ; {
		what := missing()
		if what == "" {
			return
		}
		if time.Now().After(end) {
			tb.Fatalf("after %s: %s", Patience, what)
		}
		select {
		case <-tick.C:
		case <-tb.Context().Done():
			tb.Fatalf("%v: %s", tb.Context().Err(), what)
		}
	}
}
