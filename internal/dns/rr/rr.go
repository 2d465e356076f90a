// Package rr holds records as values: from and to presentation format, in canonical form and order (RFC 4034 section
// 6), and zone files in and out. It is the only package that may import the DNS library.
package rr

import "github.com/headwaterdns/headwater/internal/dns/wire"

// Set is one RRset. Data holds each record's RDATA in canonical, uncompressed wire form, in canonical order, without
// duplicates (RFC 2181 section 5).
type Set struct {
	Owner wire.Name
	Type  wire.Type
	TTL   uint32
	Data  [][]byte
}
