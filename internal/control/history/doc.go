// Package history tells what became of zones, and what takes it back: who changed what of a zone, what two of its versions differ in,
// what it was at a serial or a time, and which edits lead there again.
//
// It keeps nothing. What a change did stands in the audit log, each object as it was before and after; the entries of a zone are
// linked in the order of its commits, whatever clocks say, and say which serials they led from and to. So a version of the past is
// what the zone has now, with all that has changed since taken back, newest first: it costs what has changed, not what the zone holds.
// Imports are told by their number alone: what one has brought are the records that were made in its very instant.
//
// It must not know tables, JSON, or how a change is committed.
package history
