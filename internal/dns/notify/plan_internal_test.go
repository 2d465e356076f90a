package notify

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

func linkable(t *testing.T) (*zone.DB, zone.Links) {
	t.Helper()
	name := wire.MustName("example")
	v, err := zone.Build(name, []rr.Set{{Owner: name, Type: wire.TypeSOA, TTL: 60, Data: [][]byte{make([]byte, 22)}}})
	if err != nil {
		t.Fatal(err)
	}
	db := zone.NewDB(0)
	db.SetAccount(&zone.Account{ID: "acc", Peers: map[string]zone.Peer{
		"a": {ID: "a", Addr: netip.MustParseAddrPort("127.0.0.1:53")}, "b": {ID: "b", Addr: netip.MustParseAddrPort("127.0.0.1:54")},
	}})
	db.Reset("z", "acc", 1, v, v, zone.Links{}, nil)
	return db, zone.Links{Enabled: true, Peers: []string{"a", "b"}}
}

// A zone that is linked when a review has looked at all zones, and is not over yet, is told of when it is.
func TestLinkedBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	db, links := linkable(t)
	s := New(Config{DB: db})
	s.Review()
	called := s.reviews.Load()
	s.wishAll(nil)
	s.Link(db.SetLinks("z", 2, links))
	s.take()
	if len(s.queue) != 0 {
		t.Fatal("told before it is known what the peers know")
	}
	s.Review() // of another change of duties: what waits must wait for that one
	s.reviewed(called)
	s.take()
	if len(s.queue) != 0 {
		t.Fatal("told before the second review")
	}
	s.reviewed(s.reviews.Load())
	s.take()
	if len(s.queue) != 2 {
		t.Errorf("%d NOTIFYs are due, want 2", len(s.queue))
	}
}

// What peers knew under an earlier link does not count for the new one, though a review comes at the same moment; what they
// know of a zone that stayed linked does.
func TestLinkedWhileKnown(t *testing.T) {
	t.Parallel()
	for _, linked := range []bool{true, false} {
		db, links := linkable(t)
		s := New(Config{DB: db})
		z := db.SetLinks("z", 2, links)
		s.wishAll(map[taskKey]uint32{{"z", "a"}: z.State().Transfer.Serial()})
		if linked {
			s.Link(z)
		}
		s.take()
		if want := map[bool]int{true: 2, false: 1}[linked]; len(s.queue) != want {
			t.Errorf("linked anew %v: %d NOTIFYs are due, want %d", linked, len(s.queue), want)
		}
	}
}

// A peer that has answered and does not follow is told again whenever it is seen behind, ever more rarely, by this process and by the next
// one, which has sent nothing yet; until it has followed, or there is something newer to tell.
func TestWhoDoesNotFollowIsReminded(t *testing.T) {
	t.Parallel()
	version := func(serial byte) *zone.Version {
		data := make([]byte, 22)
		data[5] = serial
		v, err := zone.Build(wire.MustName("example"), []rr.Set{{Owner: wire.MustName("example"), Type: wire.TypeSOA, TTL: 60, Data: [][]byte{data}}})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	db, links := linkable(t)
	links.Peers = links.Peers[:1]
	three, four := version(3), version(4)
	db.Reset("z", "acc", 2, three, three, links, nil)
	now := time.Unix(1_800_000_000, 0)
	s := New(Config{DB: db, Now: func() time.Time { return now }})
	s.wishAll(map[taskKey]uint32{{"z", "a"}: 3}) // what the process before was answered
	s.take()
	seen := func(serial uint32, want int) {
		t.Helper()
		s.Seen("z", "a", serial)
		s.take()
		if len(s.queue) != want {
			t.Errorf("%d s, seen with %d: %d NOTIFYs are due, want %d", now.Unix()-1_800_000_000, serial, len(s.queue), want)
		}
	}
	// told sends what is due, and has it answered.
	told := func() {
		t.Helper()
		now = now.Add(s.cfg.Interval)
		messages, _ := s.collect()
		if len(messages) != 1 {
			t.Fatalf("%d messages", len(messages))
		}
		s.mu.Lock()
		s.ack(messages[0].task, messages[0].task.sent)
		s.mu.Unlock()
	}
	seen(3, 0)
	seen(2, 1)
	told()
	for _, seconds := range []int{20, 40, 80, 160, 300, 300} {
		now = now.Add(time.Duration(seconds-1) * time.Second)
		seen(2, 0)
		now = now.Add(time.Second)
		seen(2, 1)
		seen(2, 1) // it is one
		told()
	}
	now = now.Add(time.Hour)
	seen(3, 0) // it has followed
	seen(5, 0) // or is ahead
	db.Reset("z", "acc", 3, four, four, links, nil)
	s.Wake(db.ByID("z"))
	s.take()
	seen(3, 1) // which is due anyway
	told()
	now = now.Add(10 * time.Second)
	seen(3, 1)
}

// A peer whose family is not there gets that as its answer.
func TestMissingFamily(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]error{"192.0.2.1:53": errNo4, "[2001:db8::1]:53": errNo6} {
		if err := (&sockets{}).send(nil, netip.MustParseAddrPort(to), &zone.Notify{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", to, err)
		}
	}
	s := New(Config{Sources: []netip.Addr{netip.MustParseAddr("2001:db8::bad")}})
	if k, err := s.listen(); err == nil {
		k.close()
		t.Error("a source that is no address of this machine is taken")
	}
}

// A zone without peers that changes wakes nobody; one whose peers are taken away is looked at all the same.
func TestZonesWithoutPeersWakeNobody(t *testing.T) {
	t.Parallel()
	db, links := linkable(t)
	s := New(Config{DB: db})
	rung := func() bool {
		select {
		case <-s.bell:
			return true
		default:
			return false
		}
	}
	rung() // what New may have left
	for _, l := range []zone.Links{{}, {Enabled: true}, {Peers: links.Peers}} {
		if s.Wake(db.SetLinks("z", 2, l)); rung() {
			t.Errorf("woken for %+v", l)
		}
	}
	if s.Wake(db.SetLinks("z", 2, links)); !rung() {
		t.Error("not woken for peers")
	}
	if s.Link(db.SetLinks("z", 2, zone.Links{})); !rung() {
		t.Error("not woken when peers are taken away")
	}
}
