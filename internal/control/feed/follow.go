package feed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Pauses while the store cannot be read, and the time that an offered entry may take to read its image.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
	offerLimit = 10 * time.Second
)

// Run loads every zone and then follows the journal until ctx ends. Trouble with the store is told by Health and the log
// and never ends it.
func (f *Feed) Run(ctx context.Context) error {
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

// round loads if need be, applies what the journal has, and waits for more.
func (f *Feed) round(ctx context.Context) error {
	after, ready := f.position()
	if !ready {
		return f.load(ctx)
	}
	err := f.cfg.Source.Entries(ctx, after, func(e model.Entry) error { return f.take(ctx, e) })
	if errors.Is(err, model.ErrStale) {
		f.cfg.Log.Warn("the journal has been pruned past this node, loading all zones anew", "position", uint64(after))
		return f.load(ctx)
	}
	if err != nil {
		return fmt.Errorf("read journal after %d: %w", after, err)
	}
	f.healthy()
	after, _ = f.position()
	if err := f.cfg.Source.Wait(ctx, after); err != nil {
		return fmt.Errorf("wait for journal: %w", err)
	}
	return nil
}

func (f *Feed) position() (model.Seq, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.applied, f.ready
}

// take applies one entry read from the journal, unless it was offered meanwhile.
func (f *Feed) take(ctx context.Context, e model.Entry) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Seq <= f.applied {
		return nil
	}
	if err := f.apply(ctx, &e); err != nil {
		return err
	}
	f.advance(e.Seq)
	return nil
}

// Offer hands over entries that this node has just committed, so that they need not be read back. They are applied if
// they follow directly on what memory has; it says whether memory holds all of them now. Otherwise Run reads them.
func (f *Feed) Offer(entries []model.Entry) bool {
	ctx, cancel := context.WithTimeout(context.Background(), offerLimit)
	defer cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ready {
		return false
	}
	for i := range entries {
		e := &entries[i]
		if e.Seq <= f.applied {
			continue
		}
		if e.Seq != f.applied+1 {
			return false
		}
		if err := f.apply(ctx, e); err != nil {
			f.cfg.Log.Warn("offered entry not applied, reading it from the journal", "position", uint64(e.Seq), "error", err)
			return false
		}
		f.advance(e.Seq)
	}
	return true
}

func (f *Feed) healthy() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.health.Err != "" {
		f.cfg.Log.Info("the store can be read again", "position", uint64(f.applied))
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
