// Package notify tells secondaries that a zone has a new serial, until they know it (RFC 1996).
//
// Every zone and linked peer have a task. It is sent at once when a zone is published, at most once an interval while
// changes keep coming, and again with growing pauses until the peer answers or is seen with the serial. One loop owns
// all tasks, in a heap by the time they are due; sending never waits for an answer, so a dead peer delays no other. The
// package does not know why a zone changed.
//
// Peers are told by datagrams, or over TLS where their operator says so.
//
// Start with Sender: Wake and Force come from where zones are published, Seen from where transfers are served.
package notify
