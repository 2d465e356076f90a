package estate_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// cert makes certificates by the program itself, in dir.
func cert(t *testing.T, dir string, args ...string) string {
	t.Helper()
	bin, err := node.Binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, append([]string{"cert"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cert %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func file(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// named runs BIND with a configuration until the test ends.
func named(t *testing.T, dir, config string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "named.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "named.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("named", "-g", "-c", "named.conf")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		log.Close()
		if t.Failed() {
			t.Logf("named said:\n%s", file(t, dir, "named.log"))
		}
	})
}

// BIND is told over TLS and transfers over TLS, each of the two known to the other by the name of its certificate under an authority of
// their own. Who is not the one that is expected is not told, and gets nothing; and where anybody will do, it is told in clear when
// TLS does not come about.
func TestMutualTLSWithBIND(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert(t, dir, "ca")
	cert(t, dir, "server", "headwater.example", "--out", "headwater")
	cert(t, dir, "server", "bind.example", "--out", "bind")
	pin := cert(t, dir, "client", "secondary.example", "--out", "secondary")
	n := node.Must(t, "--probe-interval", "500ms", "--notify-interval", "100ms", "--tls-listen", "127.0.0.1:0",
		"--dns-tls-cert", filepath.Join(dir, "headwater.pem"), "--dns-tls-key", filepath.Join(dir, "headwater.key"))
	line, err := n.Log().Wait(t.Context(), 0, "msg=ready")
	if err != nil {
		t.Fatal(err)
	}
	port := regexp.MustCompile(`tls="?\[127\.0\.0\.1:(\d+)\]`).FindStringSubmatch(line)
	if port == nil {
		t.Fatal(line)
	}
	plain, err := peers.Free(peers.BIND)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := peers.Free(peers.BIND)
	if err != nil {
		t.Fatal(err)
	}
	secret = netip.AddrPortFrom(plain.Addr(), secret.Port())
	keyID, key := newKey(t, n, "tls.example.")
	peer := newPeer(t, n, "bind", plain, keyID)
	transport := "/headwater/v1/accounts/" + n.Account + "/peers/" + peer + "/transport"
	set := func(change map[string]any) {
		t.Helper()
		body := map[string]any{"transport": "tls"}
		maps.Copy(body, change)
		n.Call(t, "PUT", transport, body, nil)
	}
	set(map[string]any{
		"client_names": []string{"secondary.example"}, "authority": file(t, dir, "ca.pem"),
		"notify": map[string]any{"transport": "tls", "port": secret.Port(), "server_name": "bind.example"},
	})
	zone := newZone(t, n, "mutual.example", peer)
	named(t, dir, fmt.Sprintf(`
key "tls.example." { algorithm hmac-sha256; secret %q; };
tls us { cert-file "bind.pem"; key-file "bind.key"; ca-file "ca.pem"; protocols { TLSv1.3; }; };
tls headwater { ca-file "ca.pem"; remote-hostname "headwater.example"; cert-file "secondary.pem"; key-file "secondary.key"; protocols { TLSv1.3; }; };
options {
	directory %q; pid-file none; session-keyfile none; lock-file none; recursion no; dnssec-validation no; notify no;
	listen-on port %d { %s; }; listen-on port %d tls us { %[4]s; }; listen-on-v6 { none; };
	transfer-source %[4]s; query-source address %[4]s; min-refresh-time 3600;
};
controls { };
zone "mutual.example" { type secondary; file "zone"; primaries { 127.0.0.1 port %[6]s key "tls.example." tls headwater; }; };
`, base64.StdEncoding.EncodeToString(key.Secret), dir, plain.Port(), plain.Addr(), secret.Port(), port[1]))
	apex := wire.MustName("mutual.example")
	change := func(i int) {
		t.Helper()
		n.Call(t, "POST", "/zones/"+zone+"/dns_records", map[string]any{"type": "TXT", "name": fmt.Sprint("t", i), "content": `"x"`}, nil)
	}
	type told struct {
		Answer, Transport string
	}
	type took struct {
		Transport, TLS, Client string
		ClientKey              string `json:"client_key"`
	}
	var is struct {
		Serial uint32
		Peers  []struct {
			State    string
			Notify   *told                   `json:"last_notify"`
			Transfer *took                   `json:"last_transfer"`
			Refusal  *struct{ Cause string } `json:"last_refusal"`
		}
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			n.Call(t, "GET", "/headwater/v1/zones/"+zone+"/secondaries", nil, &is)
			if len(is.Peers) == 1 && ok() {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %+v %+v %+v\n%s", what, is.Peers[0], is.Peers[0].Notify, is.Peers[0].Transfer, n.Log())
			}
		}
	}
	has := func() bool {
		got, err := peers.Serial(t.Context(), plain, apex)
		return err == nil && got == is.Serial
	}
	until("BIND has the zone", has)
	// From here on BIND asks because it is told, and for no other reason.
	for i := range 5 {
		change(i)
		until("BIND follows what it is told by TLS", func() bool {
			p := is.Peers[0]
			return has() && p.Notify != nil && *p.Notify == told{"NOERROR", "tls"}
		})
	}
	if got := is.Peers[0].Transfer; got == nil || *got != (took{"tls", "TLS 1.3", "secondary.example", pin}) {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(n.Log().String(), "client_name=secondary.example") {
		t.Error("the log does not tell who the client was")
	}
	set(map[string]any{"notify": map[string]any{"server_name": "elsewhere.example"}})
	change(10)
	until("it is not told", func() bool {
		p := is.Peers[0]
		return p.Notify != nil && strings.Contains(p.Notify.Answer, "not elsewhere.example") && p.Notify.Transport == "tls" && !has()
	})
	// Nobody listens at the port; in clear it is told then, where that will do. And it is not let in by another name.
	set(map[string]any{"client_names": []string{"third.example"}, "notify": map[string]any{"port": 1, "verify": "opportunistic"}})
	until("it is told in clear, and refused", func() bool {
		p := is.Peers[0]
		return p.Notify != nil && *p.Notify == told{"NOERROR", "udp"} && p.Refusal != nil && p.Refusal.Cause == "client" && !has()
	})
	set(map[string]any{"client_names": []string{}, "client_keys": []string{pin}})
	change(11)
	until("it is let in by its key", has)
}
