package peers

import (
	"strings"
	"testing"
)

// A program that is missing is named with what brings it: tests that need it fail with that, and are not skipped.
func TestMissingProgramNamesItsPackage(t *testing.T) {
	t.Parallel()
	for _, p := range Programs() {
		_, packages := p.binary()
		_, err := p.find(t.TempDir())
		if err == nil || !strings.Contains(err.Error(), packages) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if _, err := Program("djbdns").Find(); err == nil {
		t.Error("no error of an unknown program")
	}
}
