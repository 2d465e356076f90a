package watch

import (
	"context"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// askers bounds how many questions are under way.
const askers = 16

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
				serial, t := w.ask(ctx, z.Name, p.Addr)
				if ctx.Err() == nil {
					w.probed(z, p.ID, serial, t)
				}
			})
		}
		return true
	})
	return out
}
