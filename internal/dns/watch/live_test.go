package watch_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// servers answer as a test wants, and note when each was asked.
type servers struct {
	mu     sync.Mutex
	serial map[netip.AddrPort]uint32 // without: silent for four seconds
	asked  map[netip.AddrPort][]time.Time
}

func (s *servers) answer(_ context.Context, at netip.AddrPort) (uint32, bool) {
	s.mu.Lock()
	s.asked[at] = append(s.asked[at], time.Now())
	serial, ok := s.serial[at]
	s.mu.Unlock()
	if !ok {
		time.Sleep(4 * time.Second)
	}
	return serial, ok
}

func (s *servers) set(at netip.AddrPort, serial uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial[at] = serial
}

// count is how often somebody was asked since.
func (s *servers) count(at netip.AddrPort, since time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, on := range s.asked[at] {
		if !on.Before(since) {
			n++
		}
	}
	return n
}

var (
	first, second = netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:53")
	third         = netip.MustParseAddrPort("192.0.2.3:53")
)

// awaited is a zone with serial 5, two peers with an address and, if there is to be one, a third without.
func awaited(t *testing.T, bare bool, more func(*watch.Config)) (*watch.Watcher, *zone.DB, *servers) {
	t.Helper()
	db := database(t, 5, first)
	links := zone.Links{Enabled: true, Peers: []string{"p", "q"}}
	acc := &zone.Account{ID: "acc", Peers: map[string]zone.Peer{"p": {ID: "p", Name: "first", Addr: first}, "q": {ID: "q", Name: "second", Addr: second}}}
	if bare {
		acc.Peers["r"] = zone.Peer{ID: "r", Name: "bare"}
		links.Peers = append(links.Peers, "r")
	}
	db.SetAccount(acc)
	v := db.ByID("z").State().Transfer
	db.Reset("z", "acc", 2, v, v, links, nil)
	s := &servers{serial: map[netip.AddrPort]uint32{first: 4, second: 4}, asked: map[netip.AddrPort][]time.Time{}}
	cfg := watch.Config{DB: db, Duty: func(string) bool { return false }} // who waits has the zone asked about on any node
	if more != nil {
		more(&cfg)
	}
	w := watch.New(cfg)
	w.Ask(s.answer)
	return w, db, s
}

// await waits for serial 5, and gives what came of it and after how long.
func await(t *testing.T, w *watch.Watcher, most time.Duration, quorum int) (watch.Liveness, time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	begin := time.Now()
	is, there := w.Await(ctx, "z", watch.Wanted{Serial: 5, Quorum: quorum})
	if !there {
		t.Fatal("no zone")
	}
	return is, time.Since(begin)
}

func missing(is watch.Liveness) (out []string) {
	for _, s := range is.Servers {
		if !s.Live {
			out = append(out, s.Name)
		}
	}
	return out
}

// TestAwaitAsksFaster: who waits is answered when the last server has the serial; while somebody waits, those that lag are asked again and
// again, most often after they have fetched a version, and nobody who serves it already; before and after, nobody is asked.
func TestAwaitAsksFaster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, _, s := awaited(t, false, nil)
		begin := time.Now()
		time.Sleep(time.Minute)
		if n := s.count(first, begin); n > 0 {
			t.Errorf("asked %d times though nobody waits", n)
		}
		s.set(first, 5)
		if is, took := await(t, w, 20*time.Second, 0); is.Live || took != 20*time.Second || !slices.Equal(missing(is), []string{"second"}) {
			t.Errorf("after %s: %+v", took, is)
		}
		if n, lags := s.count(first, begin), s.count(second, begin); n != 1 || lags < 120 || lags > 230 {
			t.Errorf("asked %d times what serves the version, %d times what does not", n, lags)
		}
		if is, took := await(t, w, 20*time.Second, 1); !is.Live || took != 0 {
			t.Errorf("one of two, after %s: %+v", took, is)
		}
		time.Sleep(10 * time.Second)
		begin = time.Now()
		time.Sleep(time.Minute)
		if n := s.count(second, begin); n > 0 {
			t.Errorf("asked %d times though nobody waits any more", n)
		}
		// It fetches, and serves what it has fetched some time later: then, not before, and soon, who waits since long is answered.
		for _, takes := range []time.Duration{0, 70 * time.Millisecond, 1200 * time.Millisecond, 2600 * time.Millisecond, 5 * time.Second} {
			s.set(second, 4)
			w.Probed(w.Zone("z"), "q", "nothing listens there")
			var serves time.Time
			go func() {
				time.Sleep(9500 * time.Millisecond)
				w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("q"), Kind: xfr.IXFR, From: 4, To: 5})
				time.Sleep(takes)
				serves = time.Now()
				s.set(second, 5)
			}()
			is, _ := await(t, w, time.Minute, 0)
			if late := time.Since(serves); !is.Live || late > 100*time.Millisecond {
				t.Errorf("serves %s after it has fetched: heard %s later: %+v", takes, late, is)
			}
		}
	})
}

// TestAwaitOneThatReturns: a server that is silent, to which a question is under way that will get no answer, is asked anew as soon as it
// is seen to live; it holds up nobody else, and an account whose servers are many has them asked less often.
func TestAwaitOneThatReturns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, _, s := awaited(t, false, nil)
		s.set(first, 5)
		s.mu.Lock()
		delete(s.serial, second)
		s.mu.Unlock()
		for after := range 45 {
			var serves time.Time
			go func() {
				time.Sleep(20*time.Second + time.Duration(after)*100*time.Millisecond)
				serves = time.Now()
				s.set(second, 5)
				w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("q"), Kind: xfr.AXFR, To: 5})
			}()
			is, _ := await(t, w, time.Minute, 0)
			if late := time.Since(serves); !is.Live || late > 100*time.Millisecond {
				t.Errorf("heard %s later: %+v", late, is)
			}
			time.Sleep(10 * time.Second) // what was asked before gets no answer now, which says nothing
			if is, took := await(t, w, time.Minute, 0); !is.Live || took > 0 {
				t.Errorf("after %s an answer from before counts: %+v", took, is)
			}
			s.mu.Lock()
			delete(s.serial, second)
			s.mu.Unlock()
			w.Probed(w.Zone("z"), "q", "no answer in time")
		}
		time.Sleep(time.Minute)
	})
	synctest.Test(t, func(t *testing.T) {
		db := zone.NewDB(0)
		acc := &zone.Account{ID: "acc", Peers: map[string]zone.Peer{"p": {ID: "p", Name: "first", Addr: first}}}
		db.SetAccount(acc)
		for i := range 100 {
			at := wire.MustName(fmt.Sprint("z", i))
			v, err := zone.Build(at, []rr.Set{{Owner: at, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa(5)}}, {Owner: at, Type: wire.TypeNS, TTL: 60, Data: [][]byte{[]byte("\x03far\x00")}}})
			if err != nil {
				t.Fatal(err)
			}
			db.Reset(fmt.Sprint("z", i), "acc", 2, v, v, zone.Links{Enabled: true, Peers: []string{"p"}}, nil)
		}
		s := &servers{serial: map[netip.AddrPort]uint32{first: 4}, asked: map[netip.AddrPort][]time.Time{}}
		w := watch.New(watch.Config{DB: db})
		w.Ask(s.answer)
		begin := time.Now()
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				w.Await(ctx, fmt.Sprint("z", i), watch.Wanted{Serial: 5})
			})
		}
		wg.Wait()
		if n := s.count(first, begin); n < 2000 || n > 5000 {
			t.Errorf("an account that waits for 100 zones has its server asked %d times in 10 s", n)
		}
		time.Sleep(time.Minute)
	})
}

// TestAwaitElsewhere: what a peer has answered at an address that it has no more counts for nobody who waits, nor does an answer from there
// that is on its way.
func TestAwaitElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, db, s := awaited(t, false, nil)
		move := func(to netip.AddrPort) {
			db.SetAccount(&zone.Account{ID: "acc", Peers: map[string]zone.Peer{"p": {ID: "p", Name: "first", Addr: to}, "q": {ID: "q", Name: "second", Addr: second}}})
			w.Linked(db.ByID("z"))
		}
		s.set(first, 5)
		s.set(second, 5)
		s.set(third, 4)
		if is, _ := await(t, w, time.Minute, 0); !is.Live {
			t.Fatalf("%+v", is)
		}
		move(third)
		if is, _ := await(t, w, 5*time.Second, 0); is.Live || !slices.Equal(missing(is), []string{"first"}) {
			t.Errorf("it is elsewhere, and serves an older version there: %+v", is)
		}
		s.set(third, 5)
		if is, took := await(t, w, time.Minute, 0); !is.Live || took > 2*time.Second {
			t.Errorf("after %s: %+v", took, is)
		}
		move(first)
		s.set(third, 4)
		w.Ask(func(ctx context.Context, at netip.AddrPort) (uint32, bool) {
			if at == first {
				time.Sleep(2 * time.Second)
			}
			return s.answer(ctx, at)
		})
		time.AfterFunc(time.Second, func() { move(third) })
		if is, _ := await(t, w, 10*time.Second, 0); is.Live || !slices.Equal(missing(is), []string{"first"}) {
			t.Errorf("an answer came from where it is no more: %+v", is)
		}
		time.Sleep(time.Minute)
	})
}

// TestAwaitIsWoken: what is seen in passing wakes all who wait, at that moment: a transfer of a peer that cannot be asked, a
// version, a zone that goes, the end.
func TestAwaitIsWoken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, db, s := awaited(t, true, nil)
		s.set(first, 6) // later is as good
		s.set(second, 5)
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if is, took := await(t, w, time.Minute, 0); !is.Live || took != 30*time.Second {
					t.Errorf("after %s: %+v", took, is)
				}
			})
		}
		begin := time.Now()
		time.Sleep(30 * time.Second)
		if n := s.count(first, begin) + s.count(second, begin); n != 2 {
			t.Errorf("200 who wait have two servers asked %d times", n)
		}
		w.Transferred(xfr.Report{ZoneID: "z", TCP: true, Client: client("r"), Kind: xfr.AXFR, To: 5})
		wg.Wait()

		next, err := zone.Build(apex, []rr.Set{
			{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{soa(6)}}, {Owner: apex, Type: wire.TypeNS, TTL: 60, Data: [][]byte{[]byte("\x03far\x00")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		later := func(do func()) { go func() { time.Sleep(time.Second); do() }() }
		wait := func(serial uint32, quorum int) (watch.Liveness, bool) {
			return w.Await(t.Context(), "z", watch.Wanted{Serial: serial, Quorum: quorum})
		}
		// Nobody has what this server has not, though a peer answers with it.
		later(func() {
			db.Reset("z", "acc", 3, next, next, db.ByID("z").State().Links, nil)
			w.Moved(db.ByID("z"))
		})
		begin = time.Now()
		if is, _ := wait(6, 1); !is.Live || is.Serial != 6 || time.Since(begin) != time.Second {
			t.Errorf("after %s: %+v", time.Since(begin), is)
		}
		later(w.Dismiss)
		if is, there := wait(7, 0); is.Live || !there {
			t.Errorf("the end: %+v", is)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w, db, _ := awaited(t, false, nil)
		go func() { time.Sleep(time.Second); db.Remove("z"); w.Forget("z") }()
		if is, there := w.Await(t.Context(), "z", watch.Wanted{Serial: 5}); there {
			t.Errorf("a zone that is gone: %+v", is)
		}
	})
}

// TestAwaitOfNameServers: name servers are waited for where they are asked; a quorum counts one at a peer's address with the peer; a silent
// one is asked by one question at a time; and who does not answer any more does not serve, whatever it did before.
func TestAwaitOfNameServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, db, s := awaited(t, false, func(c *watch.Config) {
			c.NameServerInterval = time.Hour
			c.Resolve = func(_ context.Context, _ string, name wire.Name) ([]netip.Addr, error) {
				if name == wire.MustName("far") {
					return []netip.Addr{third.Addr()}, nil
				}
				return []netip.Addr{first.Addr()}, nil
			}
		})
		s.set(first, 5)
		s.set(second, 5)
		begin := time.Now()
		if is, _ := await(t, w, 20*time.Second, 0); is.Live || !slices.Equal(missing(is), []string{"far"}) {
			t.Errorf("%+v", is)
		}
		if n := s.count(third, begin); n < 3 || n > 6 {
			t.Errorf("a silent server was asked %d times in 20 s", n)
		}
		for quorum, live := range map[int]bool{2: true, 3: false} {
			if is, _ := await(t, w, time.Second, quorum); is.Live != live {
				t.Errorf("%d of three: %v, %v", quorum, is.Live, missing(is))
			}
		}
		time.Sleep(time.Minute)
		s.set(third, 5)
		if is, took := await(t, w, 20*time.Second, 0); !is.Live || took > 600*time.Millisecond {
			t.Errorf("after %s: %v", took, missing(is))
		}
		w.Probed(db.ByID("z"), "q", "silent")
		s.mu.Lock()
		delete(s.serial, second)
		s.mu.Unlock()
		if is, _ := await(t, w, 10*time.Second, 0); is.Live || fmt.Sprint(missing(is)) != "[second]" {
			t.Errorf("one that is silent now: %v", missing(is))
		}
		time.Sleep(time.Minute)
	})
}
