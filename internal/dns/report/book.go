package report

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Bounds of what is kept: of a zone what was heard of last, and in all so many of different kinds.
const (
	perZone = 64
	inAll   = 16384
)

// Config makes a Book. All of it is required.
type Config struct {
	DB    *zone.DB
	Agent wire.Name // the agent's domain, below which reports are asked for
	Now   func() time.Time
}

// Report is what was reported of one name, type and error, and how often.
type Report struct {
	About

	Count       uint64
	First, Last time.Time
	From        netip.Addr // who reported it last
}

// Book keeps reports. Its methods may be called from anywhere; whoever answers queries asks Takes, which takes no lock.
type Book struct {
	cfg Config

	mu    sync.Mutex
	zones map[string]*chapter
	kept  int
	stats Stats
}

// chapter is what was reported of one zone.
type chapter struct {
	list    []Report
	total   uint64
	dropped uint64
}

// Stats counts what came.
type Stats struct {
	Codes   map[wire.InfoCode]uint64 // by error; those that RFC 8914 does not name under 0
	Foreign uint64                   // that are about no zone of ours, or cannot be read
	Dropped uint64                   // kinds that made room for others, or found none
}

// known is the last error that has a name (RFC 8914 section 4, RFC 9824, RFC 9567's registry): others are counted together, so that
// strangers do not choose how many numbers there are.
const known wire.InfoCode = 30

// New returns an empty Book.
func New(cfg Config) *Book {
	return &Book{cfg: cfg, zones: map[string]*chapter{}, stats: Stats{Codes: map[wire.InfoCode]uint64{}}}
}

// Agent is the domain that reports are for.
func (b *Book) Agent() wire.Name { return b.cfg.Agent }

// Takes says whether a question is a report, or what a resolver asks on its way to one. The name is folded.
func (b *Book) Takes(name []byte, t wire.Type) bool {
	return t == wire.TypeTXT && Under(name, b.cfg.Agent)
}

// Take takes the name of a report from a resolver whose address is not forged.
func (b *Book) Take(name []byte, from netip.Addr) {
	a, ok := Read(name, b.cfg.Agent)
	if !ok {
		b.foreign()
		return
	}
	z := b.cfg.DB.Find([]byte(a.Name))
	if z == nil || z.State().Links.Hidden || a.Name.Within(b.cfg.Agent) {
		b.foreign()
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.Code <= known {
		b.stats.Codes[a.Code]++
	} else {
		b.stats.Codes[0]++
	}
	c := b.zones[z.ID]
	if c == nil {
		c = &chapter{}
		b.zones[z.ID] = c
	}
	c.total++
	now := b.cfg.Now()
	if at := slices.IndexFunc(c.list, func(r Report) bool { return r.About == a }); at >= 0 {
		r := &c.list[at]
		r.Count, r.Last, r.From = r.Count+1, now, from
		return
	}
	b.insert(c, Report{About: a, Count: 1, First: now, Last: now, From: from})
}

// insert keeps a new kind. Where there is no room, it takes the place of the one that was not heard of for longest: of its own zone, or, where
// all that is kept is too much, of one that has many. So who reports of hundreds of zones leaves room to the others.
func (b *Book) insert(c *chapter, r Report) {
	if len(c.list) >= perZone {
		b.drop(c)
	} else if b.kept >= inAll {
		if most := b.full(c); len(most.list) > 0 {
			b.drop(most)
		}
	}
	c.list = append(c.list, r)
	b.kept++
}

// drop forgets the kind of a zone that was not heard of for longest.
func (b *Book) drop(c *chapter) {
	oldest := 0
	for i := range c.list {
		if c.list[i].Last.Before(c.list[oldest].Last) {
			oldest = i
		}
	}
	c.list = slices.Delete(c.list, oldest, oldest+1)
	b.kept--
	c.dropped++
	b.stats.Dropped++
}

// looked is of how many zones the one with the most kinds makes room.
const looked = 16

// full finds a zone with many kinds among some, which are others each time. Those that are gone are forgotten on the way.
func (b *Book) full(own *chapter) *chapter {
	most, n := own, 0
	for id, c := range b.zones {
		if c != own && b.cfg.DB.ByID(id) == nil {
			b.kept -= len(c.list)
			delete(b.zones, id)
			continue
		}
		if len(c.list) > len(most.list) {
			most = c
		}
		if n++; n >= looked && len(most.list) > 0 {
			break
		}
	}
	return most
}

func (b *Book) foreign() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Foreign++
}

// Of gives what was reported of a zone, what was heard of last first; how many reports there were in all, and how many kinds are not
// kept.
func (b *Book) Of(zoneID string) (list []Report, total, dropped uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.zones[zoneID]
	if c == nil {
		return nil, 0, 0
	}
	list = slices.Clone(c.list)
	slices.SortStableFunc(list, func(a, b Report) int { return b.Last.Compare(a.Last) })
	return list, c.total, c.dropped
}

// Forget forgets what was reported of a zone, and says how many kinds that was.
func (b *Book) Forget(zoneID string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.zones[zoneID]
	if c == nil {
		return 0
	}
	delete(b.zones, zoneID)
	b.kept -= len(c.list)
	return len(c.list)
}

// Stats gives the counts so far.
func (b *Book) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.stats
	out.Codes = maps.Clone(b.stats.Codes)
	return out
}
