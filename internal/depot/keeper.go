package depot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config is what a Keeper needs.
type Config struct {
	Depot Depot
	Every time.Duration // between two backups
	Keep  int           // how many stay; the newest
	// Dump writes a backup; Look reads one through and says what is wrong with it.
	Dump func(ctx context.Context, w io.Writer) error
	Look func(r io.Reader) error
	// Duty says whether this node is the one that makes backups, asked each time.
	Duty  func() bool
	Clock func() time.Time
	Log   *slog.Logger
}

// Status is how it stands with backups, as far as this node knows.
type Status struct {
	Started time.Time // of this node's keeping
	Last    time.Time // when the newest backup that can be used was begun; zero: none is known
	Name    string    // of that
	Size    int64
	Took    time.Duration // of the last that was made here
	Made    uint64        // here
	Failed  uint64        // attempts
	Error   string        // of the last attempt, if it failed
}

// Keeper makes backups when they are due: the newest in the depot tells when that is, so it makes no difference which node makes
// them, or how often one is started.
type Keeper struct {
	cfg Config
	mu  sync.Mutex
	now Status
}

// NewKeeper returns a Keeper; nothing is made before Run.
func NewKeeper(c Config) *Keeper {
	return &Keeper{cfg: c, now: Status{Started: c.Clock()}}
}

// Status is how it stands now.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// Pauses of looking whether a backup is due: at most a minute, and more after failures.
const (
	lookMost  = time.Minute
	lookLeast = 100 * time.Millisecond
	failMost  = 15 * time.Minute
)

// Run makes backups until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	look := min(lookMost, max(lookLeast, k.cfg.Every/20))
	for pause := look; ; {
		pause = min(2*pause, max(failMost, look))
		if err := k.Once(ctx); err == nil {
			pause = look
		} else if ctx.Err() == nil {
			k.cfg.Log.Error("no backup was made", "to", k.cfg.Depot.String(), "error", err, "again_in", pause)
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// Once makes a backup if one is due here, and removes old ones.
func (k *Keeper) Once(ctx context.Context) error {
	if !k.cfg.Duty() {
		return nil
	}
	if err := k.once(ctx); err != nil {
		if ctx.Err() == nil {
			k.set(func(s *Status) { s.Failed, s.Error = s.Failed+1, err.Error() })
		}
		return err
	}
	return nil
}

func (k *Keeper) once(ctx context.Context) error {
	list, err := k.ours(ctx)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		k.set(func(s *Status) { s.Last, s.Name, s.Size = list[0].Made, list[0].Name, list[0].Size })
		if k.cfg.Clock().Sub(list[0].Made) < k.cfg.Every {
			return nil
		}
	}
	begun := k.cfg.Clock()
	name := begun.UTC().Format(nameForm)
	if err := k.cfg.Depot.Write(ctx, name, func(w io.Writer) error { return k.cfg.Dump(ctx, w) }); err != nil {
		return err
	}
	size, err := k.look(ctx, name)
	if err != nil {
		// What cannot be used must not look like one that can, nor drive out those that could.
		if gone := k.cfg.Depot.Remove(ctx, name); gone != nil {
			err = fmt.Errorf("%w (and it is still there: %w)", err, gone)
		}
		return fmt.Errorf("%s was written and does not read back: %w", name, err)
	}
	took := k.cfg.Clock().Sub(begun)
	k.set(func(s *Status) {
		s.Last, s.Name, s.Size, s.Took, s.Made, s.Error = begun.UTC().Truncate(time.Second), name, size, took, s.Made+1, ""
	})
	k.cfg.Log.Info("backup made and read back", "to", k.cfg.Depot.String(), "name", name, "octets", size, "took", took)
	return k.tidy(ctx)
}

// look reads a backup through, as it lies there.
func (k *Keeper) look(ctx context.Context, name string) (size int64, err error) {
	r, err := k.cfg.Depot.Open(ctx, name)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	n := counting{ctx: ctx, r: r}
	if err = k.cfg.Look(&n); err == nil {
		_, err = io.Copy(io.Discard, &n)
	}
	return n.n, err
}

// counting reads until its context ends, and counts.
type counting struct {
	ctx context.Context //nolint:containedctx // of the one who reads
	r   io.Reader
	n   int64
}

func (c *counting) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// abandoned is for how long nobody has written at what nobody writes any more.
const abandoned = 24 * time.Hour

// tidy removes the oldest beyond those that stay, and what killed writers have left.
func (k *Keeper) tidy(ctx context.Context) error {
	if err := k.cfg.Depot.Sweep(ctx, k.cfg.Clock().Add(-abandoned)); err != nil {
		k.cfg.Log.Warn("backups that broke off could not be removed", "from", k.cfg.Depot.String(), "error", err)
	}
	list, err := k.ours(ctx)
	if err != nil || k.cfg.Keep <= 0 {
		return err
	}
	// One that cannot be removed, as where it is locked for years, keeps none behind it.
	var kept error
	for _, old := range list[min(len(list), k.cfg.Keep):] {
		if err := k.cfg.Depot.Remove(ctx, old.Name); err != nil {
			kept = errors.Join(kept, err)
			continue
		}
		k.cfg.Log.Info("old backup removed", "from", k.cfg.Depot.String(), "name", old.Name)
	}
	return kept
}

// nameForm is how backups are named that are made here; others in the same place are nobody's business.
const nameForm = "headwater-20060102T150405Z.hwb"

// ours lists backups that were made by schedule, newest first; Made is what the name says, for stores of files have clocks of their own.
// Those that a clock far ahead has named are passed over until their time has come: they would put off the next ones, and drive out
// all that are made meanwhile.
func (k *Keeper) ours(ctx context.Context) ([]Item, error) {
	list, err := k.cfg.Depot.List(ctx)
	if err != nil {
		return nil, err
	}
	var out []Item
	latest := k.cfg.Clock().Add(k.cfg.Every)
	for _, i := range list {
		made, err := time.Parse(nameForm, i.Name)
		if err != nil || made.After(latest) {
			continue
		}
		i.Made = made
		out = append(out, i)
	}
	slices.SortFunc(out, func(a, b Item) int { return strings.Compare(b.Name, a.Name) })
	return out, nil
}

func (k *Keeper) set(f func(s *Status)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(&k.now)
}
