package node

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Two that ask for a port at the same time, of one process or of two, are not given the same.
func TestPortsAreGivenOnce(t *testing.T) {
	t.Parallel()
	if port := os.Getenv("NODE_PORT"); port != "" {
		t.Logf("reserved %v", reserve(port))
		return
	}
	a := address()
	port := a[strings.LastIndexByte(a, ':')+1:]
	if reserve(port) {
		t.Errorf("%s is given twice", port)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPortsAreGivenOnce$", "-test.v")
	cmd.Env = append(os.Environ(), "NODE_PORT="+port)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "reserved false") {
		t.Errorf("%v: %s", err, out)
	}
}
