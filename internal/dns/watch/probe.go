package watch

import (
	"context"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// How many questions are under way to peers over TCP, and to name servers, whose look-ups take longer; and how many of one account.
const (
	peerAskers, peerShare             = 48, 16
	nameServerAskers, nameServerShare = 32, 8
)

// Run asks peers and name servers, and saves what is known, until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	if w.cfg.Interval > 0 {
		many, over := ask.NewMany(w.cfg.Timeout, time.Now), newDials(w)
		wg.Go(func() { many.Run(ctx) })
		wg.Go(func() { over.run(ctx) })
		wg.Go(func() { newPatrol(w, many, over).run(ctx) })
	}
	if w.cfg.NameServerInterval > 0 && w.cfg.Resolve != nil {
		wg.Go(func() {
			rounds(ctx, w.cfg.NameServerInterval, w.nameServerRound, newTurns(nameServerShare), nameServerAskers)
		})
	}
	if w.cfg.Save != nil {
		wg.Go(func() { w.save(ctx) })
	}
	<-ctx.Done()
	wg.Wait()
	if w.cfg.Save != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSaveTime)
		defer cancel()
		w.saveOnce(last, again)
	}
	return nil
}

// rounds hands jobs to askers, at each interval anew, until ctx ends and the last of them has.
func rounds(ctx context.Context, interval time.Duration, jobs func() []job, work *turns, askers int) {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer work.close()
	for range askers {
		wg.Go(func() { work.ask(ctx) })
	}
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
func spread(ctx context.Context, over time.Duration, jobs []job, work *turns) {
	if len(jobs) == 0 {
		return
	}
	tick := time.NewTicker(max(over/time.Duration(len(jobs)), time.Microsecond))
	defer tick.Stop()
	for _, j := range jobs {
		work.add(j)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// askPeer asks a peer that somebody waits for.
func (w *Watcher) askPeer(ctx context.Context, z *zone.Zone, p zone.Peer) {
	began := time.Now()
	serial, t := w.ask(ctx, z.Name, p.Addr)
	if ctx.Err() == nil {
		w.probed(z, p.ID, p.Addr, began, serial, t)
	}
}
