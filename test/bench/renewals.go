//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/peers"
)

// measureRenewals asks a signed zone at the fixed rate while nothing else happens and while its signatures are renewed, and another
// zone while it is signed for the first time. Who raises the SOA's expire makes signatures due at once that would be so a day later.
func (b *bench) measureRenewals(ctx context.Context, us *contestant) error {
	for _, c := range b.all {
		if c != us {
			c.stop() // they are done
		}
	}
	if b.wants(rowSignedIdle, rowRenewing) {
		if err := confine(loadCore); err != nil {
			return err
		}
		for round := range b.rounds {
			b.say("round %d: renewals", round+1)
			b.take(ctx, &job{rows: []string{rowSignedIdle}, measure: func(ctx context.Context, c *contestant) ([]float64, error) {
				return b.p99(ctx, c, b.duration/2, nil)
			}}, us)
			b.take(ctx, &job{rows: []string{rowRenewing}, measure: func(ctx context.Context, c *contestant) ([]float64, error) {
				return b.duringRenewals(ctx, c, 604800+86400*(round+1))
			}}, us)
		}
	}
	if !b.wants(rowFirst99) || ctx.Err() != nil {
		return ctx.Err()
	}
	if err := confine(serverCore, loadCore); err != nil {
		return err
	}
	before := b.all
	defer func() { b.all = before }()
	b.all = nil
	defer b.stop()
	err := b.gather(ctx, func(b *bench) (*contestant, error) { return b.filled(filepath.Join(b.dir, "data-first")) })
	if err == nil {
		err = confine(loadCore)
	}
	if err != nil {
		return err
	}
	b.say("latency while the large zone is signed")
	c := b.all[0]
	if err := c.api.send(ctx, http.MethodPatch, "/zones/"+c.api.zone+"/dnssec", map[string]any{"status": "active"}, nil); err != nil {
		return err
	}
	for range b.rounds {
		b.take(ctx, &job{rows: []string{rowFirst99}, measure: func(ctx context.Context, c *contestant) ([]float64, error) {
			v, err := b.p99(ctx, c, b.duration/2, nil)
			if err == nil && hasSignature(ctx, c.addr) {
				err = fmt.Errorf("%w: it was signed before the load ended", errLate)
			}
			return v, err
		}}, c)
	}
	return ctx.Err()
}

// duringRenewals raises the SOA's expire, waits for the first renewal, and wants others to follow until the load has ended.
func (b *bench) duringRenewals(ctx context.Context, c *contestant, expire int) ([]float64, error) {
	apex := wire.MustName(zoneName)
	settings := map[string]any{"soa": map[string]any{"expire": expire}}
	if err := c.api.send(ctx, http.MethodPatch, "/zones/"+c.api.zone+"/dns_settings", settings, nil); err != nil {
		return nil, err
	}
	before, err := peers.Serial(ctx, c.addr, apex)
	if err != nil {
		return nil, err
	}
	moved := func(from uint32, patience time.Duration) (uint32, error) {
		for begin := time.Now(); time.Since(begin) < patience; {
			if now, err := peers.Serial(ctx, c.addr, apex); err != nil || now != from {
				return now, err
			}
			if err := sleep(ctx, 5*time.Millisecond); err != nil {
				return 0, err
			}
		}
		return 0, fmt.Errorf("%w: no signature is renewed", errLate)
	}
	if _, err := moved(before, time.Minute); err != nil {
		return nil, err
	}
	v, err := b.p99(ctx, c, b.duration/2, nil)
	if err != nil {
		return nil, err
	}
	last, err := peers.Serial(ctx, c.addr, apex)
	if err == nil {
		_, err = moved(last, 5*time.Second)
	}
	return v, err
}
