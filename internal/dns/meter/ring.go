package meter

import "time"

// Counts are queries by class.
type Counts [Classes]uint64

// Sum is all of them.
func (c *Counts) Sum() (n uint64) {
	for _, v := range c {
		n += v
	}
	return n
}

func (c *Counts) add(o *Counts) {
	for i, v := range o {
		c[i] += v
	}
}

// Period is how far back a series reaches.
type Period uint8

// The periods.
const (
	Hour  Period = iota // by minute
	Day                 // by quarter of an hour
	Month               // by six hours, 31 days
	periods
)

// shapes are the length of a cell and their number, of each period.
//
//nolint:gochecknoglobals // a table
var shapes = [periods]struct {
	step time.Duration
	n    int
}{{time.Minute, 60}, {15 * time.Minute, 96}, {6 * time.Hour, 124}}

// Step is the length of a period's cells, and Cells how many there are.
func (p Period) Step() time.Duration { return shapes[p].step }

// Cells is how many cells a period has.
func (p Period) Cells() int { return shapes[p].n }

// cell counts less than four thousand million queries, beyond which it stays.
type cell [Classes]uint32

// ring is a series: cells by number of steps since 1970, the last at most as old as it is long.
type ring struct {
	cells []cell
	last  int64
}

// add counts into the cell of a moment. What is older than the ring reaches is left out.
func (r *ring) add(p Period, now time.Time, c *Counts) {
	n := int64(shapes[p].n)
	if r.cells == nil {
		r.cells = make([]cell, n)
	}
	at := now.Unix() / int64(shapes[p].step/time.Second)
	if at <= r.last-n {
		return
	}
	for i := max(r.last+1, at-n+1); i <= at; i++ {
		r.cells[i%n] = cell{}
	}
	r.last = max(r.last, at)
	to := &r.cells[at%n]
	for i, v := range c {
		to[i] = uint32(min(uint64(to[i])+v, 1<<32-1))
	}
}

// series adds the ring, as seen at a moment, to a list of as many cells; the last is that of now.
func (r *ring) series(p Period, now time.Time, out []Counts) {
	n := int64(shapes[p].n)
	if r.cells == nil {
		return
	}
	at := now.Unix() / int64(shapes[p].step/time.Second)
	for i := range n {
		// Cell i of the list is i steps after the first.
		k := at - n + 1 + i
		if k > r.last || k <= r.last-n {
			continue
		}
		for j, v := range r.cells[k%n] {
			out[i][j] += uint64(v)
		}
	}
}
