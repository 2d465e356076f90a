package events

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Config is what a Hub needs. Log is required.
type Config struct {
	// Log reads the log after a position, at most limit events in order; where the first of them is not the next one, those between
	// are kept no longer.
	Log func(ctx context.Context, after uint64, limit int) (model.EventLog, error)
	// Known says whether a zone is there before an entry of it counts.
	Known func(zone model.ID) bool
	// History names what positions belong to: another one when a store has lost changes. Nil: there is one alone.
	History func() string
	// Pause is how often the log is looked at while somebody listens, default 1 s: Wake tells of what was written here.
	Pause time.Duration
	// Patience is how long who comes with a cursor of a node that is ahead waits for this one to follow, default 10 s.
	Patience time.Duration
	Most     int // events that are kept; default 8,192
	Trace    *slog.Logger
}

// most is how many events are kept where nothing else is said, and read from the log at once.
const (
	most     = 8192
	readMost = 1000
	patience = 10 * time.Second
)

// Hub has what happened last. Its methods may be called from anywhere; Journal, Begin and Wake return at once.
type Hub struct {
	cfg  Config
	wake chan struct{} // holds one when the log is to be looked at

	reading sync.Mutex // held while the log is read

	mu        sync.Mutex
	begun     bool
	history   string
	ring      []model.Event // the event of a number stands at its remainder
	first     uint64        // number of the oldest that is kept
	next      uint64        // and of the next one
	at        place         // of the newest
	floor     place         // of the newest that is not kept any more
	rights    rights
	listeners int
	moved     chan struct{} // closed when something has come; nil while nobody waits
	over      bool
}

// rights counts how often somebody was let do more or less than before: as the store says, which hears of all nodes, and as this process
// was told by itself, which is sooner.
type rights struct {
	stored uint64
	here   uint64
}

// place is a position in the journal and one in the log.
type place struct {
	seq model.Seq
	log uint64
}

// New returns a Hub that knows nothing yet.
func New(cfg Config) *Hub {
	if cfg.Known == nil {
		cfg.Known = func(model.ID) bool { return true }
	}
	if cfg.History == nil {
		cfg.History = func() string { return "" }
	}
	if cfg.Pause <= 0 {
		cfg.Pause = time.Second
	}
	if cfg.Patience <= 0 {
		cfg.Patience = patience
	}
	if cfg.Most <= 0 {
		cfg.Most = most
	}
	if cfg.Trace == nil {
		cfg.Trace = slog.New(slog.DiscardHandler)
	}
	return &Hub{cfg: cfg, wake: make(chan struct{}, 1), ring: make([]model.Event, cfg.Most)}
}

// Begin has listeners hear of journal entries after a position; what came before is not told.
func (h *Hub) Begin(seq model.Seq) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begun = true
	h.stand()
	h.at.seq = max(h.at.seq, seq)
	h.floor.seq = h.at.seq
}

// Journal takes an entry before it counts. Entries come in order; older ones, which are read again for the sake of history, are
// passed over, and where some are missing those who listen hear so.
func (h *Hub) Journal(e *model.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stand()
	switch {
	case e.Seq <= h.at.seq:
		return
	case !h.begun:
		h.at.seq = e.Seq
		return
	case e.Seq != h.at.seq+1:
		h.forget()
		h.floor.seq = e.Seq - 1
	}
	h.add(model.Event{
		Kind: kindOf(e), Seq: e.Seq, Account: e.Account, Zone: e.Zone, At: e.At, What: h.what(e), Serial: e.Serial,
	})
}

func kindOf(e *model.Entry) model.EventKind {
	if e.Zone == "" {
		return model.EventAccount
	}
	return model.EventZone
}

func (h *Hub) what(e *model.Entry) model.EventWhat {
	switch e.Kind {
	case model.EntryDelta:
		return model.ZonePublished
	case model.EntryReset:
		if !h.cfg.Known(e.Zone) {
			return model.ZoneCreated
		}
		return model.ZoneReplaced
	case model.EntryAccess:
		if e.Zone == "" {
			return model.AccountRules
		}
		return model.ZoneLinks
	case model.EntryGone:
		return model.ZoneRemoved
	case model.EntryNotify:
		return model.ZoneNotify
	}
	return ""
}

// Rewound has all positions mean something else: the store has lost changes.
func (h *Hub) Rewound() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget()
	h.at, h.floor = place{}, place{}
	h.rouse()
}

// stand notes to which history positions belong. The lock is held.
func (h *Hub) stand() {
	if now := h.cfg.History(); now != h.history {
		h.history = now
		h.forget()
		h.rouse()
	}
}

// forget drops what is kept: whoever has a place loses it. The lock is held.
func (h *Hub) forget() {
	clear(h.ring)
	h.next++
	h.first = h.next
	h.floor = h.at
}

// add keeps an event. The lock is held.
func (h *Hub) add(e model.Event) {
	slot := &h.ring[h.next%uint64(len(h.ring))]
	if h.next-h.first == uint64(len(h.ring)) {
		h.floor.seq, h.floor.log = max(h.floor.seq, slot.Seq), max(h.floor.log, slot.Log)
		h.first++
	}
	*slot = e
	h.next++
	h.at.seq, h.at.log = max(h.at.seq, e.Seq), max(h.at.log, e.Log)
	h.rouse()
}

// rouse wakes who waits. The lock is held.
func (h *Hub) rouse() {
	if h.moved != nil {
		close(h.moved)
		h.moved = nil
	}
}

// Rights tells that this process has let somebody do more or less than before: no listener hears of anything that happens from here on
// before he was looked at again.
func (h *Hub) Rights() {
	h.mu.Lock()
	h.rights.here++
	h.rouse()
	h.mu.Unlock()
}

// Wake tells that something was written to the log by this process.
func (h *Hub) Wake() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Run looks at the log while somebody listens, until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	tick := time.NewTicker(h.cfg.Pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.wake:
		case <-tick.C:
		}
		if h.listening() == 0 {
			continue
		}
		if err := h.look(ctx); err != nil && ctx.Err() == nil {
			h.cfg.Trace.Debug("the log of events cannot be read", "error", err)
		}
	}
}

func (h *Hub) listening() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.listeners
}

// Listeners is how many listen.
func (h *Hub) Listeners() int { return h.listening() }

// look takes what is new in the log. One look is under way at a time.
func (h *Hub) look(ctx context.Context) error {
	h.reading.Lock()
	defer h.reading.Unlock()
	for {
		h.mu.Lock()
		after := h.at.log
		h.mu.Unlock()
		got, err := h.cfg.Log(ctx, after, readMost)
		if err != nil {
			return err
		}
		h.take(&got, after)
		if len(got.Events) < readMost {
			return nil
		}
	}
}

// take keeps a part of the log that was read after a position.
func (h *Hub) take(got *model.EventLog, after uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if got.Rights != h.rights.stored {
		h.rights.stored = got.Rights
		h.rouse()
	}
	switch {
	case got.Head < after: // an older state of the database was brought back
		h.forget()
		h.at.log, h.floor.log = got.Head, got.Head
		return
	case len(got.Events) == 0 && got.Head > after, len(got.Events) > 0 && got.Events[0].Log != after+1:
		h.forget()
		h.at.log = got.Head
		if len(got.Events) > 0 {
			h.at.log = got.Events[0].Log - 1
		}
		h.floor.log = h.at.log
	}
	for i := range got.Events {
		h.add(got.Events[i])
	}
}

// Close ends all listening, now and from now on.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	h.rouse()
}
