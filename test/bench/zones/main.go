//go:build linux

// Command zones measures Headwater with very many small zones, on SQLite and on PostgreSQL: how long they take to be made,
// what each costs in memory over an idle process, and how long a restart takes until it is ready and answers rightly.
// docs/operations.md has figures, and docs/benchmark.md the method.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/internal/control/store/pgtest"
	"github.com/headwaterdns/headwater/test/bench/fill"
	"github.com/headwaterdns/headwater/test/node"
)

// options are what a run can be told.
type options struct {
	zones, records, rounds int
	engines                string
	transfers              bool
	data                   string
	profile                string
}

func main() {
	var o options
	flag.IntVar(&o.zones, "zones", 1_000_000, "zones to make")
	flag.IntVar(&o.records, "records", 5, "records of each, beside SOA and NS")
	flag.IntVar(&o.rounds, "rounds", 3, "restarts of each engine")
	flag.StringVar(&o.engines, "engines", "sqlite,postgres", "engines to measure")
	flag.BoolVar(&o.transfers, "transfers", false, "with transfers switched on, so that their history is kept for IXFR")
	flag.StringVar(&o.data, "data", "", "directory to fill and to keep, or a filled one; default: a temporary one")
	flag.StringVar(&o.profile, "profile", "", "load the SQLite store in this process instead, and write CPU and heap profiles with this prefix")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, &o); err != nil {
		fmt.Fprintln(os.Stderr, "zones:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o *options) error {
	dir, err := os.MkdirTemp("", "headwater-zones")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data := o.data
	if data == "" {
		data = filepath.Join(dir, "data")
	}
	if err := fillOnce(ctx, o, data); err != nil {
		return err
	}
	if o.profile != "" {
		return profile(ctx, data, o.profile)
	}
	bin := filepath.Join(dir, "headwater")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/headwater")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if build.Dir, err = node.Root(); err != nil {
		return err
	}
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	idle, err := measure(ctx, &server{bin: bin, data: filepath.Join(dir, "idle")}, 0)
	if err != nil {
		return fmt.Errorf("idle process: %w", err)
	}
	fmt.Printf("idle process: PSS %.1f MiB, Go heap %.1f MiB\n", mib(idle.pss), mib(idle.heap))
	for _, engine := range []string{"sqlite", "postgres"} {
		if !slices.Contains(splitList(o.engines), engine) {
			continue
		}
		if err := o.engine(ctx, engine, &server{bin: bin, data: data}, idle); err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
	}
	return nil
}

// fillOnce makes the zones in the SQLite store of data, unless they are there.
func fillOnce(ctx context.Context, o *options, data string) error {
	file := filepath.Join(data, "headwater.db")
	if _, err := os.Stat(file); err == nil {
		fmt.Printf("sqlite: %s is there already\n", file)
		return nil
	}
	begin := time.Now()
	err := fill.Fill(ctx, fill.Config{Data: data, Zones: o.zones, Records: o.records, Transfers: o.transfers, Progress: func(n int) {
		fmt.Fprintf(os.Stderr, "\r%d zones, %.0f/s ", n, float64(n)/time.Since(begin).Seconds())
	}})
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	took := time.Since(begin)
	fmt.Fprintln(os.Stderr)
	st, err := os.Stat(file)
	if err != nil {
		return err
	}
	fmt.Printf("sqlite: %d zones of %d records made in %.1f s (%.0f zones/s, two durable changes each); file %.0f MiB\n",
		o.zones, o.records, took.Seconds(), float64(o.zones)/took.Seconds(), mib(st.Size()))
	return nil
}

// engine measures restarts on one engine.
func (o *options) engine(ctx context.Context, engine string, s *server, idle *figures) error {
	if engine == "postgres" {
		pg, err := pgtest.New()
		if err != nil {
			return err
		}
		defer pg.Close()
		s.database = pg.URL("postgres")
		begin := time.Now()
		if err := fill.Copy(ctx, s.data, s.database); err != nil {
			return err
		}
		took := time.Since(begin)
		fmt.Printf("postgres: copied from SQLite as by headwater migrate in %.1f s (%.0f zones/s; the server runs with fsync off)\n",
			took.Seconds(), float64(o.zones)/took.Seconds())
	}
	var rounds []*figures
	for range o.rounds {
		f, err := measure(ctx, s, o.zones)
		if err != nil {
			return err
		}
		rounds = append(rounds, f)
		fmt.Printf("%s: start to ready %.2f s, to the first right answer %.2f s, CPU %.1f s; PSS %.0f MiB, peak RSS %.0f MiB, Go heap %.0f MiB;"+
			" %.0f octets of PSS and %.0f of Go heap a zone; after %d changes PSS %.0f MiB, %.0f octets a zone\n",
			engine, f.ready.Seconds(), f.answer.Seconds(), f.cpu.Seconds(), mib(f.pss), mib(f.peak), mib(f.heap),
			per(f.pss-idle.pss, o.zones), per(f.heap-idle.heap, o.zones), changes, mib(f.later), per(f.later-idle.pss, o.zones))
	}
	slices.SortFunc(rounds, func(a, b *figures) int { return int(a.ready - b.ready) })
	m := rounds[len(rounds)/2]
	fmt.Printf("%s: median of %d: ready %.2f s (goal 30 s), %.2f KiB of PSS a zone over the idle process (goal 1.5 KiB)\n",
		engine, len(rounds), m.ready.Seconds(), per(m.pss-idle.pss, o.zones)/1024)
	return nil
}

func mib(n int64) float64            { return float64(n) / (1 << 20) }
func per(n int64, zones int) float64 { return float64(n) / float64(zones) }
