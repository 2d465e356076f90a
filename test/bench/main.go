//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// options are what a run can be told.
type options struct {
	records  int
	rounds   int
	duration time.Duration
	out      string
	quick    bool
	rows     *regexp.Regexp // nil: every row
	only     []string       // names of contestants in lower case; empty: all
}

// wants says whether a row is asked for.
func (o *options) wants(row string) bool { return o.rows == nil || o.rows.MatchString(row) }

// invites says whether a contestant takes part.
func (o *options) invites(name string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, strings.ToLower(name))
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	flag.IntVar(&o.records, "records", 1_000_000, "records in the large zone")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of every row, contestants interleaved")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "length of a load")
	flag.StringVar(&o.out, "out", "bench/results.md", "where the table goes")
	flag.BoolVar(&o.quick, "quick", false, "a run of about five minutes")
	var only string
	flag.StringVar(&only, "only", "", "contestants that take part, e.g. headwater,knot; empty: all")
	flag.Func("rows", "rows to measure: a `regexp` over their names", func(s string) (err error) {
		o.rows, err = regexp.Compile("(?i)" + s)
		return err
	})
	flag.Parse()
	if only != "" {
		o.only = strings.Split(strings.ToLower(only), ",")
	}
	if o.quick {
		o.records, o.duration = min(o.records, 200_000), min(o.duration, 2*time.Second)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "headwater-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, dir: dir, table: &table{}}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	defer b.stop()
	if err := b.measure(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return err
	}
	f, err := os.Create(o.out)
	if err != nil {
		return err
	}
	b.table.write(f, b)
	b.table.write(os.Stdout, b)
	return f.Close()
}

// bench is one run.
type bench struct {
	options
	dir   string
	load  string // the load generator
	all   []*contestant
	table *table
}

// prepare builds the programs, makes the zone, and starts every contestant on it.
func (b *bench) prepare(ctx context.Context) error {
	bin := filepath.Join(b.dir, "headwater")
	b.load = filepath.Join(b.dir, "dnsload")
	for out, pkg := range map[string]string{bin: "./cmd/headwater", b.load: "./test/bench/dnsload"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if msg, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, msg)
		}
	}
	fmt.Fprintf(os.Stderr, "making a zone of %d records\n", b.records)
	if err := b.makeZone(); err != nil {
		return err
	}
	for _, c := range []*contestant{headwater(b, bin), nsd(b), knot(b), bind(b)} {
		if b.invites(c.name) {
			b.all = append(b.all, c)
		}
	}
	for _, c := range b.all {
		fmt.Fprintln(os.Stderr, "starting", c.name)
		if err := c.prepare(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if err := c.start(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (b *bench) stop() {
	for _, c := range b.all {
		c.stop()
	}
}

// measure runs every row, round by round, so that a machine whose speed drifts treats all alike.
func (b *bench) measure(ctx context.Context) error {
	for round := range b.rounds {
		for _, c := range b.all {
			fmt.Fprintf(os.Stderr, "round %d: %s\n", round+1, c.name)
			for _, row := range rows() {
				if !b.wants(row.name) {
					continue
				}
				v, err := row.measure(ctx, b, c)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", c.name, row.name, err)
				}
				b.table.add(row.name, c.name, v)
			}
		}
	}
	if b.wants(rowMemory) {
		for _, c := range b.all {
			b.table.add(rowMemory, c.name, c.pss())
		}
	}
	for range b.rounds {
		if !b.wants(rowStart) {
			break
		}
		for _, c := range b.all {
			took, err := c.restart(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			b.table.add(rowStart, c.name, took.Seconds())
		}
	}
	return b.measureWrites(ctx)
}
