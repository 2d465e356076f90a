package estate_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// written puts a certificate and its key where a server reads them.
func written(t *testing.T, dir, name string, c *tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{".key": {Type: "PRIVATE KEY", Bytes: key}, ".pem": {Type: "CERTIFICATE", Bytes: c.Certificate[0]}} {
		next := filepath.Join(dir, "next")
		if err := os.WriteFile(next, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(dir, name+file)); err != nil {
			t.Fatal(err)
		}
	}
}

// BIND takes nothing from who is not, for now and by an authority that it trusts, the server that it is told of, and takes the zone as soon as
// that certificate is there, without a restart of ours; openssl, as a client of others' make, is told why it is not let in. Nothing of the zone leaves.
func TestStrictSecondaries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ours, foreign := testkit.NewAuthority(t), testkit.NewAuthority(t)
	const name = "headwater.example"
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), []byte(ours.PEM), 0o600); err != nil {
		t.Fatal(err)
	}
	good := ours.Make(t, name, time.Hour, nil)
	written(t, dir, "headwater", good)
	n := node.Must(t, "--notify-interval", "100ms", "--tls-listen", "127.0.0.1:0",
		"--dns-tls-cert", filepath.Join(dir, "headwater.pem"), "--dns-tls-key", filepath.Join(dir, "headwater.key"))
	line, err := n.Log().Wait(t.Context(), 0, "msg=ready")
	if err != nil {
		t.Fatal(err)
	}
	port := regexp.MustCompile(`tls="?\[127\.0\.0\.1:(\d+)\]`).FindStringSubmatch(line)
	if port == nil {
		t.Fatal(line)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-tls1_2", "-alpn", "dot"}, "alert protocol version"},
		{[]string{"-tls1_3", "-alpn", "h2"}, "alert no application protocol"},
		{[]string{"-tls1_3", "-alpn", "dot"}, "ALPN protocol: dot"},
		{[]string{"-tls1_3"}, "No ALPN negotiated"},
	} {
		cmd := exec.CommandContext(t.Context(), "openssl", append([]string{"s_client", "-connect", "127.0.0.1:" + port[1]}, tt.args...)...)
		if out, _ := cmd.CombinedOutput(); !bytes.Contains(out, []byte(tt.want)) {
			t.Errorf("openssl %v: no %q in\n%s", tt.args, tt.want, out)
		}
	}
	listen, err := peers.Free(peers.BIND)
	if err != nil {
		t.Fatal(err)
	}
	keyID, key := newKey(t, n, "tls.example.")
	peer := newPeer(t, n, "bind", listen, keyID)
	newZone(t, n, "strict.example", peer)
	apex := wire.MustName("strict.example")
	failed := func() string {
		res, err := http.Get(n.HTTP + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(regexp.MustCompile(`(?m)^headwater_tls_handshakes_failed_total.*$`).Find(text))
	}
	secondary := func(t *testing.T) {
		t.Helper()
		own := t.TempDir()
		named(t, own, fmt.Sprintf(`
key "tls.example." { algorithm hmac-sha256; secret %q; };
tls headwater { ca-file %q; remote-hostname %q; protocols { TLSv1.3; }; };
options {
	directory %q; pid-file none; session-keyfile none; lock-file none; recursion no; dnssec-validation no; notify no;
	listen-on port %d { %s; }; listen-on-v6 { none; }; transfer-source %[6]s; query-source address %[6]s; min-refresh-time 3600;
};
controls { };
zone "strict.example" { type secondary; file "zone"; primaries { 127.0.0.1 port %[7]s key "tls.example." tls headwater; }; };
`, base64.StdEncoding.EncodeToString(key.Secret), filepath.Join(dir, "ca.pem"), name, own, listen.Port(), listen.Addr(), port[1]))
	}
	for _, tt := range []struct {
		what string
		cert *tls.Certificate
	}{
		{"expired", ours.Make(t, name, -time.Minute, nil)},
		{"foreign", foreign.Make(t, name, time.Hour, nil)},
		{"of another name", ours.Make(t, "elsewhere.example", time.Hour, nil)},
	} {
		t.Run(tt.what, func(t *testing.T) {
			written(t, dir, "headwater", tt.cert)
			was := failed() // of which the log tells three a minute
			secondary(t)
			testkit.Until(t, func() string {
				if failed() == was {
					return fmt.Sprintf("BIND does not refuse it\n%s", n.Log())
				}
				return ""
			})
			if serial, err := peers.Serial(t.Context(), listen, apex); err == nil {
				t.Errorf("BIND has the zone, %d", serial)
			}
		})
	}
	if log := n.Log().String(); strings.Contains(log, "msg=transfer ") {
		t.Errorf("a transfer to who trusts nobody here\n%s", log)
	}
	written(t, dir, "headwater", good)
	secondary(t)
	testkit.Until(t, func() string {
		if _, err := peers.Serial(t.Context(), listen, apex); err != nil {
			return fmt.Sprintf("BIND does not take the zone: %v\n%s", err, n.Log())
		}
		return ""
	})
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if _, err := n.Log().Wait(ctx, 0, "msg=transfer ", `tls="TLS 1.3"`); err != nil { // BIND may serve it before we have written that
		t.Errorf("not by TLS: %v", err)
	}
}
