// Package journal keeps what is stored of the zones' history in proportion: images to and from bytes (Encode, Decode), how
// much the journal holds of each zone behind its image (the journal tail), and when a new image is written and the journal
// pruned (Upkeep). The truth is an image folded with the entries after it, so nothing here is ever needed for the truth:
// it bounds what a start must replay, and how far back IXFR reaches.
//
// It must not know how a change becomes an entry (package commit), how entries become memory (package feed), or tables.
package journal
