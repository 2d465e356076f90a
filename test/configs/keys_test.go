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

const insideKeys = "CONFIGS_INSIDE_KEYS"

// rotated are the words in docs/keys.md before what each secondary is given at step 3, and whether that is commands.
var rotated = map[string]struct {
	lead     string
	commands bool
}{
	"BIND":     {"BIND (`named.conf`), then `rndc reconfig`:", false},
	"NSD":      {"NSD (`nsd.conf`), then `nsd-control reconfig`:", false},
	"Knot":     {"Knot DNS (`knot.conf`), then `knotc reload`:", false},
	"PowerDNS": {"PowerDNS, whose configuration stays as it is:", true},
}

// TestKeys does what docs/keys.md says, with each secondary: one key follows another, is given to the secondary, and the old one is
// retired when it is not used any more, and not before. The secondary follows all the while, and is never refused.
func TestKeys(t *testing.T) {
	t.Parallel()
	eachApart(t, rotated, "TestInsideKeys", insideKeys)
}

// TestInsideKeys is TestKeys's other half, in the network of its own.
func TestInsideKeys(t *testing.T) {
	name := os.Getenv(insideKeys)
	if name == "" {
		t.Skip("this is a part of TestKeys")
	}
	private(t)
	doc, readme, s := text(t, "docs/keys.md"), text(t, "README.md"), secondaries[name]
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	server := daemon(t, dir, os.Getenv(program), "serve", "--probe-interval", "1s")
	wait(t, server, "the program to be ready", func() bool { return get("http://127.0.0.1:8053/readyz") == http.StatusOK })
	credentials, err := os.ReadFile(filepath.Join(dir, "data", "first-credentials.txt"))
	if err != nil {
		t.Fatal(err)
	}
	token := "TOKEN=" + string(regexp.MustCompile(`API token +(\S+)`).FindSubmatch(credentials)[1])
	shell(t, dir, block(t, readme, "wrote to `data/first-credentials.txt`):"), token)
	write := func(config string) {
		file := s.file
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(block(t, readme, s.lead))
	if s.commands != "" {
		shell(t, dir, block(t, readme, s.commands))
	}
	secondary, stop := stoppable(t, dir, s.start[0], s.start[1:]...)
	follows := func(owner string) {
		t.Helper()
		shell(t, dir, `
			ZONE=$(curl -s -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8053/client/v4/zones | sed 's/.*"result":\[{"id":"\([^"]*\)".*/\1/')
			curl -s -H "Authorization: Bearer $TOKEN" -d '{"type":"A","name":"`+owner+`","content":"192.0.2.11"}' http://127.0.0.1:8053/client/v4/zones/$ZONE/dns_records`, token)
		wait(t, secondary, "the secondary to follow: "+owner, func() bool {
			out, _ := exec.CommandContext(t.Context(), "dig", "@127.0.0.1", "-p", "5301", "+short", "+time=1", "+tries=1", owner+".example.com", "A").Output()
			return strings.TrimSpace(string(out)) == "192.0.2.11"
		})
	}
	follows("before")
	begin, look, retire := block(t, doc, "In the dashboard the steps are at *DNS Zone Transfers > TSIG*, at the key."), block(t, doc, "`GET /headwater/v1/accounts/$ACCOUNT/tsig_rotations`."), block(t, doc, "`{\"force\":true}` does it all the same.")
	out := shell(t, dir, begin+block(t, doc, "(leave the secret out and one is made):")+block(t, doc, "Nobody notices:"), token)
	if !strings.Contains(out, `"success":true`) || !strings.Contains(out, `"use":"`) {
		t.Fatal(out)
	}
	follows("meanwhile")
	uses := func(want string) func() bool {
		return func() bool { return strings.Contains(shell(t, dir, begin+look, token), `"use":"`+want+`"`) }
	}
	wait(t, server, "the old key to be seen", uses("old"))
	if out := shell(t, dir, begin+retire, token); !strings.Contains(out, "13007") {
		t.Errorf("a key that is in use is retired: %s", out)
	}
	stop()
	if step := block(t, doc, rotated[name].lead); rotated[name].commands {
		shell(t, dir, step)
	} else {
		write(step)
	}
	secondary, _ = stoppable(t, dir, s.start[0], s.start[1:]...)
	follows("given")
	wait(t, server, "the new key to be seen", uses("new"))
	if out := shell(t, dir, begin+retire, token); !strings.Contains(out, `"success":true`) {
		t.Fatalf("a key that nobody uses is not retired: %s", out)
	}
	follows("after")
	if log := server.String(); strings.Contains(log, "transfer refused") {
		t.Errorf("a transfer was refused:\n%s", log)
	}
}
