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

const insideTLS = "CONFIGS_INSIDE_TLS"

// overTLS are the secondaries that docs/tls.md configures and that Debian has.
var overTLS = map[string]struct {
	lead, file, name string // name is how the configuration gives the name to verify
	start            []string
	mutual           string // words before the lines that go behind name for mutual TLS
}{
	"BIND": {"BIND from 9.18 (`named.conf`):", "named.conf", `remote-hostname "headwater.example"`, []string{"named", "-g", "-c", "named.conf"}, "two lines more in `tls headwater`:"},
	"NSD":  {"by TCP, and therefore TLS, at once:", "nsd.conf", `auth-domain-name: "headwater.example"`, []string{"nsd", "-d", "-V", "3", "-c", "nsd.conf"}, "whole paths both:"},
}

// TestTLS does what docs/tls.md says, with each secondary: authority, certificate, server, secondary, and a query of kdig's.
func TestTLS(t *testing.T) {
	t.Parallel()
	eachApart(t, overTLS, "TestInsideTLS", insideTLS)
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
	if err := os.Symlink(os.Getenv(program), filepath.Join(dir, "headwater")); err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + dir + ":" + os.Getenv("PATH") // as if it were installed
	shell(t, dir, block(t, doc, "an authority of your own and a certificate for the name `headwater.example`:")+"\ncp ca.pem /etc/ssl/certs/headwater-ca.pem", path)
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
	said, stopWrong := stoppable(t, dir, s.start[0], s.start[1:]...)
	wait(t, said, "the secondary to refuse the certificate", func() bool { return strings.Contains(server.String(), "TLS handshake failed") })
	if strings.Contains(server.String(), "msg=transfer ") {
		t.Fatal("there was a transfer to a secondary that verifies another name")
	}
	stopWrong()

	write(config)
	secondary, stop := stoppable(t, dir, s.start[0], s.start[1:]...)
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
	add := func(name string) {
		t.Helper()
		shell(t, dir, fmt.Sprintf(`
			ZONE=$(curl -s -H "Authorization: Bearer $TOKEN" %s/zones | sed 's/.*"result":\[{"id":"\([^"]*\)".*/\1/')
			curl -s -H "Authorization: Bearer $TOKEN" -d '{"type":"A","name":"%s","content":"192.0.2.11"}' %[1]s/zones/$ZONE/dns_records`,
			"http://127.0.0.1:8053/client/v4", name), "TOKEN="+token)
	}
	add("next")
	wait(t, secondary, "the secondary to follow", answers("next.example.com", "192.0.2.11"))
	if log := server.String(); strings.Count(log, `tls="TLS 1.3"`) < 2 || strings.Contains(log, "msg=transfer ") != strings.Contains(log, `tls="TLS 1.3"`) {
		t.Errorf("not all transfers came by TLS:\n%s", log)
	}
	out := shell(t, dir, block(t, doc, "## Trying it"))
	if !strings.Contains(out, "192.0.2.10") || !strings.Contains(out, "PADDING") || !strings.Contains(out, "Received 468 B") || !strings.Contains(out, "RSA") {
		t.Errorf("kdig:\n%s", out)
	}

	// In clear from the peer's own address, signed with its key, there is no transfer any more; by TLS there is.
	only := block(t, doc, "An address that several peers have is held to the most lenient of them.")
	mutual := block(t, doc, "and the next one beside it before it changes.")
	shell(t, dir, only, "TOKEN="+token)
	refused := func(cause string) func() bool {
		return func() bool { return strings.Contains(server.String(), "cause="+cause) }
	}
	shell(t, dir, `dig @127.0.0.1 -p 5300 -y hmac-sha256:transfer.example.com.:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0 example.com AXFR | grep -q 'Transfer failed'`)
	wait(t, server, "a transfer in clear to be refused", refused("clear"))
	add("hidden")
	wait(t, secondary, "the secondary to follow by TLS alone", answers("hidden.example.com", "192.0.2.11"))

	// Once the peer must show its key, it gets nothing until it does.
	shell(t, dir, only+mutual, "TOKEN="+token, path)
	add("mutual")
	wait(t, secondary, "a client without a certificate to be refused", refused("client"))
	stop()
	shell(t, dir, "cp secondary.key secondary.pem /var/lib/nsd && chmod 644 /var/lib/nsd/secondary.*") // NSD has another user when it reads them
	lines := block(t, doc, s.mutual)
	at := strings.Index(config, s.name)
	at += strings.Index(config[at:], "\n") + 1
	write(config[:at] + lines + config[at:])
	secondary, stop = stoppable(t, dir, s.start[0], s.start[1:]...)
	follows := answers("mutual.example.com", "192.0.2.11")
	tries := 0
	wait(t, secondary, "the secondary to follow with its certificate", func() bool {
		if tries++; tries%20 == 1 { // it has a zone, and asks when it is told to; NSD shows its certificate from the second time on
			add(fmt.Sprint("again-", tries))
		}
		return follows()
	})
	if !strings.Contains(server.String(), "client_key=") {
		t.Errorf("the client's key is not told:\n%s", server)
	}
	if name != "BIND" {
		return // it takes no NOTIFY over TLS, and its certificate is seen at odd times
	}
	// By the name of its certificate it is known as well; and it is told over TLS, by the name of another one of its.
	shell(t, dir, only+block(t, doc, "those of today sign nothing for clients."), "TOKEN="+token)
	add("named")
	wait(t, secondary, "the secondary to follow by the name of its certificate", answers("named.example.com", "192.0.2.11"))
	stop()
	shell(t, dir, block(t, doc, "with a certificate of its own:"), path)
	told := strings.Replace(config[:at]+lines+config[at:], "options {", "options {\n"+block(t, doc, "it wants our certificate:"), 1)
	write(told + block(t, doc, "and beside them:"))
	secondary = daemon(t, dir, s.start[0], s.start[1:]...)
	notified := block(t, doc, "and where TLS does not come about the peer is told in clear |")
	if out := shell(t, dir, only+"KEY=$(headwater cert pin secondary.pem)\n"+notified, "TOKEN="+token, path); strings.Contains(out, `"success":false`) {
		t.Fatal(out)
	}
	add("notified")
	wait(t, secondary, "the secondary to follow what it is told by TLS", answers("notified.example.com", "192.0.2.11"))
	wait(t, server, "the page to say so", func() bool {
		return strings.Contains(shell(t, dir, `
			ZONE=$(curl -s -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8053/client/v4/zones | sed 's/.*"result":\[{"id":"\([^"]*\)".*/\1/')
			curl -s -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8053/headwater/v1/zones/$ZONE/secondaries`, "TOKEN="+token), `"answer":"NOERROR","transport":"tls"`)
	})
}
