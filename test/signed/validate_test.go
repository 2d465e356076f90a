package signed

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

// believed has two validators, which trust the zone's key alone, ask a server: what it answers is secure, every kind of it.
func (w *world) believed(t *testing.T, who string, at netip.AddrPort, questions []question) {
	t.Helper()
	flags, algorithm, key := w.anchor(t)
	dir := t.TempDir()
	anchors := filepath.Join(dir, "anchors")
	if err := os.WriteFile(anchors, fmt.Appendf(nil, "trust-anchors { %q static-key %s 3 %s %q; };\n", w.apex, flags, algorithm, key), 0o600); err != nil {
		t.Fatal(err)
	}
	resolver, _ := w.resolver(t, at, []string{fmt.Sprintf("%s IN DNSKEY %s 3 %s %s", w.apex, flags, algorithm, key)})
	for _, q := range questions {
		if s, isLeaf := strings.CutSuffix(q.name, ".dname.kinds."+w.apex.String()); isLeaf && s != "" && who == string(peers.PowerDNS) {
			continue // as it is shipped (dname-processing), it takes DNAME for data
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		out, err := exec.CommandContext(ctx, "delv", "@"+at.Addr().String(), "-p", fmt.Sprint(at.Port()), "-a", anchors,
			"+root="+w.apex.String(), "+nodlv", "-q", q.name, "-t", q.typ).CombinedOutput()
		cancel()
		if err != nil || !strings.Contains(string(out), "fully validated") {
			t.Errorf("delv asks %s for %s %s: %v\n%s", who, q.name, q.typ, err, out)
		}
		ours, theirs := dig(t, w.DNS, "+tcp", "+dnssec", q.name, q.typ), dig(t, resolver, "+tcp", "+dnssec", q.name, q.typ)
		if status(ours) != status(theirs) {
			t.Errorf("unbound asks %s for %s %s and answers %s, we %s\n%s", who, q.name, q.typ, status(theirs), status(ours), theirs)
		}
		if !authentic.MatchString(theirs) {
			t.Errorf("unbound asks %s for %s %s, and does not find it secure:\n%s\n%s", who, q.name, q.typ, theirs, ours)
		}
	}
}

// authentic is what dig writes of an answer that a resolver has found secure.
var authentic = regexp.MustCompile(`flags:[^;]* ad[ ;]`)

func status(text string) string {
	if m := regexp.MustCompile(`status: (\w+)`).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return "nothing"
}

// resolver starts unbound, which trusts some records and asks one server for the zone, until stop is called or the test ends.
func (w *world) resolver(t *testing.T, server netip.AddrPort, anchors []string) (at netip.AddrPort, stop func()) {
	t.Helper()
	var text strings.Builder
	for _, a := range anchors {
		fmt.Fprintf(&text, " trust-anchor: %q\n", a)
	}
	fmt.Fprintf(&text, "stub-zone:\n name: %q\n stub-addr: %s@%d\n", w.apex, server.Addr(), server.Port())
	return w.unbound(t, text.String())
}

// unbound starts one with settings of its own, of which the first belong to server.
func (w *world) unbound(t *testing.T, own string) (at netip.AddrPort, stop func()) {
	t.Helper()
	listen, err := peers.Free(peers.NSD)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "conf")
	text := fmt.Sprintf(`server:
 username: ""
 chroot: ""
 directory: %q
 pidfile: ""
 use-syslog: no
 interface: %s@%d
 do-not-query-localhost: no
 access-control: 127.0.0.0/8 allow
 module-config: "validator iterator"
 num-threads: 1
 so-reuseport: no
 qname-minimisation: no
 local-zone: "example." nodefault
%sremote-control:
 control-enable: no
`, dir, listen.Addr(), listen.Port(), own)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("unbound")
	if err != nil {
		path = "/usr/sbin/unbound"
	}
	cmd := exec.Command(path, "-d", "-c", conf)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	t.Cleanup(stop)
	testkit.Until(t, func() string { // it does not say when it listens
		c, err := net.Dial("tcp", listen.String())
		if err != nil {
			return err.Error()
		}
		_ = c.Close()
		return ""
	})
	return listen, stop
}
