package httpfront_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/httpfront"
)

const fixed = "api.fixed.example"

// named makes a certificate that is for a name, and its own authority.
func named(t *testing.T, name string) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pair := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair, nil }, parsed
}

// echo answers with what it sees of a request.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	_, _ = fmt.Fprintf(w, "%s %s tls=%v from %s: %s", r.Host, r.URL.Path, r.TLS != nil, r.RemoteAddr, b)
})

// A client that knows one fixed name only reaches us by taking us for its proxy, over HTTP/1.1 and HTTP/2, through a front with
// and without TLS of its own, request after request.
func TestTunnel(t *testing.T) {
	t.Parallel()
	inner, root := named(t, fixed)
	outer, own := named(t, "localhost")
	pool := x509.NewCertPool()
	pool.AddCert(root)
	pool.AddCert(own)
	for _, secure := range []bool{false, true} {
		cfg := httpfront.Config{Progress: long, Handler: echo, Tunnel: &httpfront.Tunnel{Name: fixed, Certificate: inner}}
		if secure {
			cfg.Certificate = outer
		}
		f := start(t, cfg)
		proxy, err := url.Parse(strings.Replace(f.URL(), "127.0.0.1", "localhost", 1))
		if err != nil {
			t.Fatal(err)
		}
		for _, h2 := range []bool{false, true} {
			if secure && h2 {
				continue // Go's client offers HTTP/2 to its proxy then, and speaks HTTP/1.1
			}
			tr := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: h2}
			c := &http.Client{Transport: tr, Timeout: long}
			for i := range 3 {
				body := strings.Repeat("x", i*3000)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+fixed+"/client/v4/zones", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer x")
				resp, err := c.Do(req)
				if err != nil {
					t.Fatalf("secure %v, HTTP/2 %v: %v", secure, h2, err)
				}
				got, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				want := fixed + " /client/v4/zones tls=true from 127.0.0.1:"
				if !strings.HasPrefix(string(got), want) || !strings.HasSuffix(string(got), ": "+body) || resp.ProtoMajor == 2 != h2 {
					t.Errorf("secure %v, HTTP/%d: %.200s", secure, resp.ProtoMajor, got)
				}
				if resp.Header.Get("Strict-Transport-Security") != "" {
					t.Error("the fixed name is pinned to TLS for browsers")
				}
			}
			if open := f.Stats().Open; open != 1 {
				t.Errorf("%d connections are open", open)
			}
			tr.CloseIdleConnections()
			await(t, "the tunnel to go", func() bool { return f.Stats().Open == 0 })
		}
	}
}

// curl, as it is, with the two variables that every program of its kind reads.
func TestTunnelByCurl(t *testing.T) {
	t.Parallel()
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	inner, root := named(t, fixed)
	f := start(t, httpfront.Config{Progress: long, Handler: echo, Tunnel: &httpfront.Tunnel{Name: fixed, Certificate: inner}})
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), curl, "-sS", "https://"+fixed+"/client/v4/user")
	cmd.Env = []string{"HTTPS_PROXY=" + f.URL(), "CURL_CA_BUNDLE=" + file}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), fixed+" /client/v4/user tls=true") {
		t.Errorf("%v: %s", err, out)
	}
}

// Nobody gets anywhere else by it, nor a second time, and it is off unless somebody has switched it on.
func TestTunnelIsNoProxy(t *testing.T) {
	t.Parallel()
	inner, root := named(t, fixed)
	on := start(t, httpfront.Config{Progress: long, Handler: echo, Tunnel: &httpfront.Tunnel{Name: fixed, Certificate: inner}})
	off := start(t, httpfront.Config{Progress: long, Handler: echo})
	ask := func(f *httpfront.Front, target string) (int, string) {
		t.Helper()
		c := dial(t, f)
		_, _ = fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", target)
		resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodGet})
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return resp.StatusCode, string(b)
	}
	for _, target := range []string{"other.example:443", fixed + ":80", fixed, "127.0.0.1:443", "[::1]:443", "x." + fixed + ":443", fixed + ".:443"} {
		if code, text := ask(on, target); code != http.StatusForbidden || !strings.Contains(text, fixed) {
			t.Errorf("%s: %d %s", target, code, text)
		}
	}
	if code, _ := ask(off, fixed+":443"); code != http.StatusMethodNotAllowed {
		t.Errorf("switched off it answers %d", code)
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	raw := dial(t, on)
	_, _ = fmt.Fprintf(raw, "CONNECT %s:443 HTTP/1.1\r\nHost: %[1]s:443\r\n\r\n", strings.ToUpper(fixed))
	head := make([]byte, len("HTTP/1.1 200 Connection established\r\n\r\n"))
	if _, err := io.ReadFull(raw, head); err != nil || !strings.HasPrefix(string(head), "HTTP/1.1 200") {
		t.Fatalf("%q, %v", head, err)
	}
	c := tls.Client(raw, &tls.Config{RootCAs: pool, ServerName: fixed, NextProtos: []string{"http/1.1"}})
	_, _ = fmt.Fprintf(c, "CONNECT %s:443 HTTP/1.1\r\nHost: %[1]s:443\r\n\r\n", fixed)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a tunnel in a tunnel: %v, %v", resp, err)
	}
}

// Who opens a tunnel and says nothing in it does not keep it, and a tunnel that waits does not hold a front up that ends.
func TestTunnelEnds(t *testing.T) {
	t.Parallel()
	inner, _ := named(t, fixed)
	f := start(t, httpfront.Config{Progress: progress, Handler: echo, Tunnel: &httpfront.Tunnel{Name: fixed, Certificate: inner}})
	c := dial(t, f)
	_, _ = fmt.Fprintf(c, "CONNECT %s:443 HTTP/1.1\r\nHost: %[1]s:443\r\n\r\n", fixed)
	if got := gone(t, c); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("got %q", got)
	}
	await(t, "its room to come back", func() bool { return f.Stats().Open == 0 })
	late := dial(t, f)
	_, _ = fmt.Fprintf(late, "CONNECT %s:443 HTTP/1.1\r\nHost: %[1]s:443\r\n\r\n", fixed)
	if err := f.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}
