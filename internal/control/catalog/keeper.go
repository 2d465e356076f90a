package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Config is what a Keeper needs. DB, Linked, Change, Peer and Exists are required.
type Config struct {
	DB *zone.DB
	// Linked lists the zones of an account that are linked to peers.
	Linked func(account model.ID) []*zone.Zone
	// Change commits what is to be written: commit.Committer.Change.
	Change func(context.Context, model.Change) (model.Result, error)
	// Peer reads a peer, for the losses that were confirmed.
	Peer func(ctx context.Context, account, id model.ID) (model.Peer, error)
	// Exists says whether there is a zone in the store: one that is not in memory may be damaged, and is no loss then.
	Exists func(ctx context.Context, id model.ID) (bool, error)
	// Duty says whether this node keeps a catalog; nil: always. When its answers change, call Review.
	Duty  func(zone model.ID) bool
	Clock func() time.Time
	// Settle is how long a catalog waits after a change for others; 200 ms when zero. Quiet is how long losses must have
	// been the same before they are written, so that those which come one by one are counted together; 2 s when zero.
	Settle, Quiet time.Duration
	Log           *slog.Logger
}

func (c *Config) fill() {
	if c.Duty == nil {
		c.Duty = func(model.ID) bool { return true }
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Settle <= 0 {
		c.Settle = 200 * time.Millisecond
	}
	if c.Quiet <= 0 {
		c.Quiet = 2 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Keeper brings catalogs to what they should list. It is safe for many callers; one Run does the work.
type Keeper struct {
	cfg  Config
	wake chan struct{}

	mu       sync.Mutex
	accounts map[string]map[string]*ward // catalogs by account, by id of their zone
	all      bool                        // the catalogs are to be listed anew
}

// ward is a catalog.
type ward struct {
	id     string
	due    time.Time // zero: nothing to do
	rest   time.Time // not before: a large catalog shall not keep the node busy
	losses string    // as last seen, and since when
	since  time.Time
	told   string // losses that the log tells to be held back
}

// New returns a Keeper that knows no catalog yet.
func New(cfg Config) *Keeper {
	cfg.fill()
	return &Keeper{cfg: cfg, wake: make(chan struct{}, 1), accounts: map[string]map[string]*ward{}, all: true}
}

// Touched hears of every zone whose links, or whose peers, have changed. It returns at once.
func (k *Keeper) Touched(z *zone.Zone) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if z.State().Links.Hidden {
		k.add(z)
	}
	k.touch(z.AccountID())
}

// Gone hears of every zone that is gone.
func (k *Keeper) Gone(z *zone.Zone) {
	k.mu.Lock()
	defer k.mu.Unlock()
	account := z.AccountID()
	if delete(k.accounts[account], z.ID); len(k.accounts[account]) == 0 {
		delete(k.accounts, account)
	}
	k.touch(account)
}

// Review says that Duty answers otherwise now.
func (k *Keeper) Review() {
	k.mu.Lock()
	k.all = true
	k.mu.Unlock()
	k.knock()
}

func (k *Keeper) add(z *zone.Zone) {
	of := k.accounts[z.AccountID()]
	if of == nil {
		of = map[string]*ward{}
		k.accounts[z.AccountID()] = of
	}
	if of[z.ID] == nil {
		of[z.ID] = &ward{id: z.ID}
	}
}

// touch has the catalogs of an account looked at soon. The lock is held.
func (k *Keeper) touch(account string) {
	for _, w := range k.accounts[account] {
		if w.due.IsZero() {
			w.due = latest(k.cfg.Clock().Add(k.cfg.Settle), w.rest)
			k.knock()
		}
	}
}

func (k *Keeper) touchAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for account := range k.accounts {
		k.touch(account)
	}
}

func (k *Keeper) knock() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// again is when everything is looked at though nothing was heard of.
const again = time.Minute

// Run keeps catalogs until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	timer, all := time.NewTimer(0), k.cfg.Clock()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-k.wake:
		case <-timer.C:
		}
		k.list()
		now := k.cfg.Clock()
		if now.Sub(all) >= again {
			all = now
			k.touchAll()
		}
		next := all.Add(again)
		for _, w := range k.due(&next) {
			k.visit(ctx, w)
		}
		k.due(&next)
		timer.Reset(max(next.Sub(k.cfg.Clock()), time.Millisecond))
	}
}

// list finds the catalogs, when that is asked for, and has all of them looked at.
func (k *Keeper) list() {
	k.mu.Lock()
	all := k.all
	k.all = false
	k.mu.Unlock()
	if !all {
		return
	}
	var found []*zone.Zone
	k.cfg.DB.All(func(z *zone.Zone) bool {
		if z.State().Links.Hidden {
			found = append(found, z)
		}
		return true
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, z := range found {
		k.add(z)
		k.touch(z.AccountID())
	}
}

// due lists the catalogs whose time has come, and finds the time of the next one.
func (k *Keeper) due(next *time.Time) (out []*ward) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.cfg.Clock()
	for _, of := range k.accounts {
		for _, w := range of {
			switch {
			case w.due.IsZero():
			case w.due.After(now):
				*next = earliest(*next, w.due)
			default:
				out = append(out, w)
			}
		}
	}
	slices.SortFunc(out, func(a, b *ward) int { return a.due.Compare(b.due) })
	return out
}

// visit brings one catalog a step further.
func (k *Keeper) visit(ctx context.Context, w *ward) {
	k.mu.Lock()
	w.due = time.Time{} // what happens from here on counts anew
	k.mu.Unlock()
	z := k.cfg.DB.ByID(w.id)
	if z == nil || !k.cfg.Duty(model.ID(w.id)) {
		return
	}
	begin := k.cfg.Clock()
	wait, err := k.renew(ctx, z, w)
	if err != nil && ctx.Err() == nil {
		k.cfg.Log.Warn("cannot keep a catalog", slog.String("catalog", z.Name.String()), slog.Any("error", err))
		wait = 5 * k.cfg.Quiet
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.cfg.Clock()
	w.rest = now.Add(10 * now.Sub(begin))
	if wait > 0 {
		w.due = latest(now.Add(wait), w.rest)
	}
}

// renew writes what a catalog lacks, and when to come back, if there is a time for it.
func (k *Keeper) renew(ctx context.Context, z *zone.Zone, w *ward) (time.Duration, error) {
	state := z.State()
	if len(state.Links.Peers) != 1 {
		return 0, nil
	}
	account, peer := model.ID(z.AccountID()), state.Links.Peers[0]
	d := Compare(Members(state.Transfer), Wanted(k.cfg.Linked(account), peer))
	if err := k.keepDamaged(ctx, &d); err != nil {
		return 0, err
	}
	wait, drop, err := k.mayLose(ctx, z, w, &d)
	if err != nil {
		return 0, err
	}
	if !drop {
		d.Lost = nil
	}
	for _, edits := range d.edits(z) {
		c := model.Change{Account: account, Zone: model.ID(z.ID), Actor: model.Actor{Context: "system"}, Edits: edits}
		if _, err := k.cfg.Change(ctx, c); err != nil {
			return 0, fmt.Errorf("write %d names: %w", len(edits), err)
		}
	}
	return wait, nil
}

// keepDamaged takes zones that are in the store, though not in memory, off the losses.
func (k *Keeper) keepDamaged(ctx context.Context, d *Diff) (err error) {
	d.Lost = slices.DeleteFunc(d.Lost, func(m Member) bool {
		if err != nil || k.cfg.DB.ByID(m.Unique) != nil {
			return false
		}
		there, e := k.cfg.Exists(ctx, model.ID(m.Unique))
		err = e
		return there
	})
	return err
}

// mayLose says whether losses may be written now, and if not, when to look again.
func (k *Keeper) mayLose(ctx context.Context, z *zone.Zone, w *ward, d *Diff) (wait time.Duration, may bool, err error) {
	losses, now := d.Losses(), k.cfg.Clock()
	if losses != w.losses {
		w.losses, w.since = losses, now
	}
	if losses == "" {
		w.told = ""
		return 0, false, nil
	}
	if left := w.since.Add(k.cfg.Quiet).Sub(now); left > 0 {
		return left, false, nil
	}
	if !d.Held() {
		return 0, true, nil
	}
	p, err := k.cfg.Peer(ctx, model.ID(z.AccountID()), model.ID(z.State().Links.Peers[0]))
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return 0, false, err
	}
	if p.MayLose == losses {
		return 0, true, nil
	}
	if w.told != losses {
		w.told = losses
		k.cfg.Log.Warn("a catalog would lose many zones, which is held back until somebody confirms it",
			slog.String("catalog", z.Name.String()), slog.Int("zones", len(d.Lost)), slog.Int("of", d.had))
	}
	return 0, false, nil
}

// editsMost bounds the edits of one change, so that a large catalog does not hold up others.
const editsMost = 1000

// edits are what a Diff takes, in changes. What takes another's place is in one with it.
func (d *Diff) edits(z *zone.Zone) (out [][]model.Edit) {
	var edits []model.Edit
	add := func(more []model.Edit) {
		if len(edits) > 0 && len(edits)+len(more) > editsMost {
			out, edits = append(out, edits), nil
		}
		edits = append(edits, more...)
	}
	for i := range d.Lost {
		add(d.Lost[i].without(z.Name))
	}
	replaced := d.byName()
	for i := range d.Put {
		var more []model.Edit
		for _, old := range replaced[d.Put[i].Zone] {
			more = append(more, old.without(z.Name)...)
		}
		delete(replaced, d.Put[i].Zone)
		add(append(more, d.Put[i].records(z.Name)...))
	}
	for _, list := range replaced { // whose namesakes are listed already
		for i := range list {
			add(list[i].without(z.Name))
		}
	}
	if len(edits) > 0 {
		out = append(out, edits)
	}
	return out
}

// Standing is what a catalog lists, and what it should not list any more.
type Standing struct {
	Members []Member // in order of their labels
	Lost    []Member
	Held    bool   // the losses wait for somebody's word
	Losses  string // their name, for who confirms
}

// StandingOf looks at a catalog as this node has it in memory.
func StandingOf(z *zone.Zone, linked []*zone.Zone) Standing {
	state := z.State()
	has := Members(state.Transfer)
	out := Standing{Members: sorted(has)}
	if len(state.Links.Peers) == 1 {
		d := Compare(has, Wanted(linked, state.Links.Peers[0]))
		out.Lost, out.Held, out.Losses = d.Lost, d.Held(), d.Losses()
	}
	return out
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
