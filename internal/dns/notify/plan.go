package notify

import (
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/trace"
)

// plan makes the tasks of a zone what its links and serial want now.
func (s *Sender) plan(id string, w wish, now time.Time) {
	z := s.cfg.DB.ByID(id)
	if z == nil || w.gone {
		s.forget(id)
		return
	}
	access := z.Access()
	if !access.Enabled {
		s.forget(id)
		return
	}
	tasks := s.keep(id, access.Peers)
	if !s.cfg.Duty(id) {
		s.park(id)
		if w.forced {
			s.leaveForced(id, forcedMark{z.State().Transfer.Serial(), now})
		}
		return
	}
	if s.unreviewed(id, w) {
		s.waiting[id] = s.waiting[id].and(w)
		return
	}
	v := z.State().Transfer
	if mark, left := s.forced[id]; left && w.review {
		delete(s.forced, id)
		w.forced = w.forced || mark.serial == v.Serial() && now.Sub(mark.at) < forcedLife
	}
	rdata, ttl := v.SOA()
	changes := s.cfg.Traced.Take(now, id, v.Serial(), wire.SerialNewer)
	for i := range access.Peers {
		p := &access.Peers[i]
		if !p.Addr.IsValid() {
			continue // nobody to tell
		}
		t := tasks[i]
		if t == nil {
			t = s.add(z, p)
		}
		if underWay := t.inDoubt && t.index >= 0; w.review && !w.linked && !underWay {
			t.learn(s.known)
		}
		moved := t.becomes(p, v.Serial(), rdata, ttl)
		t.forced = t.forced || w.forced
		if len(changes) > 0 {
			t.told.Add(changes, now, trace.Text("headwater.peer.id", p.ID), trace.Text("network.peer.address", t.to().Addr().String()), trace.Number("network.peer.port", int64(t.to().Port())))
		}
		s.schedule(t, w.forced || moved, now)
	}
}

// becomes has the task tell a peer of a version. moved says that what is under way does not reach it.
func (t *task) becomes(p *zone.Peer, serial uint32, soa []byte, ttl uint32) (moved bool) {
	if t.serial != serial {
		t.reminders = 0
	}
	moved = t.peer.Addr != p.Addr || t.peer.Notify != p.Notify || t.peer.Key != p.Key && t.inDoubt
	t.peer, t.serial, t.soa, t.ttl = *p, serial, soa, ttl
	t.status.Serial = serial
	return moved
}

// lag is how long a node may know less than the others.
const lag = 2 * time.Second

// schedule decides when a task is due. anew says that what is under way does not count.
func (s *Sender) schedule(t *task, anew bool, now time.Time) {
	switch {
	case !t.forced && t.status.Known && t.serial == t.status.Acked:
		s.queue.drop(t)
		t.told.Known(now, t.serial, wire.SerialNewer)
		return
	case !t.forced && t.status.Known && wire.SerialNewer(t.status.Acked, t.serial):
		// Another node may have told it of a change that this one is about to see; else the store was restored.
		t.refused = false
		s.queue.at(t, latest(now, t.status.Sent).Add(lag))
		return
	case t.inDoubt && t.sent == t.serial && !anew:
		if t.index < 0 { // the zone was another node's for a moment: the answer may be on its way still
			s.queue.at(t, latest(now, t.status.Sent.Add(s.cfg.pause(t.tries, t.refused))))
		}
		return // its own retries go on
	case t.slotted:
		return // it has its place in the peer's row, and will be written with the newest serial
	}
	t.refused = false
	s.queue.at(t, latest(now, t.status.Sent.Add(s.cfg.Interval)))
}

// task finds the task of a zone and peer; a zone has few.
func (s *Sender) task(zoneID, peer string) *task {
	for _, t := range s.zones[zoneID] {
		if t.peer.ID == peer {
			return t
		}
	}
	return nil
}

func (s *Sender) add(z *zone.Zone, p *zone.Peer) *task {
	t := &task{zone: z.ID, name: z.Name, peer: *p, index: -1}
	t.status.Peer = p.ID
	s.zones[z.ID] = append(s.zones[z.ID], t)
	return t
}

// learn takes over what another node, or an earlier process, has kept, if that is newer.
func (t *task) learn(known map[taskKey]uint32) {
	serial, ok := known[t.key()]
	if ok && (!t.status.Known || wire.SerialNewer(serial, t.status.Acked)) {
		t.status.Acked, t.status.Known = serial, true
	}
}

// unreviewed says that a zone has perhaps just fallen to this node, be it once more, and what its peers know is about to be read. What was
// wished for waits until that is over: the review plans every zone that it finds linked, and this one may have been linked
// after it looked.
func (s *Sender) unreviewed(id string, w wish) bool {
	return !w.review && (s.away() || s.reviews.Load() > 0 && s.zones[id] == nil)
}

// park sends nothing more for a zone. What its peers know is remembered, and an answer that is on its way still counts.
func (s *Sender) park(id string) {
	for _, t := range s.zones[id] {
		s.queue.drop(t)
		t.forced = false
		t.told.Drop(s.cfg.Now(), "another node tells")
	}
}

// forcedMark is a NOTIFY that was asked for of another node's zone, and the serial that the zone had. That node may die
// before it is sent; unless there is a newer serial to tell by then, nothing else would tell of it.
type forcedMark struct {
	serial uint32
	at     time.Time
}

// forcedLife is how long marks are kept, forcedLeast how many are before old ones are looked for.
const (
	forcedLife  = 30 * time.Second
	forcedLeast = 1024
)

func (s *Sender) leaveForced(id string, mark forcedMark) {
	if len(s.forced) >= s.forcedMost { // a look at all for each would be quadratic
		for z, old := range s.forced {
			if mark.at.Sub(old.at) >= forcedLife {
				delete(s.forced, z)
			}
		}
		s.forcedMost = max(forcedLeast, 2*len(s.forced))
	}
	s.forced[id] = mark
}

// forget drops all tasks of a zone.
func (s *Sender) forget(id string) { s.keep(id, nil) }

// keep drops the tasks of a zone for peers that are not among these, or have no address there, and gives the others, each at the place of its
// peer.
func (s *Sender) keep(id string, peers []zone.Peer) []*task {
	had := matching{tasks: s.zones[id]}
	out, stay := make([]*task, len(peers)), make([]*task, 0, len(had.tasks))
	for i := range peers {
		if !peers[i].Addr.IsValid() {
			continue
		}
		if t := had.take(peers[i].ID); t != nil {
			out[i], stay = t, append(stay, t)
		}
	}
	for t := range had.rest {
		s.queue.drop(t)
		s.land(t)
		t.told.Drop(s.cfg.Now(), "no peer of the zone any more")
	}
	if s.zones[id] = stay; len(stay) == 0 {
		delete(s.zones, id)
	}
	return out
}

// matching finds a zone's tasks by peer. They stand in the order of links, so that the next one is the one that is looked for; an index is
// made where it is not.
type matching struct {
	tasks []*task // that were not taken
	by    map[string]*task
}

func (m *matching) take(peer string) *task {
	if m.by == nil {
		if len(m.tasks) > 0 && m.tasks[0].peer.ID == peer {
			t := m.tasks[0]
			m.tasks = m.tasks[1:]
			return t
		}
		m.by = make(map[string]*task, len(m.tasks))
		for _, t := range m.tasks {
			m.by[t.peer.ID] = t
		}
	}
	t := m.by[peer]
	delete(m.by, peer)
	return t
}

func (m *matching) rest(yield func(*task) bool) {
	if m.by != nil {
		for _, t := range m.by {
			if !yield(t) {
				return
			}
		}
		return
	}
	for _, t := range m.tasks {
		if !yield(t) {
			return
		}
	}
}

// ack notes that a peer knows a serial, which it was told of.
func (s *Sender) ack(t *task, serial uint32) {
	if t.status.Known && serial != t.serial && wire.SerialNewer(t.status.Acked, serial) {
		return // late news
	}
	if !t.status.Known || t.status.Acked != serial {
		t.status.Acked, t.status.Known = serial, true
		s.dirty[t.key()] = serial
		knock(s.acked)
	}
	t.told.Known(s.cfg.Now(), serial, wire.SerialNewer)
	if serial == t.serial && !t.forced {
		t.inDoubt, t.tries = false, 0
		s.queue.drop(t)
	}
}

// saw ends repetitions: a peer that was told of a serial and has it need not be told again. Who was not told yet will be,
// whoever was seen: what looks like the peer may be another program at its address.
func (s *Sender) saw(a Ack, now time.Time) {
	t := s.task(a.Zone, a.Peer)
	switch {
	case t == nil:
	case t.inDoubt && t.sent == a.Serial:
		s.ack(t, a.Serial)
	case t.serial == a.Serial:
		t.reminders = 0
	case !t.inDoubt && t.index < 0 && wire.SerialNewer(t.serial, a.Serial):
		s.remind(t, now)
	}
}

// remind tells a peer once more that has answered and is still behind: it asked while we were away, or its transfer failed. By itself it
// would come again when its SOA's retry or refresh says so, which may be hours. Each reminder waits twice as long as the one before.
func (s *Sender) remind(t *task, now time.Time) {
	wait := s.cfg.Remind
	for range min(t.reminders, 20) {
		wait = min(2*wait, s.cfg.RetryMost)
	}
	if !t.status.Sent.IsZero() && now.Sub(t.status.Sent) < wait {
		return // the next time that it is seen so
	}
	t.reminders++
	t.forced = true
	s.schedule(t, true, now)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
