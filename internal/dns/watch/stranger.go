package watch

import (
	"net/netip"
	"slices"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/xfr"
)

// Stranger is an address that is no linked peer's and was refused a zone: a secondary that nobody has told us of, or one
// that asks from another address than it is told of.
type Stranger struct {
	Addr   netip.Addr
	Cause  xfr.Cause
	Reason string
	Key    string // that its last request named
	Since  time.Time
	On     time.Time // the last time
	Count  int
}

// Bounds of what strangers can make us remember.
const (
	strangersMost = 5    // of a zone
	strangeMost   = 1000 // zones with strangers
)

// stranger notes a refusal. The lock is held.
func (w *Watcher) stranger(rep *xfr.Report) {
	list, known := w.strangers[rep.ZoneID]
	if !known && len(w.strangers) >= strangeMost {
		// Any of them makes room: who asks for a thousand zones must not keep all others from being told of.
		for other := range w.strangers {
			delete(w.strangers, other)
			break
		}
	}
	now := w.cfg.Now()
	s := Stranger{Addr: rep.Source.Addr().Unmap(), Since: now}
	if at := slices.IndexFunc(list, func(o Stranger) bool { return o.Addr == s.Addr && o.Cause == rep.Cause }); at >= 0 {
		s = list[at]
		list = slices.Delete(list, at, at+1)
	}
	s.Cause, s.Reason, s.Key, s.On, s.Count = rep.Cause, rep.Reason, rep.Key, now, s.Count+1
	if len(list) >= strangersMost {
		list = list[1:] // the one that has been quiet for longest
	}
	w.strangers[rep.ZoneID] = append(list, s)
}

// Strangers lists who was refused a zone and is none of its linked peers, the last first.
func (w *Watcher) Strangers(zoneID string) []Stranger {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := slices.Clone(w.strangers[zoneID])
	slices.Reverse(out)
	return out
}
