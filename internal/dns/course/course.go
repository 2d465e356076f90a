package course

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

// Config makes a Course. Zero values of what is not required mean the defaults stated.
type Config struct {
	// Zones bounds the zones of which something is kept; default 20,000. Those with the latest news stay.
	Zones int
	// Now is the time; it is required.
	Now func() time.Time
}

// Sizes of what is kept of each zone: versions, and peers.
const (
	versionsMost = 100
	peersMost    = 64
)

// Course remembers. Its methods return at once and may be called from anywhere.
type Course struct {
	cfg   Config
	since time.Time

	mu sync.Mutex
	of map[string]*zone
}

type zone struct {
	news     time.Time
	versions []version // oldest first
	peers    map[string]*strip
	hours    hours
}

// version is a serial, when it was there, and which peer had it how many milliseconds later.
type version struct {
	serial uint32
	on     time.Time
	taken  []arrival
}

type arrival struct {
	peer string
	ms   uint32
}

// New returns a Course that knows nothing yet.
func New(cfg Config) *Course {
	cfg.Zones = cmp.Or(cfg.Zones, 20_000)
	return &Course{cfg: cfg, since: cfg.Now(), of: map[string]*zone{}}
}

// at is what is kept of a zone, for writing. The lock is held.
func (c *Course) at(id string, now time.Time) *zone {
	z := c.of[id]
	if z == nil {
		c.bound()
		z = &zone{peers: map[string]*strip{}}
		c.of[id] = z
	}
	z.news = now
	return z
}

// bound forgets zones without news for long, a tenth of them at a time.
func (c *Course) bound() {
	if len(c.of) < c.cfg.Zones {
		return
	}
	ids := make([]string, 0, len(c.of))
	for id := range c.of {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return c.of[a].news.Compare(c.of[b].news) })
	for _, id := range ids[:max(1, len(ids)/10)] {
		delete(c.of, id)
	}
}

// Published notes that a zone with transfers on has a version. Its serial may be the one that is known.
func (c *Course) Published(id string, serial uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	z := c.at(id, now)
	if n := len(z.versions); n > 0 && !newer(serial, z.versions[n-1].serial) {
		return
	}
	if len(z.versions) == versionsMost {
		z.versions = slices.Delete(z.versions, 0, 1)
	}
	z.versions = append(z.versions, version{serial: serial, on: now})
}

// Holds notes that a peer was seen with a serial: it has taken every version up to that. It returns how long those took that it was not
// known to have.
func (c *Course) Holds(id, peer string, serial uint32) (lags []time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	z := c.of[id]
	if z == nil {
		return nil
	}
	now := c.cfg.Now()
	for i := range slices.Backward(z.versions) {
		v := &z.versions[i]
		if newer(v.serial, serial) {
			continue
		}
		if len(v.taken) >= peersMost || slices.ContainsFunc(v.taken, func(a arrival) bool { return a.peer == peer }) {
			return lags // and every version before it, too
		}
		lags = append(lags, now.Sub(v.on))
		v.taken = append(v.taken, arrival{peer, uint32(min(now.Sub(v.on).Milliseconds(), math.MaxUint32))})
	}
	return lags
}

// newer compares serials (RFC 1982).
func newer(a, b uint32) bool { return int32(a-b) > 0 }

// Stood notes in which state a peer is now. A higher number is worse, and of several in ten minutes the worst is kept; 0 is not known.
func (c *Course) Stood(id, peer string, state uint8) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	z := c.at(id, now)
	s := z.peers[peer]
	if s == nil {
		if len(z.peers) >= peersMost {
			return
		}
		s = &strip{}
		z.peers[peer] = s
	}
	s.stood(now, state)
}

// Forget drops a zone.
func (c *Course) Forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.of, id)
}
