package testkit

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"
)

// digMost is more than dig waits for all its tries together, as tests call it.
const digMost = time.Minute

// Dig runs dig and gives what it writes, to both of its outputs. One that does not come back, though it has long given up waiting for the
// server, is ended and run again, and told of: a test that hangs says less than one that fails.
func Dig(tb testing.TB, args ...string) (out []byte, err error) {
	tb.Helper()
	for range 3 {
		ctx, cancel := context.WithTimeout(tb.Context(), digMost)
		out, err = exec.CommandContext(ctx, "dig", args...).CombinedOutput()
		late := ctx.Err() != nil
		cancel()
		if !late || tb.Context().Err() != nil {
			return out, err
		}
		err = fmt.Errorf("dig does not come back: %w", err)
		tb.Logf("dig %v: %v\n%s", args, err, out)
	}
	return out, err
}
