// Package peers starts real secondaries and follows a primary with them: BIND, NSD, Knot DNS and PowerDNS as Debian
// packages them, each an ordinary child process in a directory of its own, on a loopback address of its own.
//
// A test reserves where a secondary will answer (Free), tells its primary of that address, starts the secondary (Start,
// or Run in a test), changes the primary, waits for a serial (Secondary.WaitSerial) and compares what the secondary
// hands out with what the primary does (Secondary.Transfer, Diff). Workload makes random zones and random changes from
// a seed.
//
//	listen, _ := peers.Free(peers.NSD)
//	s := peers.Run(t, peers.Config{Program: peers.NSD, Listen: listen, Primary: primary, Zones: zones})
//	if err := s.WaitSerial(ctx, zones[0], serial); err != nil { ... }
//
// The secondaries ask from the address they answer on, so that a primary can tell them apart as it would in the world.
package peers
