package answer

import "github.com/headwaterdns/headwater/internal/dns/wire"

// Keeps says whether the answer to q, which was begun, is kept.
func (r *Responder) Keeps(q *wire.Request) bool {
	l := &r.line[q.Place]
	return l.hash != 0 && r.kept.get(l.hash, l.state.Stamp(), q) != nil
}
