// Package update is what messages of opcode UPDATE say and come to (RFC 2136): it reads them, holds them against section 3 of the RFC,
// and works out on a zone's RRsets what they ask for.
//
//	Parse -> Message.Prescan (section 3.4.1) -> Message.Check (3.2) -> Message.Apply (3.4.2)
//
// Faults and unmet prerequisites are a *Failure, which has the response code. The order in which several are found is that of BIND, which
// looks at permissions first, so that who may not change a zone does not learn either what is in it.
//
// The package knows RRsets and messages. It must not know records with ids, who may change what, how a zone is kept, or sockets.
package update
