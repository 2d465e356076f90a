package commit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/face"
	"github.com/headwaterdns/headwater/internal/control/keyring"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/preview"
	"github.com/headwaterdns/headwater/internal/control/rules"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
	"github.com/headwaterdns/headwater/internal/trace"
)

// Config is what a Committer needs. Begin, DB, Feed, Clock, NewID and at least one name server are required.
type Config struct {
	// Begin opens the store's write transaction.
	Begin func(context.Context) (Tx, error)
	// Stage begins an import in slices; with nil every import is one transaction.
	Stage func(ctx context.Context, zone model.ID) (Staging, error)
	// Deleted reads deleted zones; with nil none comes back.
	Deleted Deleted
	// Beside writes a large image in slices; with nil it is written in the transaction that needs it.
	Beside func(ctx context.Context, img *model.Image) (Beside, error)
	DB     *zone.DB
	Feed   Feed
	// Flattened tells the addresses of flattened CNAMEs' targets; with nil such names answer SERVFAIL.
	Flattened Flattened
	Clock     func() time.Time
	NewID     func() model.ID
	// NameServers are assigned to new zones: host names without final dot.
	NameServers []string
	// Edge is the server's pool of addresses that stand in for proxied records; an account's own pool goes before it.
	Edge []netip.Addr
	// Held tells serials that linked peers of a zone are known to hold, without blocking: after a restore they may be newer
	// than ours. Nil: nothing is known.
	Held func(zone model.ID) []uint32
	// Yield is called now and then while a change is planned, for threads that answer queries; nil: nobody is let through.
	Yield  func()
	Limits Limits
	// Quotas are what accounts may hold that have none of their own.
	Quotas model.Quotas
	// Review finds where secondaries differ from us, for plans; nil: nobody looks.
	Review preview.Review
	// Shared says that other nodes commit to the same store.
	Shared bool
	Log    *slog.Logger
	// Traced remembers, of changes that a span is recorded for (trace.Of), where they have led to; nil: nobody records any.
	Traced *trace.Book

	// Cores is on how many a large zone is signed; 0: one.
	Cores int
	// Signing hears once in a while how far Sign has come at a zone, and nil when it is over there; nil: nobody does.
	Signing func(ctx context.Context, zone model.ID, now *model.Signing)

	keys *keyring.Cache
}

// Limits bound what is accepted; a zero member means the default named here.
type Limits struct {
	RecordBytes   int // RDATA octets of one record: rules.MaxData
	SetBytes      int // one RRset as an answer, all of the message counted: 65535
	LinkedPeers   int // 30
	GroupChanges  int // changes in one commit: 512
	GroupEdits    int // edits after which a group takes no further change: 20000
	ImportRecords int // records from which on an import goes in slices: 5000
	SignRecords   int // records up to which a zone is signed as a whole in the commit: 2000
	DigestBytes   int // octets of a zone up to which changes may have a digest made of all of it: 1 MiB
}

func (l *Limits) fill() {
	for _, f := range []struct {
		at  *int
		def int
	}{{&l.RecordBytes, rules.MaxData}, {&l.SetBytes, 65535}, {&l.LinkedPeers, 30}, {&l.GroupChanges, 512}, {&l.GroupEdits, 20000}, {&l.ImportRecords, 5000}, {&l.SignRecords, 2000}, {&l.DigestBytes, 1 << 20}} {
		if *f.at == 0 {
			*f.at = f.def
		}
	}
}

// Feed is how the committer keeps in step with memory. Offer hands over entries that this node has just committed, so that
// they need not be read back, and what the images are that some of them speak of; it says whether they are applied. Wait returns
// when memory shows the journal up to seq, or as much of it as concerns zones, if there are any: other zones' large images, which
// come into memory beside, are not waited for then.
type Feed interface {
	Offer(entries []model.Entry, made map[model.ID]face.Versions, ahead map[model.ID]*zone.Ahead) bool
	// Prepare works out, of entries that are being made durable, what Offer will need and what is not known yet. It is called beside
	// everything else.
	Prepare(entries []model.Entry, known map[model.ID]*zone.Ahead) map[model.ID]*zone.Ahead
	Wait(ctx context.Context, seq model.Seq, zones ...model.ID) error
	// Loading says whether a zone's image is on its way into memory, and the position by which it is asked for.
	Loading(zone model.ID) (seq model.Seq, loading bool)
}

// Flattened looks up the targets of flattened CNAMEs. None of its methods blocks.
type Flattened interface {
	// Lookup tells what is known of a target, and what secondaries of a zone get for it.
	Lookup(zone model.ID, target model.FlattenTarget) model.Flattened
	// Want tells that owner, in the zone named, is flattened to target, so that somebody looks it up soon and asks for a
	// Relearn.
	Want(zone model.ID, owner wire.Name, target model.FlattenTarget)
	// Doubt tells names of a zone that may be flattened no longer, nil for all of them: a Relearn will show.
	Doubt(zone model.ID, owners []wire.Name)
	// Targets counts the targets of the account besides the one named, which may be known already. A target that the name
	// alone wants that leads to instead now does not count.
	Targets(one model.FlattenTarget, instead wire.Name) (others int, known bool)
}

// Committer commits changes. It is safe for many callers; one Run serves them all.
type Committer struct {
	cfg     Config
	queue   chan *request
	stopped chan struct{} // closed when Run is over
	once    sync.Once
	imports imports
	stats   counters
	usages  usages // the committer's
	work    works
	plans   chan struct{} // places of those that are tried out
}

// keysKept is of how many zones the private keys are kept opened.
const keysKept = 4096

// New checks the configuration and returns a Committer; nothing is committed before Run.
func New(cfg Config) (*Committer, error) {
	switch {
	case cfg.Begin == nil || cfg.DB == nil || cfg.Feed == nil || cfg.Clock == nil || cfg.NewID == nil:
		return nil, errors.New("commit: Begin, DB, Feed, Clock and NewID are required")
	case len(cfg.NameServers) == 0:
		return nil, errors.New("commit: no name servers for new zones")
	}
	for _, ns := range cfg.NameServers {
		if _, err := wire.ParseName(ns); err != nil {
			return nil, fmt.Errorf("commit: name server %q: %w", ns, err)
		}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Yield == nil {
		cfg.Yield = func() {}
	}
	if cfg.Flattened == nil {
		cfg.Flattened = unflattened{}
	}
	if cfg.Held == nil {
		cfg.Held = func(model.ID) []uint32 { return nil }
	}
	cfg.Limits.fill()
	cfg.keys = keyring.NewCache(keysKept)
	return &Committer{
		cfg: cfg, queue: make(chan *request, 2*cfg.Limits.GroupChanges), stopped: make(chan struct{}),
		usages: usages{}, plans: make(chan struct{}, triedAtOnce),
	}, nil
}

// request is one caller's change on its way through the committer. out and err are set before done is closed.
type request struct {
	ctx    context.Context //nolint:containedctx // belongs to the caller, who may give up while the request waits
	change model.Change
	work   func(ctx context.Context) error // something else for the committer to do alone
	aside  int                             // times that it was put aside
	out    model.Result
	err    error
	done   chan struct{}
	traced *traced // nil where no span is recorded for it
}

// Change commits ch and returns once it is durable and, on this node, visible. The user's faults are *model.Invalid. When
// ctx ends first, or the commit itself fails, the outcome is unknown to the caller; a change with an ID is then safe to try
// again, one without is not remembered.
//
// A change of records waits for an import into their zone, a while.
func (c *Committer) Change(ctx context.Context, ch model.Change) (model.Result, error) {
	for patience := time.Now().Add(importPatience); ; {
		out, err := c.changeOnce(ctx, ch)
		if !isImporting(err) || !c.imports.wait(ctx, ch.Zone, patience) {
			return out, err
		}
	}
}

func (c *Committer) changeOnce(ctx context.Context, ch model.Change) (model.Result, error) {
	return c.queued(&request{ctx: ctx, change: ch, done: make(chan struct{}), traced: c.trace(ctx)})
}

// queued hands a request to the committer and waits for its answer.
func (c *Committer) queued(r *request) (model.Result, error) {
	ctx := r.ctx
	select {
	case <-c.stopped:
		return model.Result{}, fmt.Errorf("change: %w", model.ErrUnavailable)
	default:
	}
	select {
	case c.queue <- r:
	case <-c.stopped:
		return model.Result{}, fmt.Errorf("change: %w", model.ErrUnavailable)
	case <-ctx.Done():
		return model.Result{}, fmt.Errorf("change: %w", ctx.Err())
	}
	select {
	case <-r.done:
		r.told()
		return r.out, r.err
	case <-c.stopped:
		select {
		case <-r.done: // answered by the last group
			r.told()
			return r.out, r.err
		default:
			return model.Result{}, fmt.Errorf("change: %w", model.ErrUnavailable)
		}
	case <-ctx.Done():
		return model.Result{}, fmt.Errorf("change: %w", ctx.Err())
	}
}

// makeDurable commits entries, and hands them to the feed before anybody else hears of them, with what a workspace knows of where they
// lead to; shown says whether memory has all of them. An error is a *commitError unless the store knows that nothing was committed.
// of are the changes that a span is recorded for.
func (c *Committer) makeDurable(ctx context.Context, tx Tx, entries []model.Entry, made map[model.ID]face.Versions, known map[model.ID]*zone.Ahead, of *trace.Group) (shown bool, err error) {
	shown = len(entries) == 0
	ahead := c.prepare(entries, known)
	of.Begin("commit")
	if c.cfg.Shared {
		tx.Tell(of.News())
	}
	tx.OnCommit(func() {
		of.Durable()
		shown = shown || c.cfg.Feed.Offer(entries, made, ahead())
	})
	switch _, err = tx.Commit(ctx, entries); {
	case errors.Is(err, model.ErrStale), errors.Is(err, model.ErrUncommitted):
		return false, fmt.Errorf("commit: %w", err)
	case err != nil:
		return false, &commitError{cause: err}
	}
	c.stats.commits.Add(1)
	c.stats.entries.Add(uint64(len(entries)))
	return shown, nil
}

// prepareFrom is from how many octets of entries on it pays to work out what they lead to while the disk is written: less is done
// before another thread has begun.
const prepareFrom = 1024

// prepare begins to work out what entries lead to, but for what is known of that, and gives what waits for it. What is durable is
// visible at once then, and what does not become so never is.
func (c *Committer) prepare(entries []model.Entry, known map[model.ID]*zone.Ahead) func() map[model.ID]*zone.Ahead {
	octets := 0
	for i := range entries {
		if known[entries[i].Zone] == nil {
			octets += len(entries[i].Body)
		}
	}
	if octets < prepareFrom {
		return func() map[model.ID]*zone.Ahead { return known }
	}
	done := make(chan map[model.ID]*zone.Ahead, 1)
	go func() { done <- c.cfg.Feed.Prepare(entries, known) }()
	return func() map[model.ID]*zone.Ahead { return <-done }
}

// follow waits for entries that came too early to be taken: others must come before them.
func (c *Committer) follow(ctx context.Context, entries []model.Entry) {
	if len(entries) == 0 {
		return
	}
	zones := make([]model.ID, len(entries))
	for n := range entries {
		zones[n] = entries[n].Zone
	}
	if err := c.catchUp(ctx, entries[len(entries)-1].Seq, zones...); err != nil && ctx.Err() == nil {
		c.cfg.Log.Warn("memory lags behind the journal", "error", err)
	}
}

// unflattened knows of no target.
type unflattened struct{}

func (unflattened) Lookup(model.ID, model.FlattenTarget) model.Flattened { return model.Flattened{} }
func (unflattened) Want(model.ID, wire.Name, model.FlattenTarget)        {}
func (unflattened) Doubt(model.ID, []wire.Name)                          {}
func (unflattened) Targets(model.FlattenTarget, wire.Name) (int, bool)   { return 0, false }

// Stats are counters since the start.
type Stats struct {
	Changes uint64 // accepted and durable
	Refused uint64 // the user's fault
	Failed  uint64 // ours: the store's errors
	Commits uint64 // groups made durable
	Entries uint64 // journal entries written
	Retries uint64 // groups planned again because rows or memory moved on
}

type counters struct{ changes, refused, failed, commits, entries, retries atomic.Uint64 }

// Stats returns the counters.
func (c *Committer) Stats() Stats {
	n := &c.stats
	return Stats{
		Changes: n.changes.Load(), Refused: n.refused.Load(), Failed: n.failed.Load(), Commits: n.commits.Load(),
		Entries: n.entries.Load(), Retries: n.retries.Load(),
	}
}
