// Package server holds the sockets: it reads requests, has them answered, and writes what comes back, within limits.
//
//	UDP socket per core --> handler.datagram --> answer --> same socket        the hot path: no lock, no allocation
//	                              |
//	                              +--> slow pool --> tsig, xfr --> same socket  transfers, signed requests, oddities
//	                                       +--> update --> same socket          what is to be made durable first
//	TCP connection --> handler.message --> answer --> same connection
//	                              +--> tsig, xfr --> same connection
//
// On Linux each UDP socket belongs to a goroutine locked to its thread, which moves datagrams in batches (recvmmsg,
// sendmmsg) through slabs that it owns; elsewhere, or when Config.Portable asks for it, package net does. The package
// knows the zone database and what answers from it; it knows no HTTP, SQL or JSON.
//
// Start with Server (lifecycle) and handler (what happens to one request).
package server
