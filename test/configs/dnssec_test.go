package configs

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const insideDNSSEC = "CONFIGS_INSIDE_DNSSEC"

// signedSecondaries are those that docs/dnssec.md configures.
var signedSecondaries = map[string]struct {
	lead, file string
	commands   string // words before the block of commands that come first
	start      []string
}{
	"BIND":     {lead: "`inline-signing` for the zone (`named.conf`):", file: "named.conf", start: []string{"named", "-g", "-c", "named.conf"}},
	"NSD":      {lead: "NSD from 4.6 (`nsd.conf`):", file: "nsd.conf", start: []string{"nsd", "-d", "-c", "nsd.conf"}},
	"Knot":     {lead: "without the last line it takes them as they are:", file: "knot.conf", start: []string{"knotd", "-c", "knot.conf"}},
	"PowerDNS": {lead: "whose backend must be told that there are signatures (`pdns.conf`):", file: "/etc/powerdns/pdns.conf", commands: "and once, before it starts:", start: []string{"pdns_server", "--daemon=no", "--guardian=no", "--disable-syslog"}},
}

// TestDNSSEC does what docs/dnssec.md says, with each secondary: a zone is signed, a validator believes what the secondary answers,
// keys are exported, lost and brought back, and the zone becomes unsigned.
func TestDNSSEC(t *testing.T) {
	t.Parallel()
	eachApart(t, signedSecondaries, "TestInsideDNSSEC", insideDNSSEC)
}

// TestInsideDNSSEC is TestDNSSEC's other half, in the network of its own.
func TestInsideDNSSEC(t *testing.T) {
	name := os.Getenv(insideDNSSEC)
	if name == "" {
		t.Skip("this is a part of TestDNSSEC")
	}
	private(t)
	s, doc, readme := signedSecondaries[name], text(t, "docs/dnssec.md"), text(t, "README.md")
	dir := t.TempDir()
	for _, err := range []error{os.Chmod(dir, 0o777), os.Mkdir(filepath.Join(dir, "bin"), 0o755), os.Symlink(os.Getenv(program), filepath.Join(dir, "bin", "headwater"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	server := daemon(t, dir, os.Getenv(program), "serve")
	wait(t, server, "the program to be ready", func() bool { return get("http://127.0.0.1:8053/readyz") == http.StatusOK })
	credentials, err := os.ReadFile(filepath.Join(dir, "data", "first-credentials.txt"))
	if err != nil {
		t.Fatal(err)
	}
	token := string(regexp.MustCompile(`API token +(\S+)`).FindSubmatch(credentials)[1])
	run := func(script string) string {
		t.Helper()
		return shell(t, dir, script, "TOKEN="+token, "HEADWATER_TOKEN="+token, "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	}
	run(block(t, readme, "wrote to `data/first-credentials.txt`):"))
	enable := block(t, doc, "## Switching it on")
	if out := run(enable + block(t, doc, "it is answered as before until it is signed. What stands then:")); strings.Count(out, "pending") != 2 || !strings.Contains(out, "KSK") {
		t.Fatalf("enabled:\n%s", out)
	}
	if out := run(block(t, doc, "## The registrar")); strings.Count(out, " IN DS ") != 2 {
		t.Fatalf("the registrar's records:\n%s", out)
	}

	file := s.file
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	if err := os.WriteFile(file, []byte(block(t, doc, s.lead)), 0o644); err != nil {
		t.Fatal(err)
	}
	if s.commands != "" {
		run(block(t, doc, s.commands))
	}
	secondary := daemon(t, dir, s.start[0], s.start[1:]...)
	shows := func(owner, what string) func() bool {
		return func() bool {
			out, _ := exec.CommandContext(t.Context(), "dig", "@127.0.0.1", "-p", "5301", "+dnssec", "+time=1", "+tries=1", owner, "A").Output()
			return strings.Contains(string(out), what)
		}
	}
	wait(t, secondary, "the secondary to answer signed", shows("www.example.com", "RRSIG"))
	validated := block(t, doc, "with the DS record as the only thing that is believed:")
	believed := func(when string) {
		t.Helper()
		if out := run(validated); !strings.Contains(out, "; fully validated") || !strings.Contains(out, "192.0.2.10") {
			t.Errorf("%s: the validator says\n%s", when, out)
		}
	}
	believed("signed")
	if name != "PowerDNS" { // it makes NSEC and NSEC3 of its own mind, and looks at what it is told at AXFR alone
		run(block(t, doc, "## Denial and algorithms"))
		wait(t, secondary, "the secondary to deny by NSEC3", shows("nowhere.example.com", "NSEC3"))
		believed("with NSEC3")
	}

	// Everything is lost but two files: the keys come back, and what the registrar has is right still.
	before := run(block(t, doc, "## The registrar"))
	run(block(t, doc, "For a second place, such as a safe, export them; the audit log tells of it:"))
	run(`ZONE=$(curl -s -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8053/client/v4/zones | sed 's/.*"result":\[{"id":"\([^"]*\)".*/\1/')
		curl -s -X DELETE -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8053/client/v4/zones/$ZONE
		curl -s -H "Authorization: Bearer $TOKEN" -d '{"name":"example.com"}' http://127.0.0.1:8053/client/v4/zones`)
	run(block(t, doc, "they come back before the zone is signed, and the registrar has nothing to do:"))
	if after := run(block(t, doc, "## The registrar")); after != before {
		t.Errorf("the DS records were\n%s\nand are\n%s", before, after)
	}
	if out := run(block(t, doc, "## Leaving")); !strings.Contains(out, "example.com  disabled") {
		t.Errorf("disabled:\n%s", out)
	}
	run(block(t, doc, "then `disabled`. Then, and not before:"))
}
