package dnssec

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha512"
	"io"
)

// What tests of the package's surface look at from outside.
var (
	SignSet      = signSet
	AppendSigned = appendSigned
)

// RRSIGFixed is the length of the members before the signer's name.
const RRSIGFixed = rrsigFixed

// FakeKey is a key whose signatures are digests: tests that compare octets have no time for more.
func FakeKey(flags uint16, n byte) *Key {
	public := make([]byte, ed25519.PublicKeySize)
	public[0] = n
	k := &Key{DNSKEY: DNSKEY{Flags: flags, Algorithm: ED25519, Public: public}, private: fake(n)}
	k.tag = k.DNSKEY.Tag()
	return k
}

type fake byte

func (f fake) Public() crypto.PublicKey {
	return ed25519.PublicKey(make([]byte, ed25519.PublicKeySize))
}

func (f fake) Sign(_ io.Reader, text []byte, _ crypto.SignerOpts) ([]byte, error) {
	sum := sha512.Sum512(append([]byte{byte(f)}, text...))
	return sum[:], nil
}
