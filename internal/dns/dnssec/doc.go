// Package dnssec signs zones: keys and their records, signatures, the chains of NSEC and NSEC3, and the steps by which keys
// come and go. It holds values and pure functions: it knows neither clock nor disk, and not where keys are kept, who asked
// for a roll, or how a zone is published. Time is a parameter, and the same input gives the same octets on every node.
//
// Key and DNSKEY are keys (algorithm.go, key.go), with their DS and CDS records (ds.go) and BIND's files of them (bind.go).
//
// Job signs a version of a zone, which it sees through View (view.go): Whole and Sign all of it (whole.go), Update what a
// change has touched (update.go). Both bring one name after another to what it shall be (sign.go), NSEC3 records in a second
// pass (nsec3.go), and so they cannot differ. rrsig.go makes one signature, p256.go many of the usual algorithm together, timing.go says
// from when to when they are good.
//
// Next says what to do with a zone's keys (next.go): it knows what is wanted in which order (moves.go), and that no mix of what
// caches may hold must become bogus (safe.go).
package dnssec
