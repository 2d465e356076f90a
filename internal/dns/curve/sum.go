package curve

import "time"

// Classes is how many ways a query can end are told apart (meter.Class).
const Classes = 5

// Sum is what happened in some time.
type Sum struct {
	Queries                      [Classes]uint64
	Full, Steps, Refused, Failed uint64 // AXFR (and whole answers to IXFR), IXFR, and what was none
	FullOctets, StepOctets       uint64
	Arrivals                     uint64 // versions that a peer was seen with for the first time
	LagMS, LagMax                uint64 // milliseconds until then: of all of them together, and the longest
}

// Add adds another sum.
func (s *Sum) Add(o *Sum) {
	for i, n := range o.Queries {
		s.Queries[i] += n
	}
	s.Full += o.Full
	s.Steps += o.Steps
	s.Refused += o.Refused
	s.Failed += o.Failed
	s.FullOctets += o.FullOctets
	s.StepOctets += o.StepOctets
	s.Arrivals += o.Arrivals
	s.LagMS += o.LagMS
	s.LagMax = max(s.LagMax, o.LagMax)
}

// Asked is how many queries there were.
func (s *Sum) Asked() (n uint64) {
	for _, v := range s.Queries {
		n += v
	}
	return n
}

// Arrived is the sum of one version that a peer has.
func Arrived(lag time.Duration) Sum {
	ms := uint64(max(lag.Milliseconds(), 0))
	return Sum{Arrivals: 1, LagMS: ms, LagMax: ms}
}

// Period is how far back a curve reaches.
type Period uint8

// The periods. Hour stays in memory; the others are kept by who takes them.
const (
	Hour  Period = iota // by minute
	Day                 // by quarter of an hour
	Month               // by six hours, 31 days
)

// shapes are the length of a cell and their number, of each period.
//
//nolint:gochecknoglobals // a table
var shapes = [...]struct {
	step time.Duration
	n    int
}{{time.Minute, 60}, {15 * time.Minute, 96}, {6 * time.Hour, 124}}

// Step is the length of a period's cells, and Cells how many there are.
func (p Period) Step() time.Duration { return shapes[p].step }

// Cells is how many cells a period has.
func (p Period) Cells() int { return shapes[p].n }

// Cell is the number of the cell that a moment falls into: steps since 1970.
func (p Period) Cell(at time.Time) int64 { return at.Unix() / int64(p.Step()/time.Second) }

// Begin is when a cell begins.
func (p Period) Begin(cell int64) time.Time {
	return time.Unix(cell*int64(p.Step()/time.Second), 0).UTC()
}

// First is the first cell of the period that ends now.
func (p Period) First(now time.Time) int64 { return p.Cell(now) - int64(p.Cells()) + 1 }
