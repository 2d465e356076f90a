//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profiles loads us, and nobody else, as the rows do, and takes CPU and allocation profiles meanwhile.
func (b *bench) profiles(ctx context.Context) error {
	if err := os.MkdirAll(b.profile, 0o755); err != nil {
		return err
	}
	b.only = []string{"headwater"}
	if err := b.build(ctx); err != nil {
		return err
	}
	b.say("making a zone of %d records", b.records)
	if err := b.makeZone(); err != nil {
		return err
	}
	if err := b.gather(ctx, headwater); err != nil {
		return err
	}
	if err := confine(loadCore); err != nil {
		return err
	}
	us := b.find(nameUs)
	long := b.duration + 2*time.Second // a load begins before its profile and ends after it
	ask := func(queries string, flags ...string) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			_, err := b.ask(ctx, us, queries, long, flags...)
			return err
		}
	}
	add := func(clients, each int) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := b.addFor(ctx, us, long, clients, each)
			return err
		}
	}
	for _, p := range []struct {
		row, file string
		load      func(ctx context.Context) error
	}{
		{rowWide, "udp-wide", ask("wide")},
		{rowHot, "udp-hot", ask("hot")},
		{rowTCP, "tcp", ask("wide", overTCP...)},
		{rowAXFR, "axfr", b.repeat(long, func(ctx context.Context) error { _, err := b.transfers(ctx, us, 1); return err })},
		{rowTSIG, "axfr-tsig", b.repeat(long, func(ctx context.Context) error { _, err := b.signedTransfer(ctx, us); return err })},
		{rowAdd1, "adds-1", add(1, 1)},
		{rowAdd16, "adds-16", add(16, 1)},
		{rowBatch, "adds-batch", add(1, 100)},
	} {
		if !b.wants(p.row) {
			continue
		}
		b.say("profile of %s", p.file)
		if err := b.profileOf(ctx, us, p.file, p.load); err != nil {
			return fmt.Errorf("profile of %s: %w", p.file, err)
		}
	}
	return nil
}

func (b *bench) repeat(d time.Duration, do func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		for begin := time.Now(); time.Since(begin) < d; {
			if err := do(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// profileOf runs a load and, once it is under way, takes both profiles at the same time.
func (b *bench) profileOf(ctx context.Context, us *contestant, file string, load func(ctx context.Context) error) error {
	done := make(chan error, 3)
	go func() { done <- load(ctx) }()
	if err := sleep(ctx, time.Second); err != nil {
		return err
	}
	seconds := max(1, int(b.duration.Seconds()))
	for kind, ending := range map[string]string{"profile": ".cpu.pprof", "allocs": ".allocs.pprof"} {
		url := fmt.Sprintf("%s/debug/pprof/%s?seconds=%d", us.api.profiles, kind, seconds)
		go func() { done <- download(ctx, url, filepath.Join(b.profile, file+ending)) }()
	}
	return errors.Join(<-done, <-done, <-done)
}

func download(ctx context.Context, url, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: %s: %s", errRefused, url, res.Status)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, res.Body); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}
