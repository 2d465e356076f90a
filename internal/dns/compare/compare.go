package compare

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/headwaterdns/headwater/internal/dns/watch"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Config is what a Comparer needs. DB, Fares and Done are required.
type Config struct {
	DB *zone.DB
	// Fares tells how the linked peers of a zone stand.
	Fares func(z *zone.Zone) []watch.Fare
	// Done hears what came of comparing.
	Done func(zoneID, peer string, c watch.Comparison)
	// Duty says whether this node works for a zone; nil: always.
	Duty func(zoneID string) bool
	// Tells says whether what is wrong with a peer at an address may be told to who has named it; nil: everywhere. Where it may not,
	// nothing is asked.
	Tells func(netip.Addr) bool
	// Interval is how often each peer of each zone is compared; default 1 h.
	Interval time.Duration
	// PerSecond bounds the questions of all; default 50. A transfer counts for as many as it has messages that are not large.
	PerSecond int
	Samples   int           // RRsets that are asked for; default 8
	Whole     int           // records of the largest zone that is transferred as a whole; default 20,000; less than 0: none
	Timeout   time.Duration // of one question; default 2 s
	Now       func() time.Time
	Log       *slog.Logger
}

// Bounds of a round: comparisons that are lined up at once, and under way.
const (
	lineMost   = 512
	comparers  = 4
	roundPause = 10 * time.Second
	// soonAgain is how much sooner one comes again that differs: somebody mends it, and wants to see that.
	soonAgain = 10
	// refusedKept is for how long a peer is not asked for a transfer that has refused one, and how many such are known.
	refusedKept = 24 * time.Hour
	refusedMost = 100_000
	// wholeCost is what a transfer counts for.
	wholeCost = 10
)

// Comparer compares, round after round.
type Comparer struct {
	cfg    Config
	budget *rate.Limiter

	mu      sync.Mutex
	refused map[pair]time.Time // peers that allow no transfer
	done    uint64
	differ  uint64
}

type pair struct{ zone, peer string }

// Stats count comparisons since the start, and those that found a difference.
type Stats struct{ Done, Differ uint64 }

// New returns a Comparer.
func New(cfg Config) *Comparer {
	if cfg.Duty == nil {
		cfg.Duty = func(string) bool { return true }
	}
	if cfg.Tells == nil {
		cfg.Tells = func(netip.Addr) bool { return true }
	}
	if cfg.Interval <= 0 {
		cfg.Interval = time.Hour
	}
	if cfg.PerSecond <= 0 {
		cfg.PerSecond = 50
	}
	if cfg.Samples <= 0 {
		cfg.Samples = 8
	}
	if cfg.Whole == 0 {
		cfg.Whole = 20_000
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 2 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Comparer{
		cfg: cfg, refused: map[pair]time.Time{}, budget: rate.NewLimiter(rate.Limit(cfg.PerSecond), max(cfg.PerSecond, cfg.Samples+wholeCost)),
	}
}

// Stats returns the counts as they are now.
func (c *Comparer) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{c.done, c.differ}
}

// Run compares until ctx ends.
func (c *Comparer) Run(ctx context.Context) error {
	for {
		line := c.due()
		c.round(ctx, line)
		pause := min(roundPause, c.cfg.Interval)
		if len(line) == lineMost {
			pause = 0 // there are more
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// job is a peer of a zone that is to be compared.
type job struct {
	z *zone.Zone
	f watch.Fare
}

// due lists peers whose time has come, in no order, not too many.
func (c *Comparer) due() (out []job) {
	now := c.cfg.Now()
	c.cfg.DB.All(func(z *zone.Zone) bool {
		if !z.State().Links.Enabled || z.State().Links.Hidden || !c.cfg.Duty(z.ID) {
			return true
		}
		for _, f := range c.cfg.Fares(z) {
			interval := c.cfg.Interval
			if f.State == watch.Differs {
				interval /= soonAgain
			}
			same := f.State == watch.InStep || f.State == watch.Differs
			if same && f.Peer.Addr.IsValid() && now.Sub(f.Compared) >= interval && c.cfg.Tells(f.Peer.Addr.Addr()) {
				out = append(out, job{z, f})
			}
		}
		return len(out) < lineMost
	})
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:min(len(out), lineMost)]
}

// round compares all of a line, several at once.
func (c *Comparer) round(ctx context.Context, line []job) {
	jobs := make(chan job)
	var working sync.WaitGroup
	for range comparers {
		working.Go(func() {
			for j := range jobs {
				c.one(ctx, &j)
			}
		})
	}
	for _, j := range line {
		select {
		case jobs <- j:
		case <-ctx.Done():
		}
	}
	close(jobs)
	working.Wait()
}

// one compares a peer. What led to nothing is tried again when its time comes: the time counts from here.
func (c *Comparer) one(ctx context.Context, j *job) {
	out, ok := c.compare(ctx, j)
	if ctx.Err() != nil {
		return
	}
	if !ok {
		out = watch.Comparison{On: c.cfg.Now()} // of no serial: nothing is said
	}
	c.mu.Lock()
	if ok {
		c.done++
	}
	if out.Difference != "" {
		c.differ++
	}
	c.mu.Unlock()
	c.cfg.Done(j.z.ID, j.f.Peer.ID, out)
}

// compare says what came of it; false: nothing.
func (c *Comparer) compare(ctx context.Context, j *job) (out watch.Comparison, ok bool) {
	v := j.z.State().Transfer
	out = watch.Comparison{Serial: v.Serial(), On: c.cfg.Now()}
	if c.mayFetch(j, v) && c.budget.WaitN(ctx, wholeCost) == nil {
		diff, n, err := c.whole(ctx, j, v)
		if err == nil {
			out.Whole, out.Questions, out.Difference = true, n, diff
			return out, n > 0
		}
		c.refuses(j)
	}
	out.Difference, out.Questions, ok = c.samples(ctx, j, v)
	return out, ok
}

// mayFetch says whether a whole transfer is to be tried.
func (c *Comparer) mayFetch(j *job, v *zone.Version) bool {
	if v.Records() > c.cfg.Whole || j.f.Peer.TLS || j.f.Peer.Stripped {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at, refused := c.refused[pair{j.z.ID, j.f.Peer.ID}]
	return !refused || c.cfg.Now().Sub(at) >= refusedKept
}

func (c *Comparer) refuses(j *job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.refused) >= refusedMost {
		clear(c.refused)
	}
	c.refused[pair{j.z.ID, j.f.Peer.ID}] = c.cfg.Now()
}
