package flatten

import (
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// class parts an account's targets by what a look-up is likely to take: dead ones take seconds each.
type class int

const (
	answering class = iota // the last look-up had an answer
	untried                // none has ended yet
	failing                // the last one failed
	classes
)

// account is a tenant's share in looking up: its targets in order of time, and what is under way for it.
type account struct {
	id      model.ID
	targets int // that its names want
	queues  [classes]agenda[*target]
	running [classes]int
	next    class     // whose turn it is
	inLine  bool      // something is due, and the account stands in line for a look-up
	at      time.Time // otherwise: when something will be
	place   int       // in the agenda of accounts
}

func (a *account) when() time.Time { return a.at }
func (a *account) slot() *int      { return &a.place }

// share bounds what is under way for one account, so that no tenant can take all, and within it what new and dead targets
// take, so that they cannot hold up those that answer.
type share struct {
	all   int
	class [classes]int
}

func shareOf(lookups int) share {
	all := max(1, lookups/4)
	return share{all: all, class: [classes]int{answering: all, untried: max(1, all/2), failing: max(1, all/4)}}
}

func (a *account) busy() (n int) {
	for _, r := range a.running {
		n += r
	}
	return n
}

// head is the target of a class that would be looked up next, if the account's share allows one.
func (a *account) head(c class, s *share) (*target, bool) {
	if a.busy() >= s.all || a.running[c] >= s.class[c] {
		return nil, false
	}
	return a.queues[c].first()
}

// take takes a due target out of its queue, the classes in turn.
func (a *account) take(now time.Time, s *share) *target {
	for i := range classes {
		c := (a.next + i) % classes
		if t, ok := a.head(c, s); ok && !t.lookAt.After(now) {
			a.queues[c].remove(t)
			a.running[c]++
			t.underWay = true
			a.next = (c + 1) % classes
			return t
		}
	}
	return nil
}

// accountOf is an account that is new, or known.
func (f *Flattener) accountOf(id model.ID) *account {
	a := f.accounts[id]
	if a == nil {
		a = &account{id: id, place: nowhere}
		f.accounts[id] = a
	}
	return a
}

// arrange gives an account its place after its queues or what is under way have changed: in line, in the agenda, or, while
// nothing can become due, nowhere.
func (f *Flattener) arrange(a *account) {
	if a.targets == 0 && a.busy() == 0 {
		f.agenda.remove(a)
		if f.accounts[a.id] == a { // and not another that came after it
			delete(f.accounts, a.id)
		}
		return
	}
	if a.inLine {
		return
	}
	waits := false
	for c := range classes {
		if t, ok := a.head(c, &f.share); ok && (!waits || t.lookAt.Before(a.at)) {
			waits, a.at = true, t.lookAt
		}
	}
	if waits {
		f.agenda.put(a)
	} else {
		f.agenda.remove(a)
	}
}

// due takes a target whose time has come out of its queue, of each account in turn; learn puts it back.
func (f *Flattener) due() *target {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.cfg.Clock()
	for a, ok := f.agenda.first(); ok && !a.at.After(now); a, ok = f.agenda.first() {
		f.agenda.remove(a)
		f.queueUp(a)
	}
	for len(f.line) > 0 {
		a := f.line[0]
		f.line = f.line[1:]
		a.inLine = false
		t := a.take(now, &f.share)
		if t == nil {
			f.arrange(a)
			continue
		}
		f.queueUp(a) // at the end, behind all others that wait
		return t
	}
	return nil
}

func (f *Flattener) queueUp(a *account) {
	a.inLine = true
	f.line = append(f.line, a)
}

// untilNext is how long there is nothing to begin.
func (f *Flattener) untilNext(running int) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, wait := f.cfg.Clock(), idle
	if a, ok := f.agenda.first(); ok && running < f.cfg.Lookups {
		wait = min(wait, a.at.Sub(now))
	}
	if z, ok := f.late.first(); ok {
		wait = min(wait, z.lateAt.Sub(now))
	}
	return max(wait, 0)
}

// plan puts a target into its account's queue.
func (f *Flattener) plan(t *target, at time.Time) {
	c := t.class()
	if t.place != nowhere && c != t.queued {
		t.account.queues[t.queued].remove(t)
	}
	t.lookAt, t.queued = at, c
	t.account.queues[c].put(t)
	f.arrange(t.account)
}

// lookNow has a target looked up at once, or once more if a look-up is under way that may have seen its zone as it was.
func (f *Flattener) lookNow(t *target) {
	if t.underWay {
		t.again = true
		return
	}
	f.plan(t, f.cfg.Clock())
}
