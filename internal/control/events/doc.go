// Package events tells those who listen what happens: journal entries, and what nodes tell one another by a log in the store.
//
// All of it stands in one ring (Hub), which every listener goes through at a place of its own (Listener): nothing is kept for
// anybody, and who is slow loses his place and hears that he has. A cursor names positions in the journal and in the log, which mean
// the same on every node. The log is read once for all listeners, and not at all while there are none.
//
// The package does not know who may hear what, how events are written, or where the log is kept. Start with Hub.
package events
