//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

// What history costs an addition: one client's with it and without, by turns, each with a program of its own, which differ in nothing else.
const (
	rowAddTold   = "adds a second, 1 client, with history"
	rowAddUntold = "adds a second, 1 client, without history"
)

// untoldFlag builds a program that links no histories. There is no such setting: nobody would want one.
const untoldFlag = "-X github.com/headwaterdns/headwater/internal/control/store/zones.histories=off"

// measureHistory compares additions with and without history.
func (b *bench) measureHistory(ctx context.Context) error {
	us := b.find(nameUs)
	if us == nil || !b.wants(rowAddTold, rowAddUntold) {
		return nil
	}
	untold := filepath.Join(b.dir, "headwater-untold")
	cmd := exec.CommandContext(ctx, "go", "build", "-C", ".", "-ldflags", untoldFlag, "-o", untold, "./cmd/headwater")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build without history: %w\n%s", err, msg)
	}
	told := us.argv
	defer func() { us.argv = told }()
	add := func(ctx context.Context, c *contestant) ([]float64, error) {
		n, took, err := b.addFor(ctx, c, b.duration/8, 1, 1)
		if err != nil {
			return nil, err
		}
		return []float64{float64(n) / took.Seconds()}, nil
	}
	for round := range b.rounds {
		b.say("round %d: additions with and without history", round+1)
		for range cuts {
			for _, v := range []struct{ row, bin string }{{rowAddTold, b.bin}, {rowAddUntold, untold}} {
				us.end(syscall.SIGTERM)
				us.argv = slices.Clone(told)
				us.argv[slices.Index(told, b.bin)] = v.bin
				if err := us.start(ctx); err != nil {
					return err
				}
				b.take(ctx, &job{rows: []string{v.row}, measure: add}, us)
			}
		}
	}
	return ctx.Err()
}
