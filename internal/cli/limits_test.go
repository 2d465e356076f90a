package cli

import (
	"os"
	"regexp"
	"testing"
)

// TestLimitsAreDocumented holds the table of limits in docs/security.md against the flags and their defaults.
func TestLimitsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{}
	for _, n := range grammar(t) {
		if n.Name != "serve" {
			continue
		}
		for _, f := range n.Flags {
			defaults[f.Name] = f.Default
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `--([a-z-]+)` \\| `([^`]+)` \\|").FindAllStringSubmatch(string(page), -1)
	if len(rows) < 20 {
		t.Fatalf("%d limits in the table", len(rows))
	}
	for _, row := range rows {
		if got, there := defaults[row[1]]; !there || got != row[2] {
			t.Errorf("--%s is %q by default, the page says %q", row[1], got, row[2])
		}
	}
	for name := range defaults {
		if regexp.MustCompile(`^(quota|heavy)-|-limit$|-per-source$`).MatchString(name) && !regexp.MustCompile("`--"+name+"`").Match(page) {
			t.Errorf("--%s is not on the page", name)
		}
	}
}
