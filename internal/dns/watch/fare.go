package watch

import (
	"time"

	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Fare is how a linked peer of a zone stands, for who follows many of them. Zero times mean never.
type Fare struct {
	Peer       zone.Peer
	State      State
	Cause      string
	Serial     uint32
	Known      bool // Serial means something
	Since      time.Time
	Seen       time.Time
	Own        time.Time // when this process last found out; what is older than its duty was known to others, and may have changed
	Refused    time.Time // its last request, if nothing of it went well since
	Refusal    string    // why
	Use        KeyUse    // which of its two keys it uses, while one follows the other; empty else
	Compared   time.Time // when its contents were last compared with ours
	Difference string    // what was found then, with our serial of now; empty: nothing
}

// Fares tells how every linked peer of a zone stands, in the order of the links.
func (w *Watcher) Fares(z *zone.Zone) []Fare {
	serial, access := z.State().Transfer.Serial(), z.Access()
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]Fare, 0, len(access.Peers))
	for _, p := range access.Peers {
		r := w.of.get(key{z.ID, p.ID})
		if r == nil {
			r = &record{} // not kept
		}
		f := Fare{Peer: p, Serial: r.serial, Known: r.known, Since: r.inStep, Seen: r.seen, Own: r.own}
		f.State, f.Cause = r.state(serial, p.Addr.IsValid())
		if x := r.refusal; x != nil && r.refusalOn.After(r.good) && len(x.Client.OneOf) == 0 {
			f.Refused, f.Refusal = r.refusalOn, x.Reason
		}
		if p.Key != nil && p.Next != nil {
			f.Use, _ = r.uses(p.Key.Name.String(), p.Next.Name.String())
		}
		if c := r.compared; c != nil {
			f.Compared = c.On
			if c.Serial == serial {
				f.Difference = c.Difference
			}
		}
		out = append(out, f)
	}
	return out
}

// Comparison is what came of comparing a peer's contents with ours at a serial.
type Comparison struct {
	Serial     uint32
	On         time.Time
	Whole      bool   // all of it, by a transfer; else samples
	Questions  int    // that were compared
	Difference string // the first, in words; empty: none
}

// Compared takes what came of comparing.
func (w *Watcher) Compared(zoneID, peer string, c Comparison) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.of.get(key{zoneID, peer})
	if r == nil {
		return // it is linked no more
	}
	was := r.compared
	r.compared = &c
	if r.unsaved < again {
		r.unsaved = again
	}
	if was == nil && c.Difference != "" || was != nil && was.Difference != c.Difference {
		r.unsaved = news
		w.touched(zoneID)
	}
}

// differs says whether the peer was found to hold other contents at a serial.
func (r *record) differs(serial uint32) (string, bool) {
	if c := r.compared; c != nil && c.Serial == serial && c.Difference != "" {
		return c.Difference, true
	}
	return "", false
}

// moves tells who follows zones that something of one has moved. The lock is held.
func (w *Watcher) moves(zoneID string) {
	if w.cfg.Moves != nil {
		w.cfg.Moves(zoneID)
	}
}
