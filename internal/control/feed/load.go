package feed

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Images and entries go from who reads them to who brings them into memory so many at a time, or fewer large ones.
const (
	batchMost  = 256
	batchBytes = 1 << 20
	batchAhead = 2 // batches that may wait
)

// loading is one load of everything: first images, decoded by several workers, then the journal. Zones go into memory as
// they come, so that nothing is kept twice; nobody is served from it before the first load is over.
type loading struct {
	f     *Feed
	first bool // of this process
	anew  bool // memory is not what the store has: nothing of it is kept
	upto  model.Seq
	whole model.Seq // at a first load: all images hold the entries up to here, which are left for later
	// images are the positions of the images read: at a first load of damaged ones alone, for memory tells the others.
	images  map[model.ID]position
	history *history // of zones whose images are ahead of journal entries
	tails   tails    // of zones, what the journal has after their images
	over    bool     // the snapshot's part of the journal
	// accounts are those that have anything to do with access. Others had, perhaps.
	accounts map[string]struct{}
}

// position is where a zone's image stands. Of a zone that is kept, memory was further than the image, or the image is
// damaged.
type position struct {
	seq  model.Seq
	kept bool
}

// loaded is an image on its way into memory.
type loaded struct {
	img   model.Image
	faces face.Versions
	links zone.Links
	err   error
}

// load reads all images and the journal and brings memory to the journal's end. It serves the first start and a node that
// was away for too long: then zones that memory holds at a later position than their image stay as they are. At a first
// start, the part of the journal that is history of all zones is left to recall, so that nobody waits for it.
func (f *Feed) load(ctx context.Context) error {
	l := &loading{f: f, images: map[model.ID]position{}, history: f.newHistory(), tails: tails{of: map[model.ID][]model.Entry{}}, accounts: map[string]struct{}{}}
	f.mu.Lock()
	l.first, l.anew = !f.begun, f.begun && !f.ready
	for id := range f.reloads {
		f.giveUp(id) // it comes with all others
	}
	f.mu.Unlock()
	if l.first {
		f.empty() // of what an attempt that failed has left
	}
	if err := l.snapshot(ctx); err != nil {
		return err
	}
	if err := l.journal(ctx); err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	l.finish()
	if err := f.until(ctx, func() bool { return len(f.reloads) == 0 }); err != nil {
		return err
	}
	if l.anew {
		f.rewound(l.upto)
	}
	f.ready = true
	if l.first {
		f.begun, f.past = true, l.whole
		close(f.loaded)
		f.cfg.Log.Info("zones loaded", "zones", f.cfg.DB.Len(), "position", uint64(l.upto))
	}
	f.advance(l.upto)
	return nil
}

func (f *Feed) empty() {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for z := range f.cfg.DB.All {
		ids = append(ids, z.ID)
	}
	for _, id := range ids {
		f.cfg.DB.Remove(id)
	}
	clear(f.peered)
}

// snapshot reads, decodes and publishes every image of one snapshot.
func (l *loading) snapshot(ctx context.Context) error {
	work := make(chan []*loaded, batchAhead)
	var wg sync.WaitGroup
	for range l.f.cfg.Workers {
		wg.Go(func() {
			for batch := range work {
				l.decode(batch)
			}
		})
	}
	var batch []*loaded
	size := 0
	flush := func() {
		if len(batch) > 0 {
			work <- batch
			batch, size = make([]*loaded, 0, batchMost), 0
		}
	}
	upto, whole, err := l.f.cfg.Source.Load(ctx, func(img model.Image) error {
		if len(batch) == batchMost || size > batchBytes {
			flush()
		}
		batch = append(batch, &loaded{img: img})
		size += len(img.Served) + len(img.Transfer)
		return nil
	}, func(e model.Entry) error {
		l.access(e, batch)
		return nil
	})
	flush()
	close(work)
	wg.Wait()
	if err != nil {
		return fmt.Errorf("load images: %w", err)
	}
	l.bare()
	l.upto = upto
	if l.first {
		l.whole = whole
	}
	return nil
}

// bare takes all access from accounts that have none in the snapshot.
func (l *loading) bare() {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	none, _ := (&model.AccessChange{Whole: true}).Append()
	for _, id := range l.f.cfg.DB.Accounts() {
		if _, known := l.accounts[id]; !known {
			changed, _ := l.f.setAccount(&model.Entry{Account: model.ID(id), Body: none})
			l.f.peersChanged(id, changed, nil)
		}
	}
}

// access takes the access state of an account, or of the zone whose image has just been read.
func (l *loading) access(e model.Entry, batch []*loaded) {
	if e.Zone == "" {
		l.f.mu.Lock()
		defer l.f.mu.Unlock()
		l.f.setAccount(&e)
		l.accounts[string(e.Account)] = struct{}{}
		return
	}
	if len(batch) == 0 || batch[len(batch)-1].img.Zone != e.Zone {
		return
	}
	links, err := decodeLinks(e.Body)
	if err != nil {
		l.f.cfg.Log.Error("access state of a zone cannot be read, transfers stay off", "zone", e.Zone, "error", err)
	}
	batch[len(batch)-1].links = links
}

func (l *loading) decode(batch []*loaded) {
	for _, z := range batch {
		z.faces, z.err = decode(&z.img)
		z.img.Served, z.img.Transfer = nil, nil
	}
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	for _, z := range batch {
		l.publish(z)
	}
}

// publish puts a zone into memory, unless memory is further than its image. The lock is held.
func (l *loading) publish(z *loaded) {
	id, db := string(z.img.Zone), l.f.cfg.DB
	if z.err != nil {
		l.images[z.img.Zone] = position{z.img.Seq, true}
		l.f.damaged(z.img.Zone, z.err)
		return
	}
	if !l.first {
		old := db.ByID(id)
		kept := !l.anew && old != nil && old.State().Seq >= uint64(z.img.Seq)
		l.images[z.img.Zone] = position{z.img.Seq, kept}
		if kept {
			l.f.linked(l.f.setLinks(old, old.State().Seq, z.links)) // or its account's peers are others now
			return
		}
		if l.anew && old != nil {
			l.f.losing(old, z.img.Seq, z.faces.Transfer.Serial())
		}
	}
	delete(l.f.damage, z.img.Zone)
	l.f.published(l.f.reset(z.img.Zone, z.img.Account, z.img.Seq, z.faces, z.links), false)
}

// journal reads the journal and applies it beside the reading.
func (l *loading) journal(ctx context.Context) error {
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work := make(chan []model.Entry, batchAhead)
	var wg sync.WaitGroup
	wg.Go(func() {
		for batch := range work {
			if reading.Err() != nil {
				continue
			}
			if err := l.entries(batch); err != nil {
				stop(err)
			}
		}
	})
	var batch []model.Entry
	size := 0
	err := l.f.cfg.Source.Remaining(reading, l.whole, math.MaxInt64, func(e model.Entry) error {
		batch = append(batch, e)
		if size += len(e.Body); len(batch) == batchMost || size > batchBytes {
			work <- batch
			batch, size = make([]model.Entry, 0, batchMost), 0
		}
		return reading.Err()
	})
	if err == nil && len(batch) > 0 {
		work <- batch
	}
	close(work)
	wg.Wait()
	if ctx.Err() == nil && reading.Err() != nil {
		return context.Cause(reading)
	}
	if err != nil {
		return err
	}
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	l.replayAll()
	return nil
}

func (l *loading) entries(batch []model.Entry) error {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	for i := range batch {
		if err := l.entry(&batch[i]); err != nil {
			return err
		}
	}
	return nil
}

// image is the position of the image that was read of a zone. Entries come in order, so at a first load no entry that
// memory has already comes after one that it has not.
func (l *loading) image(id model.ID) (p position, known bool) {
	if p, known = l.images[id]; known || !l.first {
		return p, known
	}
	if z := l.f.cfg.DB.ByID(string(id)); z != nil {
		return position{seq: model.Seq(z.State().Seq)}, true
	}
	return position{}, false
}

// entry takes one journal entry: history, if the zone's image has it; otherwise it is applied.
func (l *loading) entry(e *model.Entry) error {
	if e.Seq > l.upto {
		l.replayAll()
		l.finish()
		l.f.apply(e)
		l.upto = e.Seq
		return nil
	}
	img, known := l.image(e.Zone)
	switch {
	case !known || e.Zone == "":
		// An account's access, which the snapshot has already, or a zone that is gone by its end.
	case e.Seq > img.seq:
		l.attach(e.Zone)
		if e.Kind == model.EntryDelta {
			l.collect(e)
			return nil
		}
		l.replay(e.Zone)
		if e.Kind != model.EntryAccess {
			l.f.apply(e)
			return nil
		}
		l.f.links(e, nil) // the snapshot has the newest access; only the position moves
	default:
		l.f.cfg.Seen(*e, true)
		if z := l.f.cfg.DB.ByID(string(e.Zone)); !img.kept && z != nil && z.State().Links.Enabled {
			if err := l.history.take(e); err != nil { // it costs this zone its history and nobody anything else
				l.f.cfg.Log.Error("history of a zone cannot be read, IXFR reaches back no further", "zone", e.Zone, "error", err)
				l.history.drop(e.Zone)
			}
		}
	}
	return nil
}

// attach gives a zone its history, before the first change after its image.
func (l *loading) attach(id model.ID) {
	if deltas := l.history.drop(id); deltas != nil {
		l.f.cfg.DB.Remember(string(id), deltas)
	}
}

// finish attaches what histories are left and takes out what the store has no longer. The lock is held.
func (l *loading) finish() {
	if l.over {
		return
	}
	l.over = true
	for id := range l.history.of {
		l.attach(id)
	}
	if l.first {
		return
	}
	for id := range l.f.damage {
		if _, known := l.images[id]; !known {
			delete(l.f.damage, id)
		}
	}
	var gone []*zone.Zone
	for z := range l.f.cfg.DB.All {
		if _, known := l.images[model.ID(z.ID)]; !known && (l.anew || z.State().Seq <= uint64(l.upto)) {
			gone = append(gone, z)
		}
	}
	for _, z := range gone {
		l.f.remove(z)
	}
}
