package rules_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

// number is that of an environment variable, or another.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAcceptedIsLoaded is what the package is for.
func TestAcceptedIsLoaded(t *testing.T) {
	t.Parallel()
	seed := number(t, "HEADWATER_SEED", rand.Uint64())
	t.Logf("HEADWATER_SEED=%d", seed)
	d := rand.New(rand.NewPCG(seed, 0))
	each := int(number(t, "HEADWATER_RULES", 6))
	w := newWorld(t)
	for range each {
		for _, c := range []candidate{pairs(d, 8), apex(d), apex(d)} {
			for _, way := range []string{"post", "batch", "import"} {
				w.make(t, c, way)
			}
		}
	}
	for _, c := range everyType(d, 2*each) {
		w.make(t, candidate{c.title, [][]record{flat(c.groups)}}, "import")
	}
	w.told(t)
	secs := map[peers.Program]*peers.Secondary{}
	var apexes []wire.Name
	for _, z := range w.made() {
		apexes = append(apexes, wire.MustName(z.name))
	}
	for prog, addr := range w.listen {
		secs[prog] = peers.Run(t, peers.Config{
			Program: prog, Listen: addr, Primary: w.DNS, Zones: apexes, Refresh: time.Hour, AsShipped: true,
			NoIXFR: prog == peers.PowerDNS, // its default
		})
	}
	w.loaded(t, secs)
	w.checkers(t)
	for _, z := range w.made() { // and what comes after
		w.Call(t, "POST", "/zones/"+z.id+"/dns_records", map[string]any{"name": z.name, "type": "TXT", "content": "later"}, nil)
	}
	w.loaded(t, secs)
}

func flat(groups [][]record) (out []record) {
	for _, g := range groups {
		out = append(out, g...)
	}
	return out
}

// made are the zones that something was accepted of.
func (w *world) made() (out []*made) {
	for i := range w.zones {
		if w.zones[i].accepted > 0 {
			out = append(out, &w.zones[i])
		}
	}
	return out
}

// told logs how much was accepted, and that neither side of the rules was left out.
func (w *world) told(t *testing.T) {
	t.Helper()
	asked, accepted, critical := 0, 0, 0
	for i := range w.zones {
		asked += len(flat(w.zones[i].groups))
		accepted += w.zones[i].accepted
		critical += len(w.zones[i].critical)
	}
	t.Logf("after %v: %d zones, %d records asked for, %d accepted, %d critical findings", time.Since(w.start).Round(time.Millisecond), len(w.made()), asked, accepted, critical)
	if accepted < asked/10 || accepted > asked*9/10 || critical == 0 {
		t.Error("the generator is too tame, or too wild, to show anything")
	}
}

// loadTime is how long all zones may take to be everywhere; it takes a few seconds.
const loadTime = testkit.Patience

// loaded waits until all secondaries hold all zones as we transfer them.
func (w *world) loaded(t *testing.T, secs map[peers.Program]*peers.Secondary) {
	t.Helper()
	start := time.Now()
	var wg sync.WaitGroup
	for _, s := range secs {
		wg.Go(func() {
			end := time.Now().Add(loadTime)
			for _, z := range w.made() {
				// When time is over the rest must be there.
				ctx, cancel := context.WithDeadline(t.Context(), later(end, time.Now().Add(time.Second)))
				if err := w.follows(ctx, t, s, z); err != nil {
					t.Errorf("%s does not take %s: %v\n%s\n%s", s.Program(), z, err, said(s, z.name), file(t, w.transfer(t, z.name).Records))
				}
				cancel()
			}
			t.Logf("%s has them after %v", s.Program(), time.Since(start).Round(time.Millisecond))
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// folded makes records small: NSD folds names in the RDATA of more types than others.
func folded(t *testing.T, records []byte) (out []byte) {
	t.Helper()
	for len(records) > 0 {
		r, rest, err := wire.NextRR(records)
		if err != nil {
			t.Fatal(err)
		}
		records, r.RData = rest, bytes.Clone(r.RData)
		for i, c := range r.RData {
			if c >= 'A' && c <= 'Z' {
				r.RData[i] = c | 0x20
			}
		}
		out = r.Append(out)
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// said is what a secondary's log has on a zone, at first.
func said(s *peers.Secondary, zone string) string {
	var out []string
	for line := range strings.Lines(s.Log()) {
		if strings.Contains(line, zone) && len(out) < 8 {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return strings.Join(out, "\n")
}

func (w *world) follows(ctx context.Context, t *testing.T, s *peers.Secondary, z *made) error {
	t.Helper()
	want, name := w.transfer(t, z.name), wire.MustName(z.name)
	if err := s.WaitSerial(ctx, name, want.Serial); err != nil {
		return err
	}
	got, err := s.TransferAt(ctx, name, want.Serial)
	if err != nil {
		return err
	}
	diff, err := peers.Diff(folded(t, want.Records), folded(t, got.Records))
	if err == nil && diff != "" {
		err = fmt.Errorf("it holds another zone:\n%s", diff)
	}
	return err
}

// checkers gives what is transferred to the programs that check zone files. Their rules for primaries, such as names of
// hosts and addresses behind MX, are left out where that can be said.
func (w *world) checkers(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	work := make(chan *made)
	var wg sync.WaitGroup
	for range runtime.NumCPU() {
		wg.Go(func() {
			for z := range work {
				text := file(t, w.transfer(t, z.name).Records)
				path := filepath.Join(dir, z.name)
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Error(err)
					continue
				}
				for _, args := range [][]string{
					{"named-checkzone", "-k", "ignore", "-i", "none", z.name, path},
					{"nsd-checkzone", z.name, path},
					{"kzonecheck", "-o", z.name, path},
				} {
					if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
						t.Errorf("%s refuses %s: %v\n%s\n%s", args[0], z, err, out, text)
					}
				}
			}
		})
	}
	for _, z := range w.made() {
		work <- z
	}
	close(work)
	wg.Wait()
}
