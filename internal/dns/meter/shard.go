package meter

import (
	"sync/atomic"
	"unsafe"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Class is what came of a query.
type Class uint8

// The classes.
const (
	NoError Class = iota
	NXDomain
	ServFail
	Refused
	Other
	Classes
)

// String is the class as the API writes it.
func (c Class) String() string {
	return [...]string{"noerror", "nxdomain", "servfail", "refused", "other"}[c]
}

func classOf(code wire.Rcode) Class {
	switch code {
	case wire.RcodeNoError:
		return NoError
	case wire.RcodeNXDomain:
		return NXDomain
	case wire.RcodeServFail:
		return ServFail
	case wire.RcodeRefused:
		return Refused
	default:
		return Other
	}
}

// Sizes of what a thread writes into.
const (
	slotsOf = 4096 // zones that are told apart between two gatherings
	probes  = 8    // places that are looked at for one
	buckets = 64   // of samples, so that a busy zone leaves room for the others
	cellsOf = 16   // samples of a bucket
)

// slot counts one zone.
type slot struct {
	zone atomic.Pointer[zone.Zone]
	n    [Classes]atomic.Uint32
}

// table is what is counted between two gatherings. It is written for as long as a shard has it and never used again, so that nobody who
// comes late counts for another zone.
type table struct {
	slots [slotsOf]slot
	lost  atomic.Uint64 // queries of zones for which there was no room
	used  atomic.Bool
}

// sample is a question, as it came.
type sample struct {
	zone  *zone.Zone
	class Class
	kind  wire.Type
	len   uint8
	name  [wire.MaxName]byte
}

const (
	free uint32 = iota
	writing
	whole
)

// Shard is what a thread counts in. Threads may share one: everything in it is atomic.
type Shard struct {
	table   atomic.Pointer[table]
	states  [buckets * cellsOf]atomic.Uint32 // of samples: free, being written, or whole
	samples [buckets * cellsOf]sample
}

// Count counts a query. It is on the query path: no lock, no allocation.
func (s *Shard) Count(z *zone.Zone, q *wire.Query, code wire.Rcode) {
	t := s.table.Load()
	// Zones do not move in memory, and what is counted together for two of them would be found out by the pointer beside.
	at := uint32(uintptr(unsafe.Pointer(z)) >> 4 * 0x9e3779b97f4a7c15 >> 40) //nolint:gosec // the address is a hash, and nothing is read by it
	class := classOf(code)
	for i := range uint32(probes) {
		sl := &t.slots[(at+i)%slotsOf]
		have := sl.zone.Load()
		if have == nil {
			if !sl.zone.CompareAndSwap(nil, z) {
				have = sl.zone.Load()
			} else {
				have = z
				t.used.Store(true)
			}
		}
		if have == z {
			s.sample(at, sl.n[class].Add(1), z, q, class)
			return
		}
	}
	t.used.Store(true)
	t.lost.Add(1)
}

// sample keeps a question, if a place for it is free; of a busy zone nearly none is, and that is all it costs.
func (s *Shard) sample(at, n uint32, z *zone.Zone, q *wire.Query, class Class) {
	i := at%buckets*cellsOf + n%cellsOf
	if s.states[i].Load() != free || !s.states[i].CompareAndSwap(free, writing) {
		return
	}
	c := &s.samples[i]
	c.zone, c.class, c.kind = z, class, q.Type
	c.len = uint8(copy(c.name[:], q.Name))
	s.states[i].Store(whole)
}

// take empties the samples.
func (s *Shard) take(each func(*sample)) {
	for i := range s.samples {
		if s.states[i].Load() != whole {
			continue
		}
		each(&s.samples[i])
		s.samples[i].zone = nil
		s.states[i].Store(free)
	}
}
