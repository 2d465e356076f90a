package tap

import (
	"cmp"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"
)

// Proto is how a query came, in dnstap's numbers.
type Proto uint8

// The ways that queries come.
const (
	UDP Proto = 1
	TCP Proto = 2
	DoT Proto = 3
)

// Config makes a Tap. Zero values mean the defaults stated.
type Config struct {
	// To is unix:PATH, tcp:HOST:PORT or file:PATH; it is required.
	To string
	// Percent of answers are shown, above 0 and up to 100.
	Percent float64
	// Lanes is how many threads may write at the same time; default 8.
	Lanes int
	// Identity and Version are of this server.
	Identity, Version string
	// Zone names the zone that answers a query, in wire form, or nothing; nil: never. It is not called on the query path.
	Zone func(query []byte) []byte
	Now  func() time.Time // required
	Log  *slog.Logger     // required
}

// Slots of a lane, and what fits one: longer answers come by TCP alone, and are dropped and counted.
const (
	slots       = 256
	maxQuery    = 512
	maxResponse = 4096
)

// Tap gathers and writes samples. Its methods may be called from anywhere.
type Tap struct {
	cfg     Config
	to      target
	gap     float64 // answers from one sample to the next, on average
	lanes   []lane
	next    atomic.Uint32
	sent    atomic.Uint64
	dropped atomic.Uint64
	open    atomic.Bool
}

// Valid says what is wrong with where samples go, and how many.
func (c *Config) Valid() error {
	if !(c.Percent > 0 && c.Percent <= 100) {
		return errPercent
	}
	_, err := parse(c.To)
	return err
}

// New makes a Tap.
func New(cfg Config) (*Tap, error) {
	if err := cfg.Valid(); err != nil {
		return nil, err
	}
	to, err := parse(cfg.To)
	if err != nil {
		return nil, err
	}
	t := &Tap{cfg: cfg, to: to, gap: 100 / cfg.Percent, lanes: make([]lane, cmp.Or(cfg.Lanes, 8))}
	for i := range t.lanes {
		t.lanes[i].slots = make([]slot, slots)
	}
	return t, nil
}

// lane is a ring that one thread writes at a time, and one reads.
type lane struct {
	busy  atomic.Bool   // somebody writes
	head  atomic.Uint64 // slots written so far
	tail  atomic.Uint64 // slots read so far
	slots []slot
	_     [64]byte // lanes share no cache line
}

// slot is an answered query.
type slot struct {
	at       int64 // nanoseconds since 1970
	from, to netip.AddrPort
	proto    Proto
	nq, nr   int
	query    [maxQuery]byte
	response [maxResponse]byte
}

// Sampler chooses what a thread shows; nil shows nothing. It belongs to one thread.
type Sampler struct {
	left int // answers until the next sample
	t    *Tap
	own  *lane
}

// Sampler makes one for a thread; nil of no Tap.
func (t *Tap) Sampler() *Sampler {
	if t == nil {
		return nil
	}
	s := &Sampler{t: t, own: &t.lanes[int(t.next.Add(1)-1)%len(t.lanes)]}
	s.again()
	return s
}

// Hit counts an answer and says whether it is to be shown.
func (s *Sampler) Hit() bool {
	if s == nil {
		return false
	}
	s.left--
	return s.left <= 0
}

// again draws after how many answers the next is shown: evenly around the average, so that no rhythm of clients is in step with it.
func (s *Sampler) again() { s.left = 1 + int((2*s.t.gap-1)*rand.Float64()) }

// Show takes a query that was answered, after a Hit. It copies both, or counts what it has no room for.
func (s *Sampler) Show(proto Proto, from, to netip.AddrPort, query, response []byte) {
	s.again()
	l := s.own
	if len(query) > maxQuery || len(response) > maxResponse || !l.busy.CompareAndSwap(false, true) {
		s.t.dropped.Add(1)
		return
	}
	head := l.head.Load()
	if head-l.tail.Load() == slots {
		l.busy.Store(false)
		s.t.dropped.Add(1)
		return
	}
	m := &l.slots[head%slots]
	m.at, m.proto, m.from, m.to = s.t.cfg.Now().UnixNano(), proto, from, to
	m.nq, m.nr = copy(m.query[:], query), copy(m.response[:], response)
	l.head.Store(head + 1)
	l.busy.Store(false)
}

// Stats are what became of samples: a query and its answer are two messages.
type Stats struct {
	Sent, Dropped uint64
	Open          bool // somebody takes them
}

// Stats returns the counters as they are now.
func (t *Tap) Stats() Stats {
	return Stats{Sent: t.sent.Load(), Dropped: 2 * t.dropped.Load(), Open: t.open.Load()}
}
