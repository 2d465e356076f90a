package draft

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Config is what a Scheduler needs. Due, Change and Clock are required.
type Config struct {
	// Due lists drafts whose time comes by until, without their parts, in order of times and ids: the first behind a place, most of them at
	// most.
	Due func(ctx context.Context, until time.Time, after model.DraftPlace, most int) ([]model.Draft, error)
	// Change commits: commit.Committer.Change. Several at once ask for it.
	Change func(ctx context.Context, c model.Change) (model.Result, error)
	// Duty says whether this node looks after a zone; nil: always.
	Duty  func(zone model.ID) bool
	Clock func() time.Time
	Log   *slog.Logger
}

// Scheduler applies drafts when their time has come. That a draft is applied once is not its matter but that of Apply: where two nodes take
// one up, or one dies at it, the transaction decides.
//
// Accounts take turns: of each one draft at a time is being applied, a few accounts' at once, and who has had a turn stands at the end of
// the line. What cannot be applied now rests, longer each time, and with it what is due later in its zone; and a look that was full is gone
// on with where it ended. So no number of drafts of one account that cannot be applied, or take long, keeps those of another from being
// applied.
type Scheduler struct {
	cfg    Config
	places chan struct{} // whoever waits for one gets it in the order of coming

	// Of Run alone: where the next look begins, and the accounts and zones that looks have passed over since one began at the front. What is
	// due later there waits until looks begin there again, so that drafts of a zone are applied in the order of their times.
	from   model.DraftPlace
	passed map[model.ID]bool

	mu      sync.Mutex
	busy    map[model.ID]bool // accounts in line, or at work
	resting map[attempt]rest
}

// attempt is a draft at the time that it was scheduled for; at another time it is another matter.
type attempt struct {
	draft model.ID
	at    int64 // microseconds
}

// rest is a draft that could not be applied, through nobody's fault.
type rest struct {
	fails int
	until time.Time
}

// NewScheduler returns a Scheduler.
func NewScheduler(cfg Config) *Scheduler {
	if cfg.Duty == nil {
		cfg.Duty = func(model.ID) bool { return true }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Scheduler{cfg: cfg, places: make(chan struct{}, atOnce), passed: map[model.ID]bool{}, busy: map[model.ID]bool{}, resting: map[attempt]rest{}}
}

const (
	look     = time.Second // how often the store is asked what is due: others schedule, too
	mostHeld = 1000        // drafts of one list
	mostRead = 4           // lists of one look
	atOnce   = 8           // accounts at work
	restMost = 100_000     // drafts that are known to rest; those beyond are tried with each look
)

// rests are how long a draft rests after so many tries.
//
//nolint:gochecknoglobals // a table
var rests = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, time.Minute}

// Run applies drafts until ctx ends.
func (s *Scheduler) Run(ctx context.Context) error {
	var working sync.WaitGroup
	defer working.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			timer.Reset(s.round(ctx, &working))
		}
	}
}

// round begins with what is due and says when to look again.
func (s *Scheduler) round(ctx context.Context, working *sync.WaitGroup) time.Duration {
	now := s.cfg.Clock()
	due, wait, err := s.due(ctx, now)
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.Debug("scheduled drafts cannot be listed", "error", err)
	}
	s.forget(now)
	for account, list := range due {
		s.mu.Lock()
		s.busy[account] = true
		s.mu.Unlock()
		working.Go(func() { s.serve(ctx, account, list) })
	}
	return wait
}

// due gathers what can be taken up now, by account, and says when to look again. It begins where the look before has ended: at the first
// again when that has come to the end.
func (s *Scheduler) due(ctx context.Context, now time.Time) (out map[model.ID][]model.Draft, wait time.Duration, err error) {
	out = map[model.ID][]model.Draft{}
	if s.from == (model.DraftPlace{}) {
		clear(s.passed)
	}
	for range mostRead {
		list, err := s.cfg.Due(ctx, now.Add(look), s.from, mostHeld)
		if err != nil {
			return out, look, err
		}
		for i := range list {
			d := &list[i]
			if wait := d.ApplyAt.Sub(now); wait > 0 {
				s.from = model.DraftPlace{}
				return out, min(look, wait), nil
			}
			s.from = model.DraftPlace{At: d.ApplyAt, ID: d.ID}
			if s.takesUp(d, now) {
				out[d.Account] = append(out[d.Account], *d)
			}
		}
		if len(list) < mostHeld {
			s.from = model.DraftPlace{}
			break
		}
	}
	return out, look, nil
}

func (s *Scheduler) takesUp(d *model.Draft, now time.Time) bool {
	if !s.cfg.Duty(d.Zone) || s.passed[d.Account] || s.passed[d.Zone] {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.busy[d.Account]:
		s.passed[d.Account] = true
	case now.Before(s.resting[attemptOf(d)].until):
		s.passed[d.Zone] = true
	default:
		return true
	}
	return false
}

func attemptOf(d *model.Draft) attempt { return attempt{d.ID, d.ApplyAt.UnixMicro()} }

// serve applies drafts of an account in order of their times, each when it is the account's turn.
func (s *Scheduler) serve(ctx context.Context, account model.ID, list []model.Draft) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.busy, account)
	}()
	waits := map[model.ID]bool{} // zones in which one is due still: what comes after it there comes after it
	for i := range list {
		d := &list[i]
		if waits[d.Zone] {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case s.places <- struct{}{}:
		}
		waits[d.Zone] = s.apply(ctx, d)
		<-s.places
		s.note(d, waits[d.Zone])
	}
}

// note has a draft rest that is due still.
func (s *Scheduler) note(d *model.Draft, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := attemptOf(d)
	if !due {
		delete(s.resting, key)
		return
	}
	fails := s.resting[key].fails
	if fails > 0 || len(s.resting) < restMost {
		s.resting[key] = rest{fails + 1, s.cfg.Clock().Add(rests[min(fails, len(rests)-1)])}
	}
}

// forget drops what nobody has tried again though it could have been: it was deleted, taken back, or is another node's now.
func (s *Scheduler) forget(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, r := range s.resting {
		if now.Sub(r.until) > 10*rests[len(rests)-1] {
			delete(s.resting, key)
		}
	}
}

// apply applies a draft, or notes why it cannot be. It may be due still where neither was done.
func (s *Scheduler) apply(ctx context.Context, d *model.Draft) (due bool) {
	_, err := s.change(ctx, d, Apply(d.ID, d.Version, d.ApplyAt))
	var bad *model.Invalid
	switch {
	case err == nil:
		s.cfg.Log.Info("a scheduled draft was applied", "zone", d.Zone, "draft", d.ID, "name", d.Name)
		return false
	case over(err) || errors.As(err, &bad) && bad.Code == model.CodeImporting:
		return true
	case bad == nil:
		if ctx.Err() == nil {
			s.cfg.Log.Warn("a scheduled draft is applied later", "zone", d.Zone, "draft", d.ID, "error", err)
		}
		return true
	}
	s.cfg.Log.Warn("a scheduled draft cannot be applied", "zone", d.Zone, "draft", d.ID, "name", d.Name, "error", err)
	_, err = s.change(ctx, d, fail(d.ID, d.ApplyAt, bad.Message))
	if err != nil && !over(err) && ctx.Err() == nil {
		s.cfg.Log.Warn("that a scheduled draft cannot be applied is not noted yet", "draft", d.ID, "error", err)
	}
	return err != nil
}

// over says that a draft is not due any more as far as can be told: another node has been quicker, somebody has just taken it back, or it is
// gone, or its zone.
func over(err error) bool {
	var bad *model.Invalid
	return errors.Is(err, model.ErrNotFound) || errors.As(err, &bad) && (bad.Code == model.CodeDraftState || bad.Code == model.CodeDraftMissing)
}

// change is by whoever has scheduled the draft.
func (s *Scheduler) change(ctx context.Context, d *model.Draft, e model.Edit) (model.Result, error) {
	by := d.Scheduler
	return s.cfg.Change(ctx, model.Change{
		Account: d.Account, Zone: d.Zone, Edits: []model.Edit{e}, Actor: model.Actor{User: by.User, Email: by.Email, Token: by.Token, Context: model.BySystem},
	})
}
