//go:build linux

package main

import (
	"context"
	"errors"
	"time"
)

// measureBusy asks at a fixed rate while nothing else happens, while records are added, and while the zone is transferred.
// The peers stand beside us for orientation; the goal compares us with ourselves.
func (b *bench) measureBusy(ctx context.Context) error {
	d := b.duration / 2 // 40,000 queries
	return b.interleave(ctx, "latency under work", []job{
		{[]string{rowIdle}, resident, func(ctx context.Context, c *contestant) ([]float64, error) {
			return b.p99(ctx, c, d, nil)
		}},
		{[]string{rowMoved}, resident, func(ctx context.Context, c *contestant) ([]float64, error) {
			return b.p99(ctx, c, d, func(ctx context.Context) error {
				_, err := b.transfers(ctx, c, 1)
				return err
			})
		}},
		{[]string{rowChanges}, func(c *contestant) bool { return resident(c) && c.adder != nil }, b.duringChanges},
	})
}

// p99 asks at the fixed rate, in the meantime does something again and again, and gives the latency in us.
func (b *bench) p99(ctx context.Context, c *contestant, d time.Duration, again func(ctx context.Context) error) ([]float64, error) {
	work, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)
	go func() {
		var err error
		for again != nil && err == nil && work.Err() == nil {
			err = again(work)
		}
		failed <- err
	}()
	r, err := b.ask(ctx, c, "wide", d, atRate...)
	stop()
	if werr := <-failed; !errors.Is(werr, context.Canceled) {
		err = errors.Join(err, werr)
	}
	if err != nil {
		return nil, err
	}
	return []float64{r.P99}, nil
}

// duringChanges adds a thousand records a second in batches of fifty.
func (b *bench) duringChanges(ctx context.Context, c *contestant) ([]float64, error) {
	a, err := c.adder()
	if err != nil {
		return nil, err
	}
	defer a.close()
	c.grown = true
	const each = 50
	tick := time.NewTicker(each * time.Millisecond)
	defer tick.Stop()
	return b.p99(ctx, c, b.duration/2, func(ctx context.Context) error {
		select {
		case <-tick.C:
			return a.add(ctx, fresh(each), each)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}
