// Package page is how a zone's names lie in memory: keys in canonical order, packed pages of entries with their RRsets, a
// small tree over them, and how all three change without touching what readers hold. It knows octets, their order and
// their bounds; it must not know serials, deltas, answers or images.
//
//	Tree ── root ── node ── Page: entries of names with their RRsets
//
// page.go tells how names lie in a page, key.go how they are ordered, rrset.go how RRsets are packed, splice.go how pages
// change, check.go what a page from a disk must fulfil.
package page
