package watch

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// probe is a question of a patrol that is under way.
type probe struct {
	p     *patrol
	z     *zone.Zone
	peer  string
	at    netip.AddrPort
	began time.Time
}

// heard takes what came over UDP. What that does not settle is asked over TCP, as everywhere.
func (q *probe) heard(msg []byte, err error) {
	switch {
	case errors.Is(err, ask.ErrOver):
		q.end(0, trouble{}, false)
	case err == nil && wire.HeaderFlags(msg)&wire.FlagTC == 0:
		serial, t := serialOf(msg, q.z.Name)
		q.end(serial, t, true)
	case err == nil:
		q.p.dials.add(q, trouble{})
	case errors.Is(err, ask.ErrDoubtful):
		q.p.dials.add(q, garbled)
	case errors.Is(err, ask.ErrSilent):
		q.p.dials.add(q, silent)
	default:
		q.p.dials.add(q, inWords(err))
	}
}

// end tells what is known now, if something is, and lets the peer be asked again.
func (q *probe) end(serial uint32, t trouble, known bool) {
	w := q.p.w
	w.mu.Lock()
	if r := w.of.get(key{q.z.ID, q.peer}); r != nil {
		r.asking = false
	}
	there := w.cfg.DB.ByID(q.z.ID) != nil
	w.mu.Unlock()
	if known && there {
		w.probed(q.z, q.peer, q.at, q.began, serial, w.tellable(t, q.at.Addr()))
	}
}

// dials asks over TCP whom UDP has not settled. An address at which that fails is not tried again for an interval, for whichever of
// its zones: ten thousand zones at one that is silent are some few connections, and hold up nobody.
type dials struct {
	w    *Watcher
	work *turns
	// exchange puts one question; tests put another in its place.
	exchange func(ctx context.Context, network string, to netip.AddrPort, name wire.Name) ([]byte, trouble)

	mu sync.Mutex
	// What failed since turned, and in the interval before that. Both go by as wholes, so that nobody looks for what is old among a hundred
	// thousand addresses, while those who hear answers wait.
	down, before map[netip.AddrPort]downed
	turned       time.Time
}

// downed is that nobody could be asked over TCP, and since when.
type downed struct {
	on time.Time
	is trouble
}

func newDials(w *Watcher) *dials {
	return &dials{w: w, work: newTurns(peerShare), exchange: w.exchange}
}

// run asks until ctx ends.
func (d *dials) run(ctx context.Context) {
	var wg sync.WaitGroup
	for range peerAskers {
		wg.Go(func() { d.work.ask(ctx) })
	}
	<-ctx.Done()
	d.work.close()
	wg.Wait()
}

// add has a question put, after UDP came to this; none: to an answer that was cut short.
func (d *dials) add(q *probe, udp trouble) {
	if t, is := d.known(q.at); is {
		q.end(0, either(udp, t), true)
		return
	}
	d.work.add(job{q.z.AccountID(), q.z.ID + " " + q.peer, func(ctx context.Context) {
		serial, t := d.ask(ctx, q, udp)
		q.end(serial, t, ctx.Err() == nil)
	}})
}

func (d *dials) ask(ctx context.Context, q *probe, udp trouble) (uint32, trouble) {
	if t, is := d.known(q.at); is { // meanwhile
		return 0, either(udp, t)
	}
	msg, t := d.exchange(ctx, "tcp", q.at, q.z.Name)
	if t == nobody && udp == silent {
		// The socket that asks many hears of no refusals: whether UDP is refused, too, one of its own finds out.
		if msg, t = d.exchange(ctx, "udp", q.at, q.z.Name); t.none() && wire.HeaderFlags(msg)&wire.FlagTC != 0 {
			t = nobody
		}
	}
	if t.none() {
		return serialOf(msg, q.z.Name)
	}
	d.fails(q.at, t)
	return 0, either(udp, t)
}

// either is what there is to be told where UDP and TCP came to nothing.
func either(udp, tcp trouble) trouble {
	if udp.none() || udp == silent && tcp == nobody {
		return tcp
	}
	return udp
}

func (d *dials) known(at netip.AddrPort) (trouble, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, is := d.down[at]
	if !is {
		x, is = d.before[at]
	}
	return x.is, is && time.Since(x.on) < d.w.cfg.Interval
}

func (d *dials) fails(at netip.AddrPort, t trouble) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if now.Sub(d.turned) >= d.w.cfg.Interval {
		d.down, d.before, d.turned = map[netip.AddrPort]downed{}, d.down, now
	}
	d.down[at] = downed{now, t}
}
