package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// DefaultHistory is how many octets of journal are kept of a zone for IXFR after a restart.
const DefaultHistory = 4 << 20

// Config is what an Upkeep needs. DB is required.
type Config struct {
	// Checkpoint replaces a zone's image and prunes its journal up to keep; nil turns Run off.
	Checkpoint func(ctx context.Context, img model.Image, keep model.Seq) error
	// RenewImages replaces the images of small zones and prunes nothing; nil turns RenewSmall off.
	RenewImages func(ctx context.Context, images []model.Image) error
	// Duty says whether this node keeps a zone's journal; nil: all of them. Two nodes that do cost writes, not truth.
	Duty func(zone model.ID) bool
	DB   *zone.DB
	// HistoryBytes of journal are kept of a zone, 0: DefaultHistory.
	HistoryBytes int
	Log          *slog.Logger
}

// Upkeep watches how the journal grows and writes images. It is safe for many callers.
type Upkeep struct {
	cfg    Config
	tails  tails
	images atomic.Uint64
}

// New returns an Upkeep that has seen nothing yet.
func New(cfg Config) *Upkeep {
	if cfg.Duty == nil {
		cfg.Duty = func(model.ID) bool { return true }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HistoryBytes == 0 {
		cfg.HistoryBytes = DefaultHistory
	}
	return &Upkeep{cfg: cfg, tails: tails{byZone: map[model.ID]*tail{}, wake: make(chan struct{}, 1)}}
}

// Images counts the images written since the start.
func (u *Upkeep) Images() uint64 { return u.images.Load() }

// Observe counts a journal entry; feed calls it for each, with inImage for those that the zone's image holds already; they
// alone may come late. It returns at once.
func (u *Upkeep) Observe(e model.Entry, inImage bool) {
	if e.Zone == "" {
		return
	}
	t := &u.tails
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Kind {
	case model.EntryReset, model.EntryGone: // what came before belongs to nothing any more
		if z := t.byZone[e.Zone]; z != nil && inImage {
			z.forget(e.Seq)
			return
		}
		delete(t.byZone, e.Zone)
	case model.EntryDelta:
		z := t.byZone[e.Zone]
		if z == nil {
			z = &tail{}
			t.byZone[u.ownID(e.Zone)] = z
		}
		if !z.add(mark{e.Seq, len(e.Body)}) {
			return // told again, by a load that started anew
		}
		z.shorten(2 * u.history(e.Zone))
		if inImage {
			return
		}
		z.fresh += len(e.Body)
		z.count++
		if !z.due && z.long() {
			z.due = true
			t.due = append(t.due, e.Zone)
			select {
			case t.wake <- struct{}{}:
			default:
			}
		}
	case model.EntryAccess, model.EntryNotify:
	}
}

// history is how many octets of journal are kept of a zone: what memory keeps of it, at least.
func (u *Upkeep) history(id model.ID) int {
	z := u.cfg.DB.ByID(string(id))
	if z == nil {
		return u.cfg.HistoryBytes
	}
	v := z.State().Transfer
	if !v.Signed() {
		return u.cfg.HistoryBytes
	}
	return max(u.cfg.HistoryBytes, v.Size()/zone.HistoryShare)
}

// Rewound forgets what was observed: the journal is read anew, and it is another one.
func (u *Upkeep) Rewound() {
	t := &u.tails
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.byZone)
	t.due = nil
}

// ownID is an identifier as memory has it, so that there is one text for both.
func (u *Upkeep) ownID(id model.ID) model.ID {
	if z := u.cfg.DB.ByID(string(id)); z != nil {
		return model.ID(z.ID)
	}
	return id
}

// Run writes images of zones whose journal has grown long, and prunes what neither a start nor IXFR needs any more,
// until ctx ends. It takes its pages from memory and blocks a change no longer than the store takes for one image.
func (u *Upkeep) Run(ctx context.Context) error {
	if u.cfg.Checkpoint == nil {
		<-ctx.Done()
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-u.tails.wake:
		}
		for id, ok := u.tails.next(); ok && ctx.Err() == nil; id, ok = u.tails.next() {
			if err := u.checkpoint(ctx, id); err != nil && ctx.Err() == nil {
				u.cfg.Log.Warn("image not written", "zone", id, "error", err)
				if errors.Is(err, model.ErrUnavailable) {
					u.pause(ctx) // what is wrong with one zone holds up no other
				}
			}
		}
	}
}

// retryPause keeps a store in trouble from being asked for images without end.
const retryPause = 5 * time.Second

func (u *Upkeep) pause(ctx context.Context) {
	timer := time.NewTimer(retryPause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (u *Upkeep) checkpoint(ctx context.Context, id model.ID) error {
	z := u.cfg.DB.ByID(string(id))
	if z == nil {
		return nil
	}
	state := z.State()
	if !u.tails.wants(id, state.Served.Size()) {
		return nil
	}
	if !u.cfg.Duty(id) {
		u.tails.again(id)
		return nil
	}
	img := Encode(z.ID, z.AccountID(), state.Served, state.Transfer)
	img.Seq = model.Seq(state.Seq)
	keep := u.tails.keep(id, img.Seq, u.history(id))
	err := u.cfg.Checkpoint(ctx, img, keep)
	if errors.Is(err, model.ErrNotFound) {
		return nil // deleted meanwhile; its last entry is on the way
	}
	if err != nil {
		u.tails.again(id)
		return fmt.Errorf("write image of zone %s: %w", id, err)
	}
	u.tails.done(id, img.Seq, keep)
	u.images.Add(1)
	return nil
}
