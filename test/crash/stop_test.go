package crash

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/test/peers"
)

// TestHistoryOutlivesTheProcess ends a node in its two ways and starts it again: the zone is the same, and a secondary that
// was away gets what it has missed, not the zone. An orderly end leaves images behind, a crash the journal alone.
func TestHistoryOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	z := open(t, peers.NSD)
	fetch := func(serial *uint32) *xfr.Result {
		t.Helper()
		r, err := xfr.Fetch(ctx, xfr.Source{Server: z.n.DNS, Zone: apex, Local: netip.MustParseAddr("127.0.0.1"), Serial: serial})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	add := func(n int) {
		t.Helper()
		for i := range n {
			body := map[string]any{"type": "TXT", "name": fmt.Sprintf("h%d", i), "content": fmt.Sprint(time.Now().UnixNano())}
			z.n.Call(t, http.MethodPost, "/zones/"+z.id+"/dns_records", body, nil)
		}
	}
	killed := func() error { z.n.Kill(); return nil }
	add(100) // so that what is missed is less than the zone
	for i, end := range []func() error{z.n.Stop, killed, z.n.Stop, z.n.Stop, killed, killed} {
		serial := fetch(nil).Serial
		add(5)
		before := fetch(nil)
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if err := z.n.Run(); err != nil {
			t.Fatal(err)
		}
		missed := fetch(&serial)
		if missed.Kind != xfr.IXFR || missed.Serial != before.Serial {
			t.Errorf("end %d: %s to %d instead of IXFR from %d to %d", i, missed.Kind, missed.Serial, serial, before.Serial)
		}
		if diff, err := peers.Diff(before.Records, fetch(nil).Records); err != nil || diff != "" {
			t.Errorf("end %d: another zone: %v\n%s", i, err, diff)
		}
	}
	z.follow(ctx, t)
}
