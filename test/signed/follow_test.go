package signed

import (
	"context"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/test/peers"
)

// steps is how many changes the zone sees; Knot validates each version.
func steps() int {
	if n, err := strconv.Atoi(os.Getenv("HEADWATER_SIGNED")); err == nil && n > 0 {
		return n
	}
	return 40
}

// TestEveryVersionValidates signs a zone through the API and changes it. Knot takes every version, by IXFR, with its own validation
// on; BIND and NSD have the same in the end; checkers of three houses verify it; and validators believe every kind of answer
// from us, from these and from PowerDNS.
func TestEveryVersionValidates(t *testing.T) {
	t.Parallel()
	w := begin(t)
	w.add(t, "signed.example")
	c := newChanges(w)
	questions := c.kinds(t)
	for range 25 {
		c.next(t)
	}
	at := map[peers.Program]netip.AddrPort{}
	for _, prog := range peers.Programs() {
		addr, err := peers.Free(prog)
		if err != nil {
			t.Fatal(err)
		}
		at[prog] = addr
	}
	w.link(t, at)
	w.sign(t)
	var all []*peers.Secondary
	var knot *peers.Secondary
	for _, prog := range peers.Programs() {
		s := peers.Run(t, peers.Config{
			Program: prog, Listen: at[prog], Primary: w.DNS, Zones: []wire.Name{w.apex}, Refresh: 5 * time.Second, Validate: prog == peers.Knot,
		})
		if all = append(all, s); prog == peers.Knot {
			knot = s
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	took := func(s *peers.Secondary) {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if err := s.WaitSerial(ctx, w.apex, w.serial(t)); err != nil {
			t.Fatalf("%s does not take our version: %v", s.Program(), err)
		}
	}
	took(knot)
	n := steps()
	for i := range n {
		c.next(t)
		took(knot)
		if i%500 == 499 {
			w.verified(t, w.DNS, "the primary")
		}
	}
	for _, s := range all {
		took(s)
	}
	whole, increments := transfers(knot)
	t.Logf("%d changes: Knot took the zone whole %d times, and %d increments", n, whole, increments)
	if whole > 2 || increments < n/2 {
		t.Errorf("Knot took %d whole zones, %d IXFRs, of %d changes", whole, increments, n)
	}
	w.alike(t, all)
	w.verified(t, w.DNS, "the primary")
	w.believed(t, "the primary", w.DNS, questions)
	for _, s := range all {
		w.believed(t, string(s.Program()), s.Addr(), questions)
	}
}

// transfers counts what Knot says that it took.
func transfers(knot *peers.Secondary) (whole, steps int) {
	for line := range strings.Lines(knot.Log()) {
		switch {
		case strings.Contains(line, "AXFR, incoming") && strings.Contains(line, "finished"):
			whole++
		case strings.Contains(line, "IXFR, incoming") && strings.Contains(line, "finished"):
			steps++
		}
	}
	return whole, steps
}

// alike holds what secondaries hand out against what we do. PowerDNS makes NSEC records itself, so that it is only asked.
func (w *world) alike(t *testing.T, all []*peers.Secondary) {
	t.Helper()
	want, err := xfr.Fetch(t.Context(), xfr.Source{Server: w.DNS, Zone: w.apex})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Program() == peers.PowerDNS {
			continue
		}
		got, err := s.TransferAt(t.Context(), w.apex, want.Serial)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := peers.Diff(want.Records, got.Records); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", s.Program(), err, d)
		}
	}
}
