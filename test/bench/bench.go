//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// bench is one run.
type bench struct {
	options
	dir   string
	bin   string // Headwater
	load  string // the load generator
	echo  string
	probe question // of the large zone
	all   []*contestant
	met   []*contestant // all that ever took part, for the list of versions
	table *table
	began time.Time
	kept  stream // the newest signed transfer

	signed int // records of the large zone where it is signed, 0 elsewhere
}

// job measures one or more rows of a contestant at a time.
type job struct {
	rows    []string
	who     func(c *contestant) bool
	measure func(ctx context.Context, c *contestant) ([]float64, error)
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%4.0f s: %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// measure runs every part of the benchmark. What fails is told in the results; the rest goes on.
func (b *bench) measure(ctx context.Context) error {
	if err := b.build(ctx); err != nil {
		return err
	}
	parts := []func(ctx context.Context) error{b.measureLarge, b.measureSigned, b.measureLoads, b.measureMany, b.measureMost}
	var errs []error
	for _, part := range parts {
		err := part(ctx)
		b.stop()
		if err != nil {
			errs = append(errs, err)
		}
	}
	if n := len(b.table.failures); n > 0 {
		errs = append(errs, fmt.Errorf("%d measurements failed; the results name them", n))
	}
	return errors.Join(errs...)
}

// build makes the programs, on all cores.
func (b *bench) build(ctx context.Context) error {
	b.bin, b.load, b.echo = filepath.Join(b.dir, "headwater"), filepath.Join(b.dir, "dnsload"), filepath.Join(b.dir, "echo")
	for _, p := range []struct{ out, module, pkg string }{
		{b.bin, ".", "./cmd/headwater"}, {b.load, "test", "./bench/dnsload"}, {b.echo, "test", "./bench/echo"},
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-C", p.module, "-o", p.out, p.pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if msg, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", p.pkg, err, msg)
		}
	}
	return nil
}

// measureLarge is about one large zone.
func (b *bench) measureLarge(ctx context.Context) error {
	if !b.wants(largeRows()...) {
		return nil
	}
	b.say("making a zone of %d records", b.records)
	if err := b.makeZone(); err != nil {
		return err
	}
	if err := b.gather(ctx, headwater, nsd, knot, bind, powerdns, echo, plainEcho); err != nil {
		return err
	}
	if err := confine(loadCore); err != nil {
		return err
	}
	for _, c := range b.all {
		if c.warm != nil {
			b.say("filling the caches of %s", c.name)
			if err := c.warm(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	if err := b.interleave(ctx, "queries and transfers", slices.Concat(b.queryJobs(), b.transferJobs(), []job{b.memoryJob()})); err != nil {
		return err
	}
	if err := b.interleave(ctx, "starts", []job{{rows: []string{rowStart}, who: resident, measure: restart}}); err != nil {
		return err
	}
	if err := b.measureBusy(ctx); err != nil {
		return err
	}
	if err := b.measureLists(ctx); err != nil {
		return err
	}
	if err := b.measureSettings(ctx); err != nil {
		return err
	}
	if err := b.measureWrites(ctx); err != nil {
		return err
	}
	if err := b.measureHistory(ctx); err != nil {
		return err
	}
	if err := b.measureSecondary(ctx); err != nil {
		return err
	}
	return b.measureSlowDisk(ctx)
}

// gather sets the contestants up and starts them.
func (b *bench) gather(ctx context.Context, makers ...func(b *bench) (*contestant, error)) error {
	for _, maker := range makers {
		c, err := maker(b)
		if err != nil {
			return err
		}
		if !b.invites(c.name) {
			continue
		}
		b.say("starting %s", c.name)
		b.all = append(b.all, c)
		if c.setup != nil {
			if err := c.setup(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if err := c.start(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// interleave runs jobs round by round, and in each round job by job over all contestants, so that a machine whose speed
// drifts treats all alike.
func (b *bench) interleave(ctx context.Context, what string, jobs []job) error {
	return b.inRounds(ctx, b.rounds, what, jobs)
}

// inRounds is that in fewer rounds, for what differs little from one to the next.
func (b *bench) inRounds(ctx context.Context, rounds int, what string, jobs []job) error {
	for round := range rounds {
		b.say("round %d: %s", round+1, what)
		for _, j := range jobs {
			if !b.wants(j.rows...) {
				continue
			}
			for _, c := range b.all {
				if j.who(c) {
					b.take(ctx, &j, c)
				}
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// restartAll measures everybody's start once, where it takes the peers long.
func (b *bench) restartAll(ctx context.Context, row string) {
	b.say("starts")
	for _, c := range b.all {
		if ctx.Err() == nil {
			b.take(ctx, &job{rows: []string{row}, measure: restart}, c)
		}
	}
}

// take measures one job of one contestant.
func (b *bench) take(ctx context.Context, j *job, c *contestant) {
	values, err := j.measure(ctx, c)
	if err != nil {
		b.table.fail(c.name, j.rows[0], err)
		b.say("%s, %s: %v", c.name, j.rows[0], err)
		return
	}
	for i, v := range values {
		b.table.add(j.rows[i], c.name, v)
		b.say("%s, %s: %s", c.name, j.rows[i], figure(v))
	}
}

func (b *bench) find(name string) *contestant {
	for _, c := range b.all {
		if c.name == name {
			return c
		}
	}
	return nil
}

// stop ends all contestants and forgets them.
func (b *bench) stop() {
	for _, c := range b.all {
		c.stop()
		b.met = append(b.met, c)
	}
	b.all = nil
}
