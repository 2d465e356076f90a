package parent_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/control/parent"
	"github.com/headwaterdns/headwater/internal/dns/dnssec"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/peers"
)

const child = "child.test."

func keyOf(octet byte) *dnssec.DNSKEY {
	return &dnssec.DNSKEY{Flags: 257, Algorithm: 13, Public: []byte(strings.Repeat(string(octet), 64))}
}

// TestBINDAsParent asks BIND, which serves parent and child at one address: the DS set is large, so that it comes cut over UDP
// first, and another zone has none.
func TestBINDAsParent(t *testing.T) {
	t.Parallel()
	named, err := peers.BIND.Find()
	if err != nil {
		t.Skip(err)
	}
	addr, err := peers.Free(peers.BIND)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const head = "$TTL 300\n@ SOA ns.nic.test. h.nic.test. 1 3600 600 86400 60\n@ NS ns.nic.test.\n"
	text := head + "ns.nic A 127.0.0.1\nchild NS ns.child\nns.child A 127.0.0.1\nplain NS ns.child\n"
	last := keyOf('A')
	for i := range 30 {
		last = keyOf(byte('A' + i))
		for _, digest := range []dnssec.Digest{dnssec.SHA256, dnssec.SHA384} {
			d := last.DS(wire.MustName(child), digest)
			text += fmt.Sprintf("child 86400 DS %d 13 %d %X\n", last.Tag(), d[3], d[4:])
		}
	}
	write("test.zone", text)
	write("child.zone", head)
	write("named.conf", fmt.Sprintf(`options { directory %q; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; recursion no;
	pid-file none; session-keyfile none; lock-file none; notify no; dnssec-validation no; };
controls { };
zone "test" { type primary; file "test.zone"; };
zone "child.test" { type primary; file "child.zone"; };
zone "plain.test" { type primary; file "child.zone"; };
`, dir, addr.Port()))
	cmd := exec.CommandContext(t.Context(), named, "-f", "-c", filepath.Join(dir, "named.conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })

	f := parent.New(parent.Config{
		Ask: func(ctx context.Context, _, name wire.Name, t wire.Type) ([]byte, bool, error) {
			m := new(dns.Msg).SetQuestion(name.String(), uint16(t))
			answer, _, err := (&dns.Client{Timeout: 5 * time.Second}).ExchangeContext(ctx, m, addr.String())
			if err != nil {
				return nil, false, err
			}
			b, err := answer.Pack()
			return b, false, err
		},
		Addresses: func(context.Context, wire.Name, wire.Name) ([]netip.Addr, error) {
			return []netip.Addr{addr.Addr()}, nil
		},
		Port: addr.Port(), Timeout: 5 * time.Second, Allowed: func(netip.Addr) bool { return true },
	})
	var got parent.Answer
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got, err = f.DS(t.Context(), wire.MustName(child)); err == nil && got.Complete() {
			break
		}
	}
	if err != nil || got.Key(last) != parent.Everywhere || got.Key(keyOf('z')) != parent.Nowhere || got.TTL() != 24*time.Hour || len(got.Seen[0].DS) != 60 {
		t.Errorf("%v: %s, %s, %v, %+v", err, got.Key(last), got.Key(keyOf('z')), got.TTL(), got.Seen)
	}
	if got, err = f.DS(t.Context(), wire.MustName("plain.test.")); err != nil || got.Any() != parent.Nowhere {
		t.Errorf("without DS: %+v, %v", got, err)
	}
}
