//go:build linux

// Command bench measures Headwater beside NSD, Knot DNS, BIND, PowerDNS and an echo on one machine, in one run, interleaved.
//
// Every contestant serves the same zone on a loopback port, is bound to one core, and is loaded from another. What is
// printed are medians with their least and most, and how ours stand to the peers' as the project's goals demand; absolute
// times say something about this machine alone. docs/benchmark.md tells method and limits.
//
// Start with bench.go: the order of things. The rows and their goals are in rows.go, the contestants in headwater.go,
// peers.go and powerdns.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/test/node"
)

// options are what a run can be told.
type options struct {
	records  int
	zones    int
	most     int
	rounds   int
	duration time.Duration
	warmup   time.Duration
	changes  int // that a secondary is watched for
	out      string
	dir      string
	profile  string
	slow     time.Duration // by which a slow disk is slower
	quick    bool
	rows     *regexp.Regexp // nil: every row
	only     []string       // names of contestants in lower case; empty: all
}

// wants says whether one of the rows is asked for.
func (o *options) wants(rows ...string) bool {
	return o.rows == nil || slices.ContainsFunc(rows, o.rows.MatchString)
}

// invites says whether a contestant takes part.
func (o *options) invites(name string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, strings.ToLower(name))
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse() (options, error) {
	var o options
	var only string
	flag.IntVar(&o.records, "records", 1_000_000, "records in the large zone")
	flag.IntVar(&o.zones, "zones", 100_000, "small zones, of ten records each")
	flag.IntVar(&o.most, "most", 1_000_000, "zones in the rows of very many; 0 leaves them out, and so does a quick run that does not name it")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of every row, contestants interleaved")
	flag.DurationVar(&o.duration, "duration", 4*time.Second, "length of a load")
	flag.StringVar(&o.out, "out", "bench/results.md", "where the table goes")
	flag.StringVar(&o.dir, "dir", "", "where the servers' files go for the run; default: the system's temporary directory")
	flag.StringVar(&o.profile, "profile", "", "take CPU and allocation profiles of us under the rows' loads into this directory, and no figures")
	flag.DurationVar(&o.slow, "slow-disk", time.Millisecond, "by how much strace makes each fsync and fdatasync longer in the rows of a slow disk")
	flag.BoolVar(&o.quick, "quick", false, "a run of about five minutes")
	flag.StringVar(&only, "only", "", "contestants that take part, e.g. headwater,knot; empty: all")
	flag.Func("rows", "rows to measure: a `regexp` over their names, without regard to case", func(s string) (err error) {
		o.rows, err = regexp.Compile("(?i)" + s)
		return err
	})
	flag.Parse()
	if only != "" {
		o.only = strings.Split(strings.ToLower(only), ",")
	}
	o.warmup, o.changes = time.Second, 15
	if o.quick {
		o.records, o.zones, o.changes = min(o.records, 200_000), min(o.zones, 10_000), 9
		o.duration, o.warmup = min(o.duration, 1200*time.Millisecond), 300*time.Millisecond
	}
	if !given("slow-disk") && o.quick {
		o.slow = 0 // a minute that a quick run has not
	}
	if !given("most") && o.quick {
		o.most = 0
	}
	if o.rounds < 1 || o.records < 2000 || o.zones < 10 {
		return o, errors.New("a run needs a round, 2,000 records and 10 zones at least")
	}
	return o, nil
}

// given says whether a flag stands on the command line.
func given(name string) (yes bool) {
	flag.Visit(func(f *flag.Flag) { yes = yes || f.Name == name })
	return yes
}

// toRoot goes to the repository's root, from which the program is built and files are named: a run starts in the module of tests.
func toRoot() error {
	root, err := node.Root()
	if err != nil {
		return err
	}
	return os.Chdir(root)
}

func run(ctx context.Context) error {
	o, err := parse()
	if err != nil {
		return err
	}
	if err := toRoot(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "headwater-bench")
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, dir: dir, table: newTable(), began: time.Now()}
	defer b.stop()
	if o.profile != "" {
		return b.profiles(ctx)
	}
	failed := b.measure(ctx)
	if ctx.Err() != nil {
		failed = ctx.Err()
		b.table.note("The run was ended early: there would have been more rows.")
	}
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		return err
	}
	f, err := os.Create(o.out)
	if err != nil {
		return err
	}
	b.write(f)
	b.write(os.Stdout)
	if err := f.Close(); err != nil {
		return err
	}
	return failed
}
