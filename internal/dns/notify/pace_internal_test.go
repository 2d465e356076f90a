package notify

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/zone"
)

func TestPace(t *testing.T) {
	t.Parallel()
	p := newPace(1000)
	now := time.Unix(1_000_000, 0)
	to := func(addr string) *task { return &task{peer: zone.Peer{Addr: netip.MustParseAddrPort(addr)}} }
	late := 0
	var last time.Time
	var waiting *task
	for range 300 {
		t := to("192.0.2.1:53")
		if slot := p.slot(t, now); slot.After(now) {
			late, last, waiting = late+1, slot, t
		}
	}
	if late != 199 || last != now.Add(199*time.Millisecond) {
		t.Errorf("%d of 300 must wait, the last until %v", late, last.Sub(now))
	}
	if slot := p.slot(waiting, last); slot != last || waiting.slotted {
		t.Error("whose slot has come is not sent")
	}
	if slot := p.slot(to("192.0.2.2:53"), now); slot.After(now) {
		t.Error("one peer's row delays another")
	}
	p.forget(now.Add(time.Minute))
	if len(p.next) != 0 {
		t.Errorf("%d quiet peers are remembered", len(p.next))
	}
}

// TestManyPeersAreNotLookedAtForEach: with more peers than are remembered at least, all of them busy, and more zones of other nodes that a
// NOTIFY is asked for, what is kept is looked through a few times and not for every message; and all of it goes when it is quiet.
func TestManyPeersAreNotLookedAtForEach(t *testing.T) {
	t.Parallel()
	const peers = 20_000
	now := time.Unix(1_000_000, 0)
	p, looks := newPace(1000), 0
	s := New(Config{DB: zone.NewDB(0)})
	for i := range peers {
		before, marked := p.sweep, s.forcedMost
		to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 53)
		p.slot(&task{peer: zone.Peer{Addr: to}}, now)
		s.leaveForced(strconv.Itoa(i), forcedMark{at: now})
		if p.sweep != before {
			looks++
		}
		if s.forcedMost != marked {
			looks++
		}
	}
	if looks > 10 || len(p.next) > p.sweep || len(s.forced) > s.forcedMost {
		t.Errorf("%d looks at %d peers and %d zones", looks, len(p.next), len(s.forced))
	}
	p.forget(now.Add(time.Hour))
	for i := range s.forcedMost {
		s.leaveForced("z"+strconv.Itoa(i), forcedMark{at: now.Add(time.Hour)})
	}
	if _, kept := s.forced["0"]; len(p.next) != 0 || kept {
		t.Errorf("%d peers are kept, and a zone: %v", len(p.next), kept)
	}
}

// TestTasksFollowTheLinks has a zone's links come in any order, some new, some gone, round after round: there is one
// task for each peer, and it is the one that was there before.
func TestTasksFollowTheLinks(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	db := crowded(t, 40, 1, 0)
	id := fmt.Sprintf("%032x", 0)
	s := New(Config{DB: db})
	had := map[string]*task{}
	for round := range 500 {
		var links []string
		for _, i := range r.Perm(40)[:r.IntN(31)] {
			links = append(links, fmt.Sprintf("%032x", i))
		}
		if round%3 == 0 {
			slices.Sort(links)
		}
		s.Link(db.SetLinks(id, uint64(round+2), zone.Links{Enabled: true, Peers: links}))
		s.take()
		is := map[string]*task{}
		for _, task := range s.zones[id] {
			is[task.peer.ID] = task
			if was := had[task.peer.ID]; was != nil && was != task {
				t.Fatalf("round %d: a peer that stays is begun anew", round)
			}
		}
		if len(s.zones[id]) != len(links) || len(is) != len(links) || len(s.queue) != len(links) {
			t.Fatalf("round %d: %d links, %d tasks, %d due", round, len(links), len(s.zones[id]), len(s.queue))
		}
		had = is
	}
}
