// Package rules holds our rules on what may stand in a zone against the servers that have to take it. Random zones, over
// pairs of record types at one name, at parent and child, at wildcards and at the apex, and over RDATA of every type, are
// asked for by single requests, by batches and by imports. Whatever is accepted must be loaded by BIND, NSD, Knot and
// PowerDNS as secondaries with their own limits, and by the checkers of the first three, unless the review calls it
// critical; and every change that follows must reach them, too. The generator knows types and names, and none of our rules.
//
// HEADWATER_RULES=N makes N zones of each kind (make rules), HEADWATER_SEED repeats a run.
package rules
