// Package duty says what this node does for all: which zones' secondaries it tells, whose images it renews, whose flattened
// names it keeps fresh.
//
// Nodes hold leases in the database, renewed now and then. Those that hold one are a circle, and every zone falls to one
// of them by rendezvous hashing, so that few zones change hands when a node comes or goes. A zone never has two nodes: a
// node that heard of a new circle gives up at once what falls to others there, and takes what fell to it only when all the
// others have heard of that circle, too. A node that cannot renew stops before its lease ends.
//
// The package does not know what is done for a zone, nor where leases are kept. Start with Duty: Run renews, Holds asks.
package duty
