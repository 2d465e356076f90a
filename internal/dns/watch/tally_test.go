package watch_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func versionOf(t *testing.T, name string, serial uint32) *zone.Version {
	t.Helper()
	apex := wire.MustName(name)
	v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa(serial)}}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCountCostsWhatHasMoved has things happen to some of 10,000 zones: who counts then looks at those alone, and comes to what
// a look at every zone comes to.
func TestCountCostsWhatHasMoved(t *testing.T) {
	t.Parallel()
	const zones = 10_000
	r := rand.New(rand.NewPCG(3, 5))
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{ID: "acc", Peers: map[string]zone.Peer{
		"p": {ID: "p", Addr: netip.MustParseAddrPort("192.0.2.1:53")}, "q": {ID: "q"},
	}})
	w := watch.New(watch.Config{DB: db})
	name := func(i int) string { return fmt.Sprintf("z%d.example", i) }
	reset := func(i int, serial uint32) {
		v := versionOf(t, name(i), serial)
		w.Moved(db.Reset(name(i), "acc", uint64(serial), v, v, zone.Links{Enabled: i%4 > 0, Peers: []string{"p", "q"}}, nil))
	}
	for i := range zones {
		reset(i, 1)
	}
	if n := w.Recount(); n < zones {
		t.Errorf("the first count looked at %d zones", n)
	}
	if n := w.Recount(); n != 0 {
		t.Errorf("a count after nothing looked at %d zones", n)
	}
	for round := range 20 {
		moved := map[int]bool{}
		for range 10 {
			i := r.IntN(zones)
			moved[i] = true
			z := db.ByID(name(i))
			switch r.IntN(6) {
			case 0:
				reset(i, uint32(round+2))
			case 1:
				if z != nil {
					w.Moved(db.SetLinks(z.ID, z.State().Seq, zone.Links{Enabled: r.IntN(2) == 0, Peers: []string{"p"}[:r.IntN(2)]}))
				}
			case 2:
				db.Remove(name(i))
				w.Forget(name(i))
			case 3:
				w.Notified(name(i), notify.Status{Peer: "p", Outcome: notify.Refused, Answer: "REFUSED"})
			case 4:
				w.Transferred(xfr.Report{ZoneID: name(i), TCP: true, Client: client("p"), Kind: xfr.AXFR, To: 1})
			default:
				if z != nil {
					w.Probed(z, "p", "no answer")
				}
			}
		}
		if n := w.Recount(); n > len(moved) {
			t.Errorf("%d zones have moved, and %d were looked at", len(moved), n)
		}
		want := map[watch.State]int{}
		for _, s := range watch.States() {
			want[s] = 0
		}
		db.All(func(z *zone.Zone) bool {
			if z.State().Links.Enabled {
				for _, v := range w.Peers(z) {
					want[v.State]++
				}
			}
			return true
		})
		if peers, _ := w.Count(); testkit.Diff(peers, want) != "" {
			t.Fatalf("round %d: %s", round, testkit.Diff(want, peers))
		}
	}
}
