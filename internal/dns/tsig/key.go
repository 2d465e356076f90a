// Package tsig signs and verifies messages and sequences of messages (RFC 8945).
//
// The four roles have a type each, so that misuse does not compile: the server and the client of a single exchange,
// and the server and the client of a sequence (a transfer). The package does not know where keys are kept, and time is
// a parameter.
package tsig

import "github.com/headwaterdns/headwater/internal/dns/wire"

// Key is a shared secret under a name. It is immutable once made.
type Key struct {
	Name      wire.Name
	Algorithm Algorithm
	Secret    []byte
}

// Algorithm is the wire name of an HMAC algorithm (RFC 8945 section 6), e.g. HMACSHA256.
type Algorithm wire.Name
