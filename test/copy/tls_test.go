package copy

import (
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
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/test/apicheck"
	"github.com/headwaterdns/headwater/test/node"
)

// certificate writes a self-signed one for loopback.
func certificate(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "headwater test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{key: {Type: "PRIVATE KEY", Bytes: raw}, cert: {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The change of the certificate's time is what a node looks at.
	at := time.Now().Add(time.Duration(serial) * time.Second)
	if err := os.Chtimes(cert, at, at); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// served is the serial number of the certificate that a node shows.
func served(t *testing.T, url string) int64 {
	t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestHTTPSFollowsItsCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificate(t, dir, 1)
	n, err := node.Start(t.TempDir(), "--tls-cert", cert, "--tls-key", key)
	// The node's own client does not know the certificate; it is the address that is wanted.
	if n == nil || n.HTTP == "" {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	if got := served(t, n.HTTP); got != 1 {
		t.Errorf("certificate %d", got)
	}
	certificate(t, dir, 2)
	if got := served(t, n.HTTP); got != 2 {
		t.Errorf("certificate %d after its renewal", got)
	}
	trusting := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer trusting.CloseIdleConnections()
	client := &http.Client{Transport: apicheck.New(t).Transport(trusting)}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.HTTP+"/client/v4/user/tokens/verify", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+node.Token)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestPlainHTTPBeyondLoopbackIsWarnedOf(t *testing.T) {
	t.Parallel()
	n, err := node.Start(t.TempDir(), "--http-listen", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	if _, err := n.Log().Wait(t.Context(), 0, "level=WARN", "without TLS"); err != nil {
		t.Error(err)
	}
}
