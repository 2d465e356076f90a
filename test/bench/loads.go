//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/headwaterdns/headwater/test/bench/fill"
)

// measureLoads brings the large zone into servers that have none: into ours by one request of the API, into the peers as their
// operators do. Each is alone meanwhile, has both cores, and does it once.
func (b *bench) measureLoads(ctx context.Context) error {
	if !b.wants(rowLoad, rowLoadMemory) {
		return nil
	}
	if err := confine(serverCore, loadCore); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(b.dir, "zone")); err != nil {
		b.say("making a zone of %d records", b.records)
		if err := b.makeZone(); err != nil {
			return err
		}
	}
	for _, maker := range []func(b *bench) (*contestant, error){
		func(b *bench) (*contestant, error) {
			return b.newHeadwater(filepath.Join(b.dir, "data-load"), nameservers)
		},
		func(b *bench) (*contestant, error) { return b.newNSD(b.large("nsd-load")) },
		func(b *bench) (*contestant, error) { return b.newKnot(b.large("knot-load")) },
		func(b *bench) (*contestant, error) { return b.newBIND(b.large("bind-load")) },
	} {
		c, err := maker(b)
		if err != nil {
			return err
		}
		if !b.invites(c.name) {
			continue
		}
		b.say("%s loads the large zone", c.name)
		b.all = append(b.all, c)
		c.cores = fmt.Sprintf("%d,%d", serverCore, loadCore)
		b.take(ctx, &job{rows: []string{rowLoad, rowLoadMemory}, measure: b.loadLarge}, c)
		b.stop()
	}
	if !b.invites("powerdns") {
		return ctx.Err()
	}
	b.say("%s loads the large zone", namePDNS)
	c := &contestant{name: namePDNS}
	b.take(ctx, &job{rows: []string{rowLoad, rowLoadMemory}, measure: b.loadWithTool}, c)
	return ctx.Err()
}

// loadLarge is from the request, or from the start of a server that reads files, to the first right answer, and the most memory
// that the server had meanwhile. An idle server of ours is what it had before; a peer has nothing before.
func (b *bench) loadLarge(ctx context.Context, c *contestant) ([]float64, error) {
	answered := b.rightLarge(c)
	if c.api == nil {
		begin := time.Now()
		err := c.start(ctx)
		return []float64{time.Since(begin).Seconds(), c.status("VmHWM")}, err
	}
	c.right = func(context.Context) bool { return c.api.listening() }
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(b.dir, "zone"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	idle := c.status("VmRSS")
	begin := time.Now()
	if _, err := c.api.fill(ctx, zoneName, f); err != nil {
		return nil, err
	}
	if !answered(ctx) {
		return nil, errSilent // what was answered by the API is answered by the DNS
	}
	return []float64{time.Since(begin).Seconds(), c.status("VmHWM") - idle}, nil
}

// loadWithTool is pdnsutil, from its start to its end.
func (b *bench) loadWithTool(ctx context.Context, _ *contestant) ([]float64, error) {
	dir := filepath.Join(b.dir, "pdns-load")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	conf := fmt.Sprintf("launch=gsqlite3\ngsqlite3-database=%s/db\n", dir)
	if err := os.WriteFile(filepath.Join(dir, "pdns.conf"), []byte(conf), 0o644); err != nil {
		return nil, err
	}
	begin := time.Now()
	done, err := loadPowerDNS(ctx, dir, filepath.Join(b.dir, "zone"))
	if err != nil {
		return nil, err
	}
	took := time.Since(begin).Seconds()
	usage, ok := done.SysUsage().(*syscall.Rusage)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return []float64{took, float64(usage.Maxrss) / 1024}, nil
}

// patience is how long a server may take for very many zones: goals compare us with the quickest, who needs some ten seconds.
const patience = time.Minute

// measureMost starts servers with very many zones, each once and alone. The peers' zones are one file, in which all names are
// relative: a million files would measure the file system.
func (b *bench) measureMost(ctx context.Context) error {
	if b.most <= 0 || !b.wants(rowMostStart, rowMostMemory) {
		return nil
	}
	if err := confine(serverCore, loadCore); err != nil {
		return err
	}
	file := filepath.Join(b.dir, "zone-of-most")
	const text = "$TTL 300\n@ IN SOA ns1.fill.example. hostmaster 1 10000 2400 604800 1800\n@ IN NS ns1.fill.example.\n@ IN NS ns2.fill.example.\n" +
		"@ IN A 192.0.2.1\nwww IN A 192.0.2.2\n@ IN MX 10 mail\nmail IN A 192.0.2.3\n@ IN TXT \"v=spf1 mx -all\"\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	of := func(server string) contents {
		return contents{
			dir: filepath.Join(b.dir, server+"-most"), right: rightOf(b.most), fixed: true,
			zones: func(yield func(name, file string) bool) {
				for i := 0; i < b.most && yield(fill.Name(i), file); i++ {
				}
			},
		}
	}
	for _, maker := range []func(b *bench) (*contestant, error){
		b.headwaterMost,
		func(b *bench) (*contestant, error) { return b.newNSD(of("nsd")) },
		func(b *bench) (*contestant, error) { return b.newKnot(of("knot")) },
		func(b *bench) (*contestant, error) { return b.newBIND(of("bind")) },
	} {
		c, err := maker(b)
		if err != nil {
			return err
		}
		if !b.invites(c.name) {
			continue
		}
		b.all = append(b.all, c)
		b.take(ctx, &job{rows: []string{rowMostStart, rowMostMemory}, measure: func(ctx context.Context, c *contestant) ([]float64, error) {
			if c.setup != nil {
				b.say("making %d zones", b.most)
				if err := c.setup(ctx); err != nil {
					return nil, err
				}
			}
			b.say("%s starts with %d zones", c.name, b.most)
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			begin := time.Now()
			err := c.start(ctx)
			return []float64{time.Since(begin).Seconds(), c.pss()}, err
		}}, c)
		b.stop()
	}
	return ctx.Err()
}

// headwaterMost has five records in each zone, as the peers' file has.
func (b *bench) headwaterMost(*bench) (*contestant, error) {
	data := filepath.Join(b.dir, "data-most")
	c, err := b.newHeadwater(data, "ns1.fill.example,ns2.fill.example")
	if err != nil {
		return nil, err
	}
	c.right = rightOf(b.most)(c)
	c.setup = func(ctx context.Context) error {
		defer debug.FreeOSMemory()
		return fill.Fill(ctx, fill.Config{Data: data, Zones: b.most, Records: 5})
	}
	return c, nil
}
