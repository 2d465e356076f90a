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
	// Zones bounds the zones of which something is kept, some 20 KiB each; default 2,048. Those that were asked last stay.
	Zones int
	// Known says whether a zone is still there; nil: yes. What was counted of one that has just gone is dropped.
	Known func(zone string) bool
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
	since  time.Time
	shards []Shard
	next   atomic.Uint32

	mu   sync.Mutex
	old  []*table // taken from the shards at the last gathering; somebody may still be writing the last of it
	of   map[string]*counted
	lost uint64
}

// counted is what is kept of a zone.
type counted struct {
	account string
	asked   time.Time // last
	rings   [periods]ring
	names   names
}

// New returns a Meter.
func New(cfg Config) *Meter {
	cfg.Zones = cmp.Or(cfg.Zones, 2048)
	if cfg.Known == nil {
		cfg.Known = func(string) bool { return true }
	}
	m := &Meter{cfg: cfg, since: cfg.Now(), shards: make([]Shard, 4*cores.Count()), of: map[string]*counted{}}
	for i := range m.shards {
		m.shards[i].table.Store(new(table))
	}
	return m
}

// Shard is one to count in, for a thread: threads that were made first have one of their own.
func (m *Meter) Shard() *Shard { return &m.shards[int(m.next.Add(1)-1)%len(m.shards)] }

// Run gathers until ctx ends.
func (m *Meter) Run(ctx context.Context) error {
	samples, counts := time.NewTicker(sampleEvery), time.NewTicker(gatherEvery)
	defer samples.Stop()
	defer counts.Stop()
	for {
		select {
		case <-ctx.Done():
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
	now := m.cfg.Now()
	for _, t := range m.old {
		m.lost += t.lost.Load()
		for i := range t.slots {
			if z := t.slots[i].zone.Load(); z != nil && m.cfg.Known(z.ID) {
				m.count(z, &t.slots[i], now)
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

func (m *Meter) count(z *zone.Zone, s *slot, now time.Time) {
	var c Counts
	for i := range s.n {
		c[i] = uint64(s.n[i].Load())
	}
	of := m.at(z, now)
	for p := range periods {
		of.rings[p].add(p, now, &c)
	}
}

func (m *Meter) at(z *zone.Zone, now time.Time) *counted {
	of := m.of[z.ID]
	if of == nil {
		of = &counted{account: z.AccountID()}
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

// View is what was counted. Series has a cell for each step, the last that of now.
type View struct {
	Since   time.Time // nothing was counted before
	End     time.Time // of the last cell
	Series  []Counts
	Total   Counts
	Names   []Asked // most frequent first
	Sampled uint64  // questions among which Names were counted, in this hour and the last
}

func (m *Meter) view(p Period, now time.Time) View {
	step := p.Step()
	return View{Since: m.since, End: now.Truncate(step).Add(step), Series: make([]Counts, p.Cells())}
}

func (v *View) sum() {
	for i := range v.Series {
		v.Total.add(&v.Series[i])
	}
}

// Zone tells what a zone was asked, and its most frequent names.
func (m *Meter) Zone(id string, p Period, names int) View {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.cfg.Now()
	v := m.view(p, now)
	if of := m.of[id]; of != nil {
		of.rings[p].series(p, now, v.Series)
		v.Names, v.Sampled = of.names.top(now, names)
	}
	v.sum()
	return v
}

// Share is a zone's part of its account's queries.
type Share struct {
	Zone   string // id
	Counts Counts
}

// Account tells what the zones of an account were asked in all, and those that were asked most.
func (m *Meter) Account(id string, p Period, zones int) (View, []Share) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.cfg.Now()
	v := m.view(p, now)
	var shares []Share
	one := make([]Counts, p.Cells())
	for zone, of := range m.of {
		if of.account != id {
			continue
		}
		clear(one)
		of.rings[p].series(p, now, one)
		s := Share{Zone: zone}
		for i := range one {
			v.Series[i].add(&one[i])
			s.Counts.add(&one[i])
		}
		if s.Counts.Sum() > 0 {
			shares = append(shares, s)
		}
	}
	v.sum()
	slices.SortFunc(shares, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Counts.Sum(), a.Counts.Sum()), cmp.Compare(a.Zone, b.Zone))
	})
	return v, shares[:min(len(shares), zones)]
}

// Lost is how many queries were of zones that found no room between two gatherings.
func (m *Meter) Lost() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lost
}
