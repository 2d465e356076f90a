package cookie_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/answer"
	"github.com/headwaterdns/headwater/internal/dns/cookie"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/test/peers"
)

// lookUp asks by dig or kdig and returns what it prints.
func lookUp(t *testing.T, program string, at netip.AddrPort, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skip(err)
	}
	args = append([]string{"@" + at.Addr().String(), "-p", fmt.Sprint(at.Port()), "+tries=3", "+time=5"}, args...)
	if program == "kdig" {
		args[3] = "+retry=3"
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

var cookieLine = regexp.MustCompile(`COOKIE: ([0-9a-f]+) ?(\(good\))?`)

// TestCookiesOfOthers: dig and kdig find our cookies good, over UDP and TCP; and a BIND that has our secret takes ours, as we take
// its.
func TestCookiesOfOthers(t *testing.T) {
	t.Parallel()
	keys := &cookie.Keys{Current: cookie.Secret{0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f, 0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf}}
	db := zone.NewDB(0)
	apex := wire.MustName("example.org.")
	v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{append([]byte(apex+apex), make([]byte, 20)...)}}})
	if err != nil {
		t.Fatal(err)
	}
	db.Reset("z", "a", 1, v, v, zone.Links{}, nil)
	s := server.New(server.Config{
		DNS: []string{"127.0.0.1:0"}, DB: db, Cookies: func() *cookie.Keys { return keys },
		NewResponder: func() server.Responder { return answer.New(db, answer.Config{UDPSize: 1232}) },
	})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	ours := s.Addrs().DNS[0]
	var made string
	for _, transport := range []string{"+notcp", "+tcp"} {
		m := cookieLine.FindStringSubmatch(lookUp(t, "dig", ours, "example.org", "SOA", "+cookie", transport))
		if m == nil || m[2] == "" || len(m[1]) != 48 {
			t.Fatalf("dig %s: %q", transport, m)
		}
		made = m[1]
	}
	if out := lookUp(t, "kdig", ours, "example.org", "SOA", "+cookie"); !strings.Contains(out, "COOKIE: ") || strings.Contains(out, "WARNING") {
		t.Errorf("kdig: %s", out)
	}
	theirs := bindWithSecret(t, keys.Current)
	if out := lookUp(t, "dig", theirs, "example.org", "SOA", "+cookie="+made, "+nobadcookie"); !strings.Contains(out, "status: NOERROR") {
		t.Errorf("BIND refuses our cookie: %s", out)
	}
	if out := lookUp(t, "dig", theirs, "example.org", "SOA", "+cookie="+made[:46]+"00", "+nobadcookie"); !strings.Contains(out, "status: BADCOOKIE") {
		t.Fatalf("BIND takes any cookie: %s", out)
	}
	m := cookieLine.FindStringSubmatch(lookUp(t, "dig", theirs, "example.org", "SOA", "+cookie="+made[:16], "+badcookie"))
	if m == nil {
		t.Fatal("no cookie of BIND's")
	}
	raw, err := hex.DecodeString(m[1])
	if err != nil {
		t.Fatal(err)
	}
	if _, good := keys.Answer(nil, raw, netip.MustParseAddr("127.0.0.1"), uint32(time.Now().Unix())); !good {
		t.Errorf("BIND's cookie %s does not hold here", m[1])
	}
	lookUp(t, "dig", ours, "example.org", "SOA", "+cookie="+m[1])
	if st := s.Stats(); st.Cookies[1] == 0 {
		t.Errorf("no cookie held: %v", st.Cookies)
	}
}

// bindWithSecret starts a BIND that answers nobody without a good cookie.
func bindWithSecret(t *testing.T, secret cookie.Secret) netip.AddrPort {
	t.Helper()
	named, err := peers.BIND.Find()
	if err != nil {
		t.Skip(err)
	}
	addr, err := peers.Free(peers.BIND)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf := fmt.Sprintf(`options { directory %q; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; pid-file none;
	session-keyfile none; lock-file none; notify no; dnssec-validation no; cookie-algorithm siphash24; cookie-secret "%x"; require-server-cookie yes; };
controls { };
zone "example.org" { type primary; file "zone"; };
`, dir, addr.Port(), secret)
	for name, text := range map[string]string{"named.conf": conf, "zone": "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 127.0.0.1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), named, "-f", "-c", filepath.Join(dir, "named.conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		dig := exec.CommandContext(t.Context(), "dig", "@127.0.0.1", "-p", fmt.Sprint(addr.Port()), "example.org", "SOA", "+tcp", "+tries=1", "+time=1")
		if out, err := dig.CombinedOutput(); err == nil && strings.Contains(string(out), "NOERROR") {
			return addr
		}
	}
	t.Fatal("BIND does not answer")
	return addr
}
