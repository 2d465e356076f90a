// Package xfr sends zones to secondaries (AXFR, RFC 5936; IXFR, RFC 1995) and fetches them.
//
// A transfer holds one zone.State for as long as it takes: what it sends is one version, whatever is published
// meanwhile. Who may have a zone is decided first, then which form the answer takes, and only then the first octet
// leaves; an answer that cannot be finished ends without its closing SOA. The package knows no SQL: deltas come from
// the zone's history in memory.
//
// Start with Server; Allow decides, choose picks the form, stream packs messages. Fetch is the other side.
package xfr
