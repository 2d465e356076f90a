//go:build linux

package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// maxWindow bounds outstanding queries per socket: an identifier each.
const maxWindow = 1 << 15

// client asks over one socket until its context ends. Between warm-up and end it counts.
type client interface {
	run(p *phase) (*tally, error)
}

// phase says what time it is for all clients alike: durations are since the start of the warm-up.
type phase struct {
	start       time.Time
	from, until time.Duration // what is measured
	ctx         func() error
}

func (p *phase) now() time.Duration { return time.Since(p.start) }

func (p *phase) over(now time.Duration) bool { return now >= p.until || p.ctx() != nil }

// load runs all clients and reads the server's CPU time at the measurement's ends.
func load(ctx context.Context, o options, qs *queries) (*report, error) {
	clients, err := newClients(o, qs)
	if err != nil {
		return nil, err
	}
	p := &phase{start: time.Now(), from: o.warmup, until: o.warmup + o.duration, ctx: ctx.Err}
	tallies := make([]*tally, len(clients))
	errs := make([]error, len(clients))
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() { tallies[i], errs[i] = c.run(p) })
	}
	cpu := measureCPU(ctx, o.pids, p)
	wg.Wait()
	var all tally
	for i, t := range tallies {
		if errs[i] != nil {
			return nil, fmt.Errorf("client %d: %w", i, errs[i])
		}
		all.add(t)
	}
	r := newReport(o.transport, &all, o.duration)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return r, r.addCPU(<-cpu)
}

func newClients(o options, qs *queries) ([]client, error) {
	n := o.threads
	if o.transport == "tcp" {
		n = o.conns
	}
	clients := make([]client, n)
	for i := range clients {
		first := i * (qs.len() / n)
		var err error
		if o.transport == "tcp" {
			clients[i], err = newTCP(o, qs, first)
		} else {
			clients[i], err = newUDP(o, qs, first)
		}
		if err != nil {
			return nil, err
		}
	}
	return clients, nil
}
