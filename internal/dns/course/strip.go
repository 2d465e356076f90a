package course

import "time"

// A strip has a cell for each ten minutes of a day.
const (
	StripStep  = 10 * time.Minute
	StripCells = 144
)

// strip holds the worst state of each cell, by number of steps since 1970; the last is that of now at most.
type strip struct {
	cells [StripCells]uint8
	last  int64
}

func step(now time.Time) int64 { return now.Unix() / int64(StripStep/time.Second) }

func (s *strip) stood(now time.Time, state uint8) {
	at := step(now)
	for i := max(s.last+1, at-StripCells+1); i <= at; i++ {
		s.cells[i%StripCells] = 0
	}
	if at <= s.last-StripCells {
		return // the clock was set back
	}
	s.last = max(s.last, at)
	s.cells[at%StripCells] = max(s.cells[at%StripCells], state)
}

// day gives the cells of the day that ends now, the oldest first.
func (s *strip) day(now time.Time) []uint8 {
	out := make([]uint8, StripCells)
	at := step(now)
	for i := range out {
		if k := at - StripCells + 1 + int64(i); k <= s.last && k > s.last-StripCells {
			out[i] = s.cells[k%StripCells]
		}
	}
	return out
}

// HoursKept is how many hours of transfers are kept.
const HoursKept = 24

// Transfers are what went to secondaries in an hour.
type Transfers struct {
	Full, Steps            uint32 // AXFR (and whole answers to IXFR), and IXFR
	FullOctets, StepOctets uint64
	Refused, Failed        uint32
}

type hours struct {
	of   [HoursKept]Transfers
	last int64
}

// at is the sum of the hour of now.
func (h *hours) at(now time.Time) *Transfers {
	hour := now.Unix() / 3600
	for i := max(h.last+1, hour-HoursKept+1); i <= hour; i++ {
		h.of[i%HoursKept] = Transfers{}
	}
	h.last = max(h.last, hour)
	return &h.of[hour%HoursKept]
}

func (h *hours) day(now time.Time) []Transfers {
	out := make([]Transfers, HoursKept)
	hour := now.Unix() / 3600
	for i := range out {
		if k := hour - HoursKept + 1 + int64(i); k <= h.last && k > h.last-HoursKept {
			out[i] = h.of[k%HoursKept]
		}
	}
	return out
}

// Transfer is one that was served, or not.
type Transfer struct {
	Full, Refused, Failed bool
	Octets                int64
}

// Transferred notes a transfer of a zone.
func (c *Course) Transferred(id string, t Transfer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	sum := c.at(id, now).hours.at(now)
	switch {
	case t.Refused:
		sum.Refused++
	case t.Failed:
		sum.Failed++
	case t.Full:
		sum.Full++
		sum.FullOctets += uint64(max(t.Octets, 0))
	default:
		sum.Steps++
		sum.StepOctets += uint64(max(t.Octets, 0))
	}
}
