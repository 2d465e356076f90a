package primary

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// A zone's image is written anew when the journal behind it takes more than tailLeast and half of the zone's size, or has
// more than tailEntries entries and one for each KiB of the zone: what a start must replay stays in proportion to what it
// must load, and what images cost to what is changed. An entry is replayed in the time that 1 to 2 KiB of an image take.
const (
	tailLeast   = 1 << 20
	tailEntries = 4096
)

// tails is what the journal holds of each zone that has changed since its image.
type tails struct {
	mu     sync.Mutex
	byZone map[model.ID]*tail
	due    []model.ID
	wake   chan struct{}
}

// A node may have a million of them.
type tail struct {
	size    int   // octets of the zone in memory, once it was near being due
	fresh   int   // octets behind the image
	count   int32 // entries behind the image
	due     bool
	cut     model.Seq // no mark is left at or before it
	history []mark    // oldest first: all deltas that the journal holds, those before the image included
	bytes   int       // of history
}

// add puts a mark into its place, which is nearly always the last one, and says whether it was not known.
func (z *tail) add(m mark) bool {
	at := len(z.history)
	for at > 0 && z.history[at-1].seq >= m.seq {
		at--
	}
	if m.seq <= z.cut || at < len(z.history) && z.history[at].seq == m.seq {
		return false
	}
	z.history = slices.Insert(z.history, at, m)
	z.bytes += m.bytes
	return true
}

// forget drops the marks before a position that are of the image.
func (z *tail) forget(seq model.Seq) {
	n := 0
	for n < len(z.history) && z.history[n].seq < seq {
		z.bytes -= z.history[n].bytes
		n++
	}
	z.history = z.history[n:]
}

// shorten drops the oldest marks beyond a bound: where another node prunes the journal, done never comes to drop them.
func (z *tail) shorten(bound int) {
	n := 0
	for z.bytes-z.history[n].bytes > bound {
		z.cut = z.history[n].seq
		z.bytes -= z.history[n].bytes
		n++
	}
	z.history = z.history[n:]
}

func (z *tail) long() bool {
	return z.fresh > max(tailLeast, z.size/2) || int(z.count) > max(tailEntries, z.size/1024)
}

// mark is one delta in the journal.
type mark struct {
	seq   model.Seq
	bytes int
}

// Observe counts a journal entry; feed calls it for each, with inImage for those that the zone's image holds already; they
// alone may come late. It returns at once.
func (p *Primary) Observe(e model.Entry, inImage bool) {
	if e.Zone == "" {
		return
	}
	t := &p.tails
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
			t.byZone[p.ownID(e.Zone)] = z
		}
		if !z.add(mark{e.Seq, len(e.Body)}) {
			return // told again, by a load that started anew
		}
		z.shorten(2 * p.cfg.Limits.HistoryBytes)
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

// Rewound forgets what was observed: the journal is read anew, and it is another one.
func (p *Primary) Rewound() {
	t := &p.tails
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.byZone)
	t.due = nil
}

// ownID is an identifier as memory has it, so that there is one text for both.
func (p *Primary) ownID(id model.ID) model.ID {
	if z := p.cfg.DB.ByID(string(id)); z != nil {
		return model.ID(z.ID)
	}
	return id
}

// Maintain writes images of zones whose journal has grown long, and prunes what neither a start nor IXFR needs any more,
// until ctx ends. It takes its pages from memory and blocks a change no longer than the store takes for one image.
func (p *Primary) Maintain(ctx context.Context) error {
	if p.cfg.Checkpoint == nil {
		<-ctx.Done()
		return nil
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.tails.wake:
		}
		for id, ok := p.tails.next(); ok && ctx.Err() == nil; id, ok = p.tails.next() {
			if err := p.checkpoint(ctx, id); err != nil && ctx.Err() == nil {
				p.cfg.Log.Warn("image not written", "zone", id, "error", err)
				if errors.Is(err, model.ErrUnavailable) {
					p.pause(ctx) // what is wrong with one zone holds up no other
				}
			}
		}
	}
}

// retryPause keeps a store in trouble from being asked for images without end.
const retryPause = 5 * time.Second

func (p *Primary) pause(ctx context.Context) {
	timer := time.NewTimer(retryPause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (t *tails) next() (model.ID, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.due) == 0 {
		return "", false
	}
	id := t.due[0]
	t.due = t.due[1:]
	return id, true
}

func (p *Primary) checkpoint(ctx context.Context, id model.ID) error {
	z := p.cfg.DB.ByID(string(id))
	if z == nil {
		return nil
	}
	state := z.State()
	if !p.tails.wants(id, state.Served.Size()) {
		return nil
	}
	if !p.cfg.Duty(id) {
		p.tails.again(id)
		return nil
	}
	img := imageOf(z.ID, z.AccountID(), state.Served, state.Transfer)
	img.Seq = model.Seq(state.Seq)
	keep := p.tails.keep(id, img.Seq, p.cfg.Limits.HistoryBytes)
	err := p.cfg.Checkpoint(ctx, img, keep)
	if errors.Is(err, model.ErrNotFound) {
		return nil // deleted meanwhile; its last entry is on the way
	}
	if err != nil {
		p.tails.again(id)
		return fmt.Errorf("write image of zone %s: %w", id, err)
	}
	p.tails.done(id, img.Seq, keep)
	p.stats.images.Add(1)
	return nil
}

// wants says whether the zone, of size octets in memory, is due.
func (t *tails) wants(id model.ID, size int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	z := t.byZone[id]
	if z == nil {
		return false
	}
	z.size = size
	z.due = z.long()
	return z.due
}

// keep is the newest position that neither an image at seq nor a history of so many octets needs; 0 for none.
func (t *tails) keep(id model.ID, seq model.Seq, history int) model.Seq {
	t.mu.Lock()
	defer t.mu.Unlock()
	z := t.byZone[id]
	if z == nil {
		return 0
	}
	keep, rest := z.cut, z.bytes
	for _, m := range z.history {
		if rest <= history {
			break
		}
		keep, rest = m.seq, rest-m.bytes
	}
	return min(keep, seq)
}

// done notes an image at seq and a journal cut at keep.
func (t *tails) done(id model.ID, seq, keep model.Seq) {
	t.mu.Lock()
	defer t.mu.Unlock()
	z := t.byZone[id]
	if z == nil {
		return
	}
	kept := z.history[:0]
	z.bytes, z.fresh, z.count, z.due = 0, 0, 0, false
	for _, m := range z.history {
		if m.seq <= keep {
			continue
		}
		kept = append(kept, m)
		z.bytes += m.bytes
		if m.seq > seq {
			z.fresh += m.bytes
			z.count++
		}
	}
	z.history = kept
}

// again has the next change of a zone ask for its image once more.
func (t *tails) again(id model.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if z := t.byZone[id]; z != nil {
		z.due = false
	}
}
