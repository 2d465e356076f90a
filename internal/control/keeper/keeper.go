package keeper

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/parent"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Parents asks the parents of zones for their DS records: *parent.Finder.
type Parents interface {
	DS(ctx context.Context, zone wire.Name) (parent.Answer, error)
}

// Config is what a Keeper needs. DB, Change, Zones and Clock are required.
type Config struct {
	DB *zone.DB
	// Change commits a KeepDNSSEC: commit.Committer.Change.
	Change func(context.Context, model.Change) (model.Result, error)
	// Zones yields the zones that have keys.
	Zones func(ctx context.Context, yield func(model.ID) error) error
	// Duty says whether this node looks after a zone; nil: always. When its answers change, call Review.
	Duty func(zone model.ID) bool
	// Behind tells which servers of a zone have not been seen with a serial, or a later one; nil: nobody can tell, and then keys
	// stay as they are. Where others sign the zone, too, only those count that get it from here.
	Behind func(z *zone.Zone, serial uint32, others bool) []string
	// Parents tells what parents have; nil: it is only known by hand.
	Parents Parents
	// Sign signs a zone for which a change would take too long: commit.Committer.Sign.
	Sign  func(ctx context.Context, zone model.ID) error
	Clock func() time.Time
	// Names is how many names are signed anew in one change, which others wait for; 200 when zero, some 10 ms.
	Names int
	// Visits bounds how many zones are looked after at once; 8 when zero.
	Visits int
	Log    *slog.Logger
}

func (c *Config) fill() {
	if c.Names <= 0 {
		c.Names = 200
	}
	if c.Visits <= 0 {
		c.Visits = 8
	}
	if c.Duty == nil {
		c.Duty = func(model.ID) bool { return true }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Keeper knows when something is due at which zone. It is safe for many callers; one Run does the work.
type Keeper struct {
	cfg  Config
	wake chan struct{}
	sign chan struct{} // the place of one zone that is signed as a whole

	mu     sync.Mutex
	zones  map[model.ID]*ward
	agenda agenda
	review bool      // the zones with keys are to be listed anew
	latest time.Time // that the clock has shown
	stats  counters
}

type counters struct{ visits, failures, setBack atomic.Uint64 }

// Stats are counters since the start, and how many zones there are.
type Stats struct {
	Zones            int
	Visits, Failures uint64
	SetBack          uint64 // times that the clock was found to have been set back
	// Ends is the earliest expiration of a signature of this node's zones; the zero time where there are none.
	Ends time.Time
}

// ward is a zone that is looked after.
type ward struct {
	id    model.ID
	at    time.Time // of the next visit
	last  time.Time // when it was last visited
	place int       // in the agenda, -1 during a visit
	again bool      // something has happened since the last visit began
	waits bool      // its keys wait for servers
	back  bool      // the clock was set back since the last visit began

	whole    bool // all its signatures have begun: looked through since the clock was last set back
	kept     model.Kept
	told     bool   // again, as the visit began
	behind   string // the servers that lagged when they were last counted
	failures int
	looks    int           // at the parent, in a row, for the same key
	look     time.Time     // of the next look there
	dsTTL    time.Duration // the longest that a DS record of the zone was seen with
}

// New returns a Keeper that knows no zone yet.
func New(cfg Config) *Keeper {
	cfg.fill()
	return &Keeper{cfg: cfg, wake: make(chan struct{}, 1), sign: make(chan struct{}, 1), zones: map[model.ID]*ward{}, review: true}
}

// Stats returns the counters.
func (k *Keeper) Stats() Stats {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := Stats{Zones: len(k.zones), Visits: k.stats.visits.Load(), Failures: k.stats.failures.Load(), SetBack: k.stats.setBack.Load()}
	for id := range k.zones {
		z := k.cfg.DB.ByID(string(id))
		if z == nil {
			continue
		}
		if at := z.State().Expires(); at != 0 {
			if ends := timeOf(at, k.cfg.Clock()); out.Ends.IsZero() || ends.Before(out.Ends) {
				out.Ends = ends
			}
		}
	}
	return out
}

// timeOf is a time in seconds modulo 2^32, near another.
func timeOf(at uint32, near time.Time) time.Time {
	return near.Add(time.Duration(int32(at-uint32(near.Unix()))) * time.Second).Truncate(time.Second)
}

// Touched hears of every new version of a zone: its keys may be others than before, or its first.
func (k *Keeper) Touched(z *zone.Zone) {
	if z.State().Expires() == 0 && !k.knows(model.ID(z.ID)) {
		return // it is not signed, as nearly all are
	}
	k.Look(model.ID(z.ID))
}

func (k *Keeper) knows(id model.ID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.zones[id] != nil
}

// A zone rests for settle after a version before it is visited for it, and for spacing after a visit: versions come in bursts.
const (
	settle  = time.Second
	spacing = 10 * time.Second
)

// Look has a zone visited soon: its keys have changed, or what they wait for may have come.
func (k *Keeper) Look(id model.ID) {
	if !k.cfg.Duty(id) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.plan(id, k.cfg.Clock().Add(settle))
}

// Seen hears that something was learned of a zone's servers, of which its keys may wait for some. It returns at once.
func (k *Keeper) Seen(id model.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if w := k.zones[id]; w != nil && w.waits {
		k.sooner(w, k.cfg.Clock().Add(settle)) // whether it is what they wait for, the visit finds out
	}
}

// plan visits a zone at a time, or before. The lock is held.
func (k *Keeper) plan(id model.ID, at time.Time) {
	w := k.zones[id]
	if w == nil {
		w = &ward{id: id, at: at, place: -1, again: true}
		k.zones[id] = w
		k.agenda.put(w)
		k.nudge()
		return
	}
	w.again = true
	k.sooner(w, at)
}

// sooner has a zone that is known visited at a time, or before. The lock is held.
func (k *Keeper) sooner(w *ward, at time.Time) {
	if w.place < 0 {
		w.again = true // it is being visited
		return
	}
	if rested := w.last.Add(spacing); at.Before(rested) {
		at = rested
	}
	if at.Before(w.at) {
		w.at = at
		k.agenda.put(w)
		k.nudge()
	}
}

// Gone forgets a zone that is not served any more.
func (k *Keeper) Gone(z *zone.Zone) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop(model.ID(z.ID))
}

func (k *Keeper) drop(id model.ID) {
	if w := k.zones[id]; w != nil {
		k.agenda.remove(w)
		delete(k.zones, id)
	}
}

// Review has the zones with keys listed anew, because other zones fall to this node now.
func (k *Keeper) Review() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.review = true
	k.nudge()
}

func (k *Keeper) nudge() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}
