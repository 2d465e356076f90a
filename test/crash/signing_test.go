package crash

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// TestKilledAmidSigning kills the process at moments all over the first signing of a zone that is too large to be signed at once, over
// and over its change to NSEC3. After each start the zone is as it was or as it shall be, whole; nobody has to ask
// again; and no key is made twice.
func TestKilledAmidSigning(t *testing.T) {
	t.Parallel()
	z := open(t, peers.Knot)
	kind, body := zoneFile(t, 2100, 2) // more than are signed in a change, at half as many names: they take the time
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, z.n.HTTP+"/client/v4/zones/"+z.id+"/dns_records/import", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+node.Token)
	r.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	ours := "/zones/" + z.id + "/dnssec"
	kill := func(what string, done func(s *signed) bool) {
		t.Helper()
		for wait := 2 * time.Millisecond; ; wait = wait * 2 {
			select {
			case <-time.After(wait): // the moment of death is the point
			case <-t.Context().Done():
				t.Fatal(t.Context().Err())
			}
			z.n.Kill()
			if err := z.n.Run(); err != nil {
				t.Fatal(err)
			}
			if s := z.transfer(t); done(s) {
				t.Logf("%s: serial %d after %v", what, s.serial, wait)
				return
			}
		}
	}
	z.n.Call(t, http.MethodPatch, ours, map[string]any{"status": "active"}, nil)
	first := &signed{}
	kill("first signing", func(s *signed) bool { first = s; return s.count[wire.TypeRRSIG] > 0 })
	z.n.Call(t, http.MethodPatch, ours, map[string]any{"dnssec_use_nsec3": true}, nil)
	kill("NSEC3", func(s *signed) bool { return s.count[wire.TypeNSEC3] > 0 })
	s := z.transfer(t)
	if !slices.Equal(s.keys, first.keys) || len(s.keys) != 2 {
		t.Errorf("the keys are %q, and were %q", s.keys, first.keys)
	}
	z.follow(t.Context(), t)
}

// signed is what a transfer shows of signing.
type signed struct {
	serial uint32
	count  map[wire.Type]int
	keys   []string
}

// transfer fetches the zone and wants it whole: signed as validators want it, or without a trace of that.
func (z *zone) transfer(t *testing.T) *signed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := xfr.Fetch(ctx, xfr.Source{Server: z.n.DNS, Zone: apex, Local: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	s := &signed{serial: got.Serial, count: map[wire.Type]int{}}
	var text strings.Builder
	for part := got.Records; len(part) > 0; {
		raw, rest, err := wire.NextRR(part)
		if err != nil {
			t.Fatal(err)
		}
		part = rest
		s.count[raw.Type]++
		line := rr.FormatData(raw.Type, raw.RData)
		if raw.Type == wire.TypeDNSKEY {
			s.keys = append(s.keys, line)
		}
		fmt.Fprintf(&text, "%s %d IN %s %s\n", wire.Name(raw.Owner), raw.TTL, raw.Type, line)
	}
	slices.Sort(s.keys)
	made := s.count[wire.TypeRRSIG] + s.count[wire.TypeNSEC] + s.count[wire.TypeNSEC3] + s.count[wire.TypeDNSKEY]
	if made == 0 {
		return s
	}
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(ctx, "ldns-verify-zone", "-V", "1", file).CombinedOutput(); err != nil {
		t.Fatalf("serial %d does not validate: %v\n%s", s.serial, err, out)
	}
	return s
}
