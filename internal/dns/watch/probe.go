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

// Run asks peers until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	if w.cfg.Interval <= 0 {
		<-ctx.Done()
		return nil
	}
	work := make(chan target)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(work)
	for range askers {
		wg.Go(func() {
			for t := range work {
				serial, err := w.ask(ctx, t)
				if ctx.Err() == nil {
					w.probed(t.z, t.peer, serial, err)
				}
			}
		})
	}
	for {
		begin := time.Now()
		w.round(ctx, work)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(w.cfg.Interval - min(time.Since(begin), w.cfg.Interval)):
		}
	}
}

// round hands out every peer of every zone with transfers on, spread over the interval.
func (w *Watcher) round(ctx context.Context, work chan<- target) {
	var all []target
	w.cfg.DB.All(func(z *zone.Zone) bool {
		if !z.State().Links.Enabled {
			return true
		}
		for _, p := range z.Access().Peers {
			if p.Addr.IsValid() {
				all = append(all, target{z, p.ID, p.Addr})
			}
		}
		return true
	})
	if len(all) == 0 {
		return
	}
	pause := w.cfg.Interval / time.Duration(2*len(all))
	tick := time.NewTicker(max(pause, time.Microsecond))
	defer tick.Stop()
	for _, t := range all {
		select {
		case work <- t:
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

// ask asks over UDP, and over TCP where that fails.
func (w *Watcher) ask(ctx context.Context, t target) (uint32, error) {
	serial, err := w.exchange(ctx, "udp", t.addr, t.z.Name)
	if err == nil {
		return serial, nil
	}
	serial, tcp := w.exchange(ctx, "tcp", t.addr, t.z.Name)
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
