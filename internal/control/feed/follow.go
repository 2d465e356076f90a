package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Pauses while the store cannot be read.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
	readLimit  = 10 * time.Second // until the next entry comes, or the end
)

// Run loads every zone and then follows the journal until ctx ends. Trouble with the store is told by Health and the log
// and never ends it.
func (f *Feed) Run(ctx context.Context) error {
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { f.recall(ctx) })
	for range f.cfg.Workers {
		beside.Go(func() { f.loadImages(ctx) })
	}
	pause := firstPause
	for ctx.Err() == nil {
		if err := f.round(ctx); err != nil && ctx.Err() == nil {
			f.failing(err)
			sleep(ctx, pause)
			pause = min(2*pause, lastPause)
			continue
		}
		f.healthy()
		pause = firstPause
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// offerGrace is how long an entry that was heard of may still come by Offer: the commit that told of it is followed by
// one, if it was made here.
const offerGrace = time.Millisecond

// round loads if need be, waits until the journal has more than memory, and applies it.
func (f *Feed) round(ctx context.Context) error {
	after, ready := f.position()
	if !ready {
		return f.load(ctx)
	}
	if f.Health().Err == "" { // after trouble the store is asked at once: nobody tells that it is back
		if err := f.cfg.Source.Wait(ctx, func() model.Seq { return model.Seq(f.at.Load()) }); err != nil {
			return fmt.Errorf("wait for journal: %w", err)
		}
		if f.offered(ctx, after) {
			return nil
		}
	}
	err := f.follow(ctx, after)
	if errors.Is(err, model.ErrDiverged) {
		return f.rewind(ctx, err)
	}
	if errors.Is(err, model.ErrStale) {
		f.cfg.Log.Warn("the journal has been pruned past this node, loading all zones anew", "position", uint64(after))
		return f.load(ctx)
	}
	if err != nil {
		return fmt.Errorf("read journal after %d: %w", after, err)
	}
	return nil
}

// offered says whether memory has gone past a position by itself, or does so in a moment.
func (f *Feed) offered(ctx context.Context, after model.Seq) bool {
	if now, _ := f.position(); now > after {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, offerGrace)
	defer cancel()
	return f.wait(ctx, waiter{seq: after + 1, done: make(chan struct{})}) == nil
}

// errStalled is a store that does not go on.
var errStalled = errors.New("the store does not answer")

// follow applies the entries after a position. A store that falls silent is taken for one that cannot be read.
func (f *Feed) follow(ctx context.Context, after model.Seq) error {
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	alarm := time.AfterFunc(readLimit, func() { stop(errStalled) })
	defer alarm.Stop()
	err := f.cfg.Source.Entries(reading, after, func(e model.Entry) error {
		alarm.Stop()
		defer alarm.Reset(readLimit)
		return f.next(ctx, e)
	})
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(reading), errStalled) {
		return fmt.Errorf("%w: %w", errStalled, err)
	}
	return err
}

func (f *Feed) position() (model.Seq, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read, f.ready
}

// next applies one entry read from the journal, unless it was offered meanwhile, when there is room for what it may ask for.
func (f *Feed) next(ctx context.Context, e model.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.until(ctx, func() bool { return !f.full() }); err != nil {
		return err
	}
	if e.Seq > f.read {
		f.apply(&e)
		f.advance(e.Seq)
	}
	return nil
}

// Offer hands over entries that this node has just committed, so that they need not be read back. They are applied if
// they follow directly on what has been read; it says whether memory holds all of them now. Otherwise Run reads them. Of zones
// whose contents are replaced, made has what their images come to, and so those need not be read and decoded; ahead is what
// Prepare made of the same entries.
func (f *Feed) Offer(entries []model.Entry, made map[model.ID]face.Versions, ahead map[model.ID]*zone.Ahead) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ready {
		return false
	}
	for i := range entries {
		e := &entries[i]
		if e.Seq <= f.read {
			continue
		}
		if e.Seq != f.read+1 {
			return false
		}
		v, known := made[e.Zone]
		switch {
		case known && e.Kind == model.EntryReset && f.reloads[e.Zone] == nil:
			f.cfg.Seen(*e, false)
			f.take(e, &incoming{seq: e.Seq, account: e.Account, faces: v})
		case ahead[e.Zone] != nil && e.Kind == model.EntryDelta && f.reloads[e.Zone] == nil:
			f.cfg.Seen(*e, false)
			f.applyDelta(e, ahead[e.Zone])
			delete(ahead, e.Zone)
		default:
			f.apply(e)
		}
		f.advance(e.Seq)
	}
	return !slices.ContainsFunc(entries, func(e model.Entry) bool { return f.reloads[e.Zone] != nil })
}

func (f *Feed) healthy() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.health.Err != "" {
		f.cfg.Log.Info("the store can be read again", "position", uint64(f.read))
	}
	f.health.Failing, f.health.Err = time.Time{}, ""
}

func (f *Feed) failing(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.health.Err == "" {
		f.health.Failing = f.cfg.Clock()
		f.cfg.Log.Error("the store cannot be read, serving what is in memory", "error", err)
	}
	f.health.Err = err.Error()
}
