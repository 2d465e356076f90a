package watch

import (
	"slices"
	"time"
)

// Event is a point of a peer's history: what happened, once or several times in a row.
type Event struct {
	On        time.Time // the last time
	Since     time.Time // the first
	Count     int       // how often; of a NOTIFY, how many messages it took
	Kind      string    // "notify", "transfer", "refusal", "probe"
	Serial    uint32
	HasSerial bool
	Text      string
	Open      bool // a NOTIFY that was not accepted yet
}

// historyMost bounds the events kept for each peer.
const historyMost = 20

// add keeps an event. One that says the same as the last of its kind is counted there: a secondary that is away for a week
// must not push out what came before by telling so in turns with the NOTIFYs that it does not answer.
func (r *record) add(e Event) {
	e.Since, e.Count = e.On, max(e.Count, 1)
	at := r.last(e.Kind)
	if at < 0 {
		r.push(e)
		return
	}
	switch l := &r.events[at]; {
	case l.Open && l.Serial == e.Serial: // the same NOTIFY, sent again, refused again, or accepted
		if l.Text != e.Text {
			r.unsaved = news
		}
		e.Since = l.Since
		r.move(at, e)
	case l.Text == e.Text && l.Serial == e.Serial && !e.Open:
		e.Since, e.Count = l.Since, l.Count+e.Count
		r.move(at, e)
	default:
		r.push(e)
	}
}

// last is where the last event of a kind stands, -1 where there is none.
func (r *record) last(kind string) int {
	for i, e := range slices.Backward(r.events) {
		if e.Kind == kind {
			return i
		}
	}
	return -1
}

// move puts an event in the place of one, and to the end.
func (r *record) move(at int, e Event) {
	copy(r.events[at:], r.events[at+1:])
	r.events[len(r.events)-1] = e
	r.unsaved = max(r.unsaved, again)
}

// push adds an event. When there is no room, the oldest goes of the kind of which there are most: probes that say one
// thing and another in turns leave the transfers alone.
func (r *record) push(e Event) {
	r.unsaved = news
	if len(r.events) >= historyMost {
		count, most := map[string]int{e.Kind: 1}, e.Kind
		for i := range r.events {
			count[r.events[i].Kind]++
		}
		for i := range r.events {
			if k := r.events[i].Kind; count[k] > count[most] {
				most = k
			}
		}
		for i := range r.events {
			if r.events[i].Kind == most {
				r.events = append(r.events[:i], r.events[i+1:]...)
				break
			}
		}
	}
	r.events = append(r.events, e)
}
