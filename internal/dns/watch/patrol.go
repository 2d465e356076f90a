package watch

import (
	"context"
	"hash/maphash"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/ask"
	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// A patrol goes round all linked peers, an interval for each round, and asks for serials by the batch. Who is not in step is asked in
// every round; who is, or has been silent for long, in one of several, which of them falls to him by chance. Every account has a walk of
// its own: all together ask no more than the budget, by turns, and a walk that the budget makes longer than a round goes on where it
// is. So an account with very many secondaries has them asked more seldom, and nobody else's.

const (
	// patrolTick is how often questions leave, so that they do in batches.
	patrolTick = 50 * time.Millisecond
	// silentRounds is after how many questions without an answer a peer is asked as rarely as one that is in step. NOTIFYs go on.
	silentRounds = 4
	// savings bounds the questions of former ticks that may be made up for in one.
	savings = 4
)

// round is the seed by which peers are shared out to rounds.
var round = maphash.MakeSeed() //nolint:gochecknoglobals // a constant of the process

// asker puts very many questions.
type asker interface{ Ask(list []ask.Question) }

type patrol struct {
	w     *Watcher
	many  asker
	dials *dials
	every uint64 // rounds of which one falls to who is in step
	walks map[string]*walk
	line  []*walk // those with zones to go to
	next  time.Time
	last  time.Time // tick
	free  float64   // questions that the budget has left
	batch []ask.Question
}

// walk is an account's way through its zones.
type walk struct {
	zones []string // of this round, in order
	next  []string // of the one that has begun for others; nil: none has
	at    int
	began time.Time
	round uint64
}

func newPatrol(w *Watcher, many asker, dials *dials) *patrol {
	every := max(1, (w.cfg.IntervalMost+w.cfg.Interval/2)/w.cfg.Interval)
	return &patrol{w: w, many: many, dials: dials, every: uint64(every), walks: map[string]*walk{}}
}

func (p *patrol) run(ctx context.Context) {
	tick := time.NewTicker(min(patrolTick, p.w.cfg.Interval))
	defer tick.Stop()
	for {
		p.step(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// step asks what is due.
func (p *patrol) step(now time.Time) {
	p.earn(now)
	p.follow(now)
	p.walk(now)
	if !now.Before(p.next) {
		p.begin(now)
		p.next = now.Add(p.w.cfg.Interval)
	}
	if len(p.batch) > 0 {
		p.many.Ask(p.batch)
		p.batch = p.batch[:0]
	}
}

// earn adds what the budget allows for the time since the last tick.
func (p *patrol) earn(now time.Time) {
	rate := float64(p.w.cfg.Rate)
	if p.last.IsZero() {
		p.free = 1
	} else {
		p.free += rate * now.Sub(p.last).Seconds()
	}
	p.free = min(p.free, max(1, savings*rate*patrolTick.Seconds()))
	p.last = now
}

// begin has every account go round anew, who is still on his way after that.
func (p *patrol) begin(now time.Time) {
	fresh := map[string][]string{}
	for z := range p.w.watched {
		fresh[z.AccountID()] = append(fresh[z.AccountID()], z.ID)
	}
	for account, x := range p.walks {
		if x.next = nil; x.at == len(x.zones) && fresh[account] == nil {
			delete(p.walks, account)
		}
	}
	for account, zones := range fresh {
		slices.Sort(zones) // as in the round before, so that an interval lies between two questions to one peer
		x := p.walks[account]
		if x == nil {
			x = &walk{}
			p.walks[account] = x
		}
		if x.next = zones; x.at == len(x.zones) {
			p.line = append(p.line, x)
			x.begin(now)
		}
	}
}

// begin begins the round that waits; false: none does.
func (x *walk) begin(now time.Time) bool {
	if x.next == nil {
		return false
	}
	x.zones, x.next, x.at, x.began = x.next, nil, 0, now
	x.round++
	return true
}

// walk has each account go as far as the time says, and as the budget lets all of them: by turns, of which each lasts until somebody was
// asked.
func (p *patrol) walk(now time.Time) {
	var rest []*walk
	for len(p.line) > 0 && p.free >= 1 {
		x := p.line[0]
		p.line = p.line[1:]
		until := x.until(now, p.w.cfg.Interval)
		for had := p.free; x.at < until && p.free == had; x.at++ {
			p.visit(x, x.zones[x.at], now)
		}
		switch {
		case x.at == len(x.zones) && !x.begin(now):
		case x.at == until:
			rest = append(rest, x)
		default:
			p.line = append(p.line, x)
		}
	}
	p.line = append(p.line, rest...)
}

// until is how many zones are to have been visited: the first at once, and all when the interval is over.
func (x *walk) until(now time.Time, interval time.Duration) int {
	return min(len(x.zones), 1+int(float64(len(x.zones))*now.Sub(x.began).Seconds()/interval.Seconds()))
}

// visit asks those of a zone's peers whose round it is.
func (p *patrol) visit(x *walk, id string, now time.Time) {
	w := p.w
	z := w.cfg.DB.ByID(id)
	if z == nil || !z.State().Links.Enabled || !w.cfg.Duty(id) {
		return
	}
	peers := z.Access().Peers
	w.mu.Lock()
	defer w.mu.Unlock()
	ours := z.State().Transfer.Serial()
	for i := range peers {
		to := &peers[i]
		if !to.Addr.IsValid() {
			continue
		}
		r := w.made(key{id, to.ID})
		if !r.asking && (!r.settled(ours) || (x.round+share(id, to.ID))%p.every == 0) {
			p.ask(z, to, r, now)
		}
	}
}

// share is a number that tells peers apart.
func share(zoneID, peer string) uint64 {
	return maphash.String(round, zoneID) + maphash.String(round, peer)
}

// settled says that nothing new is expected of a peer: it answers with our serial, or does not answer since long.
func (r *record) settled(ours uint32) bool {
	return r.inStepBy(ours) || r.silent >= silentRounds
}

// inStepBy says that the peer itself has said so, when it was last asked.
func (r *record) inStepBy(ours uint32) bool {
	return r.probe.none() && !r.servedOn.IsZero() && r.served == ours && r.serial == ours
}

// ask adds a question to the batch. The watcher's lock is held.
func (p *patrol) ask(z *zone.Zone, to *zone.Peer, r *record, now time.Time) {
	r.asking = true
	p.free--
	q := &probe{p: p, z: z, peer: to.ID, at: to.Addr, began: now}
	p.batch = append(p.batch, ask.Question{Name: z.Name, Type: wire.TypeSOA, To: to.Addr, Done: q.heard})
}
