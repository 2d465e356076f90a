package peers_test

import (
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

// bare is a version of a zone with an SOA and a name server.
func bare(t testing.TB, apex wire.Name, serial uint32) *zone.Version {
	t.Helper()
	ns := rr.Set{Owner: apex, Type: wire.TypeNS, TTL: 3600, Data: [][]byte{[]byte(wire.MustName("ns1.example.net"))}}
	v, err := zone.Build(apex, []rr.Set{soa(t, apex, serial), ns})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// await waits until a peer of a zone stands in a state, and gives what is known of it.
func (p *primary) await(t *testing.T, apex wire.Name, want watch.State) (v watch.View) {
	t.Helper()
	for deadline := time.Now().Add(testkit.Patience); ; <-time.After(20 * time.Millisecond) {
		if v = p.watch.Peers(p.db.ByID(apex.String()))[0]; v.State == want {
			return v
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s (%s), want %s; NOTIFY: %+v\n%+v", v.Peer.Name, v.State, v.Cause, want, v.Notify, v.History)
		}
	}
}

// What real servers answer is shown by its cause: a wrong secret, a zone that they do not have, and a serial ahead of ours,
// with which they follow again once ours has passed it.
func TestStatesOfRealSecondaries(t *testing.T) {
	t.Parallel()
	const yearly = 2026112801
	for _, prog := range peers.Programs() {
		t.Run(string(prog), func(t *testing.T) {
			t.Parallel()
			p := startWatching(t, 300*time.Millisecond)
			key := testKey(t)
			wrong, err := tsig.NewKey("Transfer.Key.example", "hmac-sha256", "YW5vdGhlciBzZWNyZXQgYW5vdGhlciBzZWNyZXQgYW4=", false)
			if err != nil {
				t.Fatal(err)
			}
			good, absent, ahead, locked := wire.MustName("good.example"), wire.MustName("absent.example"), wire.MustName("ahead.example"), wire.MustName("locked.example")
			at, err := peers.Free(prog)
			if err != nil {
				t.Fatal(err)
			}
			other, err := peers.Free(prog)
			if err != nil {
				t.Fatal(err)
			}
			p.link("right", at, key)
			for _, apex := range []wire.Name{good, absent, ahead} {
				p.linked[apex.String()] = []string{"right"}
			}
			p.put(t, bare(t, good, 1))
			p.put(t, bare(t, absent, 1))
			p.put(t, bare(t, ahead, yearly))
			peers.Run(t, peers.Config{Program: prog, Listen: at, Primary: p.addr, Zones: []wire.Name{good, ahead}, Key: key, Refresh: time.Hour})
			p.await(t, good, watch.InStep)
			p.await(t, absent, watch.NoZone)
			p.await(t, ahead, watch.InStep)

			// As after a migration, or a restore: what we serve has an older serial.
			v := bare(t, ahead, 1795864118)
			p.sender.Wake(p.db.Reset(ahead.String(), "acc", p.seq+1, v, v, zone.Links{Enabled: true, Peers: p.linked[ahead.String()]}, nil))
			p.seq++
			if got := p.await(t, ahead, watch.Ahead); got.Serial != yearly {
				t.Errorf("ahead with %d", got.Serial)
			}
			p.put(t, bare(t, ahead, yearly+1))
			p.await(t, ahead, watch.InStep)

			p = startWatching(t, 300*time.Millisecond) // of another account, so that addresses have one owner
			p.link("wrong", other, key)
			p.linked[locked.String()] = []string{"wrong"}
			p.put(t, bare(t, locked, 1))
			peers.Run(t, peers.Config{Program: prog, Listen: other, Primary: p.addr, Zones: []wire.Name{locked}, Key: wrong, Refresh: time.Hour})
			got := p.await(t, locked, watch.WrongKey)
			t.Logf("%s with a wrong secret: %s; NOTIFY: %s", prog, got.Cause, got.Notify.Answer)
		})
	}
}
