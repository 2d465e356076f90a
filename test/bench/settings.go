//go:build linux

package main

import (
	"context"
	"path/filepath"
	"slices"
	"syscall"
)

// setting is a way to run us, and the rows in which that is measured.
type setting struct {
	env, flags  []string
	hot, beside string // beside is empty for a setting that transfers have nothing to do with
}

// settings are those that people have and that must not cost what they do not see: GOMAXPROCS=1 in the environment, as containers set
// it, a limit on answers that nobody reaches, beside cookies, which are on in any case, and dnstap of one answer in a hundred, into a file of
// dir, as it is when it is switched on.
func settings(dir string) []setting {
	plain := []string{"env", "-u", "GOMAXPROCS"}
	return []setting{
		{plain, nil, rowPlainHot, rowPlainBeside},
		{[]string{"env", "GOMAXPROCS=1"}, nil, rowProcsHot, rowProcsBeside},
		{plain, []string{"--dns-rate-limit", "1000000000"}, rowLimitHot, ""},
		{plain, []string{"--dnstap", "file:" + filepath.Join(dir, "answers.dnstap")}, rowTapHot, ""},
	}
}

// measureSettings runs us with each of the settings in turn.
func (b *bench) measureSettings(ctx context.Context) error {
	us := b.find(nameUs)
	if us == nil || !b.wants(rowPlainHot, rowPlainBeside, rowProcsHot, rowProcsBeside, rowLimitHot, rowTapHot) {
		return nil
	}
	plain := us.argv
	defer func() { us.argv = plain }()
	hot := func(ctx context.Context, c *contestant) ([]float64, error) {
		r, err := b.ask(ctx, c, "hot", b.cut())
		if err != nil {
			return nil, err
		}
		return []float64{r.CPU.PerQuery}, nil
	}
	for round := range b.rounds {
		b.say("round %d: settings", round+1)
		for cut := range cuts {
			for _, v := range settings(b.dir) {
				us.end(syscall.SIGTERM)
				us.argv = slices.Concat(v.env, plain, v.flags)
				if err := us.start(ctx); err != nil {
					return err
				}
				if b.wants(v.hot) {
					b.take(ctx, &job{rows: []string{v.hot}, measure: hot}, us)
				}
				if cut == 0 && v.beside != "" && b.wants(v.beside) {
					b.take(ctx, &job{rows: []string{v.beside}, measure: b.transferBeside}, us)
				}
			}
		}
	}
	return ctx.Err()
}

// transferBeside measures a transfer while queries come at the fixed rate.
func (b *bench) transferBeside(ctx context.Context, c *contestant) ([]float64, error) {
	var took []float64
	_, err := b.p99(ctx, c, b.duration/2, func(ctx context.Context) error {
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
