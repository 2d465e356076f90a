//go:build linux

// Command dnsload asks a DNS server as fast as it can, or at a fixed rate, and checks every answer.
//
//	dnsload -server 127.0.0.1:5300 -queries wide.txt -window 256 -duration 10s -pid 4711
//	dnsload -server 127.0.0.1:5300 -queries hot.txt -rate 20000 -duration 10s
//	dnsload -server 127.0.0.1:5300 -queries wide.txt -transport tcp -conns 8 -window 64
//
// A line of the query file is "name type [rcode [answers]]", e.g. "www.example.org. A NOERROR 2"; what is left out is
// not compared. Queries are asked in order, again from the start when the file ends; each thread or connection starts
// at another place of it.
//
// Latency is that of queries answered, and a lost one counts as one that took the whole timeout. At a fixed rate it counts from when a query was due, so that a server that
// stalls is charged for those who wait behind (no coordinated omission). The server's CPU is the difference of utime
// and stime in /proc/PID/stat, in clock ticks: measure for seconds, not for milliseconds.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

// options are what the command line says.
type options struct {
	server    netip.AddrPort
	transport string
	file      string
	threads   int           // UDP sockets, each with a thread
	conns     int           // TCP connections
	window    int           // outstanding queries per socket or connection
	rate      float64       // queries per second over all threads; 0: as fast as the window allows
	duration  time.Duration // measured
	warmup    time.Duration // before it, not measured
	timeout   time.Duration // after which a query counts as lost
	edns      int           // UDP size to announce; 0: no EDNS
	do        bool
	pids      []int
	json      bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dnsload:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	qs, err := readFile(o.file, o.edns, o.do)
	if err != nil {
		return err
	}
	r, err := load(ctx, o, qs)
	if err != nil {
		return err
	}
	if o.json {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		err = r.print(os.Stdout)
	}
	if err == nil && r.Wrong > 0 {
		err = fmt.Errorf("%d answers are wrong, the first: %s", r.Wrong, r.FirstWrong)
	}
	return err
}

func parse(args []string) (options, error) {
	var o options
	var server string
	f := flag.NewFlagSet("dnsload", flag.ContinueOnError)
	f.StringVar(&server, "server", "127.0.0.1:5300", "address and port to ask")
	f.StringVar(&o.transport, "transport", "udp", "udp or tcp")
	f.StringVar(&o.file, "queries", "", "file with a query on each line: name type [rcode [answers]]")
	f.IntVar(&o.threads, "threads", 1, "UDP sockets, each with a thread of its own")
	f.IntVar(&o.conns, "conns", 4, "TCP connections")
	f.IntVar(&o.window, "window", 128, "outstanding queries per socket or connection")
	f.Float64Var(&o.rate, "rate", 0, "queries per second in all (UDP only); 0: as fast as the window allows")
	f.DurationVar(&o.duration, "duration", 10*time.Second, "how long to measure")
	f.DurationVar(&o.warmup, "warmup", time.Second, "how long to ask before measuring")
	f.DurationVar(&o.timeout, "timeout", time.Second, "when an unanswered query counts as lost")
	f.IntVar(&o.edns, "edns", 1232, "UDP size to announce by EDNS; 0: ask without EDNS")
	f.BoolVar(&o.do, "do", false, "set the DO bit")
	f.Func("pid", "processes of the server, `ID,ID`, to read their CPU time", func(s string) error {
		for one := range strings.SplitSeq(s, ",") {
			pid, err := strconv.Atoi(one)
			if err != nil {
				return err
			}
			o.pids = append(o.pids, pid)
		}
		return nil
	})
	f.BoolVar(&o.json, "json", false, "print JSON")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.server, err = netip.ParseAddrPort(server); err != nil {
		return o, fmt.Errorf("-server: %w", err)
	}
	return o, o.check()
}

func (o *options) check() error {
	switch {
	case o.file == "":
		return errors.New("-queries is missing")
	case o.transport != "udp" && o.transport != "tcp":
		return fmt.Errorf("-transport %q is neither udp nor tcp", o.transport)
	case o.rate != 0 && o.transport == "tcp":
		return errors.New("-rate works over udp only")
	case o.rate < 0 || o.threads < 1 || o.conns < 1 || o.window < 1 || o.window > maxWindow || o.duration <= 0:
		return fmt.Errorf("-rate, -threads, -conns, -window or -duration is out of range (a window is 1 to %d)", maxWindow)
	}
	return nil
}
