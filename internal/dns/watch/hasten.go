package watch

import (
	"context"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// While somebody waits for a zone, who does not serve its version is asked so often: after a change, or a transfer, first soon and
// then more and more seldom.
const (
	soonest        = 50 * time.Millisecond
	slowest        = time.Second
	nameServerPace = 500 * time.Millisecond // and name servers, whose names are looked up each time, no more often than that

	hasteAskers, hasteShare = 32, 8 // questions under way, and of one account
)

// wanted is what is waited for. The watcher's lock guards it.
type wanted struct {
	of   map[string]*want // by zone
	work *turns           // nil while nobody waits
	over bool             // nobody is to wait any more
}

// want is a zone that somebody waits for.
type want struct {
	waiters int
	moved   chan struct{}       // closed, and made anew, whenever something was seen that may change who serves the zone
	news    chan struct{}       // holds one when there is reason to ask soon
	over    chan struct{}       // closed when nobody waits any more
	asking  map[string]struct{} // questions under way
	askedNS time.Time
}

// join adds one who waits for a zone, and gives what takes it away. The lock is held.
func (t *wanted) join(w *Watcher, zoneID string) (leave func()) {
	if t.work == nil {
		t.work = newTurns(hasteShare)
		for range hasteAskers {
			go t.work.ask(context.Background())
		}
	}
	x := t.of[zoneID]
	if x == nil {
		x = &want{moved: make(chan struct{}), news: make(chan struct{}, 1), over: make(chan struct{}), asking: map[string]struct{}{}}
		t.of[zoneID] = x
		go w.hasten(zoneID, x, t.work)
	}
	x.waiters++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if x.waiters--; x.waiters > 0 {
			return
		}
		close(x.over)
		if delete(t.of, zoneID); len(t.of) == 0 {
			t.work.close()
			t.work = nil
		}
	}
}

// wake has those look again who wait for a zone. The lock is held.
func (t *wanted) wake(zoneID string) {
	if x := t.of[zoneID]; x != nil {
		close(x.moved)
		x.moved = make(chan struct{})
	}
}

// hurry has a zone's servers asked soon, if somebody waits for it. The lock is held.
func (t *wanted) hurry(zoneID string) {
	if x := t.of[zoneID]; x != nil {
		select {
		case x.news <- struct{}{}:
		default:
		}
	}
}

// touched notes that something of a zone has moved: it is counted anew, and who waits looks again. The lock is held.
func (w *Watcher) touched(zoneID string) {
	w.tally.move(zoneID)
	w.wanted.wake(zoneID)
	if w.cfg.Learned != nil {
		w.cfg.Learned(zoneID)
	}
	w.moves(zoneID)
}

// hasten asks while somebody waits for a zone.
func (w *Watcher) hasten(zoneID string, x *want, work *turns) {
	pause, due := soonest, time.Now()
	for {
		select {
		case <-x.over:
			return
		case <-x.news: // what has just fetched a version serves it in a moment
			pause = soonest
			if soon := time.Now().Add(soonest); soon.Before(due) {
				due = soon
			}
		case <-time.After(time.Until(due)):
			for _, j := range w.urgent(zoneID, x) {
				work.add(j)
			}
			due = time.Now().Add(pause)
			pause = min(2*pause, slowest)
		}
	}
}

// urgent makes a job for each server of a zone that does not serve its version and is not being asked.
func (w *Watcher) urgent(zoneID string, x *want) (out []job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	z := w.cfg.DB.ByID(zoneID)
	if z == nil {
		return nil
	}
	for _, p := range z.Access().Peers {
		s := w.of.get(key{z.ID, p.ID}).server(p, 0)
		if p.Addr.IsValid() && !s.serves(z) {
			out = x.add(w, out, job{z.AccountID(), z.ID + " " + p.ID, func(ctx context.Context) { w.askPeer(ctx, z, p) }})
		}
	}
	lags := func(s Server) bool { return !s.Peer && !s.serves(z) }
	if now := time.Now(); now.Sub(x.askedNS) >= nameServerPace && slices.ContainsFunc(w.servers(z, false), lags) {
		x.askedNS = now
		if ask, ok := w.nameServerJob(z, map[host]*lookup{}); ok {
			out = x.add(w, out, ask)
		}
	}
	return out
}

// serves says whether a server answers with a zone's version of now.
func (s *Server) serves(z *zone.Zone) bool {
	return s.answers && has(s.Serial, z.State().Transfer.Serial())
}

// add adds a job, unless the same question is under way. Nothing is asked when nobody waits any more. The lock is held.
func (x *want) add(w *Watcher, to []job, j job) []job {
	if _, asked := x.asking[j.key]; asked {
		return to
	}
	x.asking[j.key] = struct{}{}
	do := j.do
	j.do = func(ctx context.Context) {
		select {
		case <-x.over:
		default:
			do(ctx)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(x.asking, j.key)
	}
	return append(to, j)
}
