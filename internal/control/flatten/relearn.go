package flatten

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// soilAll has all names of a target rendered anew, soil those in one zone: as many zones may share a target as there are,
// and each has its turn by itself.
func (f *Flattener) soilAll(t *target) {
	for zone := range t.owners {
		f.soil(t, zone)
	}
}

func (f *Flattener) soil(t *target, zone model.ID) {
	ours := f.cfg.Duty(zone) // else another node does it
	for name := range t.owners[zone] {
		if ours || f.owners[ownerKey{zone, name}].unsure {
			f.render(zone, name)
		}
	}
}

// render has a name rendered anew.
func (f *Flattener) render(zone model.ID, name wire.Name) {
	if f.dirty[zone] == nil {
		f.dirty[zone] = map[wire.Name]struct{}{}
	}
	f.dirty[zone][name] = struct{}{}
}

// submit asks for a Relearn of every zone with dirty names that has none under way.
func (f *Flattener) submit(ctx context.Context, jobs *sync.WaitGroup) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUpLate(f.cfg.Clock())
	for id, names := range f.dirty {
		if f.busy[id] {
			continue
		}
		f.busy[id] = true
		delete(f.dirty, id)
		wants := make(map[wire.Name]uint64, len(names))
		for n := range names {
			if o := f.owners[ownerKey{id, n}]; o != nil {
				wants[n] = o.wants
			}
		}
		jobs.Go(func() { f.relearn(ctx, id, wants) })
	}
}

// relearnPause keeps a store in trouble from being asked without end.
const relearnPause = time.Second

// relearn has names of a zone rendered anew, and forgets those that are flattened no longer.
func (f *Flattener) relearn(ctx context.Context, id model.ID, wants map[wire.Name]uint64) {
	names := make([]string, 0, len(wants))
	for n := range wants {
		names = append(names, n.String())
	}
	err := f.change(ctx, id, names)
	if err != nil && !errors.Is(err, model.ErrNotFound) && ctx.Err() == nil {
		f.cfg.Log.Warn("flattened names not rendered", "zone", id, "error", err)
		timer := time.NewTimer(relearnPause)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	defer f.nudge()
	delete(f.busy, id)
	for n, count := range wants {
		key := ownerKey{id, n}
		o := f.owners[key]
		switch {
		case o == nil:
		case err == nil && o.wants == count, errors.Is(err, model.ErrNotFound):
			f.forget(key, o)
		case err == nil && o.target.told.State != model.FlattenUnknown:
			o.unsure = false
		case err != nil:
			f.render(id, n)
		}
	}
}

func (f *Flattener) change(ctx context.Context, id model.ID, names []string) error {
	f.stats.relearns.Add(1)
	_, err := f.cfg.Change(ctx, model.Change{
		Zone: id, Actor: model.Actor{Context: "system"}, Edits: []model.Edit{model.Relearn{Names: names}},
	})
	return err
}

// discoverPause is how often zones that were written by other nodes are looked through for flattened names.
const discoverPause = time.Minute

// Review says that Duty answers otherwise now: zones that fell to this node are looked through for flattened names.
func (f *Flattener) Review() {
	select {
	case f.review <- struct{}{}:
	default:
	}
}

// discoverAll looks through all zones at the start and at a review, and through changed ones now and then.
func (f *Flattener) discoverAll(ctx context.Context) {
	tick := time.NewTicker(discoverPause)
	defer tick.Stop()
	f.discover(ctx, f.cfg.Zones)
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.review:
			f.discover(ctx, f.cfg.Zones)
		case <-tick.C:
			f.discover(ctx, f.takeChanged)
		}
	}
}

// takeChanged yields the zones that have changed since it was last called.
func (f *Flattener) takeChanged(_ context.Context, yield func(model.ID) error) error {
	f.mu.Lock()
	changed := f.changed
	f.changed = map[model.ID]struct{}{}
	f.mu.Unlock()
	for id := range changed {
		if err := yield(id); err != nil {
			return err
		}
	}
	return nil
}

// discover has zones rendered, those that are this node's, many at a time so that they share commits.
func (f *Flattener) discover(ctx context.Context, zones func(ctx context.Context, yield func(model.ID) error) error) {
	if zones == nil {
		return
	}
	f.setListing(true)
	defer f.setListing(false)
	var jobs sync.WaitGroup
	defer jobs.Wait()
	places := make(chan struct{}, 4*f.cfg.Lookups)
	err := zones(ctx, func(id model.ID) error {
		if !f.cfg.Duty(id) {
			return nil
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		jobs.Go(func() {
			defer func() { <-places }()
			if err := f.change(ctx, id, nil); err != nil && !errors.Is(err, model.ErrNotFound) && ctx.Err() == nil {
				f.cfg.Log.Warn("zone not rendered anew", "zone", id, "error", err)
			}
		})
		return nil
	})
	if err != nil && ctx.Err() == nil {
		f.cfg.Log.Warn("zones with flattened names not listed", "error", err)
	}
}

func (f *Flattener) setListing(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listing = on
}
