package watch

import (
	"time"

	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Who has just accepted a NOTIFY will be in step in a moment, or shows soon that he cannot: he is asked ahead of his round, and then at
// growing distances until he is in step or the rounds have caught up. Most are seen to transfer the zone before that, and are not asked.

// paces are the distances. Waits of one length end in the order in which they began, so that a queue for each is all that there is.
//
//nolint:gochecknoglobals // a table
var paces = [...]time.Duration{250 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}

// follow is that a peer is to be asked at a time.
type follow struct {
	key
	at   time.Time
	turn uint32 // what the peer's record must say, or another has taken its place
}

// follows are those that are followed: who waits, by pace, and whose time has come, by account. Accounts take turns, so that the secondaries of
// one, which accept very many NOTIFYs at once and follow none, keep nobody else's waiting.
type follows struct {
	wait [len(paces)][]follow
	due  map[string][]follow
	line []string // accounts with some that are due
}

// come has those due whose time has come.
func (f *follows) come(now time.Time, account func(zoneID string) string) {
	for pace := range f.wait {
		queue := f.wait[pace]
		n := 0
		for ; n < len(queue) && !queue[n].at.After(now); n++ {
			of := account(queue[n].zone)
			if len(f.due[of]) == 0 {
				f.line = append(f.line, of)
			}
			f.due[of] = append(f.due[of], queue[n])
		}
		if f.wait[pace] = queue[n:]; n == len(queue) {
			f.wait[pace] = nil
		}
	}
}

// next takes one that is due, of the account whose turn it is; false: none is. The account has its next turn after all others.
func (f *follows) next() (next follow, ok bool) {
	if len(f.line) == 0 {
		f.line = nil
		return next, false
	}
	account := f.line[0]
	f.line = f.line[1:]
	queue := f.due[account]
	if len(queue) == 1 {
		delete(f.due, account)
	} else {
		f.due[account] = queue[1:]
		f.line = append(f.line, account)
	}
	return queue[0], true
}

// follow has a peer asked soon, and again. The lock is held.
func (w *Watcher) follow(k key, r *record) {
	if r.pace != 1 {
		w.followAt(k, r, 0, time.Now())
	}
}

// followAt has a peer asked after one of the paces, unless its round comes before that. The lock is held.
func (w *Watcher) followAt(k key, r *record, pace int, now time.Time) {
	r.turn++
	r.pace = 0
	if pace < len(paces) && paces[pace] < w.cfg.Interval {
		r.pace = uint8(pace + 1)
		w.follows.wait[pace] = append(w.follows.wait[pace], follow{k, now.Add(paces[pace]), r.turn})
	}
}

// follow asks those whose time has come, with half of what the budget has: the rounds go on beside a change of everything.
func (p *patrol) follow(now time.Time) {
	p.w.mu.Lock()
	p.w.follows.come(now, p.w.accountOf)
	p.w.mu.Unlock()
	for least := p.free / 2; p.free > least; {
		z, peer, pace := p.w.followed()
		if peer == "" {
			break
		}
		p.again(z, peer, pace, now)
	}
}

// accountOf is whose a zone is, empty for one that is gone.
func (w *Watcher) accountOf(zoneID string) string {
	if z := w.cfg.DB.ByID(zoneID); z != nil {
		return z.AccountID()
	}
	return ""
}

// followed takes the next one that is due and not in step; no peer: there is none.
func (w *Watcher) followed() (z *zone.Zone, peer string, pace int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		f, ok := w.follows.next()
		if !ok {
			return nil, "", 0
		}
		r := w.of.get(f.key)
		if r == nil || r.turn != f.turn {
			continue
		}
		pace := int(r.pace) - 1
		r.pace = 0
		z := w.cfg.DB.ByID(f.zone)
		if z == nil || !w.cfg.Duty(f.zone) {
			continue
		}
		if s, _ := r.state(z.State().Transfer.Serial(), true); s != InStep && s != Differs {
			return z, f.peer, pace
		}
	}
}

// again asks a peer, and follows it on.
func (p *patrol) again(z *zone.Zone, peer string, pace int, now time.Time) {
	access := z.Access()
	if !access.Enabled {
		return
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for i := range access.Peers {
		to := &access.Peers[i]
		r := p.w.of.get(key{z.ID, peer})
		if to.ID != peer || !to.Addr.IsValid() || r == nil {
			continue
		}
		if !r.asking {
			p.ask(z, to, r, now)
		}
		p.w.followAt(key{z.ID, peer}, r, pace+1, now)
	}
}
