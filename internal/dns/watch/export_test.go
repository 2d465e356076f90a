package watch

import "github.com/headwaterdns/headwater/internal/dns/zone"

// Probed plays a question that got no answer.
func (w *Watcher) Probed(z *zone.Zone, peer, words string) {
	w.probed(z, peer, 0, trouble{State: Unreachable, Text: words})
}

// Recount brings the tally up to date, and says how many zones it looked at.
func (w *Watcher) Recount() int { return w.recount() }
