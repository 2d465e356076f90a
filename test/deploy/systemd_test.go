package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// exposureMost is what `systemd-analyze security` may find, in tenths of its scale from 0 (safe) to 10.
const exposureMost = "20"

func TestSystemd(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("systemd-analyze is missing: install Debian package systemd")
	}
	raw, err := os.ReadFile("../../deploy/systemd/headwater.service")
	if err != nil {
		t.Fatal(err)
	}
	const program = "/usr/local/bin/headwater"
	if !strings.Contains(string(raw), "ExecStart="+program+" ") {
		t.Fatalf("the unit does not start %s", program)
	}
	// The tool wants the program to be there.
	unit := filepath.Join(t.TempDir(), "headwater.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(string(raw), program, "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	socket, err := os.ReadFile("../../deploy/systemd/headwater.socket")
	if err != nil {
		t.Fatal(err)
	}
	sockets := filepath.Join(filepath.Dir(unit), "headwater.socket")
	if err := os.WriteFile(sockets, socket, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"verify", "--man=no", unit, sockets},
		{"security", "--no-pager", "--offline=true", "--threshold=" + exposureMost, unit},
	} {
		out, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
		// verify tells of unknown settings and succeeds all the same.
		if args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze verify says:\n%s", out)
		}
	}
}
