// Package wire knows DNS messages and names as bytes (RFC 1035 section 4).
//
// It gives a name type that is comparable, a view over a request that copies nothing, a reader for messages of
// others, and a builder that appends, compresses and truncates. It knows no presentation format beyond names, no
// zones, no sockets and no clock. Nothing here allocates on the path of a query unless its comment says so.
//
// Start with Name and Query; Builder is how every answer and every transfer message is written.
package wire
