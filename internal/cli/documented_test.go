package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestFlagsAreDocumented: every option of a server stands in the README or on a page of docs, as it is written.
func TestFlagsAreDocumented(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, name := range append(pages, "../../README.md") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	seen := 0
	for _, n := range grammar(t) {
		for _, f := range n.Flags {
			if n.Name != "serve" || f.Name == "help" || f.Hidden {
				continue
			}
			seen++
			if !regexp.MustCompile(`--(no-)?` + regexp.QuoteMeta(f.Name) + `[^-a-z]`).Match(all) {
				t.Errorf("--%s is on no page", f.Name)
			}
		}
	}
	if seen < 80 {
		t.Errorf("a server has %d flags", seen)
	}
}
