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
	"time"
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
	server, stop := stoppable(t, dir, os.Getenv(program), "serve")
	ready := func() bool { return get("http://127.0.0.1:8053/readyz") == http.StatusOK }
	wait(t, server, "the program to be ready", ready)
	aged := func() { // it goes on a year later, as far as keys are concerned
		t.Helper()
		stop()
		year := time.Now().UTC().Year()
		shell(t, dir, fmt.Sprintf(`sqlite3 data/headwater.db "UPDATE dnssec_keys SET doc = replace(doc, '\"%d-', '\"%d-')"`, year, year-1))
		server, stop = stoppable(t, dir, os.Getenv(program), "serve")
		wait(t, server, "the program to be ready again", ready)
	}
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
	if name == "BIND" {
		rollByText(t, doc, run, aged)
		wait(t, secondary, "the secondary to have the new key alone", func() bool {
			out, _ := exec.CommandContext(t.Context(), "dig", "@127.0.0.1", "-p", "5301", "+short", "example.com", "DNSKEY").Output()
			return strings.Count(string(out), "257 ") == 1
		})
		believed("with another KSK")
	}
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

// rollByText rolls the KSK as the document says, with the registrar's part played, and time that passes when it is wanted.
func rollByText(t *testing.T, doc string, run func(string) string, aged func()) {
	t.Helper()
	const show = "headwater zone dnssec example.com"
	settled := func() string { // whatever does not only take time has come about
		t.Helper()
		var out string
		defer func() {
			if t.Failed() {
				t.Logf("it stood so:\n%s", out)
			}
		}()
		wait(t, nil, "somebody to look after the keys", func() bool {
			out = run(show)
			return !strings.Contains(out, "ervers have") && !strings.Contains(out, "being made") && !strings.Contains(out, "has looked")
		})
		return out
	}
	seen, begun := block(t, doc, "The DS is looked for at every address of the parent, or is told by hand:"), false
	tag := regexp.MustCompile(`KSK\s+(\d+)|(\d+)\s+KSK`)
	for i := 0; ; i++ {
		out := settled()
		keys := tag.FindAllStringSubmatch(out, -1)
		switch {
		case i == 20:
			t.Fatalf("it does not end:\n%s", out)
		case begun && len(keys) == 1:
			return
		case strings.Contains(out, "still shows the DS record"):
			old := regexp.MustCompile(`still shows the DS record of key (\d+)`).FindStringSubmatch(out)[1]
			run("headwater zone dnssec seen example.com " + old + " --gone")
		case strings.Contains(out, "does not show the DS record"):
			run(seen)
		case !begun && strings.Count(out, "aches may hold") == 0:
			if out := run(block(t, doc, "unless the parent reads CDS records or is a zone here. It goes like this:")); len(tag.FindAllString(out, -1)) < 2 {
				t.Fatalf("asked for another KSK:\n%s", out)
			}
			begun = true
		}
		aged()
	}
}
