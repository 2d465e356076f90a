package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"
)

// part is one piece of the running program. What it does not need of start, stop and by is left out.
type part struct {
	name string
	// start returns when others may rely on the part; an error of it ends the program. ctx ends when the program is told to stop.
	start func(ctx context.Context) error
	// stop returns when the part has ended, or soon after ctx, which is then the end of its time.
	stop func(ctx context.Context) error
	// by is until when the part has time to stop, from the beginning of the end: who comes after it has the rest.
	by time.Duration
}

// sequence starts parts in the order in which they stand and stops those that have started in the order of down.
type sequence struct {
	parts   []part
	down    []string
	log     *slog.Logger
	started []string
	broken  chan error    // what ended by itself
	longer  time.Duration // that the last parts have, those that end with the DNS or after it
}

func newSequence(log *slog.Logger, parts []part, down []string) *sequence {
	return &sequence{parts: parts, down: down, log: log, broken: make(chan error, len(parts))}
}

// run starts everything, waits for the end of ctx or of a part, and stops everything. An end that was asked for is no error,
// whatever took too long in it: nothing that was acknowledged depends on how the program ends. Whenever it is asked, pass may put
// another sequence, which runs, in this one's place; nil: there is nothing left to stop.
func (s *sequence) run(ctx context.Context, asked <-chan os.Signal, pass func(context.Context, *sequence) *sequence) error {
	err := s.start(ctx)
	for err == nil {
		select {
		case <-ctx.Done():
			s.log.Info("stopping")
			err = ctx.Err()
		case err = <-s.broken:
			s.log.Error("stopping", "error", err)
		case <-asked:
			if s = pass(ctx, s); s == nil {
				return nil
			}
		}
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil
	}
	s.stop()
	return err
}

// start starts the parts. One that fails half-way has its stop called, too.
func (s *sequence) start(ctx context.Context) error {
	for _, p := range s.parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.started = append(s.started, p.name)
		if p.start == nil {
			continue
		}
		began := time.Now()
		if err := p.start(ctx); err != nil {
			select {
			case broken := <-s.broken: // what another one failed of, which is why this one could not start
				return broken
			default:
				return err
			}
		}
		s.log.Debug("started", "part", p.name, "took", time.Since(began))
	}
	return nil
}

// again starts a part that has been stopped.
func (s *sequence) again(ctx context.Context, name string) error {
	i := slices.IndexFunc(s.parts, func(p part) bool { return p.name == name })
	s.started = append(s.started, name)
	return s.parts[i].start(ctx)
}

// stop stops what has started, but for the parts that stay, which a later stop ends. A part that is late is left behind.
func (s *sequence) stop(stay ...string) {
	began := time.Now()
	for _, name := range s.down {
		i := slices.IndexFunc(s.parts, func(p part) bool { return p.name == name })
		p := s.parts[i]
		at := slices.Index(s.started, name)
		if at < 0 || slices.Contains(stay, name) {
			continue
		}
		if s.started = slices.Delete(s.started, at, at+1); p.stop == nil {
			continue
		}
		by := p.by
		if by >= dnsBy {
			by += s.longer
		}
		ctx, cancel := context.WithDeadline(context.Background(), began.Add(by))
		err := within(ctx, p.stop)
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			s.log.Warn("did not stop in time", "part", name, "after", time.Since(began))
		case err != nil:
			s.log.Error("stop", "part", name, "error", err)
		default:
			s.log.Debug("stopped", "part", name, "after", time.Since(began))
		}
	}
}

// within calls f and waits for it no longer than ctx lasts.
func within(ctx context.Context, f func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select { // f may have seen the same end and have more to tell
	case err := <-done:
		return err
	case <-time.After(lateness):
		return ctx.Err()
	}
}

// lateness is how long a part has to see that its time is over.
const lateness = 50 * time.Millisecond

// loop makes a part of a function that runs until its ctx ends. One that ends with an error of its own ends the program.
type loop struct {
	run    func(ctx context.Context) error
	cancel context.CancelFunc
	done   chan struct{}
}

// start runs the loop; broken hears of an end that nobody asked for.
func (l *loop) start(name string, broken chan<- error) {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.done = cancel, make(chan struct{})
	go func() {
		defer close(l.done)
		if err := l.run(ctx); err != nil && ctx.Err() == nil {
			broken <- fmt.Errorf("%s: %w", name, err)
		}
	}()
}

// stop ends the loop and waits for it.
func (l *loop) stop(ctx context.Context) error {
	if l.cancel == nil {
		return nil
	}
	l.cancel()
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
