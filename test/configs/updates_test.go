package configs

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/headwaterdns/headwater/test/node"
)

const insideUpdates = "CONFIGS_INSIDE_UPDATES"

// TestUpdates does README's first steps, lets keys in as docs/updates.md says, and has the clients of that page do what it prints for them.
func TestUpdates(t *testing.T) {
	t.Parallel()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	apart(t, "TestInsideUpdates", insideUpdates+"=1", program+"="+bin)
}

// TestInsideUpdates is TestUpdates' other half, in the network of its own.
func TestInsideUpdates(t *testing.T) {
	if os.Getenv(insideUpdates) == "" {
		t.Skip("this is a part of TestUpdates")
	}
	private(t)
	doc, readme, dir := text(t, "docs/updates.md"), text(t, "README.md"), t.TempDir()
	server := daemon(t, dir, os.Getenv(program), "serve")
	wait(t, server, "the program to be ready", func() bool { return get("http://127.0.0.1:8053/readyz") == http.StatusOK })
	credentials, err := os.ReadFile(filepath.Join(dir, "data", "first-credentials.txt"))
	if err != nil {
		t.Fatal(err)
	}
	token := string(regexp.MustCompile(`API token +(\S+)`).FindSubmatch(credentials)[1])
	steps := block(t, readme, "wrote to `data/first-credentials.txt`):") + block(t, doc, "a key for challenges of certificate authorities, and one for everything:")
	if out := shell(t, dir, steps, "TOKEN="+token); strings.Contains(out, `"success":false`) || strings.Count(out, `"tsig_name":"certbot.example.com."`) < 2 {
		t.Fatalf("the steps:\n%s", out)
	}
	if out := shell(t, dir, os.Getenv(program)+" zone updates example.com", "HEADWATER_TOKEN="+token); !strings.Contains(out, "wildcard _acme-challenge.*") {
		t.Errorf("in the terminal:\n%s", out)
	}
	has := func(name, kind, want string) {
		t.Helper()
		out, _ := exec.CommandContext(t.Context(), "dig", "@127.0.0.1", "-p", "5300", "+short", name, kind).Output()
		if strings.TrimSpace(string(out)) != want {
			t.Errorf("%s %s is %q, not %q", name, kind, out, want)
		}
	}
	shell(t, dir, block(t, doc, "`nsupdate`:"))
	has("host.example.com", "A", "192.0.2.77")

	for _, server := range []struct {
		path, lead string
		check      []string
	}{
		{"/usr/sbin/kea-dhcp-ddns", "`\"ddns-qualifying-suffix\": \"dyn.example.com\"` and `\"dhcp-ddns\": {\"enable-updates\": true}`:", []string{"-t"}},
		{"/usr/sbin/dhcpd", "It speaks to port 53 alone:", []string{"-t", "-cf"}},
	} {
		if _, err := os.Stat(server.path); err != nil {
			continue
		}
		file := filepath.Join(dir, filepath.Base(server.path)+".conf")
		if err := os.WriteFile(file, []byte(block(t, doc, server.lead)), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), server.path, append(server.check, file)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", server.path, err, out)
		}
	}
	if _, err := os.Stat("/usr/lib/python3/dist-packages/certbot_dns_rfc2136"); err != nil {
		t.Skip("certbot's plugin is not there (package python3-certbot-dns-rfc2136)")
	}
	ini := filepath.Join(dir, "rfc2136.ini")
	if err := os.WriteFile(ini, []byte(block(t, doc, "with this file, `rfc2136.ini`:")), 0o600); err != nil {
		t.Fatal(err)
	}
	certbot := func(step string) {
		t.Helper()
		shell(t, dir, `/usr/bin/python3 - <<'END'
from unittest import mock
from certbot_dns_rfc2136._internal.dns_rfc2136 import Authenticator
a = Authenticator(mock.MagicMock(dns_rfc2136_credentials="`+ini+`", dns_rfc2136_propagation_seconds=0), "dns-rfc2136")
a._setup_credentials()
a.`+step+`("example.com", "_acme-challenge.example.com", "of-certbot")
END`)
	}
	certbot("_perform")
	has("_acme-challenge.example.com", "TXT", `"of-certbot"`)
	certbot("_cleanup")
	has("_acme-challenge.example.com", "TXT", "")
}
