package updates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// certificate writes a certificate that its holder has signed, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestOverTLS: an update comes over DNS over TLS like any other.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	w := begin(t, "--tls-listen", "127.0.0.1:0", "--dns-tls-cert", cert, "--dns-tls-key", key)
	line, err := w.Log().Wait(t.Context(), 0, "msg=ready")
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`tls="?\[([^\]]+)\]`).FindStringSubmatch(line)
	if at == nil {
		t.Fatal(line)
	}
	m := update("tls.example.com. 300 IN A 192.0.2.1")
	m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
	c := &dns.Client{
		Net: "tcp-tls", Timeout: 20 * time.Second, TsigSecret: map[string]string{keyName: secret},
		TLSConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"dot"}, MinVersion: tls.VersionTLS13},
	}
	in, _, err := c.Exchange(m, at[1])
	if err != nil || in.Rcode != dns.RcodeSuccess {
		t.Fatalf("%v\n%s", err, in)
	}
	if _, err := w.Log().Wait(t.Context(), 0, "msg=update", `tls="TLS 1.3"`, "key=client.example.com"); err != nil {
		t.Error(err)
	}
}

// TestBehindProxy: an update behind a proxy is the client's whom that names.
func TestBehindProxy(t *testing.T) {
	t.Parallel()
	w := begin(t, "--dns-proxies", "127.0.0.1")
	c, err := net.Dial("tcp", w.DNS.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := signed(t, update("proxied.example.com. 300 IN A 192.0.2.1"))
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprintf(c, "PROXY TCP4 198.51.100.7 127.0.0.1 4242 53\r\n%s%s", binary.BigEndian.AppendUint16(nil, uint16(len(b))), b); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 14)
	if _, err := io.ReadFull(c, head); err != nil {
		t.Fatal(err)
	}
	if code := int(head[5] & 15); code != dns.RcodeSuccess {
		t.Fatalf("%s", dns.RcodeToString[code])
	}
	if _, err := w.Log().Wait(t.Context(), 0, "msg=update", "source=198.51.100.7:4242"); err != nil {
		t.Error(err)
	}
}

// TestWhereNoneAreTaken: at an address for transfers, and for a zone that is not there, the answer says so; a key that is let in nowhere
// learns nothing.
func TestWhereNoneAreTaken(t *testing.T) {
	t.Parallel()
	w := begin(t, "--transfer-listen", "127.0.0.1:0")
	line, err := w.Log().Wait(t.Context(), 0, "msg=ready")
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`transfer="?\[([^\]]+)\]`).FindStringSubmatch(line)
	if at == nil {
		t.Fatal(line)
	}
	for _, network := range []string{"udp", "tcp"} {
		m := update("a.example.com. 300 IN A 192.0.2.1")
		m.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
		in, _, err := (&dns.Client{Net: network, Timeout: 20 * time.Second, TsigSecret: map[string]string{keyName: secret}}).Exchange(m, at[1])
		if err != nil || in.Rcode != dns.RcodeRefused {
			t.Errorf("%s, an address for transfers: %v\n%s", network, err, in)
		}
		curious := new(dns.Msg)
		curious.SetUpdate(apex)
		curious.NameNotUsed([]dns.RR{parsed(apex + " 0 IN A 192.0.2.1")})
		if code := send(t, w.DNS, network, other, curious); code != dns.RcodeRefused {
			t.Errorf("%s, a key that is let in nowhere: %s", network, dns.RcodeToString[code])
		}
	}
}

// TestTooMuchOfOneKey: a key that sends more than it may is told to come again, and no other waits for it.
func TestTooMuchOfOneKey(t *testing.T) {
	t.Parallel()
	w := begin(t, "--update-rate", "5")
	codes := map[int]int{}
	for i := range 40 {
		codes[send(t, w.DNS, "tcp", keyName, update(fmt.Sprintf("much%d.example.com. 300 IN A 192.0.2.1", i)))]++
	}
	if codes[dns.RcodeServerFailure] == 0 || codes[dns.RcodeSuccess] < 10 {
		t.Errorf("%v", codes)
	}
	if code := send(t, w.DNS, "tcp", other, update("much.example.com. 300 IN A 192.0.2.1")); code != dns.RcodeRefused {
		t.Errorf("another key: %s", dns.RcodeToString[code])
	}
}

// TestSuspended: the keys of an account that is suspended are let in no more than its tokens.
func TestSuspended(t *testing.T) {
	t.Parallel()
	w := begin(t)
	for i, suspended := range []bool{true, false} {
		w.Call(t, http.MethodPatch, "/headwater/v1/accounts/"+w.Account, map[string]any{"suspended": suspended}, nil)
		want := dns.RcodeSuccess
		if suspended {
			want = dns.RcodeRefused
		}
		if code := send(t, w.DNS, "udp", keyName, update(fmt.Sprintf("s%d.example.com. 300 IN A 192.0.2.1", i))); code != want {
			t.Errorf("suspended %v: %s", suspended, dns.RcodeToString[code])
		}
	}
}
