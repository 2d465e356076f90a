package programs_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/test/node"
)

// fixedHost is where programs go whose address cannot be configured. They are sent here by an HTTPS proxy that their
// environment names, with a certificate of an authority that it names, too.
const fixedHost = "api.cloudflare.com"

// fixed is the environment for such a program, and runs it.
type fixed struct {
	env []string
	dir string
}

// fixed starts the proxy: what is sent to fixedHost reaches the server, checked and counted as everything else.
func (s *server) fixed(t *testing.T) *fixed {
	t.Helper()
	dir := t.TempDir()
	cert, authority := certificate(t)
	ca := filepath.Join(dir, "ca.pem")
	check(t, os.WriteFile(ca, authority, 0o600))
	base, err := url.Parse(strings.TrimSuffix(s.URL, "/client/v4"))
	check(t, err)
	inner := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(base) }})
	inner.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	inner.StartTLS()
	t.Cleanup(inner.Close)
	outer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != fixedHost+":443" {
			http.Error(w, "nothing but the API can be reached", http.StatusForbidden)
			return
		}
		tunnel(t, w, inner.Listener.Addr().String())
	}))
	t.Cleanup(outer.Close)
	return environment(dir, outer.URL, ca)
}

// tunnelled does what docs/clients.md says, from its text: a certificate for the fixed name, a node that answers CONNECT for it, and
// the variables that lead programs there.
func tunnelled(t *testing.T) (*fixed, *server) {
	t.Helper()
	text, err := os.ReadFile("docs/clients.md")
	check(t, err)
	blocks := strings.Split(string(text), "```sh\n")
	if len(blocks) < 3 {
		t.Fatal("docs/clients.md has no commands")
	}
	commands, _, _ := strings.Cut(blocks[1], "```")
	exports, _, _ := strings.Cut(blocks[2], "```")
	prepare, serve, ok := strings.Cut(commands, "headwater serve ")
	if !ok {
		t.Fatalf("docs/clients.md starts no server: %s", commands)
	}
	dir := t.TempDir()
	f := &fixed{env: os.Environ(), dir: dir}
	f.run(t, "sh", "-ec", prepare)
	args := strings.Fields(serve)
	for i, a := range args {
		if strings.HasPrefix(a, "connect.") {
			args[i] = filepath.Join(dir, a)
		}
	}
	s := open(t, args...)
	f = environment(dir, s.HTTP, filepath.Join(dir, "connect.pem"))
	exports = strings.ReplaceAll(exports, "http://127.0.0.1:8053", s.HTTP)
	for line := range strings.Lines(f.run(t, "sh", "-ec", exports+"\nenv")) {
		if name, _, _ := strings.Cut(line, "="); name == "HTTPS_PROXY" || name == "SSL_CERT_FILE" {
			f.env = append(f.env, strings.TrimSuffix(line, "\n"))
		}
	}
	return f, s
}

// environment leads programs to a proxy, and has them trust an authority.
func environment(dir, proxy, ca string) *fixed {
	env := append(os.Environ(), "CF_API_EMAIL="+node.Email, "CF_API_KEY="+node.Key, "HOME="+dir, "LEXICON_CLOUDFLARE_USERNAME="+node.Email, "LEXICON_CLOUDFLARE_TOKEN="+node.Key, "NO_PROXY=", "no_proxy=")
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		env = append(env, name+"="+proxy)
	}
	for _, name := range []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} { // of Go and Python, of Python's requests, of curl
		env = append(env, name+"="+ca)
	}
	return &fixed{env: env, dir: dir}
}

func tunnel(t *testing.T, w http.ResponseWriter, to string) {
	up, err := net.Dial("tcp", to)
	if err != nil {
		t.Error(err)
		return
	}
	defer up.Close()
	c, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if _, err := c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); err != nil {
		return // the program went away
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = bufio.NewReader(rw).WriteTo(up)
		_ = up.(*net.TCPConn).CloseWrite()
	}()
	_, _ = bufio.NewReader(up).WriteTo(c)
	_ = c.Close()
	<-done
}

// certificate makes one for fixedHost, and gives its authority's, which is itself.
func certificate(t *testing.T) (cert tls.Certificate, authority []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: fixedHost}, DNSNames: []string{fixedHost},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// run runs a program that has to succeed, and gives what it prints to standard output.
func (f *fixed) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, said, err := f.try(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, said)
	}
	return out
}

func (f *fixed) try(t *testing.T, name string, args ...string) (out, said string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = f.env, f.dir, &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}
