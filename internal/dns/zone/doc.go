// Package zone is the zone database in memory: immutable versions made of packed pages, deltas between them, and the
// table of all zones. It knows nothing of who changed a zone, why, or when, and has neither clock nor disk.
package zone
