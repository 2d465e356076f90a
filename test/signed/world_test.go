package signed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// world is a node with a zone that secondaries follow.
type world struct {
	*node.Node
	dir  string
	apex wire.Name
	zone string // its id
	seed uint64
}

// seed repeats a run; every failure tells it.
func seed(t *testing.T) uint64 {
	t.Helper()
	if s, err := strconv.ParseUint(os.Getenv("HEADWATER_SEED"), 10, 64); err == nil {
		return s
	}
	s := rand.Uint64()
	t.Logf("HEADWATER_SEED=%d repeats this run", s)
	return s
}

// begin starts a node without a zone.
func begin(t *testing.T) *world { return beginWith(t) }

// beginWith is begin with more flags.
func beginWith(t *testing.T, flags ...string) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), seed: seed(t)}
	var err error
	if w.Node, err = node.Start(w.dir, append([]string{"--notify-interval", "1ms", "--probe-interval", "1s"}, flags...)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Kill)
	w.Check(t)
	w.Call(t, http.MethodPost, "/accounts/"+w.Account+"/secondary_dns/acls", map[string]any{"name": "tests", "ip_range": "127.0.0.0/24"}, nil)
	return w
}

// add makes a zone, which the world is about from then on.
func (w *world) add(t *testing.T, name string) {
	t.Helper()
	var made struct{ ID string }
	w.Call(t, http.MethodPost, "/zones", map[string]any{"name": name}, &made)
	w.apex, w.zone = wire.MustName(name), made.ID
}

// fill imports a file into the zone.
func (w *world) fill(t *testing.T, file string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "zone")
	if err == nil {
		_, err = part.Write([]byte(file))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.Do(t.Context(), http.MethodPost, w.path("/dns_records/import"), body.Bytes(), [2]string{"Content-Type", form.FormDataContentType()})
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("import: %v, %s", err, a.Body)
	}
}

func (w *world) path(rest string) string { return "/zones/" + w.zone + rest }

// link makes a peer for each address, and switches transfers to them on.
func (w *world) link(t *testing.T, at map[peers.Program]netip.AddrPort) {
	t.Helper()
	ids := []string{}
	for prog, addr := range at {
		var made struct{ ID string }
		w.Call(t, http.MethodPost, "/accounts/"+w.Account+"/secondary_dns/peers", map[string]any{
			"name": string(prog), "ip": addr.Addr().String(), "port": addr.Port(),
		}, &made)
		ids = append(ids, made.ID)
	}
	w.Call(t, http.MethodPost, w.path("/secondary_dns/outgoing"), map[string]any{"name": w.apex.Host(), "peers": ids}, nil)
	w.Call(t, http.MethodPost, w.path("/secondary_dns/outgoing/enable"), nil, nil)
}

func (w *world) serial(t *testing.T) uint32 {
	t.Helper()
	s, err := peers.Serial(t.Context(), w.DNS, w.apex)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sign switches DNSSEC on and waits until the zone is signed.
func (w *world) sign(t *testing.T) {
	t.Helper()
	w.Call(t, http.MethodPatch, w.path("/dnssec"), map[string]any{"status": "active"}, nil)
	w.waitSigned(t)
}

func (w *world) waitSigned(t *testing.T) {
	t.Helper()
	testkit.Until(t, func() string {
		if out := dig(t, w.DNS, "+dnssec", w.apex.String(), "SOA"); !strings.Contains(out, "RRSIG") {
			return "the SOA has no signature:\n" + out
		}
		return ""
	})
}

func dig(t *testing.T, at netip.AddrPort, args ...string) string {
	t.Helper()
	args = append([]string{"@" + at.Addr().String(), "-p", fmt.Sprint(at.Port()), "+tries=3", "+time=5", "+nocookie"}, args...)
	out, err := testkit.Dig(t, args...)
	if err != nil {
		t.Fatalf("dig %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// anchor is the zone's key that signs its keys, as the DNS tells it: the tests trust nothing else.
func (w *world) anchor(t *testing.T) (flags, algorithm, key string) {
	t.Helper()
	for line := range strings.Lines(dig(t, w.DNS, "+short", "+tcp", w.apex.String(), "DNSKEY")) {
		if f := strings.Fields(line); len(f) > 3 && f[0] == "257" {
			return f[0], f[2], strings.Join(f[3:], "")
		}
	}
	t.Fatal("the zone has no key with the SEP flag")
	return "", "", ""
}

// unglued is what Knot's checker says of delegations to names below them that have no address: the random ones have none.
var unglued = regexp.MustCompile(`(?m)^\[.*\] missing glue record$`)

// verified writes what a server hands out by AXFR to a file, and has three programs verify it.
func (w *world) verified(t *testing.T, at netip.AddrPort, who string) {
	t.Helper()
	dir := t.TempDir()
	text := dig(t, at, "AXFR", w.apex.String(), "+onesoa")
	if err := os.WriteFile(filepath.Join(dir, "zone"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"dnssec-verify", "-o", w.apex.String(), "zone"},
		{"kzonecheck", "-d", "on", "-o", w.apex.String(), "zone"},
		{"ldns-verify-zone", "-V", "2", "zone"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		cancel()
		if args[0] == "kzonecheck" && err != nil && !strings.Contains(unglued.ReplaceAllString(string(out), ""), "[") {
			err = nil
		}
		if err != nil {
			t.Fatalf("%s of what %s has: %v\n%s\n%.4000s", args[0], who, err, out, text)
		}
	}
}

// madeID is the id of a record in an answer of the API.
func madeID(t *testing.T, result json.RawMessage) string {
	t.Helper()
	var made struct{ ID string }
	if err := json.Unmarshal(result, &made); err != nil || made.ID == "" {
		t.Fatalf("%v: %s", err, result)
	}
	return made.ID
}
