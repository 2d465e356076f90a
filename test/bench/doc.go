// Command bench measures Headwater beside NSD, Knot DNS, BIND, PowerDNS and an echo on one machine, in one run, interleaved.
//
// Every contestant serves the same zone on a loopback port, is bound to one core, and is loaded from another. What is
// printed are medians with their least and most, and how ours stand to the peers' as the project's goals demand; absolute
// times say something about this machine alone. docs/benchmark.md tells method and limits.
//
// Start with bench.go: the order of things. The rows and their goals are in rows.go, the contestants in headwater.go,
// peers.go and powerdns.go.
package main
