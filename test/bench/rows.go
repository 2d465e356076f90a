//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

const (
	rowMemory = "memory (PSS), MB"
	rowStart  = "start to first right answer, s"
)

// row is a line of the table: smaller is better, but for those named "per second".
type row struct {
	name    string
	measure func(ctx context.Context, b *bench, c *contestant) (float64, error)
}

func rows() []row {
	return []row{
		{"UDP, all names: CPU us a query", func(ctx context.Context, b *bench, c *contestant) (float64, error) {
			return b.loadUDP(ctx, c, "wide")
		}},
		{"UDP, 1,000 hot names: CPU us a query", func(ctx context.Context, b *bench, c *contestant) (float64, error) {
			return b.loadUDP(ctx, c, "hot")
		}},
		{"UDP at 20,000/s: CPU us a query", func(ctx context.Context, b *bench, c *contestant) (float64, error) {
			return b.loadUDP(ctx, c, "wide", "-rate", "20000")
		}},
		{"TCP, pipelined: CPU us a query", func(ctx context.Context, b *bench, c *contestant) (float64, error) {
			return b.loadUDP(ctx, c, "wide", "-transport", "tcp", "-conns", "4", "-window", "64")
		}},
		{"AXFR, s", func(ctx context.Context, b *bench, c *contestant) (float64, error) { return b.axfr(ctx, c, 1) }},
		{"four AXFRs at once, s", func(ctx context.Context, b *bench, c *contestant) (float64, error) { return b.axfr(ctx, c, 4) }},
	}
}

// loadUDP runs the load generator on the other core and takes the server's CPU time for each answered query.
func (b *bench) loadUDP(ctx context.Context, c *contestant, queries string, flags ...string) (float64, error) {
	args := append([]string{
		"-c", "1", b.load, "-server", c.addr.String(), "-queries", filepath.Join(b.dir, queries),
		"-duration", b.duration.String(), "-json",
	}, flags...)
	cmd := exec.CommandContext(ctx, "taskset", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	before := c.cpu()
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("load: %w: %s %s", err, out, stderr.String())
	}
	used := c.cpu() - before
	var res struct {
		Answered uint64  `json:"answered"`
		Seconds  float64 `json:"seconds"`
	}
	if err := json.Unmarshal(out, &res); err != nil {
		return 0, fmt.Errorf("load: %w: %s", err, out)
	}
	// The warm-up of a second is in the CPU time: what it answered is not counted, so it is scaled in.
	share := b.duration.Seconds() / (b.duration.Seconds() + 1)
	return used * share / float64(res.Answered) * 1e6, nil
}

// axfr fetches the zone n times at once and reads it to its end without parsing more than message lengths.
func (b *bench) axfr(ctx context.Context, c *contestant, n int) (float64, error) {
	begin := time.Now()
	errs := make(chan error, n)
	for range n {
		go func() { errs <- b.drain(ctx, c) }()
	}
	for range n {
		if err := <-errs; err != nil {
			return 0, err
		}
	}
	return time.Since(begin).Seconds(), nil
}

// drain reads a transfer and counts its records by the messages' headers.
func (b *bench) drain(ctx context.Context, c *contestant) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	var q wire.Builder
	q.Start([]byte{0, 0}, wire.MaxMessage, 7, 0)
	q.Question([]byte(wire.MustName(zoneName)), wire.TypeAXFR, wire.ClassIN)
	msg := q.Finish()
	binary.BigEndian.PutUint16(msg, uint16(len(msg)-2))
	if _, err := conn.Write(msg); err != nil {
		return err
	}
	buf := make([]byte, wire.MaxMessage)
	for got := 0; got < b.records; {
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, buf[:2]); err != nil {
			return fmt.Errorf("after %d records: %w", got, err)
		}
		m := buf[:binary.BigEndian.Uint16(buf)]
		if _, err := io.ReadFull(conn, m); err != nil {
			return err
		}
		if code := wire.HeaderFlags(m).Rcode(); code != wire.RcodeNoError {
			return fmt.Errorf("%w: %s", errRefused, code)
		}
		got += wire.Count(m, wire.SectionAnswer)
	}
	return nil
}

// measureWrites compares durable additions: ours through the API, BIND's by dynamic update, each with 1 and 16 clients,
// and in batches of 100.
func (b *bench) measureWrites(ctx context.Context) error {
	for _, c := range b.all {
		add, batch := c.addOne, c.addHundred
		switch c.name {
		case "Headwater":
		case "BIND":
			add, batch = c.updateOne, c.updateHundred
		default:
			continue
		}
		for _, w := range []struct {
			name    string
			clients int
			each    int
			do      func(ctx context.Context, n int) error
		}{
			{"adds per second, 1 client", 1, 1, add},
			{"adds per second, 16 clients", 16, 1, add},
			{"adds per second in batches of 100", 1, 100, batch},
		} {
			for range b.rounds {
				if !b.wants(w.name) {
					break
				}
				v, err := perSecond(ctx, b.duration, w.clients, w.each, w.do)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", c.name, w.name, err)
				}
				b.table.add(w.name, c.name, v)
			}
		}
	}
	return nil
}

// serial makes names that were never used before.
var serial atomic.Int64

func perSecond(ctx context.Context, d time.Duration, clients, each int, do func(ctx context.Context, n int) error) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, d+time.Minute)
	defer cancel()
	begin := time.Now()
	var done atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, clients)
	for range clients {
		wg.Go(func() {
			for time.Since(begin) < d {
				if err := do(ctx, int(serial.Add(int64(each)))); err != nil {
					errs <- err
					return
				}
				done.Add(int64(each))
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return 0, err
	default:
	}
	return float64(done.Load()) / time.Since(begin).Seconds(), nil
}

func (c *contestant) addOne(ctx context.Context, n int) error {
	return c.call(ctx, "/zones/"+c.zone+"/dns_records", map[string]any{"type": "A", "name": fmt.Sprintf("w%d", n), "content": "192.0.2.7"}, nil)
}

func (c *contestant) addHundred(ctx context.Context, n int) error {
	posts := make([]map[string]any, 100)
	for i := range posts {
		posts[i] = map[string]any{"type": "A", "name": fmt.Sprintf("w%d", n-i), "content": "192.0.2.7"}
	}
	return c.call(ctx, "/zones/"+c.zone+"/dns_records/batch", map[string]any{"posts": posts}, nil)
}

func (c *contestant) updateOne(ctx context.Context, n int) error { return c.update(ctx, n, 1) }

func (c *contestant) updateHundred(ctx context.Context, n int) error { return c.update(ctx, n, 100) }

func (c *contestant) update(ctx context.Context, n, count int) error {
	m := new(dns.Msg)
	m.SetUpdate(zoneName + ".")
	for i := range count {
		rr, err := dns.NewRR(fmt.Sprintf("w%d.%s. 300 IN A 192.0.2.7", n-i, zoneName))
		if err != nil {
			return err
		}
		m.Insert([]dns.RR{rr})
	}
	client := &dns.Client{Net: "tcp", Timeout: 30 * time.Second}
	res, _, err := client.ExchangeContext(ctx, m, c.addr.String())
	if err != nil {
		return err
	}
	if res.Rcode != dns.RcodeSuccess {
		return fmt.Errorf("%w: %s", errRefused, dns.RcodeToString[res.Rcode])
	}
	return nil
}
