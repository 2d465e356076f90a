package compat_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

// npmDir is where the npm package's lock lies, from the repository's root.
const npmDir = "test/compat/npm"

// TestNPM runs npm/life.mjs under Node.
func TestNPM(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat(filepath.Join(npmDir, "node_modules", "cloudflare")); err != nil {
		cmd := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund")
		cmd.Dir = npmDir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	s := open(t)
	zone := zoneName(t)
	sec := listen(t, "key."+zone)
	cmd := exec.CommandContext(t.Context(), "node", "life.mjs")
	cmd.Dir = npmDir
	cmd.Env = append(os.Environ(), "CLOUDFLARE_BASE_URL="+s.URL, "CLOUDFLARE_API_TOKEN="+node.Token)
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	check(t, json.NewEncoder(in).Encode(map[string]any{
		"account": s.Account, "zone": zone, "samples": samples(),
		"secondary": map[string]any{"ip": sec.addr.Addr(), "port": sec.addr.Port(), "key": sec.key, "secret": secret},
	}))
	last := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		last = lines.Text()
		switch last {
		case "enabled":
			sec.notified(t, zone)
			sec.fetchAll(t, s.DNS, zone)
		case "notified":
			sec.notified(t, zone)
		case "done":
			continue
		}
		_, err := io.WriteString(in, "ok\n")
		check(t, err)
	}
	check(t, cmd.Wait())
	equal(t, "last line", last, "done")
}
