// Package zone is the zone database in memory: immutable versions made of packed pages, deltas between them, and the
// table of all zones. It knows nothing of who changed a zone, why, or when, and has neither clock nor disk.
//
//	DB ── Zone ── State ─┬─ Served   ─┐
//	                     ├─ Transfer ─┴─ Version ── root ── node ── page: entries of names with their RRsets
//	                     ├─ History: the deltas that led here
//	                     └─ Links
//
// Readers load a zone's State once and have all of it, unchanging. The one writer makes the next state from a Step, a
// delta for each face, and publishes it with one store of a pointer. A version shares with the one before it every page
// that the delta did not touch.
//
// Start with Version and its Find. Package page tells how names lie in memory and how pages change; upkeep.go what a change
// entails for names that it does not mention.
package zone
