package draft

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Config is what a Scheduler needs. Due, Change and Clock are required.
type Config struct {
	// Due lists the scheduled drafts that come first, without their parts, in order of their times.
	Due func(ctx context.Context, most int) ([]model.Draft, error)
	// Change commits: commit.Committer.Change.
	Change func(ctx context.Context, c model.Change) (model.Result, error)
	// Duty says whether this node looks after a zone; nil: always.
	Duty  func(zone model.ID) bool
	Clock func() time.Time
	Log   *slog.Logger
}

// Scheduler applies drafts when their time has come. That a draft is applied once is not its matter but that of Apply: where two nodes take
// one up, or one dies at it, the transaction decides.
type Scheduler struct{ cfg Config }

// NewScheduler returns a Scheduler.
func NewScheduler(cfg Config) *Scheduler {
	if cfg.Duty == nil {
		cfg.Duty = func(model.ID) bool { return true }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Scheduler{cfg}
}

const (
	look     = time.Second // how often the store is asked what is due: others schedule, too
	mostHeld = 1000        // drafts of one look
)

// Run applies drafts until ctx ends.
func (s *Scheduler) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			timer.Reset(s.round(ctx))
		}
	}
}

// round applies what is due and says when to look again.
func (s *Scheduler) round(ctx context.Context) time.Duration {
	list, err := s.cfg.Due(ctx, mostHeld)
	if err != nil {
		if ctx.Err() == nil {
			s.cfg.Log.Debug("scheduled drafts cannot be listed", "error", err)
		}
		return look
	}
	for i := range list {
		d := &list[i]
		if wait := d.ApplyAt.Sub(s.cfg.Clock()); wait > 0 {
			return min(look, wait)
		}
		if s.cfg.Duty(d.Zone) {
			s.apply(ctx, d)
		}
	}
	return look
}

// apply applies a draft, or notes why it cannot be. What is nobody's fault is tried again with the next look.
func (s *Scheduler) apply(ctx context.Context, d *model.Draft) {
	_, err := s.change(ctx, d, Apply(d.ID, d.Version, d.ApplyAt))
	var bad *model.Invalid
	switch {
	case err == nil:
		s.cfg.Log.Info("a scheduled draft was applied", "zone", d.Zone, "draft", d.ID, "name", d.Name)
	case errors.As(err, &bad) && (bad.Code == model.CodeDraftState || bad.Code == model.CodeDraftMissing || bad.Code == model.CodeImporting):
		// Another node has been quicker, somebody has just taken it back, or an import is on its way.
	case errors.As(err, &bad):
		s.cfg.Log.Warn("a scheduled draft cannot be applied", "zone", d.Zone, "draft", d.ID, "name", d.Name, "error", err)
		if _, err := s.change(ctx, d, fail(d.ID, d.ApplyAt, bad.Message)); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("that a scheduled draft cannot be applied is not noted yet", "draft", d.ID, "error", err)
		}
	case ctx.Err() == nil && !errors.Is(err, model.ErrNotFound):
		s.cfg.Log.Warn("a scheduled draft is applied later", "zone", d.Zone, "draft", d.ID, "error", err)
	}
}

// change is by whoever has scheduled the draft.
func (s *Scheduler) change(ctx context.Context, d *model.Draft, e model.Edit) (model.Result, error) {
	by := d.Scheduler
	return s.cfg.Change(ctx, model.Change{
		Account: d.Account, Zone: d.Zone, Edits: []model.Edit{e}, Actor: model.Actor{User: by.User, Email: by.Email, Token: by.Token, Context: model.BySystem},
	})
}
