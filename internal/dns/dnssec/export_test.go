package dnssec

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha512"
	"io"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// AppendSigned is looked at from outside.
var AppendSigned = appendSigned

// SignSet is signSet for one set.
func SignSet(zone wire.Name, s *rr.Set, k *Key, inception, expiration uint32) ([]byte, error) {
	sig, _, err := signSet(zone, s, k, inception, expiration, nil, nil)
	return sig, err
}

// SignMany signs texts by a key together.
func SignMany(k *Key, texts [][]byte) ([][]byte, error) {
	b := batch{yield: func() {}}
	out := make([][]byte, len(texts))
	for i, t := range texts {
		out[i] = make([]byte, k.size())
		b.add(k, t, out[i])
	}
	return out, b.sign()
}

// Sign signs one text.
func (k *Key) Sign(text []byte) ([]byte, error) { return k.sign(nil, text) }

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
