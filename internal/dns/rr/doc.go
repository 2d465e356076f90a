// Package rr holds records as values: from and to presentation format, in canonical form and order (RFC 4034 section 6),
// and zone files in and out. It knows nothing of zones.
//
// Start with ParseData and Set; Reader and Writer are for zone files (RFC 1035 section 5).
package rr
