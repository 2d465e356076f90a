package watch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// askers bounds how many questions are under way.
const askers = 16

// errSilent is the error of a peer that does not answer in time. It names no port of ours, so that a history shows the
// same thing once.
var errSilent = errors.New("no answer in time")

// errAnswer is the error of an answer without the zone's SOA.
var errAnswer = errors.New("no SOA in the answer")

// job asks something of somebody.
type job func(ctx context.Context)

// Run asks peers and name servers, and saves what is known, until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	work := make(chan job)
	var askersGone, wg sync.WaitGroup
	for range askers {
		askersGone.Go(func() {
			for j := range work {
				j(ctx)
			}
		})
	}
	if w.cfg.Interval > 0 {
		wg.Go(func() { rounds(ctx, w.cfg.Interval, w.peerRound, work) })
	}
	if w.cfg.NameServerInterval > 0 && w.cfg.Resolve != nil {
		wg.Go(func() { rounds(ctx, w.cfg.NameServerInterval, w.nameServerRound, work) })
	}
	if w.cfg.Save != nil {
		wg.Go(func() { w.save(ctx) })
	}
	<-ctx.Done()
	wg.Wait()
	close(work)
	askersGone.Wait()
	if w.cfg.Save != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSaveTime)
		defer cancel()
		w.saveOnce(last, again)
	}
	return nil
}

// rounds hands out jobs, at each interval anew.
func rounds(ctx context.Context, interval time.Duration, jobs func() []job, work chan<- job) {
	for {
		begin := time.Now()
		spread(ctx, interval/2, jobs(), work)
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval - min(time.Since(begin), interval)):
		}
	}
}

// spread hands out jobs evenly over a time.
func spread(ctx context.Context, over time.Duration, jobs []job, work chan<- job) {
	if len(jobs) == 0 {
		return
	}
	tick := time.NewTicker(max(over/time.Duration(len(jobs)), time.Microsecond))
	defer tick.Stop()
	for _, j := range jobs {
		select {
		case work <- j:
		case <-ctx.Done():
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// peerRound makes a job for every peer of every zone with transfers on.
func (w *Watcher) peerRound() []job {
	var out []job
	w.cfg.DB.All(func(z *zone.Zone) bool {
		if !z.State().Links.Enabled || !w.cfg.Duty(z.ID) {
			return true
		}
		for _, p := range z.Access().Peers {
			if !p.Addr.IsValid() {
				continue
			}
			out = append(out, func(ctx context.Context) {
				serial, err := w.ask(ctx, z.Name, p.Addr)
				if ctx.Err() == nil {
					w.probed(z, p.ID, serial, err)
				}
			})
		}
		return true
	})
	return out
}

// ask asks over UDP, and over TCP where that fails.
func (w *Watcher) ask(ctx context.Context, name wire.Name, at netip.AddrPort) (uint32, error) {
	serial, err := w.exchange(ctx, "udp", at, name)
	if err == nil {
		return serial, nil
	}
	serial, tcp := w.exchange(ctx, "tcp", at, name)
	if tcp == nil {
		return serial, nil
	}
	return 0, err
}

func (w *Watcher) exchange(ctx context.Context, network string, to netip.AddrPort, name wire.Name) (uint32, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, network, to.String())
	if err != nil {
		return 0, fmt.Errorf("no connection: %w", err)
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return 0, err
	}
	id := uint16(rand.Uint32())
	var b wire.Builder
	b.Start(nil, 512, id, 0)
	b.Question([]byte(name), wire.TypeSOA, wire.ClassIN)
	msg := b.Finish()
	if network == "tcp" {
		msg = append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
	}
	if _, err := c.Write(msg); err != nil {
		return 0, fmt.Errorf("no answer: %w", err)
	}
	buf := make([]byte, wire.MaxMessage)
	for {
		n, err := read(c, network, buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, errSilent
		}
		if err != nil {
			return 0, fmt.Errorf("no answer: %w", err)
		}
		if n >= wire.HeaderLen && wire.ID(buf) == id {
			return serialOf(buf[:n], name)
		}
	}
}

func read(c net.Conn, network string, buf []byte) (int, error) {
	if network == "udp" {
		return c.Read(buf)
	}
	if _, err := io.ReadFull(c, buf[:2]); err != nil {
		return 0, err
	}
	return io.ReadFull(c, buf[:binary.BigEndian.Uint16(buf)])
}

// serialOf takes the zone's serial from an authoritative answer.
func serialOf(msg []byte, name wire.Name) (uint32, error) {
	r, err := wire.NewReader(msg)
	if err != nil {
		return 0, err
	}
	if r.Rcode() != wire.RcodeNoError || r.Flags()&wire.FlagAA == 0 {
		return 0, fmt.Errorf("answered %s", r.Rcode())
	}
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Section == wire.SectionAnswer && rec.Type == wire.TypeSOA && rec.Owner == name {
			data, err := r.Expand(nil, &rec)
			if err != nil {
				return 0, err
			}
			return wire.SOASerial(data)
		}
	}
	return 0, errAnswer
}
