package watch

import (
	"context"
	"net/netip"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Probed plays a question that got no answer.
func (w *Watcher) Probed(z *zone.Zone, peer, words string) {
	for _, p := range z.Access().Peers {
		if p.ID == peer {
			w.probed(z, peer, p.Addr, time.Now(), 0, trouble{State: Unreachable, Text: words})
		}
	}
}

// Ask has questions answered without a network; false: there is no answer.
func (w *Watcher) Ask(answer func(ctx context.Context, at netip.AddrPort) (uint32, bool)) {
	w.question = func(ctx context.Context, _ wire.Name, at netip.AddrPort) (uint32, trouble) {
		if serial, ok := answer(ctx, at); ok {
			return serial, trouble{}
		}
		return 0, silent
	}
}

// Recount brings the tally up to date, and says how many zones it looked at.
func (w *Watcher) Recount() int { return w.recount() }

// Zone is one of those that are watched.
func (w *Watcher) Zone(id string) *zone.Zone { return w.cfg.DB.ByID(id) }
