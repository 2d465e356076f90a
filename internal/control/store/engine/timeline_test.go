package engine

import (
	"errors"
	"testing"
)

// No connection is taken to a server that was passed over; a standby, and a database that is another one, are not held to it.
func TestOldTimelines(t *testing.T) {
	t.Parallel()
	var line timeline
	for i, c := range []struct {
		at, system string
		old        bool
	}{
		{"00000001", "7", false},
		{"00000001", "7", false},
		{"00000002", "7", false}, // promoted
		{"00000001", "7", true},  // who comes back
		{"", "7", false},         // a standby
		{"00000010", "7", false}, // hexadecimal
		{"0000000F", "7", true},
		{"00000001", "8", false}, // restored elsewhere
		{"00000002", "8", false},
		{"00000001", "8", true},
	} {
		if err := line.see(c.at, c.system); errors.Is(err, errOldTimeline) != c.old {
			t.Errorf("%d: %q of %s: %v", i, c.at, c.system, err)
		}
	}
}
