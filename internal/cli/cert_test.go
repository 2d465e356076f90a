package cli

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestCert makes an authority, a server's and a client's certificate, has Go and openssl verify them, and renews; what makes no sense
// is refused, and nothing written.
func TestCert(t *testing.T) {
	t.Chdir(t.TempDir())
	run := func(args ...string) (code int, out, said string) {
		t.Helper()
		var o, e strings.Builder
		code = Run("test", append([]string{"cert"}, args...), &o, &e)
		return code, strings.TrimSpace(o.String()), e.String()
	}
	must := func(args ...string) string {
		t.Helper()
		code, out, said := run(args...)
		if code != 0 {
			t.Fatalf("%v: %s", args, said)
		}
		return out
	}
	must("ca")
	must("server", "ns.example", "*.lab.example", "192.0.2.1", "2001:db8::1")
	digest := must("client", "secondary.example")
	roots := x509.NewCertPool()
	ca, err := readPair("ca")
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(ca.cert)
	verify := func(file, name string, usage x509.ExtKeyUsage) error {
		t.Helper()
		p, err := readPair(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{usage}})
		return err
	}
	for _, name := range []string{"ns.example", "a.lab.example", "192.0.2.1", "2001:db8::1"} {
		if err := verify("ns.example", name, x509.ExtKeyUsageServerAuth); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A server is a client where it tells secondaries by TLS; a client is no server.
	if err := verify("ns.example", "ns.example", x509.ExtKeyUsageClientAuth); err != nil {
		t.Error(err)
	}
	if verify("ns.example", "other.example", x509.ExtKeyUsageServerAuth) == nil || verify("secondary.example", "secondary.example", x509.ExtKeyUsageServerAuth) == nil {
		t.Error("a certificate is good for too much")
	}
	if err := verify("secondary.example", "secondary.example", x509.ExtKeyUsageClientAuth); err != nil {
		t.Error(err)
	}
	const byOpenssl = `openssl verify -x509_strict -CAfile ca.pem ns.example.pem secondary.example.pem >&2 || exit 1
		openssl x509 -in secondary.example.pem -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | openssl base64`
	out, err := exec.CommandContext(t.Context(), "sh", "-c", byOpenssl).Output()
	if err != nil || strings.TrimSpace(string(out)) != digest || must("pin", "secondary.example.pem") != digest {
		t.Errorf("openssl: %v, %s, and not %s", err, out, digest)
	}
	for _, file := range []string{"ca", "ns.example", "secondary.example"} {
		for end, mode := range map[string]os.FileMode{".key": 0o600, ".pem": 0o644} {
			if st, err := os.Stat(file + end); err != nil || st.Mode().Perm() != mode {
				t.Errorf("%s%s: %v, %v", file, end, st.Mode(), err)
			}
		}
	}

	before := readAll(t)
	for name, args := range map[string][]string{
		"over what is there":            {"server", "ns.example"},
		"an authority over another":     {"ca"},
		"a renewal of nothing":          {"client", "new.example", "--renew"},
		"no name":                       {"server", "not a name"},
		"an address with a port":        {"server", "192.0.2.1:853"},
		"a path":                        {"client", "../up"},
		"no days":                       {"server", "new.example", "--days", "0"},
		"longer than the authority":     {"server", "new.example", "--days", "4000"},
		"no authority":                  {"server", "new.example", "--ca", "nowhere"},
		"by what is no authority":       {"server", "new.example", "--ca", "ns.example"},
		"nothing to pin":                {"pin", "ca.key"},
		"an authority with no such dir": {"ca", "--out", "no/such/dir"},
	} {
		if code, _, said := run(args...); code != 1 || said == "" {
			t.Errorf("%s: status %d, %q", name, code, said)
		}
	}
	if after := readAll(t); after != before {
		t.Error("what was refused has left something")
	}

	was, _ := readPair("secondary.example")
	if again := must("client", "secondary.example", "--renew", "--days", "90"); again != digest {
		t.Errorf("another key after renewal: %s", again)
	}
	now, err := readPair("secondary.example")
	if err != nil || now.cert.SerialNumber.Cmp(was.cert.SerialNumber) == 0 || time.Until(now.cert.NotAfter) > 91*24*time.Hour {
		t.Errorf("not renewed: %v", err)
	}
	must("ca", "--renew", "--days", "5000")
	if err := verify("ns.example", "ns.example", x509.ExtKeyUsageServerAuth); err != nil {
		t.Errorf("after the authority was renewed: %v", err)
	}
}

// readAll is what all files here hold.
func readAll(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(f + "\n" + string(text))
	}
	return b.String()
}
