// Package answer turns one query into one response: the authoritative algorithm of RFC 1034 section 4.3.2 with what was
// added since. It knows zones and messages, and neither sockets nor goroutines nor logs.
//
//	query ──> zone.DB.Find ──> Version.Find ──> Match ──> records into the caller's buffer
//
// A Responder belongs to one thread. It takes no lock and allocates nothing; its outcome is the message that it wrote.
// Start with Append; each kind of match is written by a function of its own.
package answer
