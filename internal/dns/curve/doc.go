// Package curve adds up what happens to zones and accounts, for people to look at: queries by what came of them, transfers, and how long
// secondaries took. An hour of it is kept here, by minute; what reaches further back is handed over (Take) in sums of a quarter of an hour and of
// six hours, for somebody who keeps it longer than a process lives.
//
// It knows no more than identifiers and numbers; it must not know who counts, who keeps, or who looks.
package curve
