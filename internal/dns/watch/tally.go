package watch

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/notify"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// tally counts how many peers and name servers stand in each state, over all zones with transfers on, and thereby knows which
// zones those are. A zone is counted anew when something of it has moved and somebody asks: there may be a million zones, and
// who asks every few seconds pays for those alone that have moved since.
type tally struct {
	turn  *sync.Mutex // who counts; taken before the watcher's lock
	zones map[string]standings
	total standings
	moved map[string]struct{} // to be counted anew
	all   bool                // all zones are: nobody has asked yet
}

// standings are numbers by state, in the order of States.
type standings struct{ peers, servers [10]int32 }

// tallySlice is how many zones are counted while who has something to tell waits.
const tallySlice = 256

func newTally() tally {
	return tally{turn: &sync.Mutex{}, zones: map[string]standings{}, moved: map[string]struct{}{}, all: true}
}

// move has a zone counted anew. The watcher's lock is held.
func (t *tally) move(zone string) { t.moved[zone] = struct{}{} }

// set replaces what a zone counts for.
func (t *tally) set(zone string, s standings, counts bool) {
	was := t.zones[zone]
	for i := range t.total.peers {
		t.total.peers[i] += s.peers[i] - was.peers[i]
		t.total.servers[i] += s.servers[i] - was.servers[i]
	}
	if counts {
		t.zones[zone] = s
	} else {
		delete(t.zones, zone)
	}
}

// Moved tells that a zone has another version, other links or other peers, or none any more. It returns at once.
func (w *Watcher) Moved(z *zone.Zone) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, counted := w.tally.zones[z.ID]; counted || z.State().Links.Enabled {
		w.tally.move(z.ID)
		w.moves(z.ID)
	}
	w.wanted.hurry(z.ID)
	w.wanted.wake(z.ID)
}

// Linked is Moved for a zone whose links, or whose peers, have changed. It returns at once.
func (w *Watcher) Linked(z *zone.Zone) {
	w.mu.Lock()
	peers := z.Access().Peers
	for i := range peers {
		if r := w.of.get(key{z.ID, peers[i].ID}); r != nil && r.at.IsValid() && r.at != peers[i].Addr {
			r.elsewhere(w.cfg.Now())
		}
	}
	w.mu.Unlock()
	w.Moved(z)
}

// leads says whether a zone's peer is at an address. The lock is held.
func (w *Watcher) leads(zoneID, peer string, at netip.AddrPort) bool {
	z := w.cfg.DB.ByID(zoneID)
	return z != nil && slices.ContainsFunc(z.Access().Peers, func(p zone.Peer) bool { return p.ID == peer && p.Addr == at })
}

// elsewhere forgets what was found out at an address that is the peer's no more: another server may be at the new one, or none, and whoever
// waits until the zone is live waits for that.
func (r *record) elsewhere(now time.Time) {
	r.at, r.served, r.servedOn, r.serial, r.known = netip.AddrPort{}, 0, time.Time{}, 0, false
	r.probe, r.silent, r.status, r.toldOn, r.compared = trouble{}, 0, notify.Status{}, time.Time{}, nil
	r.add(Event{On: now, Kind: "probe", Text: "it has another address"})
}

// recount brings the tally up to date, and says how many zones it looked at.
func (w *Watcher) recount() (looked int) {
	t := &w.tally
	t.turn.Lock()
	defer t.turn.Unlock()
	w.mu.Lock()
	all := t.all
	t.all = false // what moves from here on is told
	w.mu.Unlock()
	var on []string
	if all {
		w.cfg.DB.All(func(z *zone.Zone) bool {
			looked++
			if z.State().Links.Enabled {
				on = append(on, z.ID)
			}
			return true
		})
	}
	for part := range slices.Chunk(on, tallySlice) {
		w.mu.Lock()
		for _, id := range part {
			t.move(id)
		}
		w.mu.Unlock()
	}
	for n := 1; n > 0; looked += n {
		n = w.countMoved()
	}
	return looked
}

// countMoved counts some of the zones that have moved anew, and says how many.
func (w *Watcher) countMoved() (n int) {
	t := &w.tally
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range t.moved {
		if n == tallySlice {
			break
		}
		n++
		delete(t.moved, id)
		if z := w.cfg.DB.ByID(id); z != nil && z.State().Links.Enabled {
			t.set(z.ID, w.standings(z), true)
		} else {
			t.set(id, standings{}, false)
		}
	}
	return n
}

// standings counts one zone. The lock is held.
func (w *Watcher) standings(z *zone.Zone) (out standings) {
	ours, states := z.State().Transfer.Serial(), States()
	for _, p := range z.Access().Peers {
		r := w.of.get(key{z.ID, p.ID})
		if r == nil {
			r = &record{}
		}
		s, _ := r.state(ours, p.Addr.IsValid())
		out.peers[slices.Index(states, s)]++
	}
	for i := range w.ns[z.ID] {
		out.servers[slices.Index(states, w.ns[z.ID][i].stands(ours))]++
	}
	return out
}

// Count says how many linked peers, and how many addresses of name servers, stand in each state, over all zones with transfers
// on.
func (w *Watcher) Count() (peers, servers map[State]int) {
	w.recount()
	w.mu.Lock()
	defer w.mu.Unlock()
	peers, servers = map[State]int{}, map[State]int{}
	for i, s := range States() {
		peers[s], servers[s] = int(w.tally.total.peers[i]), int(w.tally.total.servers[i])
	}
	return peers, servers
}

// watched yields the zones with transfers on that are this node's to ask for.
func (w *Watcher) watched(yield func(*zone.Zone) bool) {
	w.recount()
	w.mu.Lock()
	ids := make([]string, 0, len(w.tally.zones))
	for id := range w.tally.zones {
		ids = append(ids, id)
	}
	w.mu.Unlock()
	for _, id := range ids {
		z := w.cfg.DB.ByID(id)
		if z != nil && z.State().Links.Enabled && w.cfg.Duty(id) && !yield(z) {
			return
		}
	}
}
