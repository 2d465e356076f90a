//go:build linux

package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQueries makes a zone large enough for all queries: they are as many as the row says, and all different.
func TestQueries(t *testing.T) {
	t.Parallel()
	b := &bench{options: options{records: 400_000}, dir: t.TempDir()}
	if err := b.makeZone(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct{ all, none int }{
		"wide": {distinctQueries, distinctQueries / 10}, "hot": {1000, 0}, "echo-wide": {distinctQueries, 0}, "echo-hot": {1000, 0},
	} {
		seen, none := map[string]bool{}, 0
		for line := range lines(t, filepath.Join(b.dir, name)) {
			q, answer, _ := strings.Cut(line, " NOERROR ")
			if answer == "" {
				none++
			}
			seen[q] = true
		}
		if len(seen) != want.all || none != want.none {
			t.Errorf("%s: %d different queries, %d for nothing; want %d, %d", name, len(seen), none, want.all, want.none)
		}
	}
	n := 0
	for range lines(t, filepath.Join(b.dir, "zone")) {
		n++
	}
	if n != b.records+2 { // $ORIGIN and $TTL
		t.Errorf("the zone has %d lines", n)
	}
}

func lines(t *testing.T, path string) func(yield func(string) bool) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return func(yield func(string) bool) {
		for s := bufio.NewScanner(f); s.Scan(); {
			if !yield(s.Text()) {
				return
			}
		}
	}
}
