//go:build linux

package main

import (
	"bufio"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/test/bench/fill"
)

// smallRecords is how many records each of the many zones has, beside SOA and NS.
const smallRecords = 10

// measureMany is about many small zones. Each server is measured alone: loads, its memory after each, and then a start.
func (b *bench) measureMany(ctx context.Context) error {
	if !b.wants(rowManyUDP, rowManyMemory, rowManyStart) {
		return nil
	}
	if err := confine(serverCore, loadCore); err != nil {
		return err
	}
	b.say("making %d zones of %d records", b.zones, smallRecords)
	if err := b.makeMany(); err != nil {
		return err
	}
	if err := b.gather(ctx, headwaterMany, nsdMany, knotMany, bindMany); err != nil {
		return err
	}
	if err := confine(loadCore); err != nil {
		return err
	}
	err := b.interleave(ctx, "small zones", []job{
		{[]string{rowManyUDP, rowManyMemory}, resident, func(ctx context.Context, c *contestant) ([]float64, error) {
			r, err := b.ask(ctx, c, "many", b.duration/2)
			if err != nil {
				return nil, err
			}
			return []float64{r.CPU.PerQuery, c.pss()}, nil
		}},
	})
	if err != nil || !b.wants(rowManyStart) {
		return err
	}
	b.restartAll(ctx, rowManyStart)
	return ctx.Err()
}

// makeMany writes the zone files and the queries: one for the apex of each zone, in an order that is not the zones'.
func (b *bench) makeMany() error {
	queries, err := newFile(filepath.Join(b.dir, "many"))
	if err != nil {
		return err
	}
	for _, i := range rand.New(rand.NewPCG(20261124, 2)).Perm(b.zones) {
		queries.line("%s. A NOERROR 1", fill.Name(i))
	}
	if err := queries.close(); err != nil {
		return err
	}
	for i := range b.zones {
		file := b.manyFile(i)
		if i%1000 == 0 {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return err
			}
		}
		if err := writeZone(file, i); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) manyFile(i int) string {
	return filepath.Join(b.dir, "zones", strconv.Itoa(i/1000), fill.Name(i))
}

func writeZone(path string, i int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	if err := fill.WriteZoneFile(w, i, smallRecords); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// many are the small zones of a server that reads zone files.
func (b *bench) many(server string) contents {
	return contents{
		dir: filepath.Join(b.dir, server+"-many"),
		zones: func(yield func(name, file string) bool) {
			for i := range b.zones {
				if !yield(fill.Name(i), b.manyFile(i)) {
					return
				}
			}
		},
		right: rightOf(b.zones),
	}
}

// rightOf is satisfied when some of so many zones answer, from everywhere and the last one among them: servers load in
// different orders.
func rightOf(zones int) func(c *contestant) func(ctx context.Context) bool {
	const probes = 16
	return func(c *contestant) func(ctx context.Context) bool {
		next := 0
		return func(ctx context.Context) bool {
			for ; next < probes; next++ {
				q := question{name: fill.Name(next*(zones-1)/(probes-1)) + ".", qtype: dns.TypeA, answers: 1}
				if !q.ask(ctx, c.addr) {
					return false
				}
			}
			next = 0
			return true
		}
	}
}

// headwaterMany gets the zones through primary, in this process, which is the road of the API without its requests.
func headwaterMany(b *bench) (*contestant, error) {
	data := filepath.Join(b.dir, "data-many")
	c, err := b.newHeadwater(data, "ns1.fill.example,ns2.fill.example")
	if err != nil {
		return nil, err
	}
	c.right = rightOf(b.zones)(c)
	c.setup = func(ctx context.Context) error {
		defer debug.FreeOSMemory()
		return fill.Fill(ctx, fill.Config{Data: data, Zones: b.zones, Records: smallRecords})
	}
	return c, nil
}

func nsdMany(b *bench) (*contestant, error)  { return b.newNSD(b.many("nsd")) }
func knotMany(b *bench) (*contestant, error) { return b.newKnot(b.many("knot")) }
func bindMany(b *bench) (*contestant, error) { return b.newBIND(b.many("bind")) }
