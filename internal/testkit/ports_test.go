package testkit

import (
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// Two that ask for a port at the same time, of one process or of two, are not given the same.
func TestPortsAreGivenOnce(t *testing.T) { //nolint:paralleltest // TestLeaked counts goroutines
	if text := os.Getenv("TESTKIT_PORT"); text != "" {
		port, _ := strconv.Atoi(text)
		t.Logf("reserved %v", reserve(port))
		return
	}
	a, err := FreePort(netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	if reserve(int(a.Port())) {
		t.Errorf("%d is given twice", a.Port())
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPortsAreGivenOnce$", "-test.v")
	cmd.Env = append(os.Environ(), "TESTKIT_PORT="+strconv.Itoa(int(a.Port())))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "reserved false") {
		t.Errorf("%v: %s", err, out)
	}
}
