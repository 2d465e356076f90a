//go:build linux

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/test/node"
)

// What several nodes do to zones of one account at once.
const (
	sharedZones  = 8
	zoneWriters  = 32 // in all, however many nodes they write to
	zonesTime    = 5 * time.Second
	goalTwoNodes = 1.3 // of what one does
)

// measureZones has the same clients write to the same zones, through one node, and then through two.
func measureZones(ctx context.Context, all []*node.Node) error {
	var zones []string
	for i := range sharedZones {
		z, err := makeZone(ctx, all[0], fmt.Sprintf("shared%d.example", i))
		if err != nil {
			return err
		}
		zones = append(zones, z)
	}
	var one float64
	for count := 1; count <= min(2, len(all)); count++ {
		took, done, err := writeZones(ctx, all[:count], zones, fmt.Sprint("n", count))
		if err != nil {
			return err
		}
		report(fmt.Sprintf("%d zones through %d node(s), %.0f/s", sharedZones, count, done), took)
		if count == 1 {
			one = done
			continue
		}
		fmt.Printf("  two nodes do %.2f of one, goal %.1f\n", done/one, goalTwoNodes)
	}
	return nil
}

// writeZones has clients add records for a time, and tells how long each took and how many there were a second.
func writeZones(ctx context.Context, nodes []*node.Node, zones []string, label string) ([]time.Duration, float64, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	took := make([][]time.Duration, zoneWriters)
	var wg sync.WaitGroup
	begin := time.Now()
	for w := range zoneWriters {
		wg.Go(func() {
			for i := 0; time.Since(begin) < zonesTime && ctx.Err() == nil; i++ {
				asked := time.Now()
				if err := add(ctx, nodes[w%len(nodes)], zones[w/len(nodes)%len(zones)], fmt.Sprintf("%s-w%d-%d", label, w, i)); err != nil {
					stop(err)
					return
				}
				took[w] = append(took[w], time.Since(asked))
			}
		})
	}
	wg.Wait()
	span := time.Since(begin).Seconds()
	var every []time.Duration
	for _, t := range took {
		every = append(every, t...)
	}
	return every, float64(len(every)) / span, context.Cause(ctx)
}
