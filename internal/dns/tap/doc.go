// Package tap shows samples of queries and their answers to whoever wants to look, as dnstap.
//
// A thread that has answered copies what it has sampled into a lane of fixed size, with no lock and no allocation; a writer of its own takes
// it from there to a socket or a file as Frame Streams. Where the reader is slow or gone, lanes are full and what comes is counted and
// dropped: no answer ever waits.
//
// The package knows messages as octets, addresses, and the form of dnstap. It must not know sockets that DNS is served on, nor zones.
package tap
