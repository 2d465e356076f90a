// Package trust says who is at the other end of a connection with TLS: by the digest of a public key, or by a name in a certificate
// under an authority. It verifies clients that come to us, and servers that we go to.
//
// It knows certificates and nothing else: not whose they are, what they open, nor how a connection comes about.
package trust
