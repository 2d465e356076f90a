// Package tsig signs and verifies messages and sequences of messages (RFC 8945).
//
// The roles have a type each, so that misuse does not compile: Server answers one signed request with one message or a
// sequence of them (a transfer), Client signs a request and verifies what comes back, however many messages that is. The
// package does not know where keys are kept, and time is a parameter.
package tsig
