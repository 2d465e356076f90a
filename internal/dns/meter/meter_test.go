package meter_test

import (
	"fmt"
	"runtime"
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

// ledger is who is told of counts.
type ledger struct {
	mu sync.Mutex
	of map[string]meter.Counts
}

func (l *ledger) counted(z *zone.Zone, c *meter.Counts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[string]meter.Counts{}
	}
	sum := l.of[z.ID]
	for i, n := range c {
		sum[i] += n
	}
	l.of[z.ID] = sum
}

func (l *ledger) sum(id string) (n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.of[id] {
		n += v
	}
	return n
}

// gather brings what was counted so far to the ledger: what is taken is read at the gathering after.
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
	var l ledger
	m := meter.New(meter.Config{Now: at.now, Counted: l.counted})
	list := zones(t, 7)
	var counted [threads]atomic.Int64
	var wg sync.WaitGroup
	over := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
				m.Sample()
				var before [threads]int64
				m.Gather()
				for i := range counted {
					before[i] = counted[i].Load()
				}
				// The next gathering reads what this one has taken: five seconds later, or at least when nobody still writes it.
				for i := range counted {
					for n := counted[i].Load(); n == before[i] && n < each; n = counted[i].Load() {
						runtime.Gosched()
					}
				}
			}
		}
	})
	var work sync.WaitGroup
	for i := range threads {
		s := m.Shard()
		work.Go(func() {
			q := query("www.z0.test.", wire.TypeA)
			for j := range each {
				s.Count(list[j%len(list)], q, wire.Rcode(j%6))
				counted[i].Add(1)
			}
		})
	}
	work.Wait()
	close(over)
	wg.Wait()
	gather(m)
	total := uint64(0)
	for i, z := range list {
		n := l.sum(z.ID)
		total += n
		want := uint64(threads * ((each + len(list) - 1 - i) / len(list)))
		if n != want {
			t.Errorf("zone %s: %d queries, want %d", z.ID, n, want)
		}
	}
	if total != threads*each || m.Lost() != 0 {
		t.Errorf("%d queries, %d lost", total, m.Lost())
	}
}

// The names that are asked most come first, without regard to case, and what is rare takes no room for ever.
func TestNames(t *testing.T) {
	t.Parallel()
	at := clock{}
	at.pass(1_800_000_000 * time.Second)
	m := meter.New(meter.Config{Now: at.now, Counted: new(ledger).counted})
	z, s := zones(t, 1)[0], m.Shard()
	for i := range 500 {
		for _, name := range []string{"www.z0.test.", fmt.Sprintf("random%d.z0.test.", i)} {
			s.Count(z, query(name, wire.TypeA), wire.RcodeNoError)
			m.Sample()
		}
	}
	s.Count(z, query("wWw.Z0.test.", wire.TypeA), wire.RcodeNoError)
	m.Sample()
	if names, n := m.Names(z.ID, 3); len(names) != 3 || names[0].Name != wire.MustName("www.z0.test.") || names[0].Count != 501 || n != 1001 {
		t.Errorf("%v of %d", names, n)
	}
	at.pass(2 * time.Hour)
	if names, _ := m.Names(z.ID, 3); len(names) != 0 {
		t.Errorf("after two hours: %v", names)
	}
}

// Memory is bounded by what was asked last, and what is gone is not counted.
func TestBounds(t *testing.T) {
	t.Parallel()
	at := clock{}
	at.pass(1_800_000_000 * time.Second)
	gone := ""
	var l ledger
	m := meter.New(meter.Config{Now: at.now, Zones: 10, Known: func(id string) bool { return id != gone }, Counted: l.counted})
	list := zones(t, 30)
	s := m.Shard()
	for _, z := range list {
		at.pass(time.Second)
		s.Count(z, query("www.z0.test.", wire.TypeA), wire.RcodeNoError)
		m.Sample()
		gather(m)
	}
	if _, n := m.Names("0", 1); n != 0 {
		t.Error("the zone that was asked first has its names yet")
	}
	if _, n := m.Names("29", 1); n != 1 {
		t.Error("the zone that was asked last has no names")
	}
	gone = "28"
	m.Forget(gone)
	s.Count(list[28], query("www.z0.test.", wire.TypeA), wire.RcodeNoError)
	m.Sample()
	gather(m)
	if _, n := m.Names(gone, 1); n != 0 || l.sum(gone) != 1 {
		t.Errorf("a zone that is gone: %d names, %d queries", n, l.sum(gone))
	}
}

// The query path makes nothing.
func TestCountingAllocatesNothing(t *testing.T) {
	m := meter.New(meter.Config{Now: time.Now, Counted: new(ledger).counted})
	z, s, q := zones(t, 1)[0], m.Shard(), query("www.z0.test.", wire.TypeA)
	if n := testing.AllocsPerRun(1000, func() { s.Count(z, q, wire.RcodeNoError) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCount(b *testing.B) {
	m := meter.New(meter.Config{Now: time.Now, Counted: new(ledger).counted})
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
