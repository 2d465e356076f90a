package deploy_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	variable = regexp.MustCompile(`HEADWATER_[A-Z_0-9]+`)
	// outside are variables of the compose files alone: they choose where ports are published.
	outside = map[string]bool{"HEADWATER_DNS_ADDRESS": true, "HEADWATER_DNS_PORT": true}
)

// Every variable that a file of the folder sets is one that the program reads.
func TestVariablesAreKnown(t *testing.T) {
	t.Parallel()
	bin := program(t)
	help, err := exec.CommandContext(t.Context(), bin, "serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"HEADWATER_SECRET_KEY": true} // not shown, so that nobody passes it as a flag
	for _, name := range variable.FindAllString(string(help), -1) {
		known[name] = true
	}
	if len(known) < 20 {
		t.Fatalf("the help names %d variables", len(known))
	}
	seen := 0
	err = filepath.WalkDir("../../deploy", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, name := range variable.FindAllString(string(raw), -1) {
			seen++
			if !known[name] && !outside[name] {
				t.Errorf("%s sets %s, which the program does not read", path, name)
			}
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Errorf("%d variables, %v", seen, err)
	}
}
