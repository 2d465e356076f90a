//go:build linux

package main

import (
	"context"
	"syscall"
)

// measureProcs asks us with GOMAXPROCS=1 in the environment, as containers set it, and without, in turns: a setting that people
// have must not cost what they do not see.
func (b *bench) measureProcs(ctx context.Context) error {
	us := b.find(nameUs)
	if us == nil || !b.wants(rowPlainHot, rowPlainBeside, rowProcsHot, rowProcsBeside) {
		return nil
	}
	plain := us.argv
	defer func() { us.argv = plain }()
	for round := range b.rounds {
		b.say("round %d: GOMAXPROCS", round+1)
		for _, v := range []struct {
			env         []string
			hot, beside string
		}{
			{[]string{"env", "-u", "GOMAXPROCS"}, rowPlainHot, rowPlainBeside},
			{[]string{"env", "GOMAXPROCS=1"}, rowProcsHot, rowProcsBeside},
		} {
			us.end(syscall.SIGTERM)
			us.argv = append(v.env, plain...)
			if err := us.start(ctx); err != nil {
				return err
			}
			b.take(ctx, &job{rows: []string{v.hot}, measure: func(ctx context.Context, c *contestant) ([]float64, error) {
				r, err := b.ask(ctx, c, "hot", b.duration)
				if err != nil {
					return nil, err
				}
				return []float64{r.CPU.PerQuery}, nil
			}}, us)
			b.take(ctx, &job{rows: []string{v.beside}, measure: b.transferBeside}, us)
		}
	}
	return nil
}

// transferBeside measures a transfer while queries come at the fixed rate.
func (b *bench) transferBeside(ctx context.Context, c *contestant) ([]float64, error) {
	var took []float64
	_, err := b.p99(ctx, c, b.duration, func(ctx context.Context) error {
		r, err := b.transfers(ctx, c, 1)
		if err == nil {
			took = append(took, r.took.Seconds())
		}
		return err
	})
	if err != nil || len(took) == 0 {
		return nil, err
	}
	return []float64{median(took)}, nil
}
