package xfr

import (
	"maps"
	"sync"
)

// Stats counts transfers by what came of them.
type Stats struct {
	ByKind  map[Kind]uint64 // finished
	Refused map[Cause]uint64
	Failed  uint64
	Records uint64
	Bytes   uint64
	Running int
	Waiting int
}

type stats struct {
	mu sync.Mutex
	s  Stats
}

func (c *stats) count(r *Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.Refused():
		if c.s.Refused == nil {
			c.s.Refused = map[Cause]uint64{}
		}
		c.s.Refused[r.Cause]++
	case r.Reason != "":
		c.s.Failed++
	default:
		if c.s.ByKind == nil {
			c.s.ByKind = map[Kind]uint64{}
		}
		c.s.ByKind[r.Kind]++
	}
	c.s.Records += uint64(r.Records)
	c.s.Bytes += uint64(r.Bytes)
}

// Stats gives the counts so far.
func (s *Server) Stats() Stats {
	s.stats.mu.Lock()
	out := s.stats.s
	out.ByKind, out.Refused = maps.Clone(s.stats.s.ByKind), maps.Clone(s.stats.s.Refused)
	s.stats.mu.Unlock()
	out.Running, out.Waiting = s.quota.counts()
	return out
}
