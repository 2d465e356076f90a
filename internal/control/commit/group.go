package commit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/trace"
)

// Run is the committer: it takes all changes that wait, commits them together, and starts again, until ctx ends. Changes
// that still wait then are answered with ErrUnavailable.
func (c *Committer) Run(ctx context.Context) error {
	defer c.once.Do(func() { close(c.stopped) })
	g := gathering{queue: c.queue, limits: &c.cfg.Limits}
	var aside []*request
	for {
		var group []*request
		if len(aside) > 0 {
			if ctx.Err() != nil {
				return nil
			}
			group = g.fill(aside)
		} else {
			select {
			case <-ctx.Done():
				return nil
			case r := <-c.queue:
				group = g.gather(ctx, r)
			}
		}
		begin := time.Now()
		aside = c.commitGroup(ctx, group)
		g.answered(len(group), time.Since(begin))
	}
}

// Answers returns nil when the committer has come by since it was called, or has ended; else ctx's error. It may be busy, or wait for the
// store, for as long as a group takes.
func (c *Committer) Answers(ctx context.Context) error {
	r := &request{ctx: ctx, work: func(context.Context) error { return nil }, done: make(chan struct{})}
	if _, err := c.queued(r); !errors.Is(err, model.ErrUnavailable) {
		return err
	}
	return nil
}

// Bounds of trying again when the rows or memory moved on under a group.
const (
	attempts   = 20
	firstPause = 2 * time.Millisecond
	lastPause  = 200 * time.Millisecond
	lagWait    = 10 * time.Second
)

// commitGroup commits a group and answers everybody in it, but for those whose zones another node holds: they come again.
//
// A group shares one transaction for the sake of one fsync, and must not share its fate: what breaks for reasons of one change is
// tried again with each alone. Only two failures are everybody's. When the store is away, alone would fail as well, and slower.
// When COMMIT itself failed nobody knows whether the group is durable; to commit its changes again might do them twice.
func (c *Committer) commitGroup(ctx context.Context, group []*request) (aside []*request) {
	waiting := group[:0:0]
	for _, r := range group {
		if err := r.ctx.Err(); err != nil {
			r.answer(model.Result{}, fmt.Errorf("change: %w", err))
			continue
		}
		if r.work != nil {
			r.answer(model.Result{}, r.work(ctx))
			continue
		}
		if seq, loading := c.cfg.Feed.Loading(r.change.Zone); loading {
			go c.comeBack(r, seq)
			continue
		}
		waiting = append(waiting, r)
	}
	if len(waiting) == 0 {
		return nil
	}
	of := c.tracing(waiting)
	aside, err := c.try(ctx, waiting, of)
	of.End()
	tracedBy(of, waiting, aside)
	waiting = notAside(waiting, aside)
	var unsure *commitError
	if err != nil && len(waiting) > 1 && !errors.As(err, &unsure) && !errors.Is(err, model.ErrUnavailable) && ctx.Err() == nil {
		// One of them breaks the transaction for all; alone each gets its own answer.
		for _, r := range waiting {
			c.commitGroup(ctx, []*request{r}) // one has nothing to put aside
		}
		return aside
	}
	if err != nil {
		c.stats.failed.Add(uint64(len(waiting)))
	}
	for _, r := range waiting {
		if err != nil {
			r.answer(model.Result{}, fmt.Errorf("change: %w", err))
			continue
		}
		r.answer(r.out, r.err)
	}
	return aside
}

// comeBack puts a request in line again when its zone is in memory: a large image that another node has written takes a while
// to come, and all others would wait with it.
func (c *Committer) comeBack(r *request, seq model.Seq) {
	ctx, cancel := context.WithTimeout(r.ctx, lagWait)
	defer cancel()
	if err := c.cfg.Feed.Wait(ctx, seq, r.change.Zone); err != nil && r.ctx.Err() == nil {
		r.answer(model.Result{}, fmt.Errorf("change: memory has not reached journal position %d: %w", seq, model.ErrUnavailable))
		return
	}
	select {
	case c.queue <- r:
	case <-c.stopped:
	case <-r.ctx.Done():
	}
}

func (r *request) answer(out model.Result, err error) {
	r.out, r.err = out, err
	close(r.done)
}

// try commits a group, again and again while it loses races, and says who is put aside.
//
// What is planned stands on three things that other nodes may move: the rows, the locks that turn out to be needed, and memory, which
// the rows must correspond to. Whichever has moved, the whole group is planned anew from the rows as they are then: an Apply sees
// the new state, and nothing of the plan before is used, for it may have been refused or accepted for reasons that are gone. More
// locks need no pause, for they were not lost to anybody. A lost race does, or two nodes would lose to each other for ever.
func (c *Committer) try(ctx context.Context, group []*request, of *trace.Group) (aside []*request, err error) {
	pause, need := firstPause, locksOf(group)
	for n := 1; ; n++ {
		var more []*request
		more, err = c.attempt(ctx, group, need, n > 1, of)
		for _, r := range more {
			r.aside++
		}
		if len(more) > 0 {
			aside, group = more, notAside(group, more)
			need = locksOf(group)
		}
		var lag *lagError
		var unlocked *model.UnlockedError
		switch {
		case err == nil:
			return aside, nil
		case n == attempts && (errors.As(err, &lag) || errors.Is(err, model.ErrStale)):
			return aside, fmt.Errorf("%w: %w", err, model.ErrUnavailable) // nothing was committed
		case n == attempts || ctx.Err() != nil:
			return aside, err
		case errors.As(err, &unlocked):
			need = need.With(unlocked.Missing) // not taken on top: locks have one order, and these may come before others
			continue
		case errors.As(err, &lag):
			if err := c.catchUp(ctx, lag.seq, lag.zone); err != nil {
				return aside, fmt.Errorf("%w: %w", err, model.ErrUnavailable)
			}
		case !errors.Is(err, model.ErrStale):
			return aside, err
		}
		c.stats.retries.Add(1)
		of.Begin("pause")
		timer := time.NewTimer(pause/2 + rand.N(pause)) // spreads nodes apart
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return aside, err
		}
		pause = min(2*pause, lastPause)
	}
}

func (c *Committer) catchUp(ctx context.Context, seq model.Seq, zones ...model.ID) error {
	ctx, cancel := context.WithTimeout(ctx, lagWait)
	defer cancel()
	return wrap(c.cfg.Feed.Wait(ctx, seq, zones...), "wait for memory to reach journal position %d", seq)
}

// commitError is a failed commit: whether it is durable nobody can say, so it must not be tried again under other ids.
type commitError struct{ cause error }

func (e *commitError) Error() string { return "commit: " + e.cause.Error() }
func (e *commitError) Unwrap() error { return e.cause }

// attempt plans, writes and commits a group once, but for the requests that it gives back, which are put aside; who is
// patient puts nobody aside.
func (c *Committer) attempt(ctx context.Context, group []*request, need model.Locks, patient bool, of *trace.Group) (aside []*request, err error) {
	of.Begin("lock")
	tx, err := c.cfg.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	tx.Expect(idsOf(group))
	aside, err = c.lock(ctx, tx, group, need, patient)
	if err == nil && len(aside) == len(group) && len(group) > 0 {
		tx.Rollback()                                // locks are taken once in a transaction
		return c.attempt(ctx, group, need, true, of) // no zone is free: to wait for all is to wait for the first
	}
	if err != nil {
		tx.Rollback()
		return nil, err
	}
	if len(aside) > 0 {
		group = notAside(group, aside)
		need = locksOf(group)
	}
	return aside, c.commit(ctx, tx, group, need, of)
}

// commit plans, writes and commits in a transaction that has its locks. The requests' own outcomes are left in them; an error
// means that nothing was committed, or, as a commitError, that nobody knows.
func (c *Committer) commit(ctx context.Context, tx Tx, group []*request, need model.Locks, of *trace.Group) error {
	of.Begin("plan")
	open := true
	defer func() {
		if open {
			tx.Rollback()
		}
	}()
	st := newWorkspace(&c.cfg, tx, need)
	st.usages = c.usages
	planned, err := c.planGroup(ctx, st, group)
	if err != nil || len(planned) == 0 {
		return err
	}
	of.Begin("write")
	entries, err := st.flush(ctx)
	if err != nil {
		return err
	}
	if len(entries) == 0 && len(st.audits) == 0 && !st.wrote {
		c.report(st, planned, nil)
		return nil // nothing has changed, so there is nothing to commit
	}
	for _, r := range planned {
		if r.change.ID == "" {
			continue
		}
		if err := tx.MarkChange(ctx, r.change.ID); err != nil {
			return fmt.Errorf("remember change: %w", err)
		}
	}
	open = false
	st.leadsTo(planned, of)
	shown, err := c.makeDurable(ctx, tx, entries, st.made, st.ahead, of)
	if err != nil {
		if _, unsure := errors.AsType[*commitError](err); unsure {
			c.usages.forget(st)
		}
		return err
	}
	// From here on it has happened, whatever happens: nobody may be told anything else.
	c.usages.moved(st)
	if !shown {
		c.follow(ctx, entries)
	}
	st.doubts()
	c.report(st, planned, entries)
	return nil
}

// planGroup plans each request and returns those that were accepted. The others have their error already.
func (c *Committer) planGroup(ctx context.Context, st *workspace, group []*request) ([]*request, error) {
	changes := make([]*model.Change, 0, len(group))
	for _, r := range group {
		changes = append(changes, &r.change)
	}
	if err := st.prefetch(ctx, changes); err != nil {
		return nil, err
	}
	var planned []*request
	for _, r := range group {
		r.out, r.err = model.Result{}, nil
		seq, seen, err := st.seen(ctx, r.change.ID)
		if err != nil {
			return nil, err
		}
		if seen {
			r.out.Seq, r.err = seq, fmt.Errorf("change %s: %w", r.change.ID, model.ErrDuplicateChange)
			continue
		}
		r.out.Outcomes, err = st.run(ctx, &r.change)
		if err == nil {
			planned = append(planned, r)
			st.ids[r.change.ID] = true
			continue
		}
		if !ownFault(err) {
			return nil, err
		}
		c.stats.refused.Add(1)
		r.out, r.err = model.Result{}, err
	}
	return planned, nil
}

// idsOf are those of a group's changes that have any.
func idsOf(group []*request) (ids []model.ID) {
	for _, r := range group {
		if r.change.ID != "" {
			ids = append(ids, r.change.ID)
		}
	}
	return ids
}

// seen says whether a change of this id is durable already, or planned in this very group.
func (s *workspace) seen(ctx context.Context, id model.ID) (model.Seq, bool, error) {
	if id == "" {
		return 0, false, nil
	}
	if s.ids[id] {
		return 0, true, nil
	}
	seq, seen, err := s.tx.SeenChange(ctx, id)
	return seq, seen, wrap(err, "look for change %s", id)
}

// ownFault tells an error that concerns one change from one that spoils the transaction.
func ownFault(err error) bool {
	var user *model.Invalid
	var panicked *planPanic
	return errors.As(err, &user) || errors.As(err, &panicked) || errors.Is(err, model.ErrNotFound)
}

// report tells each request where its change can be seen.
func (c *Committer) report(st *workspace, planned []*request, entries []model.Entry) {
	last := model.Seq(0)
	if len(entries) > 0 {
		last = entries[len(entries)-1].Seq
	}
	for _, r := range planned {
		c.stats.changes.Add(1)
		r.report(st, last, entries)
	}
}

// report tells what a planned request has led to; last is the group's last position.
func (r *request) report(st *workspace, last model.Seq, entries []model.Entry) {
	r.out.Seq = last
	if z := st.zones[r.change.Zone]; z != nil {
		r.out.Seq, r.out.Serial = z.at(entries), z.serial
	}
	for i := range r.out.Outcomes {
		o := r.out.Outcomes[i].Zone
		if o == nil {
			continue
		}
		if z := st.zones[o.ID]; z != nil {
			o.Seq, o.Serial = z.at(entries), z.serial
			r.out.Seq, r.out.Serial = max(r.out.Seq, o.Seq), z.serial
		}
	}
}

// at is the position of the zone's newest journal entry.
func (z *zoneWork) at(entries []model.Entry) model.Seq {
	if z.entry >= 0 && z.entry < len(entries) {
		return entries[z.entry].Seq
	}
	return z.read.Seq
}
