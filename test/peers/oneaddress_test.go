package peers_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

// Four secondaries behind one address, which cannot be told apart, all follow every change by NOTIFY alone, though each
// transfer may be anybody's and a fifth program transfers from the same address in between. None would ask by itself for an hour.
func TestSecondariesBehindOneAddress(t *testing.T) {
	t.Parallel()
	const changes = 20
	p := startPrimary(t)
	apex := wire.MustName("shared.example")
	key := testKey(t)
	f := &follower{p: p, apex: apex, key: key, w: peers.NewWorkload(seed(t), apex)}
	listen := map[peers.Program]netip.AddrPort{}
	for _, prog := range peers.Programs() {
		a, err := peers.Free(peers.BIND) // which is on 127.0.0.1
		if err != nil {
			t.Fatal(err)
		}
		listen[prog] = a
		p.link(string(prog), a, key)
		p.linked[apex.String()] = append(p.linked[apex.String()], string(prog))
	}
	for range 25 {
		f.w.Next()
	}
	f.publish(t)
	for _, prog := range peers.Programs() {
		f.peers = append(f.peers, peers.Run(t, peers.Config{
			Program: prog, Listen: listen[prog], Primary: p.addr, Zones: []wire.Name{apex}, Key: key, Refresh: time.Hour,
			NoIXFR: !prog.AnswersAfterIXFR(),
		}))
	}
	f.settle(t)
	slowest := map[peers.Program]time.Duration{}
	var mu sync.Mutex
	for range changes {
		// Two at once: of the second, nobody is told before an interval is over, and the fifth has it long before.
		f.w.Next()
		f.publish(t)
		f.w.Next()
		f.publish(t)
		begin := time.Now()
		if _, err := xfr.Fetch(t.Context(), xfr.Source{Server: p.addr, Zone: apex, Key: key, Local: netip.MustParseAddr("127.0.0.1")}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, s := range f.peers {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
				defer cancel()
				if err := s.WaitSerial(ctx, apex, f.serial); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				slowest[s.Program()] = max(slowest[s.Program()], time.Since(begin))
			})
		}
		wg.Wait()
		if t.Failed() {
			t.FailNow()
		}
	}
	for prog, took := range slowest {
		t.Logf("%s: %v after a change at most", prog, took.Round(time.Millisecond))
	}
	f.settle(t)
	for _, r := range p.seen(apex) {
		if r.Client.Peer.ID != "" || len(r.Client.OneOf) != 4 {
			t.Fatalf("a transfer that may be anybody's is taken for one's: %+v", r.Client)
		}
	}
}
