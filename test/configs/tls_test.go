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

	"github.com/headwaterdns/headwater/test/node"
)

const insideTLS = "CONFIGS_INSIDE_TLS"

// overTLS are the secondaries that docs/tls.md configures and that Debian has.
var overTLS = map[string]struct {
	lead, file, name string // name is how the configuration gives the name to verify
	start            []string
}{
	"BIND": {"BIND from 9.18 (`named.conf`):", "named.conf", `remote-hostname "headwater.example"`, []string{"named", "-g", "-c", "named.conf"}},
	"NSD":  {"by TCP, and therefore TLS, at once:", "nsd.conf", `auth-domain-name: "headwater.example"`, []string{"nsd", "-d", "-V", "3", "-c", "nsd.conf"}},
}

// TestTLS does what docs/tls.md says, with each secondary: authority, certificate, server, secondary, and a query of kdig's.
func TestTLS(t *testing.T) {
	t.Parallel()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	for name := range overTLS {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apart(t, "TestInsideTLS", insideTLS+"="+name, program+"="+bin)
		})
	}
}

// TestInsideTLS is TestTLS's other half, in the network of its own.
func TestInsideTLS(t *testing.T) {
	name := os.Getenv(insideTLS)
	if name == "" {
		t.Skip("this is a part of TestTLS")
	}
	private(t, "/etc/ssl/certs")
	doc, readme := text(t, "docs/tls.md"), text(t, "README.md")
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	shell(t, dir, block(t, doc, "an authority of your own and a certificate for the name `headwater.example`:")+"\ncp ca.pem /etc/ssl/certs/headwater-ca.pem")
	args := strings.Fields(block(t, doc, "## Headwater"))
	server := daemon(t, dir, os.Getenv(program), args[1:]...)
	wait(t, server, "the program to be ready", func() bool { return get("http://127.0.0.1:8053/readyz") == http.StatusOK })
	credentials, err := os.ReadFile(filepath.Join(dir, "data", "first-credentials.txt"))
	if err != nil {
		t.Fatal(err)
	}
	token := string(regexp.MustCompile(`API token +(\S+)`).FindSubmatch(credentials)[1])
	shell(t, dir, block(t, readme, "wrote to `data/first-credentials.txt`):"), "TOKEN="+token)

	s := overTLS[name]
	config := block(t, doc, s.lead)
	if !strings.Contains(config, s.name) {
		t.Fatalf("the configuration does not say %s", s.name)
	}
	// With another name to verify it takes nothing from us, and we hear of it.
	write := func(config string) {
		if err := os.WriteFile(filepath.Join(dir, s.file), []byte(config), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.ReplaceAll(config, s.name, strings.ReplaceAll(s.name, "headwater.example", "elsewhere.example")))
	said, stop := stoppable(t, dir, s.start[0], s.start[1:]...)
	wait(t, said, "the secondary to refuse the certificate", func() bool { return strings.Contains(server.String(), "TLS handshake failed") })
	if strings.Contains(server.String(), "msg=transfer ") {
		t.Fatal("there was a transfer to a secondary that verifies another name")
	}
	stop()

	write(config)
	secondary := daemon(t, dir, s.start[0], s.start[1:]...)
	answers := func(owner, want string) func() bool {
		return func() bool {
			out, _ := exec.CommandContext(t.Context(), "dig", "@127.0.0.1", "-p", "5301", "+short", "+time=1", "+tries=1", owner, "A").Output()
			return strings.TrimSpace(string(out)) == want
		}
	}
	wait(t, secondary, "the secondary to have the zone", answers("www.example.com", "192.0.2.10"))
	// A certificate that is renewed meanwhile is what the next connection gets.
	shell(t, dir, `openssl req -newkey rsa:2048 -nodes -subj "/CN=headwater.example" -addext "subjectAltName=DNS:headwater.example" -keyout next.key -out headwater.csr
		openssl x509 -req -in headwater.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 7 -copy_extensions copy -out next.pem
		mv next.key headwater.key; mv next.pem headwater.pem`)
	shell(t, dir, fmt.Sprintf(`
		ZONE=$(curl -s -H "Authorization: Bearer $TOKEN" %s/zones | sed 's/.*"result":\[{"id":"\([^"]*\)".*/\1/')
		curl -s -H "Authorization: Bearer $TOKEN" -d '{"type":"A","name":"next","content":"192.0.2.11"}' %[1]s/zones/$ZONE/dns_records`,
		"http://127.0.0.1:8053/client/v4"), "TOKEN="+token)
	wait(t, secondary, "the secondary to follow", answers("next.example.com", "192.0.2.11"))
	if log := server.String(); strings.Count(log, `tls="TLS 1.3"`) < 2 || strings.Contains(log, "msg=transfer ") != strings.Contains(log, `tls="TLS 1.3"`) {
		t.Errorf("not all transfers came by TLS:\n%s", log)
	}
	out := shell(t, dir, block(t, doc, "## Trying it"))
	if !strings.Contains(out, "192.0.2.10") || !strings.Contains(out, "PADDING") || !strings.Contains(out, "Received 468 B") || !strings.Contains(out, "RSA") {
		t.Errorf("kdig:\n%s", out)
	}
}
