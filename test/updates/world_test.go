package updates

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

const (
	apex    = "example.com."
	keyName = "client.example.com."
	other   = "stranger.example.com."
)

// secret is both keys'.
var secret = base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

// world is a node with a zone, and a key that may do everything there.
type world struct {
	*node.Node
	dir, zone, key, policy string
}

func begin(t *testing.T, flags ...string) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	var err error
	if w.Node, err = node.Start(w.dir, append([]string{"--notify-interval", "1ms"}, flags...)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Kill)
	w.Check(t)
	w.add(t, apex)
	return w
}

func (w *world) add(t *testing.T, zone string) {
	t.Helper()
	var made struct{ ID string }
	w.Call(t, http.MethodPost, "/accounts/"+w.Account+"/secondary_dns/acls", map[string]any{"name": "tests", "ip_range": "127.0.0.0/24"}, nil)
	w.Call(t, http.MethodPost, "/zones", map[string]any{"name": strings.TrimSuffix(zone, ".")}, &made)
	w.zone = made.ID
	w.Call(t, http.MethodPost, w.path("/secondary_dns/outgoing"), map[string]any{"name": strings.TrimSuffix(zone, "."), "peers": []string{}}, nil)
	w.Call(t, http.MethodPost, w.path("/secondary_dns/outgoing/enable"), nil, nil)
	w.Call(t, http.MethodPost, "/accounts/"+w.Account+"/secondary_dns/tsigs", map[string]any{"name": other, "algo": "hmac-sha256.", "secret": secret}, nil)
	w.Call(t, http.MethodPost, "/accounts/"+w.Account+"/secondary_dns/tsigs", map[string]any{"name": keyName, "algo": "hmac-sha256.", "secret": secret}, &made)
	w.key = made.ID
	w.allow(t, map[string]any{"names": []any{map[string]any{"match": "subtree", "name": "@"}}})
	w.allow(t, map[string]any{"names": []any{map[string]any{"match": "subtree", "name": "@"}}, "types": []string{"NS", "SOA", "DS"}})
}

func (w *world) allow(t *testing.T, policy map[string]any) {
	t.Helper()
	policy["tsig_id"] = w.key
	var made struct{ ID string }
	w.Call(t, http.MethodPost, w.own("/update_policies"), policy, &made)
	w.policy = made.ID
}

func (w *world) path(rest string) string { return "/zones/" + w.zone + rest }
func (w *world) own(rest string) string  { return "/headwater/v1/zones/" + w.zone + rest }

// send sends a message and gives the response code; name is the key that it is signed with, empty for none.
func send(t *testing.T, to netip.AddrPort, network, name string, m *dns.Msg) int {
	t.Helper()
	code, err := try(to, network, name, m)
	if err != nil {
		t.Fatalf("%s: %v\n%s", to, err, m)
	}
	return code
}

func try(to netip.AddrPort, network, name string, m *dns.Msg) (int, error) {
	m = m.Copy()
	c := &dns.Client{Net: network, Timeout: 20 * time.Second, TsigSecret: map[string]string{keyName: secret, other: secret}}
	if name != "" {
		m.SetTsig(name, dns.HmacSHA256, 300, time.Now().Unix())
	}
	in, _, err := c.Exchange(m, to.String())
	if in != nil && err == nil {
		return in.Rcode, nil
	}
	if in != nil && in.Rcode == dns.RcodeNotAuth {
		return in.Rcode, nil // BADKEY, BADSIG: not signed
	}
	return 0, err
}

// transfer is a zone's records in order, the SOA first.
func transfer(t *testing.T, from netip.AddrPort) []string {
	t.Helper()
	m := new(dns.Msg)
	m.SetAxfr(apex)
	ch, err := new(dns.Transfer).In(m, from.String())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for e := range ch {
		if e.Error != nil {
			t.Fatalf("transfer from %s: %v", from, e.Error)
		}
		for _, r := range e.RR {
			out = append(out, strings.ToLower(r.String()))
		}
	}
	soa := out[0]
	rest := out[1 : len(out)-1]
	slices.Sort(rest)
	return append([]string{soa}, rest...)
}

// bind starts a BIND that is primary of the zone as it is now, and takes updates of the key.
func bind(t *testing.T, records []string) netip.AddrPort {
	t.Helper()
	path, err := exec.LookPath("named")
	if err != nil {
		path = "/usr/sbin/named"
	}
	at, err := peers.Free(peers.BIND)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	keys := ""
	for _, k := range []string{keyName, other} {
		keys += fmt.Sprintf("key %q { algorithm hmac-sha256; secret %q; };\n", k, secret)
	}
	config := keys + fmt.Sprintf(`options {
	directory %q; listen-on port %d { %s; }; listen-on-v6 { none; }; pid-file none; session-keyfile none; lock-file none;
	recursion no; dnssec-validation no; notify no; allow-query { any; }; allow-transfer { any; };
};
controls { };
zone %q { type primary; file "zone"; check-names ignore; check-integrity no; check-sibling no; allow-update { key %q; }; };
`, dir, at.Port(), at.Addr(), apex, keyName)
	for name, text := range map[string]string{"named.conf": config, "zone": strings.Join(records, "\n") + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(path, "-g", "-c", filepath.Join(dir, "named.conf"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			b, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("BIND said at last:\n%s", b[max(0, len(b)-6000):])
		}
	})
	m := new(dns.Msg)
	m.SetQuestion(apex, dns.TypeSOA)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if in, _, err := new(dns.Client).Exchange(m, at.String()); err == nil && in.Rcode == dns.RcodeSuccess {
			return at
		}
		if time.Now().After(end) {
			b, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("BIND does not answer:\n%s", b)
		}
	}
}

// seed repeats a run; every failure tells it.
func seed(t *testing.T) *rand.Rand {
	t.Helper()
	s := rand.Uint64()
	if given, err := strconv.ParseUint(os.Getenv("HEADWATER_SEED"), 10, 64); err == nil {
		s = given
	}
	t.Logf("HEADWATER_SEED=%d repeats this run", s)
	return rand.New(rand.NewPCG(s, 0))
}

// update is a message with one addition or more.
func update(records ...string) *dns.Msg {
	m := new(dns.Msg)
	m.SetUpdate(apex)
	for _, r := range records {
		m.Ns = append(m.Ns, parsed(r))
	}
	return m
}

func parsed(text string) dns.RR {
	r, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return r
}

// answer is the data of a name and type that we answer.
func answer(t *testing.T, from netip.AddrPort, name string, typ uint16) []string {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, typ)
	in, _, err := (&dns.Client{Net: "tcp", Timeout: 10 * time.Second}).Exchange(m, from.String())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range in.Answer {
		out = append(out, strings.TrimPrefix(r.String(), r.Header().String()))
	}
	slices.Sort(out)
	return out
}
