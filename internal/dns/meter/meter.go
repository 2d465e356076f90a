package meter

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/cores"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Config makes a Meter. Zero values of what is not required mean the defaults stated.
type Config struct {
	// Zones bounds the zones of which something is kept, some 14 KiB each at most; default 2,048. Those that were asked last stay.
	Zones int
	// Known says whether a zone is still there; nil: yes. What was counted of one that has just gone is dropped.
	Known func(zone string) bool
	// Counted is told what was counted of a zone since the last time; it is required.
	Counted func(z *zone.Zone, c *Counts)
	// Now is the time; it is required.
	Now func() time.Time
}

// How often samples, and counts, are gathered.
const (
	sampleEvery = 250 * time.Millisecond
	gatherEvery = 5 * time.Second
)

// Meter counts. Its methods may be called from anywhere.
type Meter struct {
	cfg    Config
	shards []Shard
	next   atomic.Uint32

	mu   sync.Mutex
	old  []*table // taken from the shards at the last gathering; somebody may still be writing the last of it
	of   map[string]*counted
	lost uint64
}

// counted is what is kept of a zone.
type counted struct {
	asked time.Time // last
	names names
}

// New returns a Meter.
func New(cfg Config) *Meter {
	cfg.Zones = cmp.Or(cfg.Zones, 2048)
	if cfg.Known == nil {
		cfg.Known = func(string) bool { return true }
	}
	m := &Meter{cfg: cfg, shards: make([]Shard, 4*cores.Count()), of: map[string]*counted{}}
	for i := range m.shards {
		m.shards[i].table.Store(new(table))
	}
	return m
}

// Shard is one to count in, for a thread: threads that were made first have one of their own.
func (m *Meter) Shard() *Shard { return &m.shards[int(m.next.Add(1)-1)%len(m.shards)] }

// Run gathers until ctx ends, and once more then.
func (m *Meter) Run(ctx context.Context) error {
	samples, counts := time.NewTicker(sampleEvery), time.NewTicker(gatherEvery)
	defer samples.Stop()
	defer counts.Stop()
	for {
		select {
		case <-ctx.Done():
			m.Gather()
			m.Gather()
			return nil
		case <-samples.C:
			m.Sample()
		case <-counts.C:
			m.Gather()
		}
	}
}

// Sample takes the names that were asked.
func (m *Meter) Sample() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.cfg.Now()
	for i := range m.shards {
		m.shards[i].take(func(s *sample) {
			if !m.cfg.Known(s.zone.ID) {
				return
			}
			n := &m.at(s.zone, now).names
			n.turn(now)
			n.now.add(question{lower(s.name[:s.len]), s.kind, s.class})
		})
	}
}

func lower(name []byte) string {
	out := slices.Clone(name)
	for i, c := range out { // lengths of labels are below 64
		if 'A' <= c && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return string(out)
}

// Gather counts what the shards have written up to the gathering before, and takes what they have written since.
func (m *Meter) Gather() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.old {
		m.lost += t.lost.Load()
		for i := range t.slots {
			if z := t.slots[i].zone.Load(); z != nil && m.cfg.Known(z.ID) {
				m.count(z, &t.slots[i])
			}
		}
	}
	m.old = m.old[:0]
	for i := range m.shards {
		if s := &m.shards[i]; s.table.Load().used.Load() {
			m.old = append(m.old, s.table.Swap(new(table)))
		}
	}
	m.bound()
}

func (m *Meter) count(z *zone.Zone, s *slot) {
	var c Counts
	for i := range s.n {
		c[i] = uint64(s.n[i].Load())
	}
	m.cfg.Counted(z, &c)
}

func (m *Meter) at(z *zone.Zone, now time.Time) *counted {
	of := m.of[z.ID]
	if of == nil {
		of = new(counted)
		m.of[z.ID] = of
	}
	of.asked = now
	return of
}

// bound forgets the zones that were not asked for the longest time, a tenth more than there are too many, for sorting is not cheap.
func (m *Meter) bound() {
	over := len(m.of) - m.cfg.Zones
	if over <= 0 {
		return
	}
	ids := make([]string, 0, len(m.of))
	for id := range m.of {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return m.of[a].asked.Compare(m.of[b].asked) })
	for _, id := range ids[:min(len(ids), over+m.cfg.Zones/10)] {
		delete(m.of, id)
	}
}

// Forget drops a zone.
func (m *Meter) Forget(zone string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, zone)
}

// Names lists the most frequent questions of a zone in this hour and the last, the most frequent first, and of how many samples.
func (m *Meter) Names(id string, most int) (list []Asked, sampled uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if of := m.of[id]; of != nil {
		return of.names.top(m.cfg.Now(), most)
	}
	return nil, 0
}

// Lost is how many queries were of zones that found no room between two gatherings.
func (m *Meter) Lost() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lost
}
