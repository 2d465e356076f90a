package watch

import (
	"context"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// While somebody waits for a zone, who does not serve its version is asked again and again: soon after there was news of one of its servers
// or of the zone, and ever more seldom where there was none for long, so that nobody hears later by more than a fiftieth of the time
// that he has waited.
const (
	soonest   = 25 * time.Millisecond
	slowest   = time.Second
	fiftieth  = 50
	namesPace = 2 * time.Second // names of name servers are looked up no more often than that

	// A question that nobody has answered for so long is given up when its server was just seen to live: it was lost before that.
	lost = 500 * time.Millisecond

	hasteAskers, hasteShare = 128, 32 // questions under way, and of one account; one to a silent server takes seconds
	hasteRate               = 400     // questions a second of one account, about: more servers are asked less often
)

// wanted is what is waited for. The watcher's lock guards it.
type wanted struct {
	of   map[string]*want // by zone
	load map[string]int   // by account: servers that were asked about last, of all zones that are waited for
	work *turns           // nil while nobody waits
	over bool             // nobody is to wait any more
}

// want is a zone that somebody waits for.
type want struct {
	account string
	waiters int
	load    int                  // servers that were asked last
	moved   chan struct{}        // closed, and made anew, whenever something was seen that may change who serves the zone
	news    chan struct{}        // holds one when there is reason to ask soon
	over    chan struct{}        // closed when nobody waits any more
	asking  map[string]*question // under way, by key of job
	named   time.Time            // when names were last looked up
}

// question is one under way.
type question struct {
	since  time.Time
	cancel context.CancelFunc
}

// join adds one who waits for a zone, and gives what takes it away. The lock is held.
func (t *wanted) join(w *Watcher, z *zone.Zone) (leave func()) {
	if t.work == nil {
		t.work, t.load = newTurns(hasteShare), map[string]int{}
		for range hasteAskers {
			go t.work.ask(context.Background())
		}
	}
	x := t.of[z.ID]
	if x == nil {
		x = &want{account: z.AccountID(), moved: make(chan struct{}), news: make(chan struct{}, 1), over: make(chan struct{}), asking: map[string]*question{}}
		t.of[z.ID] = x
		go w.hasten(z.ID, x, t.work)
	}
	x.waiters++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if x.waiters--; x.waiters > 0 {
			return
		}
		close(x.over)
		t.weigh(x, 0)
		if delete(t.of, z.ID); len(t.of) == 0 {
			t.work.close()
			t.work = nil
		}
	}
}

// weigh notes how many servers of a zone are asked. The lock is held.
func (t *wanted) weigh(x *want, servers int) {
	t.load[x.account] += servers - x.load
	if x.load = servers; t.load[x.account] == 0 {
		delete(t.load, x.account)
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

// lives has a peer asked soon that was just seen to live, though a question to it from before may wait for its answer yet: a server that was
// away answers none of those. Returns: it was silent until then. The lock is held.
func (t *wanted) lives(k key, returns bool) {
	if x := t.of[k.zone]; x != nil {
		if q := x.asking[k.zone+" "+k.peer]; q != nil && (returns || time.Since(q.since) > lost) {
			q.cancel()
			delete(x.asking, k.zone+" "+k.peer)
		}
		t.hurry(k.zone)
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
	news := time.Now()
	due := news
	for {
		select {
		case <-x.over:
			return
		case <-x.news: // what has just fetched a version serves it in a moment
			news = time.Now()
			if soon := news.Add(w.pace(x, 0)); soon.Before(due) {
				due = soon
			}
		case <-time.After(time.Until(due)):
			for _, j := range w.urgent(zoneID, x) {
				work.add(j)
			}
			now := time.Now()
			due = now.Add(w.pace(x, now.Sub(news)))
		}
	}
}

// pace is how long to wait with the next questions about a zone of which there was no news for some time.
func (w *Watcher) pace(x *want, quiet time.Duration) time.Duration {
	w.mu.Lock()
	load := w.wanted.load[x.account]
	w.mu.Unlock()
	return max(min(max(quiet/fiftieth, soonest), slowest), time.Second*time.Duration(load)/hasteRate)
}

// urgent makes a job for each server of a zone that does not serve its version and is not being asked.
func (w *Watcher) urgent(zoneID string, x *want) (out []job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	z := w.cfg.DB.ByID(zoneID)
	if z == nil {
		return nil
	}
	lags := 0
	ask := func(key string, do func(ctx context.Context)) {
		lags++
		out = x.add(w, out, job{z.AccountID(), key, do})
	}
	for _, p := range z.Access().Peers {
		s := w.of.get(key{z.ID, p.ID}).server(p, 0)
		if p.Addr.IsValid() && !s.serves(z) {
			ask(z.ID+" "+p.ID, func(ctx context.Context) { w.askPeer(ctx, z, p) })
		}
	}
	if w.asksNameServers(z) {
		w.urgentNames(z, x, ask)
	}
	w.wanted.weigh(x, lags)
	return out
}

// urgentNames has the names of a zone's name servers looked up now and then, and each address asked by itself, so that one that is silent
// holds up no other. The lock is held.
func (w *Watcher) urgentNames(z *zone.Zone, x *want, ask func(key string, do func(ctx context.Context))) {
	now := time.Now()
	look := now.Sub(x.named) >= namesPace
	for _, name := range nameServersOf(z) {
		lags := false
		for _, n := range named(w.ns[z.ID], name) {
			if s := n.server(z, 0); s.serves(z) {
				continue
			}
			if lags = true; n.Addr.IsValid() {
				ask(z.ID+" "+string(name)+" "+n.Addr.String(), func(ctx context.Context) { w.askAgain(ctx, z, name, n.Addr) })
			}
		}
		if lags && look {
			x.named = now
			ask(z.ID+" "+string(name), func(ctx context.Context) { w.lookUp(ctx, z, name) })
		}
	}
}

// serves says whether a server answers with a zone's version of now.
func (s *Server) serves(z *zone.Zone) bool {
	return s.answers && has(s.Serial, z.State().Transfer.Serial())
}

// add adds a job, unless the same question is under way. Nothing is asked when nobody waits any more. The lock is held.
func (x *want) add(w *Watcher, to []job, j job) []job {
	if x.asking[j.key] != nil {
		return to
	}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), pressing{}, true))
	q := &question{time.Now(), cancel}
	x.asking[j.key] = q
	do := j.do
	j.do = func(context.Context) {
		defer cancel()
		select {
		case <-x.over:
		default:
			do(ctx)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if x.asking[j.key] == q {
			delete(x.asking, j.key)
		}
	}
	return append(to, j)
}
