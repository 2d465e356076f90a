package lifecycle

import (
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/test/node"
)

// What is shown as dnstap is taken by fstrm_capture, and dnstap-read reads names, ways, addresses, zone and identity of it.
func TestDnstap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sock, file := filepath.Join(dir, "tap.sock"), filepath.Join(dir, "tap.fstrm")
	reader := exec.Command("fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", sock, "-w", file)
	reader.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, reader.Start())
	t.Cleanup(func() { _ = reader.Process.Kill(); _ = reader.Wait() })
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ns1.test", "-keyout", key, "-out", cert).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	n, err := node.Start(t.TempDir(), "--tls-listen", "127.0.0.1:0", "--dns-tls-cert", cert, "--dns-tls-key", key, "--dnstap", "unix:"+sock, "--dnstap-sample", "100", "--dnstap-identity", "ns1.test")
	must(t, err)
	t.Cleanup(n.Kill)
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": "tapped.example"}, nil)
	line, err := n.Log().Wait(t.Context(), 0, "msg=ready")
	must(t, err)
	overTLS, plain := regexp.MustCompile(`tls="?\[([^\]]+)\]`).FindStringSubmatch(line), regexp.MustCompile(`dns="?\[([^\]]+)\]`).FindStringSubmatch(line)
	if overTLS == nil || plain == nil {
		t.Fatal(line)
	}
	for network, at := range map[string]string{"udp": plain[1], "tcp": plain[1], "tcp-tls": overTLS[1]} {
		m := new(dns.Msg).SetQuestion(network+".tapped.example.", dns.TypeA)
		c := &dns.Client{Net: network, Timeout: 30 * time.Second, TLSConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"dot"}}}
		_, _, err := c.ExchangeContext(t.Context(), m, at)
		must(t, err)
	}
	for deadline := time.Now().Add(time.Minute); ; <-time.After(20 * time.Millisecond) {
		text := (&keyless{Node: n}).get(t, "/metrics")
		if strings.Contains(text, `headwater_dnstap_messages_total{outcome="sent"} 6`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("six messages are not taken: %s", n.Log())
		}
	}
	must(t, n.Stop())
	must(t, reader.Process.Signal(syscall.SIGTERM))
	_ = reader.Wait()
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	out, err = exec.Command("dnstap-read", "-y", file).CombinedOutput()
	must(t, err)
	// The reader knows nothing of DNS over TLS, and takes it for the first way that it knows: the file has IPv4 (field 2: 1), then DOT (field 3: 3).
	raw, err := os.ReadFile(file)
	must(t, err)
	if got := strings.Count(string(raw), "\x10\x01\x18\x03"); got != 2 {
		t.Errorf("%d messages over TLS", got)
	}
	for _, want := range []string{
		"ns1.test", "AUTH_QUERY", "AUTH_RESPONSE", "socket_protocol: UDP", "socket_protocol: TCP", "udp.tapped.example.", "tcp.tapped.example.", "tcp-tls.tapped.example.",
		"query_zone: tapped.example", "query_address: \"127.0.0.1\"", "NXDOMAIN",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in what is read: %s", want, out)
		}
	}
}
