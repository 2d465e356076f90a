package configs

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const insideCatalog = "CONFIGS_INSIDE_CATALOG"

// consumers are the secondaries that docs/catalog.md configures and that Debian has: NSD 4.6 knows no catalogs.
var consumers = map[string]struct {
	lead, file, commands string
	start                []string
	unsigned             bool
}{
	"BIND": {"Its own default of `min-update-interval` is 5 seconds.", "named.conf", "", []string{"named", "-g", "-c", "named.conf"}, false},
	"Knot": {"A member without a group gets the first template.", "knot.conf", "", []string{"knotd", "-c", "knot.conf"}, false},
	"PowerDNS": {
		"the account lets each peer have its own key ([keys.md](keys.md)).", "/etc/powerdns/pdns.conf", "and once, before it starts:",
		[]string{"pdns_server", "--daemon=no", "--guardian=no", "--disable-syslog"},
		true,
	},
}

// TestCatalog does README's first steps, gives the peer a catalog, and starts a secondary that docs/catalog.md has told of nothing else.
func TestCatalog(t *testing.T) {
	t.Parallel()
	eachApart(t, consumers, "TestInsideCatalog", insideCatalog)
}

// TestInsideCatalog is TestCatalog's other half, in the network of its own.
func TestInsideCatalog(t *testing.T) {
	name := os.Getenv(insideCatalog)
	if name == "" {
		t.Skip("this is a part of TestCatalog")
	}
	private(t)
	doc, readme := text(t, "docs/catalog.md"), text(t, "README.md")
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	server := daemon(t, dir, os.Getenv(program), "serve")
	wait(t, server, "the program to be ready", func() bool { return get("http://127.0.0.1:8053/readyz") == http.StatusOK })
	credentials, err := os.ReadFile(filepath.Join(dir, "data", "first-credentials.txt"))
	if err != nil {
		t.Fatal(err)
	}
	s := consumers[name]
	steps := block(t, readme, "wrote to `data/first-credentials.txt`):") + "\nSERVER=http://127.0.0.1:8053\n"
	if s.unsigned {
		steps += `curl -s -H "$AUTH" -X PUT -d '{"name":"my secondary","ip":"127.0.0.1","port":5301}' $API/accounts/$ACCOUNT/secondary_dns/peers/$PEER` + "\n"
	}
	steps += block(t, doc, "the secondary any more.") + block(t, doc, "look at it.")
	token := regexp.MustCompile(`API token +(\S+)`).FindSubmatch(credentials)[1]
	if out := shell(t, dir, steps, "TOKEN="+string(token)); strings.Contains(out, `"success":false`) {
		t.Fatalf("the steps:\n%s", out)
	}
	file := s.file
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	if err := os.WriteFile(file, []byte(block(t, doc, s.lead)), 0o644); err != nil {
		t.Fatal(err)
	}
	if s.commands != "" {
		shell(t, dir, block(t, doc, s.commands))
	}
	secondary := daemon(t, dir, s.start[0], s.start[1:]...)
	wait(t, secondary, "the secondary to have the zone", func() bool {
		out, _ := exec.CommandContext(t.Context(), "dig", "@127.0.0.1", "-p", "5301", "+short", "+time=1", "+tries=1", "www.example.com").Output()
		return strings.TrimSpace(string(out)) == "192.0.2.10"
	})
}

// TestCatalogOfNSD has NSD read what docs/catalog.md says for it: all of it, or, where it is older than catalogs, all but the lines about
// them.
func TestCatalogOfNSD(t *testing.T) {
	t.Parallel()
	config := block(t, text(t, "docs/catalog.md"), "the two lines with `catalog` (`nsd.conf`). It consumes one catalog.")
	check := func(config string) error {
		file := filepath.Join(t.TempDir(), "nsd.conf")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "nsd-checkconf", file).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	version, _ := exec.CommandContext(t.Context(), "nsd", "-v").CombinedOutput()
	if older := regexp.MustCompile(`NSD version 4\.[0-8]\.`).Match(version); older {
		rest := regexp.MustCompile(`(?m)^ +catalog.*\n`).ReplaceAllString(config, "")
		if strings.Count(config, "\n")-strings.Count(rest, "\n") != 2 {
			t.Fatalf("there are other lines about catalogs:\n%s", config)
		}
		config = rest
	}
	if err := check(config); err != nil {
		t.Error(err)
	}
	if check(strings.Replace(config, "request-xfr", "request-xfer", 1)) == nil {
		t.Error("whatever is written is taken")
	}
}
