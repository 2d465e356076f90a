package watch

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/xfr"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// field is a world of secondaries without a network: by address the serial that each answers with, at once; 0 is silence, 1 is an answer that
// only TCP gives.
type field struct {
	t      *testing.T
	mu     sync.Mutex
	serial map[netip.AddrPort]uint32
	asked  map[string][]time.Time // by zone
	dialed map[netip.AddrPort]int
	flying int // at the silent
	most   int
}

func answerOf(name wire.Name, serial uint32) []byte {
	data := append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 20)...)
	binary.BigEndian.PutUint32(data[len(data)-20:], serial)
	var b wire.Builder
	b.Start(nil, 512, 0, wire.FlagQR|wire.FlagAA)
	b.Question([]byte(name), wire.TypeSOA, wire.ClassIN)
	b.Append([]byte(name), wire.TypeSOA, wire.ClassIN, 60, data)
	return b.Finish()
}

func (f *field) Ask(list []ask.Question) {
	for _, q := range list {
		f.mu.Lock()
		f.asked[q.Name.Host()] = append(f.asked[q.Name.Host()], time.Now())
		serial := f.serial[q.To]
		f.mu.Unlock()
		switch serial {
		case 0:
			time.AfterFunc(2*time.Second, func() { q.Done(nil, ask.ErrSilent) })
		case 1:
			q.Done(nil, ask.ErrDoubtful)
		default:
			q.Done(answerOf(q.Name, serial), nil)
		}
	}
}

func (f *field) exchange(ctx context.Context, _ string, at netip.AddrPort, name wire.Name) ([]byte, trouble) {
	f.mu.Lock()
	serial := f.serial[at]
	f.dialed[at]++
	f.flying++
	f.most = max(f.most, f.flying)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.flying--
		f.mu.Unlock()
	}()
	if serial == 1 {
		return answerOf(name, 5), trouble{}
	}
	select {
	case <-time.After(2 * time.Second):
	case <-ctx.Done():
	}
	return nil, silent
}

// times is when a zone's peer was asked since.
func (f *field) times(zone string, since time.Time) (out []time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, on := range f.asked[zone] {
		if !on.Before(since) {
			out = append(out, on)
		}
	}
	return out
}

func (f *field) set(at netip.AddrPort, serial uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serial[at] = serial
}

// patrolled is a Watcher over zones with a peer each, by account, and its patrol under way.
func patrolled(t *testing.T, f *field, cfg Config, zones map[string]netip.AddrPort, account func(zone string) string) *Watcher {
	t.Helper()
	db := zone.NewDB(0)
	accounts := map[string]*zone.Account{}
	for name, at := range zones {
		acc := accounts[account(name)]
		if acc == nil {
			acc = &zone.Account{ID: account(name), Peers: map[string]zone.Peer{}}
			accounts[acc.ID] = acc
		}
		acc.Peers[name] = zone.Peer{ID: name, Name: name, Addr: at}
	}
	for _, acc := range accounts {
		db.SetAccount(acc)
	}
	for name := range zones {
		apex := wire.MustName(name)
		data := append([]byte("\x02ns\x00\x01h\x00"), make([]byte, 20)...)
		binary.BigEndian.PutUint32(data[len(data)-20:], 5)
		v, err := zone.Build(apex, []rr.Set{{Owner: apex, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{data}}})
		if err != nil {
			t.Fatal(err)
		}
		db.Reset(name, account(name), 1, v, v, zone.Links{Enabled: true, Peers: []string{name}}, nil)
	}
	cfg.DB = db
	w := New(cfg)
	f.t, f.asked, f.dialed = t, map[string][]time.Time{}, map[netip.AddrPort]int{}
	over := newDials(w)
	over.exchange = f.exchange
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { over.run(ctx) })
	wg.Go(func() { newPatrol(w, f, over).run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return w
}

func address(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(i / 250), byte(i % 250)}), 53)
}

// gaps are the least and the greatest distance between times.
func gaps(on []time.Time) (least, most time.Duration) {
	least = time.Hour
	for i := 1; i < len(on); i++ {
		least, most = min(least, on[i].Sub(on[i-1])), max(most, on[i].Sub(on[i-1]))
	}
	return least, most
}

// TestPatrol has an account with six hundred zones, all at two silent addresses, beside one with three hundred, most of them in step: together they are asked no more than
// the budget has, these as if they were alone, who is in step rarely; each of the six hundred has its turn; and the silent addresses
// have some few connections made to them, not hundreds.
func TestPatrol(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const interval, rate, minutes = 10 * time.Second, 30, 6
		zones := map[string]netip.AddrPort{"step": address(1), "behind": address(2), "tcp": address(3), "gone": address(4)}
		for i := range 300 {
			zones[fmt.Sprint("small", i)] = address(1)
		}
		for i := range 600 {
			zones[fmt.Sprint("big", i)] = address(1000 + i%2)
		}
		f := &field{serial: map[netip.AddrPort]uint32{address(1): 5, address(2): 4, address(3): 1}}
		w := patrolled(t, f, Config{Interval: interval, Rate: rate}, zones, func(zone string) string {
			if strings.HasPrefix(zone, "big") {
				return "big"
			}
			return "small"
		})
		begin := time.Now()
		time.Sleep(minutes * time.Minute)
		synctest.Wait()
		state := func(name string) State {
			s, _ := w.of.get(key{name, name}).state(5, true)
			return s
		}
		w.mu.Lock()
		for name, want := range map[string]State{"step": InStep, "behind": Behind, "tcp": InStep, "gone": Unreachable, "big0": Unreachable, "big599": Unreachable} {
			if s := state(name); s != want {
				t.Errorf("%s is %s, want %s", name, s, want)
			}
		}
		w.mu.Unlock()
		for name, want := range map[string][2]time.Duration{"step": {4 * interval, 4 * interval}, "behind": {interval, interval}, "gone": {interval, 4 * interval}} {
			if least, most := gaps(f.times(name, begin.Add(time.Minute))); least < want[0]-interval/2 || most > want[1]+interval/2 {
				t.Errorf("%s is asked every %s to %s, want %v", name, least, most, want)
			}
		}
		seconds := map[int64]int{}
		for name, at := range zones {
			on := f.times(name, begin)
			for _, x := range on {
				seconds[x.Unix()]++
			}
			if at == address(1000) || at == address(1001) {
				if _, most := gaps(on); len(on) < 6 || most > 2*time.Minute {
					t.Errorf("%s was asked %d times, with %s between", name, len(on), most)
				}
			}
		}
		for at, n := range seconds {
			if n > rate*5/4 {
				t.Errorf("%d questions in second %d", n, at)
			}
		}
		if n := f.dialed[address(1000)]; n == 0 || n > minutes*60/10*peerShare {
			t.Errorf("%d connections to a silent address", n)
		}
		if f.most > 2*peerShare+2 {
			t.Errorf("%d connections at once", f.most)
		}
		if n := len(f.times("gone", begin.Add(5*time.Minute))); n > 10 {
			t.Errorf("one that is silent since long was asked %d times in five minutes", n)
		}
	})
}

// TestPatrolAfterNotify: who has accepted a NOTIFY is asked at once, and then at growing distances until he is in step; not at all if he was
// seen to transfer meanwhile; and so is one that was silent for long when he shows that he lives.
func TestPatrolAfterNotify(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &field{serial: map[netip.AddrPort]uint32{address(1): 4, address(2): 4, address(3): 4}}
		w := patrolled(t, f, Config{Interval: 10 * time.Minute}, map[string]netip.AddrPort{"a": address(1), "b": address(2), "c": address(3), "d": address(4)}, func(string) string { return "acc" })
		time.Sleep(11 * time.Minute)
		accepted := func(name string) {
			w.Notified(name, notify.Status{Peer: name, Serial: 5, Outcome: notify.Accepted, Answer: "NOERROR", Answered: time.Now()})
		}
		told := time.Now()
		for range 3 {
			accepted("a")
			accepted("b")
		}
		accepted("c")
		w.Transferred(xfr.Report{ZoneID: "b", TCP: true, Client: xfr.Client{Peer: zone.Peer{ID: "b"}}, Kind: xfr.AXFR, To: 5})
		time.Sleep(5 * time.Second)
		f.set(address(1), 5)
		time.Sleep(time.Minute)
		after := func(name string) (out []time.Duration) {
			for _, on := range f.times(name, told) {
				out = append(out, on.Sub(told).Round(100*time.Millisecond))
			}
			return out
		}
		if got, want := fmt.Sprint(after("a")), "[300ms 1.3s 3.3s 7.3s]"; got != want {
			t.Errorf("one that follows after five seconds: %s, want %s", got, want)
		}
		if got := after("b"); len(got) != 0 {
			t.Errorf("one that has fetched: %v", got)
		}
		if got, want := fmt.Sprint(after("c")), "[300ms 1.3s 3.3s 7.3s 15.3s]"; got != want {
			t.Errorf("one that does not follow: %s, want %s", got, want)
		}
		time.Sleep(2 * time.Hour)
		told = time.Now()
		accepted("d")
		time.Sleep(time.Minute)
		if got, want := fmt.Sprint(after("d")), "[300ms 7.3s 15.3s]"; got != want { // once while the answer to the first is waited for
			t.Errorf("one that lives again: %s, want %s", got, want)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for pace, left := range w.follows.wait {
			if len(left) != 0 || len(w.follows.due) != 0 || len(w.follows.line) != 0 {
				t.Errorf("%d are followed for ever at pace %d, and %v", len(left), pace, w.follows.due)
			}
		}
	})
}

// TestFollowsByTurns: an account whose secondaries accept thousands of NOTIFYs at once, and follow none, has another one's asked no later.
func TestFollowsByTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const big = 2000
		zones := map[string]netip.AddrPort{"small": address(1)}
		for i := range big {
			zones[fmt.Sprint("big", i)] = address(2)
		}
		f := &field{serial: map[netip.AddrPort]uint32{address(1): 4, address(2): 4}}
		w := patrolled(t, f, Config{Interval: time.Hour, Rate: 20}, zones, func(zone string) string { return zone[:3] })
		time.Sleep(2 * time.Hour)
		accepted := func(name string) {
			w.Notified(name, notify.Status{Peer: name, Serial: 5, Outcome: notify.Accepted, Answer: "NOERROR", Answered: time.Now()})
		}
		for i := range big {
			accepted(fmt.Sprint("big", i))
		}
		time.Sleep(100 * time.Millisecond)
		told := time.Now()
		accepted("small")
		time.Sleep(5 * time.Second)
		if n := len(f.times("small", told)); n < 2 {
			t.Errorf("it was asked %d times within five seconds", n)
		}
		time.Sleep(20 * time.Minute)
		n := 0
		for i := range big {
			n += min(1, len(f.times(fmt.Sprint("big", i), told)))
		}
		if n != big {
			t.Errorf("of those that are many, %d were asked", n)
		}
	})
}

// TestDownIsNoted: to note that nobody answers at an address takes no look at all others of which that is known. Their number is bounded
// by what can be asked in two intervals.
func TestDownIsNoted(t *testing.T) {
	t.Parallel()
	d := newDials(New(Config{DB: zone.NewDB(0), Interval: time.Hour}))
	at := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 53)
	}
	const many = 100_000
	began := time.Now()
	for i := range many {
		d.fails(at(i), silent)
		// A look at all for each would be five thousand million looks in the end.
		if took := time.Since(began); took > 10*time.Second {
			t.Fatalf("%d addresses of %d took %s", i, many, took)
		}
	}
	for _, i := range []int{0, many / 2, many - 1} {
		if why, is := d.known(at(i)); !is || why != silent {
			t.Errorf("%s is not known to be down", at(i))
		}
	}
}

// TestDownIsForgotten: an address is asked anew after an interval, and what was known of it takes no room after two.
func TestDownIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDials(New(Config{DB: zone.NewDB(0), Interval: time.Minute}))
		for i := range 5000 {
			d.fails(address(i), silent)
		}
		time.Sleep(time.Minute)
		if _, is := d.known(address(0)); is {
			t.Error("an interval later it is not asked anew")
		}
		d.fails(address(0), nobody)
		time.Sleep(time.Minute - time.Second)
		if why, is := d.known(address(0)); !is || why != nobody {
			t.Errorf("what was found out since is not known: %v", why)
		}
		time.Sleep(time.Minute)
		d.fails(address(1), silent)
		time.Sleep(time.Minute)
		d.fails(address(1), silent)
		if n := len(d.down) + len(d.before); n != 2 {
			t.Errorf("%d are known of long ago", n)
		}
	})
}
