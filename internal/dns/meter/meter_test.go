package meter_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/meter"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/testkit"
)

func TestMain(m *testing.M) { testkit.VerifyTestMain(m) }

// zones are some of one account, and one of another.
func zones(t *testing.T, n int) []*zone.Zone {
	t.Helper()
	db := zone.NewDB(0)
	out := make([]*zone.Zone, 0, n)
	for i := range n {
		apex := wire.MustName(fmt.Sprintf("z%d.test.", i))
		soa, err := rr.ParseData(wire.TypeSOA, "ns h 1 2 3 4 5", apex)
		if err != nil {
			t.Fatal(err)
		}
		v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa}}})
		if err != nil {
			t.Fatal(err)
		}
		account := "a"
		if i == n-1 {
			account = "b"
		}
		out = append(out, db.Reset(fmt.Sprint(i), account, 1, v, v, zone.Links{}, nil))
	}
	return out
}

func query(name string, typ wire.Type) *wire.Query {
	return &wire.Query{Name: []byte(wire.MustName(name)), Type: typ, Class: wire.ClassIN}
}

type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(c.at.Load(), 0).UTC() }
func (c *clock) pass(d time.Duration) { c.at.Add(int64(d / time.Second)) }

// gather brings what was counted so far into the rings: what is taken is read at the gathering after.
func gather(m *meter.Meter) {
	m.Gather()
	m.Gather()
}

// Many threads count while somebody gathers: none is lost, and none is another zone's.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	const threads, each = 8, 3000
	at := clock{}
	at.pass(1e9 * time.Second)
	m := meter.New(meter.Config{Now: at.now})
	list := zones(t, 7)
	var wg sync.WaitGroup
	over := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
				m.Sample()
				m.Gather()
				time.Sleep(time.Millisecond) // so that those who count are not only waited for
			}
		}
	})
	var work sync.WaitGroup
	for range threads {
		s := m.Shard()
		work.Go(func() {
			q := query("www.z0.test.", wire.TypeA)
			for i := range each {
				s.Count(list[i%len(list)], q, wire.Rcode(i%6))
			}
		})
	}
	work.Wait()
	close(over)
	wg.Wait()
	gather(m)
	total := uint64(0)
	for i, z := range list {
		v := m.Zone(z.ID, meter.Hour, 5)
		total += v.Total.Sum()
		want := uint64(threads * ((each + len(list) - 1 - i) / len(list)))
		if v.Total.Sum() != want {
			t.Errorf("zone %s: %d queries, want %d", z.ID, v.Total.Sum(), want)
		}
	}
	if total != threads*each || m.Lost() != 0 {
		t.Errorf("%d queries, %d lost", total, m.Lost())
	}
}

// Series end now, whatever time has passed without queries, and each period has its own cells.
func TestSeries(t *testing.T) {
	t.Parallel()
	at := clock{}
	at.pass(1_800_000_000 * time.Second)
	m := meter.New(meter.Config{Now: at.now})
	z, s := zones(t, 1)[0], m.Shard()
	ask := func(n int, code wire.Rcode) {
		for range n {
			s.Count(z, query("WWW.z0.test.", wire.TypeA), code)
		}
		m.Sample()
		gather(m)
	}
	ask(3, wire.RcodeNoError)
	at.pass(10 * time.Minute)
	ask(2, wire.RcodeNXDomain)
	for _, tt := range []struct {
		after  time.Duration
		period meter.Period
		want   map[int]uint64 // by cells before the last
	}{
		{0, meter.Hour, map[int]uint64{0: 2, 10: 3}},
		{49 * time.Minute, meter.Hour, map[int]uint64{49: 2, 59: 3}},
		{time.Minute, meter.Hour, map[int]uint64{50: 2}},
		{time.Hour, meter.Hour, map[int]uint64{}},
		{0, meter.Month, map[int]uint64{0: 5}},
		{40 * 24 * time.Hour, meter.Month, map[int]uint64{}},
		{0, meter.Day, map[int]uint64{}},
	} {
		at.pass(tt.after)
		v := m.Zone(z.ID, tt.period, 5)
		got := map[int]uint64{}
		for i := range v.Series {
			if n := v.Series[i].Sum(); n > 0 {
				got[len(v.Series)-1-i] = n
			}
		}
		if d := testkit.Diff(tt.want, got); d != "" || len(v.Series) != tt.period.Cells() || v.End.Before(at.now()) {
			t.Errorf("after %v, period %d: %s", tt.after, tt.period, d)
		}
	}
	ask(1, wire.RcodeServFail)
	if v := m.Zone(z.ID, meter.Month, 5); v.Total != (meter.Counts{meter.ServFail: 1}) {
		t.Errorf("after a long time: %v", v.Total)
	}
}

// The names that are asked most come first, without regard to case, and what is rare takes no room for ever.
func TestNames(t *testing.T) {
	t.Parallel()
	at := clock{}
	at.pass(1_800_000_000 * time.Second)
	m := meter.New(meter.Config{Now: at.now})
	z, s := zones(t, 1)[0], m.Shard()
	for i := range 500 {
		for _, name := range []string{"www.z0.test.", fmt.Sprintf("random%d.z0.test.", i)} {
			s.Count(z, query(name, wire.TypeA), wire.RcodeNoError)
			m.Sample()
		}
	}
	s.Count(z, query("wWw.Z0.test.", wire.TypeA), wire.RcodeNoError)
	m.Sample()
	v := m.Zone(z.ID, meter.Hour, 3)
	if len(v.Names) != 3 || v.Names[0].Name != wire.MustName("www.z0.test.") || v.Names[0].Count != 501 || v.Sampled != 1001 {
		t.Errorf("%v of %d", v.Names, v.Sampled)
	}
	at.pass(2 * time.Hour)
	if v := m.Zone(z.ID, meter.Hour, 3); len(v.Names) != 0 {
		t.Errorf("after two hours: %v", v.Names)
	}
}

// Accounts see their own zones, the busiest first; memory is bounded by what was asked last, and what is gone is not counted.
func TestAccountsAndBounds(t *testing.T) {
	t.Parallel()
	at := clock{}
	at.pass(1_800_000_000 * time.Second)
	gone := ""
	m := meter.New(meter.Config{Now: at.now, Zones: 10, Known: func(id string) bool { return id != gone }})
	list := zones(t, 30)
	s := m.Shard()
	for i, z := range list {
		at.pass(time.Second)
		for range i + 1 {
			s.Count(z, query("www.z0.test.", wire.TypeA), wire.RcodeNoError)
		}
		gather(m)
	}
	v, shares := m.Account("a", meter.Hour, 3)
	if len(shares) != 3 || shares[0].Zone != "28" || shares[0].Counts.Sum() != 29 || v.Total.Sum() > 10*29 {
		t.Errorf("%v, %v", v.Total, shares)
	}
	if v, _ := m.Account("b", meter.Hour, 3); v.Total.Sum() != 30 {
		t.Errorf("the other account: %v", v.Total)
	}
	gone = "28"
	m.Forget(gone)
	s.Count(list[28], query("www.z0.test.", wire.TypeA), wire.RcodeNoError)
	gather(m)
	if v := m.Zone(gone, meter.Hour, 3); v.Total.Sum() != 0 {
		t.Errorf("a zone that is gone: %v", v.Total)
	}
}

// The query path makes nothing.
func TestCountingAllocatesNothing(t *testing.T) {
	m := meter.New(meter.Config{Now: time.Now})
	z, s, q := zones(t, 1)[0], m.Shard(), query("www.z0.test.", wire.TypeA)
	if n := testing.AllocsPerRun(1000, func() { s.Count(z, q, wire.RcodeNoError) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCount(b *testing.B) {
	m := meter.New(meter.Config{Now: time.Now})
	db := zone.NewDB(0)
	apex := wire.MustName("z.test.")
	soa, _ := rr.ParseData(wire.TypeSOA, "ns h 1 2 3 4 5", apex)
	v, _ := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa}}})
	z, q := db.Reset("1", "a", 1, v, v, zone.Links{}, nil), query("www.z.test.", wire.TypeA)
	b.RunParallel(func(p *testing.PB) {
		s := m.Shard()
		for p.Next() {
			s.Count(z, q, wire.RcodeNoError)
		}
	})
}
