package notify

import (
	"container/heap"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/trace"
)

// Ack is what is known of one peer and zone: the newest serial that the peer answered a NOTIFY for, or was seen with.
type Ack struct {
	Zone, Peer string
	Serial     uint32
}

// Status is how a peer fares with a zone.
type Status struct {
	Peer     string
	Pending  bool      // a NOTIFY is to be answered or sent
	Serial   uint32    // what the peer is being told
	Acked    uint32    // the newest serial answered or seen
	Known    bool      // Acked means something
	Sent     time.Time // the last NOTIFY; zero: none since start
	Answered time.Time // the last answer
	Answer   string    // in words: "NOERROR", "REFUSED", "no answer yet", "NOTAUTH (BADSIG)", …
	Outcome  Outcome   // the same for programs
	Tries    int       // messages that told what was told last, the first and its repetitions
	Key      string    // that the last message was signed with; empty: none
	TLS      bool      // it went by TLS
}

// Outcome is what came of a NOTIFY so far.
type Outcome string

// The outcomes.
const (
	Waiting  Outcome = "waiting"  // it is out, and not answered
	Accepted Outcome = "accepted" // NOERROR
	Refused  Outcome = "refused"  // another response code
	NoZone   Outcome = "no_zone"  // NOTAUTH: the peer is no authority for the zone (RFC 1996 section 3.10, RFC 8906)
	BadKey   Outcome = "bad_key"  // the peer cannot verify our signature, or we not its
	Unsent   Outcome = "unsent"   // it could not leave
)

type taskKey struct{ zone, peer string }

// exchange is a message that may be answered.
type exchange struct {
	to netip.AddrPort
	id uint16
}

// task is a peer to be told of a zone.
type task struct {
	zone   string
	name   wire.Name
	peer   zone.Peer
	serial uint32
	soa    []byte // rdata
	ttl    uint32

	forced  bool // to be sent though the peer knows
	inDoubt bool // a message is out that was not answered
	refused bool // the last answer was an error
	slotted bool // it waits for its slot (see pace)
	tries   int  // without an answer

	reminders int // after the answer, because it did not follow

	due      time.Time
	index    int    // in the heap, -1 outside
	sent     uint32 // the serial that the last message told
	exchange exchange
	client   *tsig.Client
	took     string // the key of the last NOTIFY that was accepted, and when that was
	tookOn   time.Time
	status   Status
	told     trace.Tellings
}

func (t *task) key() taskKey { return taskKey{t.zone, t.peer.ID} }

// to is the peer's address as answers come from it.
func (t *task) to() netip.AddrPort {
	if n := &t.peer.Notify; n.TLS {
		return netip.AddrPortFrom(t.peer.Addr.Addr().Unmap(), n.Port)
	}
	return t.inClear()
}

func (t *task) inClear() netip.AddrPort {
	return netip.AddrPortFrom(t.peer.Addr.Addr().Unmap(), t.peer.Addr.Port())
}

// signWith chooses the key for the task's next message. While one key follows another it is the one that the peer was last seen with,
// be it that it signed a request with it or accepted a NOTIFY; and where that got no answer, or an error, the other one, in turns.
func (s *Sender) signWith(t *task) *tsig.Key {
	use, other := t.peer.Key, t.peer.Next
	if other == nil {
		return use
	}
	name, on := s.cfg.KeyOf(t.zone, t.peer.ID)
	if t.tookOn.After(on) {
		name = t.took
	}
	if name == other.Name.String() {
		use, other = other, use
	}
	if t.tries%2 == 0 {
		return other
	}
	return use
}

// queue is a heap of tasks by due time.
type queue []*task

var _ heap.Interface = (*queue)(nil)

func (q *queue) Len() int           { return len(*q) }
func (q *queue) Less(i, j int) bool { return (*q)[i].due.Before((*q)[j].due) }
func (q *queue) Swap(i, j int) {
	h := *q
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is heap.Interface's.
func (q *queue) Push(x any) {
	t, _ := x.(*task)
	t.index = len(*q)
	*q = append(*q, t)
}

// Pop is heap.Interface's.
func (q *queue) Pop() any {
	n := len(*q) - 1
	t := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	t.index = -1
	return t
}

// at schedules a task.
func (q *queue) at(t *task, due time.Time) {
	t.due = due
	t.status.Pending = true
	if t.index < 0 {
		heap.Push(q, t)
		return
	}
	heap.Fix(q, t.index)
}

func (q *queue) drop(t *task) {
	t.status.Pending, t.slotted = false, false
	if t.index >= 0 {
		heap.Remove(q, t.index)
	}
}

// pause is how long to wait for an answer before the next try: doubling from first to most; a peer that answers with an
// error is asked less often, for it will not change its mind by itself soon.
func (c *Config) pause(tries int, refused bool) time.Duration {
	d := c.Retry
	if refused {
		d *= 10
	}
	for range min(tries-1, 20) {
		if d *= 2; d >= c.RetryMost {
			return c.RetryMost
		}
	}
	return min(d, c.RetryMost)
}
