package watch

import (
	"time"

	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Stand is how a linked peer stands, and when it was last seen in step.
type Stand struct {
	Zone, Peer string // ids
	State      State
	InStep     time.Time
}

// Each yields how every linked peer stands of the zones with transfers on that are this node's to ask for. Nothing is locked meanwhile.
func (w *Watcher) Each(yield func(Stand) bool) {
	for z := range w.watched {
		for _, s := range w.stands(z) {
			if !yield(s) {
				return
			}
		}
	}
}

func (w *Watcher) stands(z *zone.Zone) (out []Stand) {
	ours, access := z.State().Transfer.Serial(), z.Access()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range access.Peers {
		r := w.of.get(key{z.ID, p.ID})
		if r == nil {
			r = &record{}
		}
		s := Stand{Zone: z.ID, Peer: p.ID, InStep: r.inStep}
		s.State, _ = r.state(ours, p.Addr.IsValid())
		out = append(out, s)
	}
	return out
}
