package estate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/test/node"
	"github.com/headwaterdns/headwater/test/peers"
)

// reverted is a zone whose secondaries follow wherever it goes.
type reverted struct {
	n    *node.Node
	zone string
	apex wire.Name
	key  *tsig.Key
	secs []*peers.Secondary
}

func (r *reverted) fetch(t *testing.T, since *uint32) *xfr.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := xfr.Fetch(ctx, xfr.Source{Server: r.n.DNS, Zone: r.apex, Local: netip.MustParseAddr("127.0.0.1"), Key: r.key, Serial: since})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// follow waits until each secondary holds what the node hands out.
func (r *reverted) follow(t *testing.T, when string) uint32 {
	t.Helper()
	ours := r.fetch(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, s := range r.secs {
		if err := s.WaitSerial(ctx, r.apex, ours.Serial); err != nil {
			t.Fatalf("%s: %s: %v\n%s", when, s.Program(), err, s.Log())
		}
		theirs, err := s.TransferAt(ctx, r.apex, ours.Serial)
		if err != nil {
			t.Fatalf("%s: %s: %v", when, s.Program(), err)
		}
		if diff, err := peers.Diff(ours.Records, theirs.Records); err != nil || diff != "" {
			t.Fatalf("%s: %s differs: %v\n%s", when, s.Program(), err, diff)
		}
	}
	return ours.Serial
}

// TestSecondariesFollowHistory: four programs follow a zone that goes back to versions of its past, and one that was deleted and came back:
// those that have kept it meanwhile, and one that has it anew. HEADWATER_VERSIONS is how many versions there are to go back to.
func TestSecondariesFollowHistory(t *testing.T) {
	t.Parallel()
	n := node.Must(t, "--notify-interval", "50ms")
	id, key := newKey(t, n, "history.example.")
	programs := peers.Programs()
	listen := make([]netip.AddrPort, len(programs))
	var linked []string
	for i, prog := range programs {
		var err error
		if listen[i], err = peers.Free(prog); err != nil {
			t.Fatal(err)
		}
		linked = append(linked, newPeer(t, n, string(prog), listen[i], id))
	}
	n.Call(t, "POST", "/accounts/"+n.Account+"/secondary_dns/acls", map[string]any{"name": "test", "ip_range": "127.0.0.1/32"}, nil)
	r := &reverted{n: n, zone: newZone(t, n, "back.example", linked...), apex: wire.MustName("back.example"), key: key}
	run := func(i int) *peers.Secondary {
		return peers.Run(t, peers.Config{
			Program: programs[i], Listen: listen[i], Primary: n.DNS, Notifier: netip.MustParseAddr("127.0.0.1"), Zones: []wire.Name{r.apex}, Key: key,
			Refresh: 2 * time.Second, NoIXFR: !programs[i].AnswersAfterIXFR(),
		})
	}
	for i := range programs {
		r.secs = append(r.secs, run(i))
	}
	serials := []uint32{r.follow(t, "at first")}
	versions, steps, back := 6, 0, []int{2, 5, 0, 6, 3}
	if n, err := strconv.Atoi(os.Getenv("HEADWATER_VERSIONS")); err == nil {
		versions, back = n, nil
		for range 40 {
			back = append(back, rand.IntN(n+1))
		}
	}
	for i := range versions {
		n.Call(t, "POST", "/zones/"+r.zone+"/dns_records", map[string]any{"type": "TXT", "name": fmt.Sprint("t", i), "content": fmt.Sprintf("\"%d\"", i)}, nil)
		if versions > 20 && i%20 > 0 { // one in so many is waited for
			serials = append(serials, r.fetch(t, nil).Serial)
			continue
		}
		serials = append(serials, r.follow(t, "changed"))
	}
	for _, to := range back {
		before := r.fetch(t, nil)
		n.Call(t, "POST", "/headwater/v1/zones/"+r.zone+"/revert", map[string]any{"serial": serials[to]}, nil)
		now := r.follow(t, fmt.Sprint("back to ", serials[to]))
		if now == before.Serial && versions > 20 {
			continue // the dice had the same twice
		}
		if !wire.SerialNewer(now, before.Serial) {
			t.Errorf("the serial went from %d to %d", before.Serial, now)
		}
		// What differs in more than the zone has is sent whole.
		switch step := r.fetch(t, &before.Serial); {
		case len(step.Deltas) == 1:
			steps++
		case len(step.Deltas) > 1 || versions <= 20:
			t.Errorf("the revert comes in %d deltas", len(step.Deltas))
		}
	}
	if t.Logf("%d of %d reverts by IXFR", steps, len(back)); steps < len(back)/2 {
		t.Errorf("%d of %d reverts came by IXFR", steps, len(back))
	}
	last := r.fetch(t, nil)
	n.Call(t, "DELETE", "/zones/"+r.zone, nil, nil)
	if err := r.secs[0].Stop(); err != nil {
		t.Fatal(err)
	}
	n.Call(t, "POST", "/headwater/v1/accounts/"+n.Account+"/deleted_zones/"+r.zone+"/undelete", map[string]any{}, nil)
	r.secs[0].Close()
	r.secs[0] = run(0) // without a copy of before
	now := r.follow(t, "undeleted")
	if !wire.SerialNewer(now, last.Serial) {
		t.Errorf("undeleted with serial %d after %d", now, last.Serial)
	}
	n.Call(t, "POST", "/zones/"+r.zone+"/dns_records", map[string]any{"type": "TXT", "name": "after", "content": `"after"`}, nil)
	r.follow(t, "changed after that")
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := n.Run(); err != nil {
		t.Fatal(err)
	}
	r.follow(t, "started anew")
}
