package rr

import (
	"bytes"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Set is one RRset. Data holds each record's RDATA in canonical, uncompressed wire form, in canonical order, without
// duplicates (RFC 2181 section 5).
type Set struct {
	Owner wire.Name
	Type  wire.Type
	TTL   uint32
	Data  [][]byte
}

// Compare orders RDATA canonically (RFC 4034 section 6.3).
func Compare(a, b []byte) int { return bytes.Compare(a, b) }

// Normalize brings the set's data into canonical order and drops duplicates, in place.
func (s *Set) Normalize() {
	slices.SortFunc(s.Data, Compare)
	s.Data = slices.CompactFunc(s.Data, bytes.Equal)
}

// AppendWire appends the set's records in uncompressed wire form, class IN.
func (s *Set) AppendWire(dst []byte) []byte {
	for _, d := range s.Data {
		dst = wire.AppendRR(dst, s.Owner, s.Type, wire.ClassIN, s.TTL, d)
	}
	return dst
}

// WireLen is the length of what AppendWire appends, in octets.
func (s *Set) WireLen() int {
	n := 0
	for _, d := range s.Data {
		n += len(s.Owner) + 10 + len(d)
	}
	return n
}
