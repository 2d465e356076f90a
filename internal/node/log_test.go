package node_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/headwaterdns/headwater/internal/node"
)

// TestLogIsBounded: whatever others say to us that ends in an error, a line of the log stays one that can be read and kept.
func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log, err := (&node.Config{LogFormat: format, LogLevel: "info"}).Logger(&out)
		if err != nil {
			t.Fatal(err)
		}
		log.Warn("a sign-in failed", "request", "abc", "error", errors.New(strings.Repeat("<p>", 1<<18)), "text", strings.Repeat("\u00e9", 1<<18), "spans", 7)
		line := out.String()
		if len(line) > 64<<10 || !utf8.ValidString(line) || strings.Count(line, "\n") != 1 {
			t.Errorf("%s: a line of %d octets", format, len(line))
		}
		for _, want := range []string{"abc", "spans", "(786432 octets)"} {
			if !strings.Contains(line, want) {
				t.Errorf("%s: %q is not in the line", format, want)
			}
		}
	}
}
