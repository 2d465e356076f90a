package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/trace"
)

// Config makes a Sender. DB is required; zero values mean the defaults stated.
type Config struct {
	DB *zone.DB
	// Sources are addresses to send from, at most one a family; the system's choice otherwise. A loopback address serves for
	// peers on loopback alone.
	Sources []netip.Addr
	// Node is this machine's name, told where it has not the address that a peer is to be told from: others may.
	Node string
	// Interval is the least time between two NOTIFYs to a peer for a zone while changes keep coming; default 1 s.
	Interval time.Duration
	// Rate is how many NOTIFYs a second one peer is sent at most, after a first hundred; default 1,000. More would only fill
	// its socket and be lost.
	Rate int
	// Retry is the first pause before an unanswered NOTIFY is sent again, RetryMost the longest; defaults 1 s and 5 min.
	Retry, RetryMost time.Duration
	// Remind is the first pause before a peer that has answered, and is seen with an older serial all the same, is told again; default
	// 10 s, doubling up to RetryMost.
	Remind time.Duration
	// Load yields what was known before the restart, or by the node that notified before this one, and returns when DB is as new; Save
	// keeps it, called with batches, never twice at once.
	Load func(ctx context.Context, yield func(Ack)) error
	Save func(ctx context.Context, acks []Ack) error
	// Duty says whether this node notifies for a zone; nil: always. When its answers change, call Review or Back.
	Duty func(zoneID string) bool
	// KeyOf is the key that a peer last signed a request for a zone with, and when; nil: nobody knows. It must return at once.
	KeyOf func(zoneID, peerID string) (name string, on time.Time)
	// Own gives the certificate that is shown to a peer that is told by TLS and asks for one; nil: none.
	Own func() *tls.Certificate
	// Tells says whether it may be told why TLS does not come about at an address; nil: everywhere. Who names a peer must not learn by it
	// which ports are open where only this server is let in.
	Tells func(netip.Addr) bool
	// Answered hears of every answer and of every time-out.
	Answered func(zoneID string, s Status)
	// Traced has the changes that zones have seen since their peers were planned last; nil: nobody traces.
	Traced *trace.Book
	Now    func() time.Time
	Log    *slog.Logger
}

func (c *Config) setDefaults() {
	if c.Interval <= 0 {
		c.Interval = time.Second
	}
	if c.Rate <= 0 {
		c.Rate = 1000
	}
	if c.Retry <= 0 {
		c.Retry = time.Second
	}
	if c.RetryMost <= 0 {
		c.RetryMost = 5 * time.Minute
	}
	if c.Remind <= 0 {
		c.Remind = 10 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Node == "" {
		c.Node = "this node"
	}
	if c.Answered == nil {
		c.Answered = func(string, Status) {}
	}
	if c.Tells == nil {
		c.Tells = func(netip.Addr) bool { return true }
	}
	if c.KeyOf == nil {
		c.KeyOf = func(string, string) (string, time.Time) { return "", time.Time{} }
	}
	if c.Duty == nil {
		c.Duty = func(string) bool { return true }
	}
}

// Stats counts what was sent and what came back.
type Stats struct {
	Sent, Retries, Acked, Refused, Bad, Unsent uint64
	Pending                                    int
}

// wish is what somebody wants of a zone, besides that it be planned: a NOTIFY though nothing changed; its end; that what is kept
// of its peers counts; or that it does not, because they are linked anew.
type wish struct{ forced, gone, review, linked bool }

// and is both wishes; the later one says whether the zone is there.
func (w wish) and(next wish) wish {
	return wish{
		forced: w.forced || next.forced, gone: next.gone, review: w.review || next.review, linked: w.linked || next.linked,
	}
}

// Sender sends NOTIFYs. Wake, Link, Force, Remove, Seen, Review and Back return at once and may be called from anywhere.
type Sender struct {
	cfg    Config
	bell   chan struct{}
	acked  chan struct{} // something is to be saved
	review chan struct{} // Duty answers otherwise
	// reviews counts calls of Review, and of Back from absence on; it is 0 again once what peers know has been read.
	reviews atomic.Int64

	wishes struct {
		sync.Mutex
		zones map[string]wish
		seen  []Ack
		known map[taskKey]uint32 // loaded, for the zones under review
	}

	mu       sync.Mutex         // what follows; held for short steps only
	zones    map[string][]*task // by zone, in the order of its links
	inFlight map[exchange]*task // what answers are expected to
	queue    queue
	pace     pace
	lines    lines
	waiting  map[string]wish       // of zones that wait for a review to end
	known    map[taskKey]uint32    // loaded, for tasks made by a review
	forced   map[string]forcedMark // NOTIFYs that were asked for, of zones of other nodes
	// forcedMost is how many marks there may be before old ones are looked for.
	forcedMost int
	dirty      map[taskKey]uint32 // to be saved
	stats      Stats
}

// New returns a Sender; nothing is sent before Run.
func New(cfg Config) *Sender {
	cfg.setDefaults()
	s := &Sender{
		cfg: cfg, bell: make(chan struct{}, 1), acked: make(chan struct{}, 1), review: make(chan struct{}, 1),
		zones: map[string][]*task{}, waiting: map[string]wish{}, inFlight: map[exchange]*task{}, forced: map[string]forcedMark{},
		dirty: map[taskKey]uint32{}, pace: newPace(cfg.Rate),
	}
	s.wishes.zones, s.forcedMost = map[string]wish{}, forcedLeast
	return s
}

// Wake says that a zone was published: its peers are told, unless they know. Nobody is woken for a zone that has none; those that
// it had until now are forgotten by Link.
func (s *Sender) Wake(z *zone.Zone) {
	if l := z.State().Links; l.Enabled && len(l.Peers) > 0 {
		s.wish(z.ID, wish{})
	}
}

// Link says that a zone's links have changed: peers that are linked or switched on anew are told, whatever they knew before.
func (s *Sender) Link(z *zone.Zone) { s.wish(z.ID, wish{linked: true}) }

// Force sends a NOTIFY to each of the zone's peers though they may know its serial.
func (s *Sender) Force(z *zone.Zone) { s.wish(z.ID, wish{forced: true}) }

// Remove forgets a zone.
func (s *Sender) Remove(zoneID string) { s.wish(zoneID, wish{gone: true}) }

func (s *Sender) wish(id string, w wish) {
	s.wishes.Lock()
	s.wishes.zones[id] = s.wishes.zones[id].and(w)
	s.wishes.Unlock()
	s.ring()
}

// Review says that Duty answers otherwise now. Peers of zones that this node notifies for since then are told, except
// those that are known to have the zone's serial.
func (s *Sender) Review() { s.call(1) }

// Back is Review after a time in which this node had no duty at all: others may have told peers of versions that it is about to see.
// Nobody is told of anything until what they know has been read, however long the node has had their zones.
func (s *Sender) Back() { s.call(absence) }

// absence is what a call of Back counts, more than all of Review's come to.
const absence = 1 << 32

func (s *Sender) call(counts int64) {
	s.reviews.Add(counts)
	knock(s.review)
}

// away says that nobody knows yet what happened while this node had no duty.
func (s *Sender) away() bool { return s.reviews.Load() >= absence }

func (s *Sender) ring() { knock(s.bell) }

// knock leaves one token for who waits.
func knock(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Seen says that a peer has a serial: for certain it transferred the zone, asked and had it already, or answered with it. One that has
// answered a NOTIFY and is seen with an older serial is told again.
func (s *Sender) Seen(zoneID, peerID string, serial uint32) {
	s.wishes.Lock()
	s.wishes.seen = append(s.wishes.seen, Ack{Zone: zoneID, Peer: peerID, Serial: serial})
	s.wishes.Unlock()
	s.ring()
}

// Run sends until ctx ends. At its start, peers of every zone with transfers on are told, except those that are known to
// have its serial.
func (s *Sender) Run(ctx context.Context) error {
	socks, err := s.listen()
	if err != nil {
		return err
	}
	defer socks.close()
	if err := s.reviewAll(ctx); err != nil {
		s.cfg.Log.Error("cannot read what secondaries know: all are told", slog.Any("error", err))
		s.wishAll(nil)
	}
	s.take()
	var wg sync.WaitGroup
	defer wg.Wait()
	socks.receive(&wg, s)
	s.lines.open(ctx, s, socks)
	defer s.lines.close()
	saving := make(chan struct{})
	wg.Go(func() { s.save(ctx, saving) })
	defer close(saving)
	defer socks.close()
	s.loop(ctx, socks)
	return nil
}

func (s *Sender) loop(ctx context.Context, socks *sockets) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := s.step(socks)
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-s.bell:
		case <-timer.C:
		}
	}
}

// step takes what was wished for, sends what is due, and says when to come back.
func (s *Sender) step(socks *sockets) time.Duration {
	for {
		s.take()
		messages, wait := s.collect()
		if len(messages) == 0 {
			return wait
		}
		s.send(socks, messages)
	}
}

func (s *Sender) send(socks *sockets, messages []message) {
	plain := make([]*message, 0, len(messages))
	for i := range messages {
		m := &messages[i]
		var err error
		switch {
		case m.msg == nil:
			err = errSealed
		case m.by.TLS:
			err = s.lines.send(m)
		case m.by.From(m.to.Addr()).IsValid():
			err = socks.send(m.msg, m.to, &m.by)
		default:
			plain = append(plain, m)
		}
		if err != nil {
			s.failed(m, err)
		}
	}
	socks.sendAll(plain, s.failed)
}

// plansAtOnce bounds what is planned under one lock.
const plansAtOnce = 256

// take plans what was wished for since the last time.
func (s *Sender) take() {
	s.wishes.Lock()
	var zones map[string]wish
	if len(s.wishes.zones) > 0 {
		zones, s.wishes.zones = s.wishes.zones, map[string]wish{}
	}
	seen, known := s.wishes.seen, s.wishes.known
	s.wishes.seen, s.wishes.known = nil, nil
	s.wishes.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = known
	defer func() { s.known = nil }()
	now := s.cfg.Now()
	planned := 0
	for id, w := range zones {
		s.plan(id, w, now)
		if planned++; planned%plansAtOnce == 0 {
			s.mu.Unlock() // answers come in between, when very many zones change at once
			s.mu.Lock()
		}
	}
	if len(s.waiting) > 0 && s.reviews.Load() == 0 {
		waiting := s.waiting
		s.waiting = map[string]wish{}
		for id, w := range waiting {
			s.plan(id, w, now)
		}
	}
	for _, a := range seen {
		s.saw(a, now)
	}
}

// message is a message that is ready to be sent.
type message struct {
	task *task
	msg  []byte
	to   netip.AddrPort
	by   zone.Notify
	id   uint16
}

// lettersAtOnce bounds what is written under one lock, so that answers are heard in between.
const lettersAtOnce = 64

// collect writes the messages that are due, or says how long nothing is.
func (s *Sender) collect() (messages []message, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for len(s.queue) > 0 && len(messages) < lettersAtOnce {
		t := s.queue[0]
		if wait := t.due.Sub(now); wait > 0 {
			return messages, wait
		}
		if !s.cfg.Duty(t.zone) || s.away() {
			s.park(t.zone) // another node tells, or has told: the review plans it
			continue
		}
		if slot := s.pace.slot(t, now); slot.After(now) {
			s.queue.at(t, slot)
			continue
		}
		messages = append(messages, message{task: t, msg: s.write(t, now), to: t.to(), by: t.peer.Notify, id: t.exchange.id})
	}
	return messages, time.Hour
}

// write makes a task's message, and schedules its next try.
func (s *Sender) write(t *task, now time.Time) []byte {
	s.land(t)
	for f := (exchange{to: t.to()}); ; {
		f.id = uint16(rand.Uint32())
		if other := s.inFlight[f]; other == nil || rand.IntN(1000) == 0 {
			// So many are out to one address that its identifiers have run short: the other will be sent again.
			s.inFlight[f], t.exchange = t, f
			break
		}
	}
	if t.inDoubt {
		s.stats.Retries++
		t.status.Answer, t.status.Outcome = "no answer yet", Waiting
		s.cfg.Answered(t.zone, t.status)
	}
	if s.cfg.Log.Enabled(context.Background(), slog.LevelDebug) { // the attributes cost more than the message
		s.cfg.Log.Debug("NOTIFY", slog.String("zone", t.name.String()), slog.String("peer", t.peer.Name),
			slog.Uint64("serial", uint64(t.serial)), slog.Bool("forced", t.forced), slog.Int("tries", t.tries),
			slog.Bool("known", t.status.Known), slog.Uint64("acked", uint64(t.status.Acked)))
	}
	t.inDoubt, t.sent, t.forced = true, t.serial, false
	t.tries++
	t.status.Sent, t.status.Tries = now, t.tries
	t.told.Sent(now, t.serial)
	s.stats.Sent++
	s.queue.at(t, now.Add(s.cfg.pause(t.tries, t.refused)))
	key := s.signWith(t)
	t.status.Key, t.status.TLS = key.String(), t.peer.Notify.TLS
	return compose(t, key, now)
}

// land gives up waiting for the answer to a task's last message.
func (s *Sender) land(t *task) {
	if s.inFlight[t.exchange] == t {
		delete(s.inFlight, t.exchange)
	}
	t.exchange = exchange{}
}

// failed notes that a message could not leave; its next try is scheduled already.
func (s *Sender) failed(l *message, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Unsent++
	t := l.task
	if l.by.TLS && t.exchange != (exchange{to: l.to, id: l.id}) {
		return // it has been answered, or sent again, meanwhile
	}
	words := "it cannot leave: " + inWords(err)
	absent, ours := errors.AsType[*absentError](err)
	switch {
	case ours: // nothing was sent: this tells of our machine alone
		words = absent.words(s.cfg.Node)
	case l.by.TLS && !s.cfg.Tells(l.to.Addr()):
		words = "TLS does not come about"
	}
	t.status.Answer, t.status.Outcome = words, Unsent
	t.told.Event(string(Unsent), s.cfg.Now())
	s.cfg.Answered(t.zone, t.status)
	s.cfg.Log.Debug("cannot send NOTIFY", slog.String("zone", t.name.String()), slog.String("peer", l.to.String()), slog.Any("error", err))
}

// wordsMost bounds what is kept of an error, for each peer of each zone, in memory and in the store: a peer's certificate may have names of
// many kilobytes.
const wordsMost = 200

// inWords is an error without addresses and ports, so that the same reads the same.
func inWords(err error) string {
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		return no.Error()
	}
	words := err.Error()
	return strings.ToValidUTF8(words[:min(len(words), wordsMost)], "")
}

// Status lists how the zone's peers fare, ordered by peer.
func (s *Sender) Status(zoneID string) []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Status, 0, len(s.zones[zoneID]))
	for _, t := range s.zones[zoneID] {
		out = append(out, t.status)
	}
	slices.SortFunc(out, func(a, b Status) int { return strings.Compare(a.Peer, b.Peer) })
	return out
}

// Stats gives the counts so far.
func (s *Sender) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Pending = len(s.queue)
	return out
}
