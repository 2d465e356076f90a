//go:build linux

// Command nodes measures how long a change takes from node to node: several Headwater processes share one PostgreSQL, a
// record is added through the API of one, and from the moment of the answer another is asked for it by UDP until it knows
// it. The asking node is told nothing (no Headwater-Seq), so what is measured is the way through the database. Then it
// measures how many changes a second one node makes, and two together, in several zones of one account.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/test/node"
)

// Goals for the quiet row.
const (
	goalMedian = 5 * time.Millisecond
	goalP99    = 25 * time.Millisecond
)

func main() {
	nodes := flag.Int("nodes", 3, "processes on one database")
	changes := flag.Int("changes", 1000, "changes to measure in each row")
	core := flag.Float64("core", 0, "share of a core that each node may use, as if on a machine of its own; 0 is no limit")
	writers := flag.Int("writers", 4, "clients that write all the time in the busy row")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *nodes, *changes, *writers, *core); err != nil {
		fmt.Fprintln(os.Stderr, "nodes:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, count, changes, writers int, core float64) error {
	dir, err := os.MkdirTemp("", "headwater-nodes")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	pg, err := pgtest.New()
	if err != nil {
		return err
	}
	defer pg.Close()
	var all []*node.Node
	defer func() {
		for _, n := range all {
			n.Kill()
		}
	}()
	for range count {
		// One data directory: with PostgreSQL nothing but the secret key lies there, and they share that.
		n, err := node.Start(filepath.Join(dir, "data"), "--database", pg.URL("postgres"), "--log-level", "error", "--probe-interval", "0")
		if err != nil {
			return err
		}
		all = append(all, n)
		if core > 0 {
			release, ok := n.Confine(0, core)
			defer release()
			if !ok {
				return errors.New("the kernel holds no process to a share of a core here")
			}
		}
	}
	if core > 0 {
		fmt.Printf("each node is held to %.2f of a core\n", core)
	}
	zone, err := makeZone(ctx, all[0], "measured.example")
	if err != nil {
		return err
	}
	other, err := makeZone(ctx, all[0], "other.example")
	if err != nil {
		return err
	}
	fmt.Printf("%d nodes on one PostgreSQL, from the answer of one node's API to the answer of another over UDP\n", count)
	quiet, err := measure(ctx, all, zone, "quiet", changes)
	if err != nil {
		return err
	}
	report("nothing else to do", quiet)
	fmt.Printf("  goals: median %s, p99 %s\n", goalMedian, goalP99)
	busy, done, err := measureBusy(ctx, all, zone, other, changes, writers)
	if err != nil {
		return err
	}
	report(fmt.Sprintf("beside %d writers, %.0f changes/s", writers, done), busy)
	if err := measureZones(ctx, all); err != nil {
		return err
	}
	if n := pg.Deadlocks(); n > 0 {
		return fmt.Errorf("%d deadlocks in the database", n)
	}
	return nil
}

// makeZone makes a zone on a node and gives its id.
func makeZone(ctx context.Context, n *node.Node, name string) (string, error) {
	a, err := n.Do(ctx, http.MethodPost, "/zones", map[string]any{"name": name})
	if err != nil {
		return "", err
	}
	if !a.Success {
		return "", fmt.Errorf("make zone: %s", a.Body)
	}
	return id(a)
}

// measure adds records one after another, on one node each, and waits for each on another.
func measure(ctx context.Context, all []*node.Node, zone, label string, changes int) ([]time.Duration, error) {
	var took []time.Duration
	for i := range changes {
		from := i % len(all)
		to := (from + 1 + rand.IntN(len(all)-1)) % len(all)
		name := fmt.Sprintf("%s%d", label, i)
		q, err := newQuestion(all[to].DNS, name+".measured.example")
		if err != nil {
			return nil, err
		}
		if err := add(ctx, all[from], zone, name); err != nil {
			q.close()
			return nil, err
		}
		d, err := q.await(ctx)
		q.close()
		if err != nil {
			return nil, fmt.Errorf("%s from node %d on node %d: %w", name, from, to, err)
		}
		took = append(took, d)
	}
	return took, nil
}

// measureBusy is measure while others write to another zone; it tells how many changes a second they made.
func measureBusy(ctx context.Context, all []*node.Node, zone, other string, changes, writers int) ([]time.Duration, float64, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	counts := make([]int, writers)
	begin := time.Now()
	for w := range writers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if add(ctx, all[w%len(all)], other, fmt.Sprintf("w%d-%d", w, counts[w])) == nil {
					counts[w]++
				}
			}
		})
	}
	took, err := measure(ctx, all, zone, "busy", changes)
	span := time.Since(begin).Seconds()
	stop()
	wg.Wait()
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return took, float64(sum) / span, err
}

func report(row string, took []time.Duration) {
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[min(len(took)-1, int(share*float64(len(took))))].Microseconds()) / 1000
	}
	fmt.Printf("%-36s %d changes: median %.2f ms, p90 %.2f, p99 %.2f, most %.2f ms\n", row, len(took), at(0.5), at(0.9), at(0.99), at(1))
}
