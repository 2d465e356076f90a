// Package compare holds what secondaries serve against our transfer face at the same serial: now and then, answers to some questions, or,
// of a peer that allows it, a whole transfer. A serial says which version a server claims to have; whoever edits the file of a secondary,
// or loads an older copy under a number of its own, keeps the serial and changes the contents.
//
// A secondary, or a zone, that goes on to another serial meanwhile is no difference, and neither is one that does not answer: then nothing
// is said. What is asked is bounded in all (Comparer). The package does not know what is done with what it finds.
package compare
