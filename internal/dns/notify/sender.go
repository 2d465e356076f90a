package notify

import (
	"container/heap"
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Config makes a Sender. DB is required; zero values mean the defaults stated.
type Config struct {
	DB *zone.DB
	// Sources are addresses to send from, at most one a family; the system's choice otherwise.
	Sources []netip.Addr
	// Interval is the least time between two NOTIFYs to a peer for a zone while changes keep coming; default 1 s.
	Interval time.Duration
	// Retry is the first pause before an unanswered NOTIFY is sent again, RetryMost the longest; defaults 1 s and 5 min.
	Retry, RetryMost time.Duration
	// Load yields what was known before the restart; Save keeps it, called with batches, never twice at once.
	Load func(ctx context.Context, yield func(Ack)) error
	Save func(ctx context.Context, acks []Ack) error
	// Duty says whether this node notifies for a zone; nil: always.
	Duty func(zoneID string) bool
	// Answered hears of every answer and of every time-out.
	Answered func(zoneID string, s Status)
	Now      func() time.Time
	Log      *slog.Logger
}

func (c *Config) setDefaults() {
	if c.Interval <= 0 {
		c.Interval = time.Second
	}
	if c.Retry <= 0 {
		c.Retry = time.Second
	}
	if c.RetryMost <= 0 {
		c.RetryMost = 5 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Answered == nil {
		c.Answered = func(string, Status) {}
	}
	if c.Duty == nil {
		c.Duty = func(string) bool { return true }
	}
}

// Stats counts what was sent and what came back.
type Stats struct {
	Sent, Retries, Acked, Refused, Bad uint64
	Pending                            int
}

// wish is what somebody wants of a zone.
type wish struct{ forced, gone bool }

// Sender sends NOTIFYs. Wake, Force, Remove and Seen return at once and may be called from anywhere.
type Sender struct {
	cfg  Config
	bell chan struct{}

	wishes struct {
		sync.Mutex
		zones map[string]wish
		seen  []Ack
	}

	mu    sync.Mutex // what follows; held for short steps only
	tasks map[taskKey]*task
	zones map[string]map[string]*task
	byID  map[uint16]*task
	queue queue
	known map[taskKey]uint32 // loaded, for tasks not yet made
	dirty map[taskKey]uint32 // to be saved
	stats Stats
}

// New returns a Sender; nothing is sent before Run.
func New(cfg Config) *Sender {
	cfg.setDefaults()
	s := &Sender{
		cfg: cfg, bell: make(chan struct{}, 1), tasks: map[taskKey]*task{}, zones: map[string]map[string]*task{},
		byID: map[uint16]*task{}, known: map[taskKey]uint32{}, dirty: map[taskKey]uint32{},
	}
	s.wishes.zones = map[string]wish{}
	return s
}

// Wake says that a zone was published: its peers are told, unless they know.
func (s *Sender) Wake(z *zone.Zone) { s.wish(z.ID, wish{}) }

// Force sends a NOTIFY to each of the zone's peers though they may know its serial.
func (s *Sender) Force(z *zone.Zone) { s.wish(z.ID, wish{forced: true}) }

// Remove forgets a zone.
func (s *Sender) Remove(zoneID string) { s.wish(zoneID, wish{gone: true}) }

func (s *Sender) wish(id string, w wish) {
	s.wishes.Lock()
	old := s.wishes.zones[id]
	s.wishes.zones[id] = wish{forced: old.forced || w.forced, gone: w.gone}
	s.wishes.Unlock()
	s.ring()
}

// Seen says that a peer has a serial: it transferred the zone, or asked for its SOA and had the newest.
func (s *Sender) Seen(zoneID, peerID string, serial uint32) {
	s.wishes.Lock()
	s.wishes.seen = append(s.wishes.seen, Ack{Zone: zoneID, Peer: peerID, Serial: serial})
	s.wishes.Unlock()
	s.ring()
}

func (s *Sender) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends. At its start, peers of every zone with transfers on are told, except those that are known to
// have its serial.
func (s *Sender) Run(ctx context.Context) error {
	socks, err := s.listen()
	if err != nil {
		return err
	}
	defer socks.close()
	if s.cfg.Load != nil {
		err := s.cfg.Load(ctx, func(a Ack) { s.known[taskKey{a.Zone, a.Peer}] = a.Serial })
		if err != nil {
			s.cfg.Log.Error("cannot read what secondaries know: all are told", slog.Any("error", err))
		}
	}
	s.cfg.DB.All(func(z *zone.Zone) bool { s.Wake(z); return true })
	var wg sync.WaitGroup
	defer wg.Wait()
	socks.receive(&wg, s)
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
	s.wishes.Lock()
	zones, seen := s.wishes.zones, s.wishes.seen
	s.wishes.zones, s.wishes.seen = make(map[string]wish, len(zones)), nil
	s.wishes.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for id, w := range zones {
		s.plan(id, w, now)
	}
	for _, a := range seen {
		s.ack(taskKey{a.Zone, a.Peer}, a.Serial)
	}
	for len(s.queue) > 0 {
		t := s.queue[0]
		if wait := t.due.Sub(now); wait > 0 {
			return wait
		}
		s.send(t, socks, now)
	}
	return time.Hour
}

// plan makes the tasks of a zone what its links and serial want now.
func (s *Sender) plan(id string, w wish, now time.Time) {
	z := s.cfg.DB.ByID(id)
	if z == nil || w.gone {
		s.forget(id, nil)
		return
	}
	access := z.Access()
	if !access.Enabled || !s.cfg.Duty(id) {
		s.forget(id, nil)
		return
	}
	linked := make(map[string]bool, len(access.Peers))
	v := z.State().Transfer
	rdata, ttl := v.SOA()
	for _, p := range access.Peers {
		linked[p.ID] = true
		if !p.Addr.IsValid() {
			continue
		}
		t := s.task(z, p)
		t.peer, t.serial, t.soa, t.ttl = p, v.Serial(), rdata, ttl
		t.forced = t.forced || w.forced
		t.status.Serial = t.serial
		if !t.forced && t.status.Known && t.status.Acked == t.serial {
			s.queue.drop(t)
			continue
		}
		if t.inDoubt && t.sent == t.serial && !w.forced {
			continue // under way: its own retries go on
		}
		due := now
		if t.status.Sent.Add(s.cfg.Interval).After(now) {
			due = t.status.Sent.Add(s.cfg.Interval)
		}
		t.refused = false
		s.queue.at(t, due)
	}
	s.forget(id, linked)
}

func (s *Sender) task(z *zone.Zone, p zone.Peer) *task {
	key := taskKey{z.ID, p.ID}
	if t := s.tasks[key]; t != nil {
		return t
	}
	t := &task{taskKey: key, name: z.Name, index: -1}
	t.status.Peer = p.ID
	if serial, ok := s.known[key]; ok {
		t.status.Acked, t.status.Known = serial, true
		delete(s.known, key)
	}
	s.tasks[key] = t
	if s.zones[z.ID] == nil {
		s.zones[z.ID] = map[string]*task{}
	}
	s.zones[z.ID][p.ID] = t
	return t
}

// forget drops the tasks of a zone for peers that are not in keep.
func (s *Sender) forget(id string, keep map[string]bool) {
	for peer, t := range s.zones[id] {
		if keep[peer] {
			continue
		}
		s.queue.drop(t)
		delete(s.byID, t.id)
		delete(s.tasks, t.taskKey)
		delete(s.zones[id], peer)
	}
	if len(s.zones[id]) == 0 {
		delete(s.zones, id)
	}
}

// ack notes that a peer knows a serial.
func (s *Sender) ack(key taskKey, serial uint32) {
	t := s.tasks[key]
	if t == nil {
		return
	}
	if !t.status.Known || t.status.Acked != serial {
		t.status.Acked, t.status.Known = serial, true
		s.dirty[key] = serial
	}
	if serial == t.serial && !t.forced {
		t.inDoubt, t.status.Tries = false, 0
		s.queue.drop(t)
	}
}

// send sends one NOTIFY and schedules its next try.
func (s *Sender) send(t *task, socks *sockets, now time.Time) {
	delete(s.byID, t.id)
	for t.id = uint16(rand.Uint32()); s.byID[t.id] != nil && len(s.byID) < 1<<15; {
		t.id = uint16(rand.Uint32())
	}
	s.byID[t.id] = t
	if t.inDoubt {
		s.stats.Retries++
		t.status.Answer = "no answer yet"
		s.cfg.Answered(t.zone, t.status)
	}
	t.inDoubt, t.sent, t.forced = true, t.serial, false
	t.status.Sent = now
	t.status.Tries++
	s.stats.Sent++
	msg := message(t, now)
	if err := socks.send(msg, t.peer.Addr); err != nil {
		t.status.Answer = err.Error()
		s.cfg.Log.Debug("cannot send NOTIFY", slog.String("zone", t.name.String()), slog.String("peer", t.peer.Addr.String()), slog.Any("error", err))
	}
	s.queue.at(t, now.Add(s.cfg.pause(t.status.Tries, t.refused)))
}

// Status lists how the zone's peers fare, ordered by peer.
func (s *Sender) Status(zoneID string) []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Status
	for _, peer := range slices.Sorted(maps.Keys(s.zones[zoneID])) {
		out = append(out, s.zones[zoneID][peer].status)
	}
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

// save keeps what was acknowledged, a batch at a time, and once more at the end.
func (s *Sender) save(ctx context.Context, end <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-end:
			s.saveOnce(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			s.saveOnce(ctx)
		}
	}
}

func (s *Sender) saveOnce(ctx context.Context) {
	if s.cfg.Save == nil {
		return
	}
	s.mu.Lock()
	dirty := s.dirty
	s.dirty = map[taskKey]uint32{}
	s.mu.Unlock()
	if len(dirty) == 0 {
		return
	}
	acks := make([]Ack, 0, len(dirty))
	for k, serial := range dirty {
		acks = append(acks, Ack{Zone: k.zone, Peer: k.peer, Serial: serial})
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := s.cfg.Save(ctx, acks); err != nil {
		s.cfg.Log.Warn("cannot keep what secondaries know", slog.Any("error", err))
		s.mu.Lock()
		for k, serial := range dirty {
			if _, newer := s.dirty[k]; !newer {
				s.dirty[k] = serial
			}
		}
		s.mu.Unlock()
	}
}

// sign makes the client that signs a task's message, nil for none.
func (t *task) sign() *tsig.Client {
	if t.peer.Key == nil {
		return nil
	}
	return tsig.NewClient(t.peer.Key)
}

var _ heap.Interface = (*queue)(nil)
