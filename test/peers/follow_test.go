package peers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
	"github.com/headwaterdns/headwater/test/peers"
)

// seed is new in every run and printed; HEADWATER_SEED repeats one.
func seed(t testing.TB) uint64 {
	t.Helper()
	return seedOr(t, rand.Uint64())
}

// seedOr is seed for tests that want agreement among programs of which each has its own ways: with this seed none of them shows.
// HEADWATER_SEED has them look further, and then somebody has to judge.
func seedOr(t testing.TB, s uint64) uint64 {
	t.Helper()
	if env := os.Getenv("HEADWATER_SEED"); env != "" {
		var err error
		if s, err = strconv.ParseUint(env, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("HEADWATER_SEED=%d", s)
	return s
}

// follower is a zone's workload on a primary, and the secondaries that follow it.
type follower struct {
	p      *primary
	apex   wire.Name
	key    *tsig.Key
	w      *peers.Workload
	serial uint32
	peers  []*peers.Secondary
}

func (f *follower) publish(t testing.TB) {
	t.Helper()
	f.serial++
	ns := rr.Set{Owner: f.apex, Type: wire.TypeNS, TTL: 3600, Data: [][]byte{[]byte(wire.MustName("ns1.example.net"))}}
	sets := append(f.w.Sets(), soa(t, f.apex, f.serial), ns)
	v, err := zone.Build(f.apex, sets)
	if err != nil {
		t.Fatal(err)
	}
	f.p.put(t, v)
}

// settle waits until every secondary has the newest serial and holds the very same records.
func (f *follower) settle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	want := f.p.fetch(t, f.apex, f.key)
	var wg sync.WaitGroup
	for _, s := range f.peers {
		wg.Go(func() {
			if err := s.WaitSerial(ctx, f.apex, f.serial); err != nil {
				t.Error(err)
				return
			}
			got, err := s.TransferAt(ctx, f.apex, f.serial)
			if err != nil {
				t.Error(err)
				return
			}
			diff, err := peers.Diff(want.Records, got.Records)
			if err != nil || diff != "" {
				t.Errorf("%s differs at serial %d: %v\n%s", s.Program(), f.serial, err, diff)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// TestSecondariesFollow lets every program follow two zones, one of them signed, through random changes.
func TestSecondariesFollow(t *testing.T) {
	t.Parallel()
	s := seed(t)
	r := rand.New(rand.NewPCG(s, 1))
	p := startPrimary(t)
	var zones []*follower
	for i, key := range []*tsig.Key{nil, testKey(t)} {
		apex := wire.MustName([]string{"plain.example", "signed.example"}[i])
		f := &follower{p: p, apex: apex, key: key, w: peers.NewWorkload(s+uint64(i), apex)}
		zones = append(zones, f)
		listen := map[peers.Program]netip.AddrPort{}
		var ids []string
		for _, prog := range peers.Programs() {
			a, err := peers.Free(prog)
			if err != nil {
				t.Fatal(err)
			}
			listen[prog] = a
			id := fmt.Sprintf("%s %d", prog, i)
			p.link(id, a, key)
			ids = append(ids, id)
		}
		p.linked[apex.String()] = ids
		for range 25 {
			f.w.Next()
		}
		f.publish(t)
		for _, prog := range peers.Programs() {
			f.peers = append(f.peers, peers.Run(t, peers.Config{
				Program: prog, Listen: listen[prog], Primary: p.addr, Zones: []wire.Name{apex}, Key: key, Refresh: 5 * time.Second,
			}))
		}
		f.settle(t)
	}
	for round := range 5 {
		for _, f := range zones {
			for range 1 + r.IntN(40) {
				f.w.Next()
				if r.IntN(2) == 0 {
					f.publish(t)
				}
			}
			if round == 3 {
				f.w.Big()
			}
			f.publish(t)
		}
		for _, f := range zones {
			f.settle(t)
		}
	}
	for _, f := range zones {
		for _, s := range f.peers {
			kinds := p.kinds(f.apex, s.Addr().Addr())
			t.Logf("%s of %s: %v", s.Program(), f.apex, kinds)
			if kinds[xfr.IXFR] == 0 {
				t.Errorf("%s never got an IXFR", s.Program())
			}
		}
	}
}

// A record that only just fits a message reaches every program. NSD and PowerDNS cannot hand such a record on, so that it
// is asked for.
func TestLongestRecordArrives(t *testing.T) {
	t.Parallel()
	apex := wire.MustName("example.org")
	owner := wire.MustName("long.example.org")
	var data []byte
	for i := range 253 {
		data = append(append(data, 255), make([]byte, 255)...)
		data[len(data)-1] = byte(i)
	}
	long := rr.Set{Owner: owner, Type: wire.TypeTXT, TTL: 60, Data: [][]byte{data}}
	ns := rr.Set{Owner: apex, Type: wire.TypeNS, TTL: 3600, Data: [][]byte{[]byte(wire.MustName("ns1.example.net"))}}
	for _, prog := range peers.Programs() {
		t.Run(string(prog), func(t *testing.T) {
			t.Parallel()
			p := startPrimary(t)
			key := testKey(t)
			listen, err := peers.Free(prog)
			if err != nil {
				t.Fatal(err)
			}
			p.link("a", listen, key)
			p.linked[apex.String()] = []string{"a"}
			sets := []rr.Set{soa(t, apex, 1), ns}
			var sec *peers.Secondary
			for serial := range uint32(3) { // without it, with it by IXFR, and without it again
				sets[0] = soa(t, apex, serial+1)
				this := sets
				if serial == 1 {
					this = append(slices.Clone(sets), long)
				}
				v, err := zone.Build(apex, this)
				if err != nil {
					t.Fatal(err)
				}
				p.put(t, v)
				if sec == nil {
					sec = peers.Run(t, peers.Config{
						Program: prog, Listen: listen, Primary: p.addr, Zones: []wire.Name{apex}, Key: key, NoIXFR: !prog.AnswersAfterIXFR(),
					})
				}
				ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
				defer cancel()
				if err := sec.WaitSerial(ctx, apex, serial+1); err != nil {
					t.Fatal(err)
				}
				var want []byte
				if serial == 1 {
					want = long.AppendWire(nil)
				}
				// While NSD changes over, a process that holds the version before may still take connections.
				diff := "not asked"
				for diff != "" && ctx.Err() == nil {
					got, err := sec.Lookup(ctx, owner, wire.TypeTXT)
					if err != nil {
						t.Fatal(err)
					}
					if diff, err = peers.Diff(want, got); err != nil {
						t.Fatal(err)
					}
				}
				if diff != "" {
					t.Errorf("serial %d:\n%s", serial+1, diff)
				}
			}
		})
	}
}

// A secondary that was away, killed or silent, comes back to the newest version.
func TestSecondariesReturn(t *testing.T) {
	t.Parallel()
	s := seed(t)
	apex := wire.MustName("example.org")
	for _, prog := range peers.Programs() {
		t.Run(string(prog), func(t *testing.T) {
			t.Parallel()
			p := startPrimary(t)
			listen, err := peers.Free(prog)
			if err != nil {
				t.Fatal(err)
			}
			p.link("a", listen, nil)
			p.linked[apex.String()] = []string{"a"}
			f := &follower{p: p, apex: apex, w: peers.NewWorkload(s, apex)}
			f.w.Next()
			f.publish(t)
			sec := peers.Run(t, peers.Config{Program: prog, Listen: listen, Primary: p.addr, Zones: []wire.Name{apex}, Refresh: time.Hour})
			f.peers = append(f.peers, sec)
			f.settle(t)
			away := []func(){sec.Kill, func() { _ = sec.Stop() }}
			for _, end := range away {
				end()
				f.w.Next()
				f.publish(t)
				if err := sec.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
				f.settle(t)
			}
			if err := sec.Pause(); err != nil {
				t.Fatal(err)
			}
			f.w.Next()
			f.publish(t)
			sec.Resume()
			f.settle(t)
		})
	}
}
