package primary

import "sync/atomic"

// Stats are counters since the start.
type Stats struct {
	Changes uint64 // accepted and durable
	Refused uint64 // the user's fault
	Failed  uint64 // ours: the store's errors
	Commits uint64 // groups made durable
	Entries uint64 // journal entries written
	Retries uint64 // groups planned again because rows or memory moved on
	Images  uint64 // checkpoints written by Maintain
}

type counters struct{ changes, refused, failed, commits, entries, retries, images atomic.Uint64 }

// Stats returns the counters.
func (p *Primary) Stats() Stats {
	c := &p.stats
	return Stats{
		Changes: c.changes.Load(), Refused: c.refused.Load(), Failed: c.failed.Load(), Commits: c.commits.Load(),
		Entries: c.entries.Load(), Retries: c.retries.Load(), Images: c.images.Load(),
	}
}
