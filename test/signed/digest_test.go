package signed

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

// TestDigests has a zone carry a digest of itself: unsigned, then signed with NSEC and with NSEC3, and with answers that differ from
// what secondaries get. Knot takes each version by IXFR once its digest is right; ldns verifies what stands in the end, with the
// signature of the digest; a peer that gets zones stripped gets none; and it goes when nobody wants it any more.
func TestDigests(t *testing.T) {
	t.Parallel()
	w := beginWith(t, "--edge-addresses", "192.0.2.99")
	w.add(t, "digest.example")
	c := newChanges(w)
	for range 25 {
		c.next(t)
	}
	w.Call(t, http.MethodPost, w.path("/dns_records"), map[string]any{"type": "A", "name": "hidden.digest.example", "content": "192.0.2.7", "proxied": true}, nil)
	at, err := peers.Free(peers.Knot)
	if err != nil {
		t.Fatal(err)
	}
	w.link(t, map[peers.Program]netip.AddrPort{peers.Knot: at})
	w.Call(t, http.MethodPut, "/headwater/v1"+w.path("/zonemd"), map[string]any{"enabled": true}, nil)
	knot := peers.Run(t, peers.Config{
		Program: peers.Knot, Listen: at, Primary: w.DNS, Zones: []wire.Name{w.apex}, Refresh: 5 * time.Second, Digest: true,
	})
	took := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := knot.WaitSerial(ctx, w.apex, w.serial(t)); err != nil {
			t.Fatalf("Knot does not take our version: %v\n%s", err, knot.Log())
		}
	}
	for _, step := range []struct {
		name   string
		do     func()
		strict bool
	}{
		{"unsigned", func() {}, false},
		{"signed", func() { w.sign(t) }, true},
		{"NSEC3", func() {
			w.Call(t, http.MethodPatch, w.path("/dnssec"), map[string]any{"dnssec_use_nsec3": true}, nil)
			testkit.Until(t, func() string {
				if out := dig(t, w.DNS, w.apex.String(), "NSEC3PARAM"); !strings.Contains(out, "ANSWER: 1") {
					return out
				}
				return ""
			})
		}, true},
	} {
		step.do()
		for range 12 {
			c.next(t)
			took()
			w.digested(t, step.name)
		}
		w.verifyDigest(t, step.name, step.strict)
	}
	if whole, increments := transfers(knot); whole > 3 || increments < 20 {
		t.Errorf("Knot took %d whole zones, %d IXFRs", whole, increments)
	}
	w.Call(t, http.MethodPut, "/headwater/v1"+w.path("/zonemd"), map[string]any{"enabled": false}, nil)
	testkit.Until(t, func() string {
		if out := dig(t, w.DNS, w.apex.String(), "ZONEMD"); !strings.Contains(out, "ANSWER: 0") {
			return out
		}
		return ""
	})
	w.verified(t, w.DNS, "the primary")
}

// digested wants the answer to be what is transferred, and the API to tell the same.
func (w *world) digested(t *testing.T, what string) {
	t.Helper()
	var is struct {
		Enabled bool
		Serial  uint32
		Digest  string
	}
	w.Call(t, http.MethodGet, "/headwater/v1"+w.path("/zonemd"), nil, &is)
	out := strings.ToLower(strings.ReplaceAll(dig(t, w.DNS, "+short", w.apex.String(), "ZONEMD"), " ", ""))
	if serial := w.serial(t); !is.Enabled || is.Serial != serial || !strings.Contains(out, fmt.Sprintf("%d11%s", serial, is.Digest)) {
		t.Errorf("%s: serial %d, %+v, answered %s", what, serial, is, out)
	}
}

// verifyDigest has ldns verify the digest of what we hand out, and its signature where it must have one; PowerDNS and unbound verify the
// digest, too, and unbound takes nothing that is another than was digested.
func (w *world) verifyDigest(t *testing.T, what string, strict bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	file := filepath.Join(t.TempDir(), "zone")
	text := dig(t, w.DNS, "AXFR", w.apex.String(), "+onesoa")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := "-Z"
	if strict {
		flags = "-ZZ"
	}
	out, err := exec.CommandContext(ctx, "ldns-verify-zone", flags, "-V", "2", file).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s\n%s", what, err, out, text)
	}
	plain := filepath.Join(t.TempDir(), "plain") // PowerDNS does not read all words that dig writes
	raw := regexp.MustCompile(`(?m)\sCLASS1\s`).ReplaceAllString(dig(t, w.DNS, "AXFR", w.apex.String(), "+onesoa", "+unknownformat", "+nosplit"), " IN ")
	if err := os.WriteFile(plain, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	pdns := t.TempDir() // a configuration that is none, whatever the machine has
	if err := os.WriteFile(filepath.Join(pdns, "pdns.conf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = exec.CommandContext(ctx, "pdnsutil", "--config-dir="+pdns, "zonemd-verify-file", strings.TrimSuffix(w.apex.String(), "."), plain).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Verification of ZONEMD record succeeded") {
		t.Errorf("%s: PowerDNS: %v\n%s", what, err, out)
	}
	if got := w.held(t, file); got != "NOERROR" {
		t.Errorf("%s: unbound answers %s\n%s", what, got, text)
	}
	forged := strings.Replace(text, "192.0.2.", "198.51.100.", 1)
	if forged == text {
		t.Fatal("nothing to forge")
	}
	if err := os.WriteFile(file, []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := w.held(t, file); got != "SERVFAIL" {
		t.Errorf("%s: of a forged zone unbound answers %s", what, got)
	}
}

// held is unbound's answer to who asks for the SOA of a zone that it has from a file, and takes for no more than its digest shows.
func (w *world) held(t *testing.T, file string) string {
	t.Helper()
	at, stop := w.unbound(t, fmt.Sprintf(`auth-zone:
 name: %q
 zonefile: %q
 zonemd-check: yes
 zonemd-reject-absence: yes
`, w.apex, file))
	defer stop()
	return status(dig(t, at, w.apex.String(), "SOA"))
}

// TestDigestsAreBounded: a zone that is larger than the limit gets no digest, and one that has a digest does not grow beyond it; both are
// told, nothing is changed, and what makes the zone smaller is taken.
func TestDigestsAreBounded(t *testing.T) {
	t.Parallel()
	w := beginWith(t, "--zonemd-octets", "4000")
	w.add(t, "bounded.example")
	put := func(on bool) (status int, code string) {
		a, err := w.Do(t.Context(), http.MethodPut, "/headwater/v1"+w.path("/zonemd"), map[string]any{"enabled": on})
		if err != nil {
			t.Fatal(err)
		}
		return a.Status, string(a.Body)
	}
	add := func(i int) (id string, status int, text string) {
		a, err := w.Do(t.Context(), http.MethodPost, w.path("/dns_records"), body(fmt.Sprintf("t%d.bounded.example", i), wire.TypeTXT, 300, `"`+strings.Repeat("x", 200)+`"`))
		if err != nil {
			t.Fatal(err)
		}
		if a.Status == http.StatusOK {
			id = madeID(t, a.Result)
		}
		return id, a.Status, string(a.Body)
	}
	if status, text := put(true); status != http.StatusOK {
		t.Fatal(text)
	}
	var ids []string
	for i := range 100 {
		id, status, text := add(i)
		if status == http.StatusOK {
			ids = append(ids, id)
			continue
		}
		if status != http.StatusBadRequest || !strings.Contains(text, "13039") || i < 5 || i > 20 {
			t.Fatalf("record %d: %s", i, text)
		}
		break
	}
	before := w.serial(t)
	if _, status, _ := add(99); status != http.StatusBadRequest || w.serial(t) != before {
		t.Errorf("it grows beyond: %d", status)
	}
	w.digested(t, "full")
	if status, text := put(false); status != http.StatusOK {
		t.Fatal(text)
	}
	for i := range 5 {
		id, status, text := add(200 + i)
		if status != http.StatusOK {
			t.Fatal(text)
		}
		ids = append(ids, id)
	}
	if status, text := put(true); status != http.StatusBadRequest || !strings.Contains(text, "13039") {
		t.Errorf("%d: %s", status, text)
	}
	for _, id := range ids[:8] {
		w.Call(t, http.MethodDelete, w.path("/dns_records/"+id), nil, nil)
	}
	if status, text := put(true); status != http.StatusOK {
		t.Errorf("%d: %s", status, text)
	}
	w.digested(t, "smaller")
}
