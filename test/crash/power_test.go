package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/cli"
	"github.com/headwaterdns/headwater/test/node"
)

// Variables that make this program the server over a lossy disk: the folder of what is synced, and the number of how SQLite is
// to sync, if not as the program chooses (https://sqlite.org/pragma.html#pragma_synchronous).
const (
	platterVar     = "LOSSY_PLATTER"
	synchronousVar = "LOSSY_SYNCHRONOUS"
)

func TestMain(m *testing.M) {
	if platter := os.Getenv(platterVar); platter != "" {
		os.Exit(serve(platter))
	}
	os.Exit(m.Run())
}

func serve(platter string) int {
	if err := lossy.mount(platter); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	lossy.synchronous = os.Getenv(synchronousVar)
	return cli.Run("test", os.Args[1:], os.Stdout, os.Stderr)
}

// TestPowerCut lets the machine lose its power, at random moments, while several clients write. What was acknowledged is
// there; and the test would notice a sync that is left out: with another setting of SQLite's it loses changes.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, synchronous string
		rounds            int
		loses             bool
	}{
		{"as the program syncs", "", 12, false},
		{"without syncing commits", "1", 12, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lost := cutPower(t, c.synchronous, c.rounds)
			switch {
			case c.loses && lost == 0:
				t.Error("nothing is lost without syncs: this test proves nothing")
			case !c.loses && lost > 0:
				t.Errorf("%d acknowledged changes are lost", lost)
			}
			t.Logf("%d acknowledged changes lost", lost)
		})
	}
}

// cutPower counts the acknowledged records that are lost, or are there again, in so many rounds. It ends with the first round
// of a loss.
func cutPower(t *testing.T, synchronous string, rounds int) (lost int) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("HEADWATER_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("HEADWATER_SEED=%d", seed)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder, platter := t.TempDir(), t.TempDir()
	n, err := node.StartAs(self, []string{platterVar + "=" + platter, synchronousVar + "=" + synchronous}, folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	z := &zone{n: n}
	var made struct{ ID string }
	n.Call(t, http.MethodPost, "/zones", map[string]any{"name": apex.Host()}, &made)
	z.id = made.ID
	if synchronous != "" { // what follows is about records: the zone is to be there
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := n.Run(); err != nil {
			t.Fatal(err)
		}
	}
	l := &ledger{records: map[string]record{}}
	r := rand.New(rand.NewPCG(seed, 0))
	for round := range rounds {
		var wg sync.WaitGroup
		writing, stop := context.WithCancel(t.Context())
		for w := range writers {
			own := rand.New(rand.NewPCG(seed, uint64(round*writers+w+1)))
			wg.Go(func() { z.write(writing, own, round, w, l) })
		}
		<-time.After(time.Duration(20+r.IntN(300)) * time.Millisecond) // the moment is the point
		n.Kill()
		stop()
		wg.Wait()
		luck := r
		if round%2 == 0 {
			luck = nil // nothing but what was synced
		}
		powerCut(t, folder, platter, luck)
		if err := n.Run(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if lost = z.lost(t, l); lost > 0 {
			return lost
		}
	}
	return 0
}

// lost is check for those who expect losses.
func (z *zone) lost(t *testing.T, l *ledger) (n int) {
	t.Helper()
	losses := &counted{TB: t}
	z.check(losses, l)
	if losses.n > 0 {
		t.Log(losses.first)
	}
	return losses.n
}

// counted counts errors.
type counted struct {
	testing.TB
	n     int
	first string
}

func (c *counted) Errorf(format string, args ...any) {
	if c.n++; c.n == 1 {
		c.first = fmt.Sprintf(format, args...)
	}
}
