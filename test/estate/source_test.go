package estate_test

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// BIND knows its primary by one address and takes NOTIFY from no other, least of all from where this server's leave. It follows once it is told
// from there; and a second one, that is to
// be told from an address that this machine has not, is not told from another, and shown with the reason.
func TestBINDTakesNotifyFromItsSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := node.Must(t, "--probe-interval", "500ms", "--notify-interval", "100ms", "--notify-source", "127.0.0.1", "--transfer-listen", "127.0.0.3:0")
	line, err := n.Log().Wait(t.Context(), 0, "msg=ready")
	if err != nil {
		t.Fatal(err)
	}
	port := regexp.MustCompile(`\[127\.0\.0\.3:(\d+)\]`).FindStringSubmatch(line)
	if port == nil {
		t.Fatal(line)
	}
	at, err := peers.Free(peers.BIND)
	if err != nil {
		t.Fatal(err)
	}
	keyID, key := newKey(t, n, "source.example.")
	peer := newPeer(t, n, "bind", at, keyID)
	from := func(peer string, sources ...string) {
		t.Helper()
		body := map[string]any{"transport": "any", "notify": map[string]any{"sources": append([]string{}, sources...)}}
		n.Call(t, "PUT", "/headwater/v1/accounts/"+n.Account+"/peers/"+peer+"/transport", body, nil)
	}
	zone := newZone(t, n, "source.example", peer)
	named(t, dir, fmt.Sprintf(`
key "source.example." { algorithm hmac-sha256; secret %q; };
options {
	directory %q; pid-file none; session-keyfile none; lock-file none; recursion no; dnssec-validation no; notify no;
	listen-on port %d { %s; }; listen-on-v6 { none; };
	transfer-source %[4]s; query-source address %[4]s; min-refresh-time 3600;
};
controls { };
zone "source.example" {
	type secondary; file "zone"; primaries { 127.0.0.3 port %[5]s key "source.example."; };
};
`, base64.StdEncoding.EncodeToString(key.Secret), dir, at.Port(), at.Addr(), port[1]))
	apex := wire.MustName("source.example")
	until := func(what string, ok func(s *secondaries) bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			s := standing(t, n, zone)
			if ok(&s) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %+v\n%s", what, s, n.Log())
			}
		}
	}
	has := func(s *secondaries) bool {
		got, err := peers.Serial(t.Context(), at, apex)
		return err == nil && got == s.Serial
	}
	until("BIND has the zone", has)
	change := func(i int) {
		t.Helper()
		n.Call(t, "POST", "/zones/"+zone+"/dns_records", map[string]any{"type": "TXT", "name": fmt.Sprint("t", i), "content": `"x"`}, nil)
	}
	answers := func(s *secondaries, i int, want string) bool {
		return s.Peers[i].LastNotify != nil && strings.Contains(s.Peers[i].LastNotify.Answer, want)
	}
	// From here on BIND asks because it is told, and for no other reason.
	change(0)
	until("it refuses NOTIFY from elsewhere", func(s *secondaries) bool { return answers(s, 0, "REFUSED") && !has(s) })
	from(peer, "127.0.0.3")
	change(1)
	until("it follows", func(s *secondaries) bool { return answers(s, 0, "NOERROR") && has(s) })
	other, err := peers.Free(peers.NSD)
	if err != nil {
		t.Fatal(err)
	}
	absent := newPeer(t, n, "absent", other, keyID)
	from(absent, "192.0.2.77")
	n.Call(t, "PUT", "/zones/"+zone+"/secondary_dns/outgoing", map[string]any{"name": "source.example", "peers": []string{peer, absent}}, nil)
	change(2)
	until("the other one's state tells why", func(s *secondaries) bool {
		return len(s.Peers) == 2 && answers(s, 1, "it cannot leave from 192.0.2.77") && answers(s, 0, "NOERROR") && has(s)
	})
}
