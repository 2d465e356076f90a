package feed

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/cores"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Source is where images and journal are read.
type Source interface {
	// Load yields every account's access, then every zone's image and access, from one snapshot. It returns the snapshot's
	// position, and the one up to which every image holds what its zone's entries say.
	Load(ctx context.Context, image func(model.Image) error, access func(model.Entry) error) (seq, whole model.Seq, err error)
	Image(ctx context.Context, zone model.ID) (model.Image, error)
	// Entries yields the entries after seq in order, to who has loaded all up to there; model.ErrStale when some of them are
	// pruned, model.ErrDiverged when the store has not the history that was read before.
	Entries(ctx context.Context, after model.Seq, yield func(model.Entry) error) error
	// Remaining yields what the journal has left after a position and up to another, in order.
	Remaining(ctx context.Context, after, upto model.Seq, yield func(model.Entry) error) error
	// NoteLoss marks, unless that is done already, that the store has lost changes which were published.
	NoteLoss(ctx context.Context) error
	// Wait returns when an entry past where the caller is may be there. It asks where that is with each commit, and must be told at
	// once.
	Wait(ctx context.Context, at func() model.Seq) error
}

// Config is what a Feed needs. Source and DB are required.
type Config struct {
	Source Source
	DB     *zone.DB
	// Published is called after a zone's transfer face, links or existence changed, with forced for a NOTIFY that was asked
	// for. It must return at once. Not called for what is loaded at start.
	Published func(z *zone.Zone, forced bool)
	// Linked is called in place of Published where only links or peers have changed; nil: Published is.
	Linked func(z *zone.Zone)
	// Removed is called after a zone is gone. It must return at once.
	Removed func(z *zone.Zone)
	// Seen is called for every journal entry, those read at start included, with inImage for those that the image read for
	// the zone holds already; journal.Upkeep counts them. They come in order, but for those that are read after the start
	// for the sake of history: these are in order among themselves. It must return at once.
	Seen func(e model.Entry, inImage bool)
	// Rewound is called when all is loaded anew because the store has lost changes: positions seen before mean nothing.
	Rewound func()
	// Lost hears, after that, of zones that were published at serials past what they have now. It must return at once.
	Lost func([]Lost)
	// Workers decode images at start; 0 means one for each processor.
	Workers int
	Clock   func() time.Time // nil: time.Now
	Log     *slog.Logger
}

// Feed follows the journal. Make one with New and start Run once.
type Feed struct {
	cfg Config

	mu       sync.Mutex          // held while the DB is written
	read     model.Seq           // how far the journal has been read; setRead changes it
	at       atomic.Uint64       // the same for who must not wait for the lock
	ready    bool                // memory has what the store has, as far as applied
	begun    bool                // the first load is over
	lost     map[model.ID]uint32 // serials that zones were published at, while a rewind goes on
	waiters  []waiter
	health   Health
	sealed   map[model.ID]struct{}
	damage   map[model.ID]struct{}          // zones that cannot be used
	past     model.Seq                      // the journal up to here is history that is still to be recalled
	peered   map[string]map[string]struct{} // zones with peers, by account
	reloads  map[model.ID]*reload
	line     []*reload  // those that nobody has begun with, and some that nobody wants any more
	waiting  int        // octets of entries that wait for images
	moved    *sync.Cond // an image is wanted, or none any more
	loaded   chan struct{}
	recalled chan struct{}
}

// waiter waits until the journal has been read up to seq, and memory shows all of it, or, if not all, what it says of zones.
type waiter struct {
	seq   model.Seq
	all   bool
	zones []model.ID
	done  chan struct{}
}

// Health tells how the feed fares. Failing is since when the store cannot be read (zero: it can), and Err why.
type Health struct {
	Loaded  bool
	Seq     model.Seq
	Failing time.Time
	Err     string
	Rewinds uint64 // times that the store was found to have lost changes
	Stale   bool   // and all is being loaded anew because of it
	Resyncs uint64 // zones loaded anew because the journal did not fit
	Damaged int    // zones whose image or journal cannot be used: they stay as they are in memory, if at all, and take no change
	Sealed  int    // accounts whose TSIG keys this node cannot open: what needs one is refused
}

// New returns a Feed that has loaded nothing yet.
func New(cfg Config) *Feed {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Published == nil {
		cfg.Published = func(*zone.Zone, bool) {}
	}
	if cfg.Linked == nil {
		cfg.Linked = func(z *zone.Zone) { cfg.Published(z, false) }
	}
	if cfg.Removed == nil {
		cfg.Removed = func(*zone.Zone) {}
	}
	if cfg.Seen == nil {
		cfg.Seen = func(model.Entry, bool) {}
	}
	if cfg.Rewound == nil {
		cfg.Rewound = func() {}
	}
	if cfg.Lost == nil {
		cfg.Lost = func([]Lost) {}
	}
	if cfg.Workers <= 0 {
		cfg.Workers = cores.Count()
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	f := &Feed{
		cfg: cfg, loaded: make(chan struct{}), recalled: make(chan struct{}), sealed: map[model.ID]struct{}{}, damage: map[model.ID]struct{}{},
		peered: map[string]map[string]struct{}{}, reloads: map[model.ID]*reload{},
	}
	f.moved = sync.NewCond(&f.mu)
	return f
}

// Loaded is closed once every zone is in memory.
func (f *Feed) Loaded() <-chan struct{} { return f.loaded }

// Recalled is closed once every zone has the history that the journal holds of it.
func (f *Feed) Recalled() <-chan struct{} { return f.recalled }

// Health tells how the feed fares now.
func (f *Feed) Health() Health {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.health
	h.Stale = f.begun && !f.ready
	h.Loaded, h.Seq, h.Sealed, h.Damaged = f.begun, f.shown(), len(f.sealed), len(f.damage)
	return h
}

// Wait returns when memory shows the journal up to seq, or as much of it as concerns zones, if there are any; or with ctx's
// error. Of zones that are named, other zones' images are not waited for.
func (f *Feed) Wait(ctx context.Context, seq model.Seq, zones ...model.ID) error {
	return f.wait(ctx, waiter{seq: seq, all: len(zones) == 0, zones: zones, done: make(chan struct{})})
}

// Reads returns when the journal has been read up to seq, though images of zones may be on their way still; or with ctx's error.
func (f *Feed) Reads(ctx context.Context, seq model.Seq) error {
	return f.wait(ctx, waiter{seq: seq, done: make(chan struct{})})
}

// Loading says whether a zone's image is on its way into memory, and the position by which it is asked for.
func (f *Feed) Loading(zone model.ID) (seq model.Seq, loading bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.reloads[zone]; r != nil {
		return r.entry.Seq, true
	}
	return 0, false
}

func (f *Feed) wait(ctx context.Context, w waiter) error {
	f.mu.Lock()
	if f.reached(&w) {
		f.mu.Unlock()
		return nil
	}
	f.waiters = append(f.waiters, w)
	f.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		f.forget(w.done)
		return ctx.Err()
	}
}

func (f *Feed) forget(done chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, w := range f.waiters {
		if w.done == done {
			f.waiters[i] = f.waiters[len(f.waiters)-1]
			f.waiters = f.waiters[:len(f.waiters)-1]
			return
		}
	}
}

// shown is how far memory shows all of the journal. The lock is held.
func (f *Feed) shown() model.Seq {
	shown := f.read
	for _, r := range f.reloads {
		shown = min(shown, r.entry.Seq-1)
	}
	return shown
}

// reached says whether somebody need not wait any more. The lock is held.
func (f *Feed) reached(w *waiter) bool {
	switch {
	case !f.ready || f.read < w.seq:
		return false
	case w.all:
		return f.shown() >= w.seq
	}
	return !slices.ContainsFunc(w.zones, func(id model.ID) bool {
		r := f.reloads[id]
		return r != nil && r.entry.Seq <= w.seq
	})
}

// setRead sets how far the journal has been read. The lock is held.
func (f *Feed) setRead(seq model.Seq) {
	f.read = seq
	f.at.Store(uint64(seq))
}

// advance moves the position and wakes who waited for what is there now. The lock is held.
func (f *Feed) advance(seq model.Seq) {
	f.setRead(max(f.read, seq))
	kept := f.waiters[:0]
	for i := range f.waiters {
		if w := &f.waiters[i]; f.reached(w) {
			close(w.done)
			continue
		}
		kept = append(kept, f.waiters[i])
	}
	f.waiters = kept
}
