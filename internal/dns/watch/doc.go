// Package watch remembers how each secondary fares: what it was told, what it fetched, why it was refused, and, by asking
// it now and then, which serial it answers with.
//
// Facts come from three sides: notify and xfr report what passes by, and Run asks every linked peer for its SOA, the more
// often the less it is in step, by the batch over UDP and one by one over TCP where that settles nothing (patrol.go); where a resolver is given, also every address of every name in the NS
// RRset, as anybody could. What is kept is bounded: the last of each kind and a short history. Of peers it outlives the
// process (memory.go).
// The package decides nothing, and knows no reason for what it sees.
package watch
