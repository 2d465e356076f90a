//go:build linux

package main

import (
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// slots remembers outstanding queries by identifier. Identifiers are used in turn, so that a late answer to a lost
// query hardly ever meets another query under its number.
type slots struct {
	all  [1 << 16]slot
	next uint16
	out  int
	max  int
}

// slot holds times since the start of the phase.
type slot struct {
	sent  time.Duration // when it left
	due   time.Duration // when it should have left: where its latency begins
	query int32
	used  bool
}

func newSlots(window int) *slots { return &slots{max: window} }

func (s *slots) free() int { return s.max - s.out }

// take gives a query an identifier. There must be one free.
func (s *slots) take(query int, sent, due time.Duration) uint16 {
	for s.all[s.next].used {
		s.next++
	}
	id := s.next
	s.all[id] = slot{query: int32(query), used: true, sent: sent, due: due}
	s.next++
	s.out++
	return id
}

// answer settles a query. It counts if the query was due within the measurement.
func (s *slots) answer(t *tally, p *phase, qs *queries, msg []byte, now time.Duration) {
	counts := now >= p.from && now < p.until
	if len(msg) < wire.HeaderLen {
		t.stray++
		return
	}
	e := &s.all[wire.ID(msg)]
	if !e.used {
		if counts {
			t.stray++
		}
		return
	}
	e.used = false
	s.out--
	t.check(qs.message(int(e.query)), msg, qs.expect[e.query])
	if counts {
		t.answered++
		t.latency.record(now - e.due)
	}
}

// expire counts queries as lost that left longer than timeout before now.
func (s *slots) expire(t *tally, p *phase, now, timeout time.Duration) {
	if s.out == 0 {
		return
	}
	for i := range s.all {
		e := &s.all[i]
		if !e.used || e.sent >= now-timeout {
			continue
		}
		e.used = false
		s.out--
		if e.sent >= p.from {
			t.lost++
			t.latency.record(timeout)
		}
	}
}
