package feed

import (
	"context"
	"fmt"
	"sync"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// loading is one load of everything: first images, decoded by several workers, then the journal.
type loading struct {
	f     *Feed
	zones map[model.ID]*loaded
	order []model.ID
	first bool // of this process
	upto  model.Seq
}

// loaded is a zone on its way into memory.
type loaded struct {
	img              model.Image
	served, transfer *zone.Version
	links            zone.Links
	history          []*zone.Delta
	err              error
	in               bool // memory
}

// load reads all images and the journal and brings memory to the journal's end. It serves the first start and a node that
// was away for too long: then zones that memory holds at a later position than their image stay as they are.
func (f *Feed) load(ctx context.Context) error {
	l := &loading{f: f, zones: map[model.ID]*loaded{}}
	_, ready := f.position()
	l.first = !ready
	if err := l.images(ctx); err != nil {
		return err
	}
	err := f.cfg.Source.Entries(ctx, 0, func(e model.Entry) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		return l.entry(ctx, &e)
	})
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	l.finish()
	if l.first {
		f.ready = true
		close(f.loaded)
		f.cfg.Log.Info("zones loaded", "zones", len(l.order), "position", uint64(l.upto))
	}
	f.advance(l.upto)
	return nil
}

// images reads and decodes every image of one snapshot.
func (l *loading) images(ctx context.Context) error {
	work := make(chan *loaded, l.f.cfg.Workers)
	var wg sync.WaitGroup
	for range l.f.cfg.Workers {
		wg.Go(func() {
			for z := range work {
				z.served, z.transfer, z.err = decodeImage(&z.img)
				z.img.Served, z.img.Transfer = nil, nil
			}
		})
	}
	upto, err := l.f.cfg.Source.Load(ctx, func(img model.Image) error {
		z := &loaded{img: img}
		l.zones[img.Zone] = z
		l.order = append(l.order, img.Zone)
		work <- z
		return nil
	}, l.access)
	close(work)
	wg.Wait()
	if err != nil {
		return fmt.Errorf("load images: %w", err)
	}
	l.upto = upto
	return nil
}

// access takes the access state of an account, or of a zone whose image has just been read.
func (l *loading) access(e model.Entry) error {
	if e.Zone == "" {
		l.f.setAccount(&e)
		return nil
	}
	z := l.zones[e.Zone]
	if z == nil {
		return nil
	}
	links, err := decodeLinks(e.Body)
	if err != nil {
		l.f.cfg.Log.Error("access state of a zone cannot be read, transfers stay off", "zone", e.Zone, "error", err)
	}
	z.links = links
	return nil
}

// entry takes one journal entry: history, if the zone's image has it; otherwise it is applied.
func (l *loading) entry(ctx context.Context, e *model.Entry) error {
	z := l.zones[e.Zone]
	switch {
	case e.Seq > l.upto:
		l.finish()
		if err := l.f.apply(ctx, e); err != nil {
			return err
		}
		l.upto = e.Seq
	case z == nil:
		// An account's access, which the snapshot has already, or a zone that is gone by its end.
	case e.Seq > z.img.Seq:
		l.publish(z)
		if e.Kind != model.EntryAccess {
			return l.f.apply(ctx, e)
		}
		l.f.links(e, nil) // the snapshot has the newest access; only the position moves
	default:
		l.f.cfg.Seen(*e, true)
		return z.remember(e)
	}
	return nil
}

// remember keeps a delta for IXFR.
func (z *loaded) remember(e *model.Entry) error {
	switch e.Kind {
	case model.EntryReset:
		z.history = nil
	case model.EntryDelta:
		step, err := zone.DecodeStep(e.Body)
		if err != nil {
			return fmt.Errorf("journal entry %d: %w", e.Seq, err)
		}
		if step.Transfer.From != step.Transfer.To {
			z.history = append(z.history, &step.Transfer)
		}
	case model.EntryAccess, model.EntryGone, model.EntryNotify:
	}
	return nil
}

// publish puts a zone into memory, unless memory is further than its image.
func (l *loading) publish(z *loaded) {
	if z.in {
		return
	}
	z.in = true
	if z.err != nil {
		l.f.damaged(z.img.Zone, z.err)
		return
	}
	id, db := string(z.img.Zone), l.f.cfg.DB
	if old := db.ByID(id); old != nil && old.State().Seq >= uint64(z.img.Seq) {
		db.SetLinks(id, old.State().Seq, z.links)
		return
	}
	mem := db.Reset(id, string(z.img.Account), uint64(z.img.Seq), z.served, z.transfer, z.links, z.history)
	l.f.published(mem, false)
	z.served, z.transfer, z.history = nil, nil, nil
}

// finish publishes what is left and takes out what the store has no longer.
func (l *loading) finish() {
	for _, id := range l.order {
		l.publish(l.zones[id])
	}
	if l.first {
		return
	}
	var gone []string
	for z := range l.f.cfg.DB.All {
		if mem := l.zones[model.ID(z.ID)]; mem == nil && z.State().Seq <= uint64(l.upto) {
			gone = append(gone, z.ID)
		}
	}
	for _, id := range gone {
		l.f.cfg.DB.Remove(id)
		l.f.cfg.Removed(id)
	}
}
