package alarm

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// Messages keeps what is to be told, and what became of it. Untold and Waiting list accounts and webhooks that something is due to: some of
// them, in order, behind one.
type Messages interface {
	Untold(ctx context.Context, now time.Time, after model.ID) ([]model.ID, error)
	TellAlarms(ctx context.Context, account model.ID, now time.Time, newID func() model.ID) (messages int, err error)
	Waiting(ctx context.Context, now time.Time, after model.ID) ([]model.ID, error)
	TakeDelivery(ctx context.Context, webhook model.ID, now, until time.Time) (model.Delivery, model.Webhook, error)
	EndDelivery(ctx context.Context, d model.Delivery) error
}

// TellerConfig is what a Teller needs. Store, NewID and Send are required.
type TellerConfig struct {
	Store Messages
	NewID func() model.ID
	// Send sends a message, within SendTime, and returns the status of the answer, 0 where there was none. An error: it was not taken.
	Send func(ctx context.Context, w *model.Webhook, d *model.Delivery) (status int, err error)
	// Duty says whether this node works for an account, or a webhook; nil: always.
	Duty   func(id model.ID) bool
	Pace   time.Duration // between two looks; default 1 s
	Gather time.Duration // between two messages about alarms of an account; default 30 s
	Clock  func() time.Time
	Log    *slog.Logger
}

// Bounds of sending.
const (
	SendTime  = 10 * time.Second
	claimTime = 3 * SendTime // until when nobody else sends a message that somebody has begun to
	sendMost  = 32           // at once, and one to a webhook
	giveUp    = 72 * time.Hour
)

// rests are how long a webhook rests after so many failures in a row.
//
//nolint:gochecknoglobals // a table
var rests = []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute}

// Teller tells people of alarms.
type Teller struct {
	cfg TellerConfig
	// Of Run alone: when an account was last told, and how far the looks have come.
	told           map[model.ID]time.Time
	accounts, hook model.ID

	mu      sync.Mutex
	busy    map[model.ID]bool // webhooks to which a message is under way
	resting map[model.ID]rest

	sent, failed, gone atomic.Uint64
}

// rest is a webhook that has failed.
type rest struct {
	fails int
	until time.Time
}

// Told counts messages that were taken, tries that were not, and messages that were given up.
type Told struct{ Taken, Failed, GivenUp uint64 }

// NewTeller returns a Teller.
func NewTeller(cfg TellerConfig) *Teller {
	if cfg.Duty == nil {
		cfg.Duty = func(model.ID) bool { return true }
	}
	if cfg.Pace <= 0 {
		cfg.Pace = time.Second
	}
	if cfg.Gather <= 0 {
		cfg.Gather = 30 * time.Second
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Teller{cfg: cfg, told: map[model.ID]time.Time{}, busy: map[model.ID]bool{}, resting: map[model.ID]rest{}}
}

// Stats returns the counts as they are now.
func (t *Teller) Stats() Told { return Told{t.sent.Load(), t.failed.Load(), t.gone.Load()} }

// Run writes messages and has them sent until ctx ends. A message that is under way then is sent again by who comes next.
func (t *Teller) Run(ctx context.Context) error {
	var sending sync.WaitGroup
	defer sending.Wait()
	tick := time.NewTicker(t.cfg.Pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := t.write(ctx); err != nil && ctx.Err() == nil {
			t.cfg.Log.Warn("nobody can be told of alarms", "error", err)
		}
		if err := t.send(ctx, &sending); err != nil && ctx.Err() == nil {
			t.cfg.Log.Warn("messages about alarms cannot be read", "error", err)
		}
	}
}

// write makes messages of what has changed. The first one of an account comes at once; while more and more alarms change, they come
// together.
func (t *Teller) write(ctx context.Context) error {
	now := t.cfg.Clock()
	for id, at := range t.told {
		if now.Sub(at) >= t.cfg.Gather {
			delete(t.told, id)
		}
	}
	var bad error // of one account, which is no matter of the others
	err := around(&t.accounts, func(after model.ID) ([]model.ID, error) { return t.cfg.Store.Untold(ctx, now, after) }, func(account model.ID) bool {
		if _, just := t.told[account]; just || !t.cfg.Duty(account) {
			return true
		}
		if _, err := t.cfg.Store.TellAlarms(ctx, account, now, t.cfg.NewID); err != nil {
			bad = err
			return ctx.Err() == nil
		}
		t.told[account] = now
		return true
	})
	return errors.Join(err, bad)
}

// lookMost is how many lists one look reads at most.
const lookMost = 16

// around goes through what is listed, from where the last look ended and round to there, as far as do goes along: however many there are for
// whom nothing can be done now, those behind them get their turn.
func around(from *model.ID, list func(after model.ID) ([]model.ID, error), do func(model.ID) bool) error {
	began, again := *from, false
	for range lookMost {
		ids, err := list(*from)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if again && id > began || !do(id) {
				return nil
			}
			*from = id
		}
		if len(ids) > 0 {
			continue
		}
		if *from = ""; again || began == "" {
			return nil
		}
		again = true
	}
	return nil
}

// send begins with what is due: one message to a webhook at a time, and none to one that rests.
func (t *Teller) send(ctx context.Context, sending *sync.WaitGroup) error {
	return t.look(ctx, func(id model.ID) { sending.Go(func() { t.all(ctx, id) }) })
}

// look begins with each webhook that something is due to, as far as there are places.
func (t *Teller) look(ctx context.Context, all func(model.ID)) error {
	now := t.cfg.Clock()
	return around(&t.hook, func(after model.ID) ([]model.ID, error) { return t.cfg.Store.Waiting(ctx, now, after) }, func(id model.ID) bool {
		if !t.cfg.Duty(id) {
			return true
		}
		begins, full := t.begin(id, now)
		if begins {
			all(id)
		}
		return !full
	})
}

// begin takes a webhook up, unless there is something in the way. Full: no other can be either.
func (t *Teller) begin(id model.ID, now time.Time) (begins, full bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.busy) >= sendMost {
		return false, true
	}
	if t.busy[id] || now.Before(t.resting[id].until) {
		return false, false
	}
	t.busy[id] = true
	return true, false
}

// all sends what is due to a webhook, one after the other, until one is not taken.
func (t *Teller) all(ctx context.Context, id model.ID) {
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.busy, id)
	}()
	for ctx.Err() == nil {
		more, err := t.one(ctx, id)
		if err != nil && ctx.Err() == nil && !errors.Is(err, model.ErrNotFound) {
			t.cfg.Log.Warn("message about alarms", "webhook", id, "error", err)
		}
		if err != nil || !more {
			return
		}
	}
}

// one sends the message that is due for longest.
func (t *Teller) one(ctx context.Context, id model.ID) (taken bool, err error) {
	now := t.cfg.Clock()
	d, w, err := t.cfg.Store.TakeDelivery(ctx, id, now, now.Add(claimTime))
	if err != nil {
		return false, err
	}
	err = errOff
	if w.Enabled || d.Test {
		limited, cancel := context.WithTimeout(ctx, SendTime)
		d.Status, err = t.cfg.Send(limited, &w, &d)
		cancel()
	}
	if err != nil && ctx.Err() != nil {
		return false, nil // the end of this node is no fault of the receiver's
	}
	now = t.cfg.Clock()
	if err == nil {
		d.State, d.Done, d.Error = model.DeliveryDone, now, ""
		t.sent.Add(1)
	} else {
		t.failed.Add(1)
		d.Error, d.Next = err.Error(), now.Add(t.rest(id, now))
		if errors.Is(err, errOff) || now.Sub(d.Created) >= giveUp || d.Test && d.Attempts >= testTries {
			d.State, d.Done = model.DeliveryFailed, now
			t.gone.Add(1)
			t.cfg.Log.Warn("a message about alarms was given up", "webhook", w.Name, "account", w.Account, "message", d.ID, "attempts", d.Attempts, "error", d.Error)
		}
	}
	if err == nil {
		t.mu.Lock()
		delete(t.resting, id)
		t.mu.Unlock()
	}
	// What was sent is noted though this node is just ending.
	note, cancel := context.WithTimeout(context.WithoutCancel(ctx), SendTime/2)
	defer cancel()
	return err == nil, t.cfg.Store.EndDelivery(note, d)
}

// testTries is how often a message is tried that somebody waits for.
const testTries = 1

var errOff = errors.New("the webhook is switched off")

// rest has a webhook rest after a failure.
func (t *Teller) rest(id model.ID, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.resting[id]
	d := rests[min(r.fails, len(rests)-1)]
	if len(t.resting) < restMost {
		t.resting[id] = rest{r.fails + 1, now.Add(d)}
	}
	return d
}

// restMost bounds the webhooks that are known to fail.
const restMost = 100_000
