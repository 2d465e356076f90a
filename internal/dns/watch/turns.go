package watch

import (
	"context"
	"sync"
)

// job asks something of somebody for an account. No two with the same key wait at once.
type job struct {
	account, key string
	do           func(ctx context.Context)
}

// turns hands jobs to askers: of each account in turn, and of none more than its share at once, so that an account whose
// secondaries are silent, which takes seconds a question, holds up no other.
type turns struct {
	share int // of an account

	mu     sync.Mutex
	come   sync.Cond // somebody is in line, or it is over
	lanes  map[string]*lane
	line   []*lane // those with a job that may begin, in order of arrival
	closed bool
}

// lane is what waits for an account, and how much is under way.
type lane struct {
	account string
	jobs    []job
	keys    map[string]struct{} // of jobs
	running int
	inLine  bool
}

func newTurns(share int) *turns {
	t := &turns{share: share, lanes: map[string]*lane{}}
	t.come.L = &t.mu
	return t
}

// add has a job done, unless the same one still waits.
func (t *turns) add(j job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lanes[j.account]
	if l == nil {
		l = &lane{account: j.account, keys: map[string]struct{}{}}
		t.lanes[j.account] = l
	}
	if _, waits := l.keys[j.key]; waits {
		return
	}
	l.keys[j.key] = struct{}{}
	l.jobs = append(l.jobs, j)
	t.arrange(l)
}

// arrange puts a lane in line when a job of it may begin, and forgets one that is empty. The lock is held.
func (t *turns) arrange(l *lane) {
	switch {
	case len(l.jobs) > 0 && l.running < t.share && !l.inLine:
		l.inLine = true
		t.line = append(t.line, l)
		t.come.Signal()
	case len(l.jobs) == 0 && l.running == 0:
		delete(t.lanes, l.account)
	}
}

// ask does jobs until close is called.
func (t *turns) ask(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		for len(t.line) == 0 && !t.closed {
			t.come.Wait()
		}
		if t.closed {
			return
		}
		l := t.line[0]
		t.line = t.line[1:]
		j := l.jobs[0]
		l.jobs = l.jobs[1:]
		delete(l.keys, j.key)
		l.running++
		l.inLine = false
		t.arrange(l)
		t.mu.Unlock()
		j.do(ctx)
		t.mu.Lock()
		l.running--
		t.arrange(l)
	}
}

func (t *turns) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.come.Broadcast()
}
