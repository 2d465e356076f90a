package feed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// A zone whose contents are replaced comes into memory by its image, and a large one takes a while to be read and decoded.
// That happens beside everything else: the journal is read on, other zones go on changing, and what the journal says of the
// zone itself waits until its image is there. So the feed has two positions: how far the journal has been read, and how far
// memory shows all of it.

// Bounds of what may be on its way at once. Beyond them the journal is not read on.
const (
	reloadsMost = 256
	laterMost   = 64 << 20    // octets of entries that wait for images
	imageLimit  = time.Minute // for reading one
)

// reload is a zone whose image is on its way into memory.
type reload struct {
	entry model.Entry   // which asks for it
	later []model.Entry // what the journal says of the zone after that
}

// reload has a zone's image loaded, and what the journal has after it up to e. The lock is held.
func (f *Feed) reload(e *model.Entry) {
	if e.Kind != model.EntryReset {
		f.health.Resyncs++
	}
	r := &reload{entry: *e}
	r.entry.Body = nil
	f.reloads[e.Zone] = r
	f.line = append(f.line, r)
	f.moved.Broadcast()
}

// later has an entry wait for its zone's image. The lock is held.
func (f *Feed) later(r *reload, e *model.Entry) {
	r.later = append(r.later, *e)
	f.waiting += len(e.Body)
}

// giveUp lets go of a zone's image that is on its way, if one is. The lock is held.
func (f *Feed) giveUp(id model.ID) {
	r := f.reloads[id]
	if r == nil {
		return
	}
	delete(f.reloads, id)
	for i := range r.later {
		f.waiting -= len(r.later[i].Body)
	}
	f.moved.Broadcast()
}

// full says that nothing more may be on its way. The lock is held.
func (f *Feed) full() bool { return len(f.reloads) >= reloadsMost || f.waiting > laterMost }

// until waits for something that is brought about under the lock, which is held before and after; or for the end of ctx.
func (f *Feed) until(ctx context.Context, is func() bool) error {
	if is() {
		return ctx.Err()
	}
	defer context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.moved.Broadcast()
	})()
	for !is() && ctx.Err() == nil {
		f.moved.Wait()
	}
	return ctx.Err()
}

// loadImages brings images into memory, one after the other, until ctx ends. Several do that at once.
func (f *Feed) loadImages(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.until(ctx, func() bool { return len(f.line) > 0 }) == nil {
		r := f.line[0]
		f.line = f.line[1:]
		f.loadImage(ctx, r)
	}
}

// loadImage reads and decodes an image with the lock let go, for as long as somebody wants it.
func (f *Feed) loadImage(ctx context.Context, r *reload) {
	for pause := firstPause; f.reloads[r.entry.Zone] == r && ctx.Err() == nil; pause = min(2*pause, lastPause) {
		f.mu.Unlock()
		i, err := f.fetch(ctx, &r.entry)
		if err != nil && ctx.Err() == nil {
			f.failing(err)
			sleep(ctx, pause)
		}
		f.mu.Lock()
		if err == nil && f.reloads[r.entry.Zone] == r {
			f.arrived(r, i)
		}
	}
}

// incoming is a zone on its way into memory.
type incoming struct {
	seq     model.Seq
	account model.ID
	faces   face.Versions
	tail    []tailStep // what the journal has after the image, up to the entry that asked for it
	gone    bool       // the entry that says so is on its way
	bad     error      // it cannot be used
}

type tailStep struct {
	seq  model.Seq
	step *zone.Step
}

// fetch reads a zone's image and what the journal has after it up to e. An error is the store's, and tried again.
func (f *Feed) fetch(ctx context.Context, e *model.Entry) (*incoming, error) {
	ctx, cancel := context.WithTimeout(ctx, imageLimit)
	defer cancel()
	img, err := f.cfg.Source.Image(ctx, e.Zone)
	if errors.Is(err, model.ErrNotFound) {
		return &incoming{gone: true}, nil
	}
	if errors.Is(err, model.ErrDamaged) {
		return &incoming{bad: err}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load image of zone %s: %w", e.Zone, err)
	}
	i := &incoming{seq: img.Seq, account: img.Account}
	if i.faces, i.bad = decode(&img); i.bad != nil || img.Seq >= e.Seq {
		return i, nil
	}
	err = f.cfg.Source.Remaining(ctx, img.Seq, e.Seq, func(next model.Entry) error {
		if next.Zone != e.Zone || next.Kind != model.EntryDelta {
			return nil
		}
		step, err := zone.DecodeStep(next.Body)
		if err != nil {
			i.bad = fmt.Errorf("journal entry %d: %w", next.Seq, err)
			return errStop
		}
		i.tail = append(i.tail, tailStep{next.Seq, step})
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return nil, fmt.Errorf("read what follows the image of zone %s: %w", e.Zone, err)
	}
	return i, nil
}

// errStop ends the reading of a journal early.
var errStop = errors.New("stop")

// arrived puts a zone into memory, and then what the journal has said of it meanwhile, of which something may ask for
// another image. The lock is held.
func (f *Feed) arrived(r *reload, i *incoming) {
	later := r.later
	f.giveUp(r.entry.Zone)
	f.take(&r.entry, i)
	for n := range later {
		f.bring(&later[n])
	}
	f.advance(f.read)
}

// take puts a zone into memory as it was fetched, unless memory is further. The lock is held.
func (f *Feed) take(e *model.Entry, i *incoming) {
	id := e.Zone
	if i.gone {
		return
	}
	var l zone.Links
	if z := f.cfg.DB.ByID(string(id)); z != nil {
		if z.State().Seq >= uint64(e.Seq) {
			return
		}
		l = z.State().Links
	}
	if i.faces.Transfer == nil {
		f.damaged(id, i.bad)
		return
	}
	delete(f.damage, id)
	z := f.reset(id, i.account, i.seq, i.faces, l)
	for _, t := range i.tail {
		if _, err := f.cfg.DB.Step(string(id), uint64(t.seq), t.step); err != nil {
			i.bad = fmt.Errorf("journal entry %d: %w", t.seq, err)
			break
		}
	}
	if i.bad != nil {
		f.damaged(id, i.bad)
	}
	f.published(z, false)
}
