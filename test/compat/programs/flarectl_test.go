package programs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// flarectl is the last release that has the command.
const flarectl = "github.com/cloudflare/cloudflare-go/cmd/flarectl@v0.116.0"

// TestFlarectl has flarectl look for its zone, check it, and make, change, list and delete records.
func TestFlarectl(t *testing.T) {
	t.Parallel()
	s := open(t)
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "install", flarectl)
	build.Env = append(os.Environ(), "GOBIN="+bin)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("install flarectl: %v\n%s", err, out)
	}
	f := s.fixed(t)
	run := func(args ...string) string { return f.run(t, filepath.Join(bin, "flarectl"), args...) }
	zone := s.zone
	if out := run("zone", "list"); !strings.Contains(out, zone) || !strings.Contains(out, "active") {
		t.Errorf("zone list prints\n%s", out)
	}
	if out := run("zone", "info", "--zone", zone); !strings.Contains(out, zone) {
		t.Errorf("zone info prints\n%s", out)
	}
	if out := run("zone", "check", "--zone", zone); strings.TrimSpace(out) == "" {
		t.Error("zone check prints nothing")
	}
	out := run("--json", "dns", "create", "--zone", zone, "--name", "www", "--type", "A", "--content", "192.0.2.1", "--ttl", "120")
	if !strings.Contains(out, "www."+zone) {
		t.Errorf("dns create prints\n%s", out)
	}
	run("dns", "create-or-update", "--zone", zone, "--name", "www", "--type", "A", "--content", "192.0.2.2")
	run("dns", "create-or-update", "--zone", zone, "--name", "txt", "--type", "TXT", "--content", "v=spf1 -all")
	list := run("dns", "list", "--zone", zone)
	for _, want := range []string{"192.0.2.2", "v=spf1 -all", "www." + zone} {
		if !strings.Contains(list, want) {
			t.Errorf("dns list lacks %q:\n%s", want, list)
		}
	}
	if strings.Contains(list, "192.0.2.1") {
		t.Errorf("the address is not replaced:\n%s", list)
	}
	id := strings.TrimSpace(strings.Split(list[strings.LastIndex(list[:strings.Index(list, "192.0.2.2")], "\n")+1:], "|")[0])
	run("dns", "delete", "--zone", zone, "--id", id)
	if list := run("dns", "list", "--zone", zone); strings.Contains(list, "192.0.2.2") {
		t.Errorf("deleted, and there:\n%s", list)
	}
}
