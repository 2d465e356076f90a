//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// adder is a client that adds records durably: when add returns, they outlive a loss of power.
type adder interface {
	// add adds the records added(first) to added(first+n-1) in one request.
	add(ctx context.Context, first, n int) error
	close()
}

// addedAddress is the content of all records that adders add.
const addedAddress = "192.0.2.7"

// added is the name of an added record, without final dot.
func added(n int) string { return fmt.Sprintf("w%d.%s", n, zoneName) }

// serial makes names that were never used before.
var serial atomic.Int64

func fresh(n int) int { return int(serial.Add(int64(n))) - n }

// measureWrites compares durable additions, and ours in a large zone with ours in a small one.
func (b *bench) measureWrites(ctx context.Context) error {
	if err := b.interleave(ctx, "additions", b.addJobs(rowAdd1, rowAdd16, rowBatch)); err != nil {
		return err
	}
	us := b.find(nameUs)
	if us == nil || !b.wants(rowAccept, rowAcceptSmall) {
		return nil
	}
	small, err := us.api.fill(ctx, smallName, smallZone())
	if err != nil {
		return fmt.Errorf("small zone: %w", err)
	}
	return b.interleave(ctx, "changes in a large and a small zone", []job{{
		rows:    []string{rowAccept, rowAcceptSmall},
		who:     func(c *contestant) bool { return c == us },
		measure: func(ctx context.Context, c *contestant) ([]float64, error) { return b.accepted(ctx, c.api, small) },
	}})
}

// addJobs are additions by one client, by sixteen, and in batches.
func (b *bench) addJobs(one, sixteen, batch string) []job {
	of := func(row string, clients, each int) job {
		return job{[]string{row}, adds, func(ctx context.Context, c *contestant) ([]float64, error) { return b.perSecond(ctx, c, clients, each) }}
	}
	return []job{of(one, 1, 1), of(sixteen, 16, 1), of(batch, 1, 100)}
}

func adds(c *contestant) bool { return c.adder != nil }

// measureSlowDisk compares additions once more, on a disk that takes longer to be sure: how long that is decides what they
// cost, and differs between machines more than anything else.
func (b *bench) measureSlowDisk(ctx context.Context) error {
	if b.slow <= 0 || !b.wants(rowSlow1, rowSlow16, rowSlowBatch) {
		return nil
	}
	argv := append(slowDisk(b.slow), "true")
	if msg, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
		b.table.note("No slow disk: strace: %v %s", err, bytes.TrimSpace(msg))
		return nil
	}
	for _, c := range b.all {
		if !adds(c) {
			continue
		}
		b.say("%s gets a slow disk", c.name)
		if c.cmd != nil { // measureSecondary has stopped most of them
			c.end(syscall.SIGTERM)
		}
		c.slow = b.slow
		if err := c.start(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	b.table.note("On the slow disk, each fsync and fdatasync takes %v longer.", b.slow)
	return b.inRounds(ctx, min(b.rounds, 2), "additions on a slow disk", b.addJobs(rowSlow1, rowSlow16, rowSlowBatch))
}

// perSecond adds with some clients at once for the time of a load.
func (b *bench) perSecond(ctx context.Context, c *contestant, clients, each int) ([]float64, error) {
	n, took, err := b.addFor(ctx, c, b.duration/2, clients, each) // thousands of them
	if err != nil {
		return nil, err
	}
	return []float64{float64(n) / took.Seconds()}, nil
}

func (b *bench) addFor(ctx context.Context, c *contestant, d time.Duration, clients, each int) (int64, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, d+time.Minute)
	defer cancel()
	all := make([]adder, clients)
	for i := range all {
		a, err := c.adder()
		if err != nil {
			return 0, 0, err
		}
		defer a.close()
		all[i] = a
	}
	c.grown = true
	var done atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, clients)
	begin := time.Now()
	for _, a := range all {
		wg.Go(func() {
			for time.Since(begin) < d {
				if err := a.add(ctx, fresh(each), each); err != nil {
					errs <- err
					return
				}
				done.Add(int64(each))
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	select {
	case err := <-errs:
		return 0, 0, err
	default:
		return done.Load(), took, nil
	}
}

// accepted gives the median times, in ms, of single additions to the large zone and to a small one, in turn.
func (b *bench) accepted(ctx context.Context, a *api, small string) ([]float64, error) {
	const changes = 200
	var took [2][]float64
	for range changes {
		for i, zone := range []string{a.zone, small} {
			begin := time.Now()
			if err := (&apiAdder{a, zone}).add(ctx, fresh(1), 1); err != nil {
				return nil, err
			}
			took[i] = append(took[i], ms(time.Since(begin)))
		}
	}
	return []float64{median(took[0]), median(took[1])}, nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// apiAdder adds through our HTTP API, one record by a plain POST and several as a batch.
type apiAdder struct {
	api  *api
	zone string
}

type apiRecord struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Content string `json:"content"`
}

func (a *apiAdder) add(ctx context.Context, first, n int) error {
	posts := make([]apiRecord, n)
	for i := range posts {
		posts[i] = apiRecord{"A", fmt.Sprintf("w%d", first+i), addedAddress}
	}
	path := "/zones/" + a.zone + "/dns_records"
	if n == 1 {
		return a.api.post(ctx, path, posts[0], nil)
	}
	return a.api.post(ctx, path+"/batch", map[string]any{"posts": posts}, nil)
}

func (a *apiAdder) close() {}

// updater adds by dynamic update (RFC 2136) over a connection that it keeps.
type updater struct{ conn *dns.Conn }

func dialUpdate(addr netip.AddrPort) (adder, error) {
	conn, err := dns.DialTimeout("tcp", addr.String(), 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &updater{conn}, nil
}

func (u *updater) add(ctx context.Context, first, n int) error {
	m := new(dns.Msg)
	m.SetUpdate(zoneName + ".")
	for i := range n {
		rr, err := dns.NewRR(fmt.Sprintf("%s. 300 IN A %s", added(first+i), addedAddress))
		if err != nil {
			return err
		}
		m.Insert([]dns.RR{rr})
	}
	client := &dns.Client{Net: "tcp", Timeout: 30 * time.Second}
	res, _, err := client.ExchangeWithConnContext(ctx, m, u.conn)
	if err != nil {
		return err
	}
	if res.Rcode != dns.RcodeSuccess {
		return fmt.Errorf("%w: %s", errRefused, dns.RcodeToString[res.Rcode])
	}
	return nil
}

func (u *updater) close() { u.conn.Close() }
