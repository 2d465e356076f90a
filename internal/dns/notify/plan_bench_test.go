package notify

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// crowded is an account with very many peers, of which each zone is linked to some.
func crowded(t testing.TB, peers, zones, each int) *zone.DB {
	t.Helper()
	db := zone.NewDB(0)
	acc := &zone.Account{ID: "acc", Peers: map[string]zone.Peer{}}
	id := func(i int) string { return fmt.Sprintf("%032x", i%peers) }
	for i := range peers {
		acc.Peers[id(i)] = zone.Peer{ID: id(i), Name: id(i), Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(i / 250), byte(i % 250)}), 53)}
	}
	db.SetAccount(acc)
	for i := range zones {
		apex := wire.MustName(fmt.Sprintf("zone%d.example", i))
		v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{make([]byte, 22)}}})
		if err != nil {
			t.Fatal(err)
		}
		links := zone.Links{Enabled: true}
		for k := range each {
			links.Peers = append(links.Peers, id(i*7+k))
		}
		db.Reset(fmt.Sprintf("%032x", i), "acc", 1, v, v, links, nil)
	}
	return db
}

// BenchmarkEverythingChanges has every zone change, be told of by all its peers' messages, and be answered.
func BenchmarkEverythingChanges(b *testing.B) {
	const peers, zones, each = 1000, 2000, 30
	now := time.Unix(1_800_000_000, 0)
	db := crowded(b, peers, zones, each)
	before := allocated()
	s := New(Config{DB: db, Now: func() time.Time { return now }, Rate: 1_000_000})
	s.wishAll(nil)
	s.take()
	held := allocated() - before
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Hour)
		db.All(func(z *zone.Zone) bool { s.Force(z); return true })
		s.take()
		told := 0
		for {
			messages, _ := s.collect()
			if len(messages) == 0 {
				break
			}
			s.mu.Lock()
			for _, m := range messages {
				s.accepted(m.task, now)
				told++
			}
			s.mu.Unlock()
		}
		if told != zones*each {
			b.Fatalf("told %d times", told)
		}
	}
	b.ReportMetric(float64(held)/(zones*each), "octets/pair")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(zones*each), "ns/pair")
}

func allocated() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
