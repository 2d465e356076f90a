// Command bench measures Headwater beside NSD, Knot DNS and BIND on one machine, in one run, interleaved.
//
// Every contestant serves the same zone on a loopback port, is bound to one core, and is loaded from another. What is
// printed are medians with their minimum and maximum, and ratios to the better of NSD and Knot; absolute times say
// something about this machine alone. docs/benchmark.md tells method and limits.
package main
