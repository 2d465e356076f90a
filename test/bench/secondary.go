//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/test/peers"
)

// measureSecondary lets a Knot secondary follow the large zone, on the core of the loads, and adds single records: how long
// after its acceptance does the secondary answer with it, and what of that time is the secondary's own.
func (b *bench) measureSecondary(ctx context.Context) error {
	us := b.find(nameUs)
	if us == nil || !b.wants(rowSeen, rowAlone, rowTrace1, rowTrace2, rowTrace3, rowTrace4) {
		return nil
	}
	for _, c := range b.all {
		if c != us {
			c.stop() // they are done, and need no memory any more
		}
	}
	b.say("a Knot secondary fetches the zone")
	listen, err := peers.Free(peers.Knot)
	if err != nil {
		return err
	}
	peer, err := us.api.peer(ctx, map[string]any{"name": "knot", "ip": listen.Addr().String(), "port": listen.Port(), "ixfr_enable": true})
	if err != nil {
		return err
	}
	if err := us.api.link(ctx, peer); err != nil {
		return err
	}
	apex := wire.MustName(zoneName)
	sec, err := peers.Start(ctx, peers.Config{
		Program: peers.Knot, Listen: listen, Primary: us.addr, Zones: []wire.Name{apex}, Refresh: time.Hour,
	})
	if err != nil {
		return err
	}
	defer sec.Close()
	if err := follow(ctx, us, sec, apex); err != nil {
		return err
	}
	b.say("%d changes until they are seen at the secondary", b.changes)
	return b.watch(ctx, us, listen)
}

// follow waits until the secondary has the zone as it is.
func follow(ctx context.Context, us *contestant, sec *peers.Secondary, apex wire.Name) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	now, err := peers.Serial(ctx, us.addr, apex)
	if err != nil {
		return err
	}
	return sec.WaitSerial(ctx, apex, now)
}

func (b *bench) watch(ctx context.Context, us *contestant, listen netip.AddrPort) error {
	trace, err := capture()
	if err != nil {
		b.table.note("no trace of what Knot needs by itself: %v", err)
	} else {
		defer trace.close()
	}
	// NOTIFYs for a zone are a second apart while changes keep coming: each change shall find its NOTIFY allowed.
	const pause = 1100 * time.Millisecond
	for range b.changes {
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		if trace != nil {
			trace.begin()
		}
		n := fresh(1)
		if err := (&apiAdder{us.api, us.api.zone}).add(ctx, n, 1); err != nil {
			return err
		}
		accepted := time.Now()
		served, err := seen(ctx, listen, added(n)+".")
		if err != nil {
			b.table.fail(nameUs, rowSeen, err)
			continue
		}
		b.table.add(rowSeen, nameUs, ms(served.Sub(accepted)))
		if trace != nil {
			b.explain(trace.end(), us.addr, listen, accepted, served)
		}
	}
	return nil
}

// explain takes a change's way apart by what went over the wire.
func (b *bench) explain(packets []packet, us, knot netip.AddrPort, accepted, served time.Time) {
	s, err := dissect(packets, us, knot)
	if err != nil {
		b.table.fail(nameUs, rowAlone, err)
		return
	}
	b.table.add(rowAlone, nameUs, ms(served.Sub(s.notify)-s.ours))
	b.table.add(rowTrace1, nameUs, ms(s.notify.Sub(accepted)))
	b.table.add(rowTrace2, nameUs, ms(s.asked.Sub(s.notify)))
	b.table.add(rowTrace3, nameUs, ms(s.sent.Sub(s.asked)))
	b.table.add(rowTrace4, nameUs, ms(served.Sub(s.sent)))
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// seen asks the secondary for a name until it answers with it.
func seen(ctx context.Context, listen netip.AddrPort, name string) (time.Time, error) {
	conn, err := dns.DialTimeout("udp", listen.String(), time.Second)
	if err != nil {
		return time.Time{}, err
	}
	defer conn.Close()
	client := &dns.Client{Timeout: 200 * time.Millisecond}
	m := new(dns.Msg)
	m.SetQuestion(name, dns.TypeA)
	for begin := time.Now(); time.Since(begin) < 30*time.Second; {
		m.Id = dns.Id()
		res, _, err := client.ExchangeWithConnContext(ctx, m, conn)
		if err == nil && res.Rcode == dns.RcodeSuccess && len(res.Answer) == 1 {
			return time.Now(), nil
		}
		if err := sleep(ctx, 200*time.Microsecond); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, fmt.Errorf("%w: %s is not there after 30 s", errLate, name)
}

var errLate = errors.New("the secondary does not follow")
