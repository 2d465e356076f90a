//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The rows of the table. Small values are good, but in rows of additions per second.
const (
	rowWide        = "UDP, 180,000 distinct queries: CPU us a query"
	rowHot         = "UDP, 1,000 hot queries: CPU us a query"
	rowWideDO      = "UDP with DO, 180,000 distinct queries: CPU us a query"
	rowHotDO       = "UDP with DO, 1,000 hot queries: CPU us a query"
	rowRateP99     = "UDP at 20,000/s: p99 us"
	rowRateCPU     = "UDP at 20,000/s: CPU us a query"
	rowTCP         = "TCP, pipelined: CPU us a query"
	rowAXFR        = "AXFR: s"
	rowTSIG        = "AXFR with TSIG: s"
	rowTLS         = "AXFR over TLS: s"
	rowFour        = "four AXFRs at once: s"
	rowFirst       = "four AXFRs at once: last of the first messages, ms"
	rowMemory      = "memory (PSS): MB"
	rowStart       = "start to first right answer: s"
	rowManyUDP     = "small zones: UDP, CPU us a query"
	rowManyMemory  = "small zones: memory (PSS), MB"
	rowManyStart   = "small zones: start to first right answer, s"
	rowAdd1        = "adds a second, 1 client"
	rowAdd16       = "adds a second, 16 clients"
	rowBatch       = "adds a second in batches of 100, 1 client"
	rowSlow1       = "slow disk: adds a second, 1 client"
	rowSlow16      = "slow disk: adds a second, 16 clients"
	rowSlowBatch   = "slow disk: adds a second in batches of 100, 1 client"
	rowAccept      = "accepted change, large zone: ms"
	rowAcceptSmall = "accepted change, zone of 1,000 records: ms"
	rowSeen        = "accepted change until seen at a Knot secondary: ms"
	rowAlone       = "Knot's own part of that: ms"
	rowTrace1      = "trace: accepted until NOTIFY leaves, ms"
	rowTrace2      = "trace: NOTIFY until it asks, ms"
	rowTrace3      = "trace: it asks until our last octet, ms"
	rowTrace4      = "trace: our last octet until served, ms"
	rowIdle        = "latency p99 at 20,000/s: idle, us"
	rowChanges     = "latency p99 at 20,000/s: 1,000 changes/s, us"
	rowMoved       = "latency p99 at 20,000/s: zone transferred, us"
	rowLoad        = "the large zone from a file, until it is answered: s"
	rowLoadMemory  = "peak memory of that, over idle: MB"
	rowMakeZones   = "zones made a second through the API, 1 client"
	rowMostStart   = "very many zones: start to first right answer, s"
	rowMostMemory  = "very many zones: memory (PSS), MB"
	rowPlainHot    = "as it comes: UDP, 1,000 hot queries, CPU us a query"
	rowPlainBeside = "as it comes: AXFR beside 20,000 queries/s, s"
	rowProcsHot    = "GOMAXPROCS=1: UDP, 1,000 hot queries, CPU us a query"
	rowProcsBeside = "GOMAXPROCS=1: AXFR beside 20,000 queries/s, s"
	rowLimitHot    = "a limit on answers that is not reached: UDP, 1,000 hot queries, CPU us a query"
	rowTapHot      = "dnstap of 1 % of the answers: UDP, 1,000 hot queries, CPU us a query"
)

// largeRows are those that need the large zone.
func largeRows() []string {
	return append([]string{
		rowWide, rowHot, rowWideDO, rowHotDO, rowRateP99, rowRateCPU, rowTCP, rowAXFR, rowTSIG, rowTLS, rowFour, rowFirst, rowMemory, rowStart, rowAdd1, rowAdd16,
		rowBatch, rowAccept, rowAcceptSmall, rowSeen, rowAlone, rowTrace1, rowTrace2, rowTrace3, rowTrace4, rowIdle, rowChanges, rowMoved,
		rowPlainHot, rowPlainBeside, rowProcsHot, rowProcsBeside, rowLimitHot, rowTapHot,
		rowSlow1, rowSlow16, rowSlowBatch, rowMakeZones, rowAddTold, rowAddUntold,
	}, listRows()...)
}

// goal is what a row must show of us.
type goal struct {
	factor float64 // times the median of what we are compared with
	least  bool    // ours must be at least that, not at most
	noise  bool    // what lies within noise is met
	peers  []string
	row    string  // we are compared with another row of ours
	turns  bool    // the two are measured one right after the other: the ratio is the median of the turns' own
	limit  float64 // enough by itself, whatever the comparison says
}

// goals are those that the project has set itself.
func goals() map[string][]goal {
	two := []string{nameNSD, nameKnot}
	three := []string{nameNSD, nameKnot, nameBIND}
	all := []string{nameNSD, nameKnot, nameBIND, namePDNS}
	return map[string][]goal{
		rowWide:       {{factor: 0.65, peers: two}, {factor: 1.45, peers: []string{namePlain}}},
		rowHot:        {{factor: 0.75, peers: two}, {factor: 1.25, peers: []string{namePlain}}},
		rowWideDO:     {{factor: 0.8, peers: two}},
		rowHotDO:      {{factor: 0.9, peers: two}},
		rowRateP99:    {{factor: 1, noise: true, peers: two}},
		rowRateCPU:    {{factor: 1, noise: true, peers: two}},
		rowTCP:        {{factor: 0.8, peers: all}},
		rowAXFR:       {{factor: 0.33, peers: three}},
		rowTSIG:       {{factor: 0.33, peers: three}},
		rowTLS:        {{factor: 0.33, peers: []string{nameBIND}}},
		rowFour:       {{factor: 0.3, peers: three}},
		rowFirst:      {{factor: 1, noise: true, peers: three}},
		rowMemory:     {{factor: 0.4, peers: three}},
		rowStart:      {{factor: 0.35, peers: three}},
		rowManyMemory: {{factor: 0.4, peers: three}},
		rowManyStart:  {{factor: 0.35, peers: three}},
		rowAdd1:       {{factor: 1.4, least: true, peers: []string{nameBIND}}, {factor: 2.5, least: true, peers: []string{namePDNS}}},
		rowAdd16:      {{factor: 8, least: true, peers: []string{nameBIND}}, {factor: 2.5, least: true, peers: []string{namePDNS}}},
		rowBatch:      {{factor: 1, least: true, peers: []string{nameBIND}}, {factor: 1.3, least: true, peers: []string{namePDNS}}},
		rowAddTold:    {{factor: 0.95, least: true, row: rowAddUntold}},
		rowSlow1:      {{factor: 3, least: true, peers: []string{nameBIND}}},
		rowSlow16:     {{factor: 10, least: true, peers: []string{nameBIND}}},
		rowSlowBatch:  {{factor: 2, least: true, peers: all}},
		rowLoad:       {{factor: 1, peers: []string{namePDNS}, limit: 12}},
		rowLoadMemory: {{factor: 1, peers: three, limit: 600}},
		rowMostStart:  {{factor: 0.35, peers: three}},
		rowMostMemory: {{factor: 0.4, peers: three}},
		rowAccept:     {{factor: 1.3, row: rowAcceptSmall}},
		rowSeen:       {{factor: 2, row: rowAlone, limit: 20}},
		rowChanges:    {{factor: 2, row: rowIdle}},
		rowMoved:      {{factor: 2, row: rowIdle}},

		rowSignedHits:   {{factor: 0.8, peers: three}},
		rowSignedNone:   {{factor: 0.8, peers: three}},
		rowSignedAXFR:   {{factor: 0.33, peers: three}},
		rowSignedMemory: {{factor: 0.5, peers: three}},
		rowSignedStart:  {{factor: 0.35, peers: three}},
		rowSigning:      {{factor: 0.8, peers: []string{nameSignzone, nameKzonesign}}},
		rowAddSigned:    {{factor: 1.3, row: rowAddPlain}}, // and four signatures, a tenth of a millisecond

		rowProcsHot:    {{factor: 1.05, row: rowPlainHot, turns: true}},
		rowProcsBeside: {{factor: 1.05, row: rowPlainBeside}},
		rowLimitHot:    {{factor: 1.03, row: rowPlainHot, turns: true}},
		rowTapHot:      {{factor: 1.02, row: rowPlainHot, turns: true}},

		rowRenewing: {{factor: 2, row: rowSignedIdle}},
	}
}

// cuts is into how many loads a round's load over UDP is cut: the speed of a core that strangers share changes by a quarter
// within seconds, and many short loads in turn share that fairly.
const cuts = 3

// cut is how long each of them is.
func (b *bench) cut() time.Duration { return b.duration / 4 }

// queryJobs ask the large zone's names.
func (b *bench) queryJobs() []job {
	perQuery := func(queries string, d time.Duration, flags ...string) func(ctx context.Context, c *contestant) ([]float64, error) {
		return func(ctx context.Context, c *contestant) ([]float64, error) {
			r, err := b.ask(ctx, c, queries, d, flags...)
			if err != nil {
				return nil, err
			}
			return []float64{r.CPU.PerQuery}, nil
		}
	}
	wide := job{[]string{rowWide}, everybody, perQuery("wide", b.cut())}
	hot := job{[]string{rowHot}, everybody, perQuery("hot", b.cut())}
	return append(slices.Repeat([]job{wide, hot}, cuts), []job{
		{[]string{rowWideDO}, servers, perQuery("wide", b.cut(), withDO...)},
		{[]string{rowHotDO}, servers, perQuery("hot", b.cut(), withDO...)},
		{[]string{rowRateP99, rowRateCPU}, servers, func(ctx context.Context, c *contestant) ([]float64, error) {
			r, err := b.ask(ctx, c, "wide", b.duration/2, atRate...)
			if err != nil {
				return nil, err
			}
			return []float64{r.P99, r.CPU.PerQuery}, nil
		}},
		{[]string{rowTCP}, servers, perQuery("wide", b.duration/2, overTCP...)},
	}...)
}

// atRate asks at a fixed rate; latencies count from when a query was due.
var atRate = []string{"-rate", "20000"}

// withDO asks for signatures (RFC 3225), as validating resolvers do; the zone has none.
var withDO = []string{"-do"}

// overTCP pipelines on a few connections.
var overTCP = []string{"-transport", "tcp", "-conns", "4", "-window", "64", "-timeout", "10s"}

// memoryJob comes last in a round, when all have been asked and transferred from alike. If other rows are left out, it loads
// by itself.
func (b *bench) memoryJob() job {
	return job{[]string{rowMemory}, resident, func(ctx context.Context, c *contestant) ([]float64, error) {
		if !b.wants(rowWide) {
			if _, err := b.ask(ctx, c, "wide", b.duration); err != nil {
				return nil, err
			}
		}
		if !b.wants(rowFour, rowFirst) {
			if _, err := b.transfers(ctx, c, 4); err != nil {
				return nil, err
			}
		}
		return []float64{c.pss()}, nil
	}}
}

// loadReport is what dnsload prints.
type loadReport struct {
	Sent     uint64  `json:"sent"`
	Answered uint64  `json:"answered"`
	Lost     uint64  `json:"lost"`
	P99      float64 `json:"p99_us"`
	CPU      struct {
		PerQuery float64 `json:"us_per_query"`
	} `json:"cpu"`
}

// ask runs the load generator on its core. At a fixed rate it gets the core before the other clients there.
func (b *bench) ask(ctx context.Context, c *contestant, queries string, d time.Duration, flags ...string) (*loadReport, error) {
	if c.kind == nothing {
		queries = "echo-" + queries
	}
	args := append([]string{
		"-c", strconv.Itoa(loadCore), b.load, "-server", c.addr.String(), "-queries", filepath.Join(b.dir, queries),
		"-duration", d.String(), "-warmup", min(b.warmup, d*3/10).String(), "-pid", c.pids(), "-json",
	}, flags...)
	if len(flags) > 0 && flags[0] == atRate[0] && preferred() {
		args = append([]string{args[0], args[1], "chrt", "-f", "10"}, args[2:]...)
	}
	cmd := exec.CommandContext(ctx, "taskset", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("load: %w: %s", err, stderr.String())
	}
	r := new(loadReport)
	if err := json.Unmarshal(out, r); err != nil {
		return nil, fmt.Errorf("load: %w: %s", err, out)
	}
	if r.Answered == 0 {
		return nil, fmt.Errorf("load: %w", errSilent)
	}
	if r.Lost > 0 {
		b.table.note("%s lost %d of %d queries (%s %s)", c.name, r.Lost, r.Sent, queries, strings.Join(flags, " "))
	}
	return r, nil
}

// preferred says whether a process may have real-time priority here.
func preferred() bool { return exec.Command("chrt", "-f", "10", "true").Run() == nil }
