//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// The rows of a signed zone. It is signed by us, and served by all from what we transfer: the same octets.
const (
	rowSignedHits   = "signed zone, DO: UDP, distinct queries for records: CPU us a query"
	rowSignedNone   = "signed zone, DO: UDP, distinct queries for names that are not there: CPU us a query"
	rowSignedAXFR   = "signed zone: AXFR, s"
	rowSignedMemory = "signed zone: memory (PSS), MB"
	rowSignedStart  = "signed zone: start to first right answer, s"
	rowSigning      = "the large zone signed for the first time, on one core: s"
	rowAddPlain     = "an addition to the large zone, unsigned: ms"
	rowAddSigned    = "an addition to the large zone, signed: ms"

	rowSignedIdle = "signed zone: latency p99 at 20,000/s: idle, us"
	rowRenewing   = "signed zone: latency p99 at 20,000/s: all signatures are made anew, us"

	nameSignzone, nameKzonesign = "dnssec-signzone", "kzonesign"
)

func signedRows() []string {
	return []string{
		rowSignedHits, rowSignedNone, rowSignedAXFR, rowSignedMemory, rowSignedStart, rowSigning, rowAddPlain, rowAddSigned,
		rowSignedIdle, rowRenewing,
	}
}

// measureSigned signs the large zone here and with the tools of two peers, and has the peers serve what we have signed.
func (b *bench) measureSigned(ctx context.Context) error {
	if !b.wants(signedRows()...) || !b.invites(strings.ToLower(nameUs)) {
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
	defer func() { b.signed = 0 }()
	err := b.gather(ctx, func(b *bench) (*contestant, error) { return b.filled(filepath.Join(b.dir, "data-signed")) })
	if err != nil {
		return err
	}
	us := b.all[0]
	one := func(row string, measure func(ctx context.Context, c *contestant) ([]float64, error)) {
		if ctx.Err() == nil {
			b.take(ctx, &job{rows: []string{row}, measure: measure}, us)
		}
	}
	one(rowAddPlain, b.additions)
	b.say("%s signs the large zone", us.name)
	one(rowSigning, b.firstSigning)
	one(rowAddSigned, b.additions)
	b.signWithTools(ctx)
	if err := b.compareSigned(ctx, us); err != nil {
		return err
	}
	return b.measureRenewals(ctx, us)
}

// compareSigned lets the peers serve what we have signed.
func (b *bench) compareSigned(ctx context.Context, us *contestant) error {
	if !b.wants(rowSignedHits, rowSignedNone, rowSignedAXFR, rowSignedMemory, rowSignedStart) {
		return ctx.Err()
	}
	if err := b.export(ctx, us); err != nil {
		return err
	}
	in := func(server string) contents {
		c := b.large(server)
		c.zones, c.fixed = func(yield func(name, file string) bool) { yield(zoneName, filepath.Join(b.dir, "zone.signed")) }, true
		return c
	}
	err := b.gather(ctx, func(b *bench) (*contestant, error) { return b.newNSD(in("nsd-signed")) },
		func(b *bench) (*contestant, error) { return b.newKnot(in("knot-signed")) },
		func(b *bench) (*contestant, error) { return b.newBIND(in("bind-signed")) })
	if err == nil {
		err = confine(loadCore)
	}
	if err != nil {
		return err
	}
	if err := b.interleave(ctx, "a signed zone", b.signedJobs()); err != nil || !b.wants(rowSignedStart) {
		return err
	}
	b.restartAll(ctx, rowSignedStart)
	return ctx.Err()
}

func (b *bench) signedJobs() []job {
	asked := func(queries string) func(ctx context.Context, c *contestant) ([]float64, error) {
		return func(ctx context.Context, c *contestant) ([]float64, error) {
			r, err := b.ask(ctx, c, queries, b.cut(), withDO...)
			if err != nil {
				return nil, err
			}
			return []float64{r.CPU.PerQuery}, nil
		}
	}
	return append(slices.Repeat([]job{
		{[]string{rowSignedHits}, resident, asked("signed-hits")}, {[]string{rowSignedNone}, resident, asked("signed-none")},
	}, cuts), []job{
		{[]string{rowSignedAXFR}, resident, func(ctx context.Context, c *contestant) ([]float64, error) {
			r, err := b.transfers(ctx, c, 1)
			return []float64{r.took.Seconds()}, err
		}},
		{[]string{rowSignedMemory}, resident, func(_ context.Context, c *contestant) ([]float64, error) { return []float64{c.pss()}, nil }},
	}...)
}

// additions are the median of some, one at a time.
func (b *bench) additions(ctx context.Context, c *contestant) ([]float64, error) {
	a, err := c.adder()
	if err != nil {
		return nil, err
	}
	defer a.close()
	took := make([]float64, 8*b.changes+1)
	for i := range took {
		begin := time.Now()
		if err := a.add(ctx, int(serial.Add(1)), 1); err != nil {
			return nil, err
		}
		took[i] = ms(time.Since(begin))
	}
	slices.Sort(took)
	return []float64{took[len(took)/2]}, nil
}

// firstSigning is from the request to the first answer with a signature.
func (b *bench) firstSigning(ctx context.Context, c *contestant) ([]float64, error) {
	begin := time.Now()
	if err := c.api.send(ctx, http.MethodPatch, "/zones/"+c.api.zone+"/dnssec", map[string]any{"status": "active"}, nil); err != nil {
		return nil, err
	}
	for !hasSignature(ctx, c.addr) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.gone:
			return nil, errSilent
		case <-time.After(5 * time.Millisecond): // it says when it is signed to who asks
		}
		if time.Since(begin) > 10*time.Minute {
			return nil, errSilent
		}
	}
	return []float64{time.Since(begin).Seconds()}, nil
}

func hasSignature(ctx context.Context, addr netip.AddrPort) bool {
	m := new(dns.Msg).SetQuestion(zoneName+".", dns.TypeSOA)
	m.SetEdns0(1232, true)
	res, _, err := (&dns.Client{Timeout: time.Second}).ExchangeContext(ctx, m, addr.String())
	return err == nil && len(res.Answer) == 2
}

// signWithTools signs the zone as a file, with keys like ours, on the core that servers have.
func (b *bench) signWithTools(ctx context.Context) {
	if !b.wants(rowSigning) {
		return
	}
	b.toolSigns(ctx, nameSignzone, func(dir string) ([]string, error) {
		for _, flags := range []string{"-f KSK", ""} {
			args := append([]string{"-q", "-a", "ECDSAP256SHA256", "-K", dir}, append(strings.Fields(flags), zoneName)...)
			if out, err := exec.CommandContext(ctx, "dnssec-keygen", args...).CombinedOutput(); err != nil {
				return nil, fmt.Errorf("%w: %s", err, out)
			}
		}
		return []string{"-q", "-S", "-K", dir, "-d", dir, "-n", "1", "-o", zoneName, "-f", filepath.Join(dir, "out"), filepath.Join(b.dir, "zone")}, nil
	})
	b.toolSigns(ctx, nameKzonesign, func(dir string) ([]string, error) {
		conf := filepath.Join(dir, "conf")
		text := fmt.Sprintf("server:\n  rundir: %[1]s\ndatabase:\n  storage: %[1]s\npolicy:\n  - id: p\n    algorithm: ecdsap256sha256\n    signing-threads: 1\n"+
			"template:\n  - id: default\n    storage: %[1]s\n    dnssec-signing: on\n    dnssec-policy: p\nzone:\n  - domain: %[2]s\n    file: %[3]s\n", dir, zoneName, filepath.Join(b.dir, "zone"))
		return []string{"-c", conf, "-o", dir, zoneName}, os.WriteFile(conf, []byte(text), 0o600)
	})
}

// toolPatience is how long a tool may take for its signatures: nearly as long as the quicker one does.
const toolPatience = 2 * time.Minute

func (b *bench) toolSigns(ctx context.Context, tool string, prepare func(dir string) (args []string, err error)) {
	b.say("%s signs the large zone", tool)
	dir := filepath.Join(b.dir, tool)
	c := &contestant{name: tool}
	if out, err := exec.CommandContext(ctx, tool, "-V").CombinedOutput(); err == nil {
		c.version = strings.TrimSpace(string(out))
	}
	b.met = append(b.met, c)
	b.take(ctx, &job{rows: []string{rowSigning}, measure: func(ctx context.Context, _ *contestant) ([]float64, error) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		args, err := prepare(dir)
		if err != nil {
			return nil, err
		}
		c.settings = strings.Join(append([]string{tool}, args...), " ")
		begin := time.Now()
		limited, cancel := context.WithTimeout(ctx, toolPatience)
		defer cancel()
		out, err := exec.CommandContext(limited, "taskset", append([]string{"-c", strconv.Itoa(serverCore), tool}, args...)...).CombinedOutput()
		switch {
		case err != nil && limited.Err() != nil && ctx.Err() == nil:
			b.table.note("%s was ended after %v, before it had signed the zone.", tool, toolPatience)
		case err != nil:
			return nil, fmt.Errorf("%w: %s", err, out)
		}
		return []float64{time.Since(begin).Seconds()}, nil
	}}, c)
	_ = os.RemoveAll(dir)
}

// export writes the zone as we have signed it, and the queries for it: those for records are answered with a signature each.
func (b *bench) export(ctx context.Context, us *contestant) error {
	f, err := os.Create(filepath.Join(b.dir, "zone.signed"))
	if err != nil {
		return err
	}
	dig := exec.CommandContext(ctx, "dig", "@"+us.addr.Addr().String(), "-p", strconv.Itoa(int(us.addr.Port())), "AXFR", zoneName, "+onesoa", "+nocmd", "+nostats")
	dig.Stdout = f
	if err := dig.Run(); err != nil {
		return fmt.Errorf("dig: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		return err
	}
	b.signed = 0
	for line := range bytes.Lines(text) {
		if len(line) > 1 && line[0] != ';' {
			b.signed++
		}
	}
	wide, err := os.Open(filepath.Join(b.dir, "wide"))
	if err != nil {
		return err
	}
	defer wide.Close()
	hits, err := newFile(filepath.Join(b.dir, "signed-hits"))
	if err != nil {
		return err
	}
	none, err := newFile(filepath.Join(b.dir, "signed-none"))
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(wide)
	for lines.Scan() {
		if question, ok := strings.CutSuffix(lines.Text(), " NOERROR 1"); ok {
			hits.line("%s NOERROR 2", question)
		} else {
			none.line("%s", lines.Text())
		}
	}
	for _, err := range []error{lines.Err(), hits.close(), none.close()} {
		if err != nil {
			return err
		}
	}
	return nil
}
