package duty

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Config is what a Duty needs. Node, Renew and Leave are required.
type Config struct {
	// Node is this process: another id after each start, so that a predecessor's lease is never taken for its own.
	Node model.ID
	// Renew has the node hold a lease for life from now on, tells of the circle that it has seen, and returns the newest.
	Renew func(ctx context.Context, seen uint64, life time.Duration) (model.Circle, error)
	// Leave ends the lease.
	Leave func(ctx context.Context) error
	// Changed hears that this node may hold zones now that it did not hold; away that it held none for a while. It must return at once.
	Changed func(away bool)
	// Life is how long a lease lasts, default 3 s; Pause the time between two renewals, default 500 ms.
	Life, Pause time.Duration
	Now         func() time.Time
	Log         *slog.Logger
}

func (c *Config) fill() {
	if c.Life <= 0 {
		c.Life = 3 * time.Second
	}
	if c.Pause <= 0 {
		c.Pause = c.Life / 6
	}
	if c.Changed == nil {
		c.Changed = func(bool) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Duty knows which zones fall to this node. Holds and Stats may be called from anywhere.
type Duty struct {
	cfg  Config
	held atomic.Pointer[holding]
}

// holding is a lease: until this node's own clock says so, the circle may be acted upon.
type holding struct {
	circle *circle
	until  time.Time
}

// New returns a Duty that holds nothing before Run.
func New(cfg Config) *Duty {
	cfg.fill()
	d := &Duty{cfg: cfg}
	d.held.Store(&holding{})
	return d
}

// Holds says whether this node works for a zone now. The empty zone stands for what is done once for all of them.
func (d *Duty) Holds(zone model.ID) bool {
	h := d.held.Load()
	return d.cfg.Now().Before(h.until) && h.circle.holds(hash(zone))
}

// Stats tell how many nodes share the work as far as this one knows, and whether its own lease is good.
type Stats struct {
	Nodes   int
	Epoch   uint64
	Leased  bool
	Settled bool
}

// Stats returns the state as it is now.
func (d *Duty) Stats() Stats {
	h := d.held.Load()
	if h.circle == nil {
		return Stats{}
	}
	return Stats{
		Nodes: len(h.circle.nodes), Epoch: h.circle.epoch, Settled: h.circle.settled, Leased: d.cfg.Now().Before(h.until),
	}
}

// Run renews the lease until ctx ends, and then leaves the circle, so that others need not wait.
func (d *Duty) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			d.leave(ctx)
			return nil
		case <-timer.C:
			timer.Reset(d.renew(ctx))
		}
	}
}

// leaveLimit bounds how long the end may wait for the database.
const leaveLimit = 2 * time.Second

func (d *Duty) leave(ctx context.Context) {
	d.held.Store(&holding{})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	if err := d.cfg.Leave(ctx); err != nil {
		d.cfg.Log.Debug("cannot leave the circle of nodes, the lease will end by itself", "error", err)
	}
}

// renew renews once and says when to do so again.
func (d *Duty) renew(ctx context.Context) time.Duration {
	old := d.held.Load()
	seen := uint64(0)
	if old.circle != nil {
		seen = old.circle.epoch
	}
	// The lease began no earlier than this moment, so that it lasts at least until a life after it.
	asked := d.cfg.Now()
	limit, cancel := context.WithTimeout(ctx, d.cfg.Life)
	defer cancel()
	got, err := d.cfg.Renew(limit, seen, d.cfg.Life)
	now := d.cfg.Now()
	if err != nil {
		if ctx.Err() == nil {
			d.failed(old, now, err)
		}
		return d.cfg.Pause / 2
	}
	before := old.circle
	lapsed := !now.Before(old.until)
	if lapsed {
		before = nil
	}
	next := &holding{newCircle(d.cfg.Node, &got, before), asked.Add(d.cfg.Life - d.cfg.Life/6)}
	d.held.Store(next)
	if lapsed || old.circle.epoch != next.circle.epoch || old.circle.settled != next.circle.settled {
		d.cfg.Log.Info("nodes share the work", "nodes", len(got.Nodes), "circle", got.Epoch, "settled", next.circle.settled)
		d.cfg.Changed(lapsed)
	}
	if seen != got.Epoch || !next.circle.settled {
		return d.cfg.Pause / 8 // others wait to hear that this node knows, or this one for others
	}
	return d.cfg.Pause
}

// failed notes a renewal that did not succeed; once the lease has run out, this is told, once.
func (d *Duty) failed(old *holding, now time.Time, err error) {
	if old.circle == nil || now.Before(old.until) {
		d.cfg.Log.Debug("lease not renewed", "error", err)
		return
	}
	d.cfg.Log.Warn("lease not renewed in time: others work for all zones until it is", "error", err)
	d.held.Store(&holding{}) // what is held no more is given up by asking Holds; Changed is for what was gained
}
