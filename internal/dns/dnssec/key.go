package dnssec

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Flags of a DNSKEY (RFC 4034 section 2.1.1, RFC 5011 section 7).
const (
	FlagZone   = 0x0100
	FlagRevoke = 0x0080
	FlagSEP    = 0x0001 // the key is meant to be named by a DS record: a KSK
)

const protocol = 3 // RFC 4034 section 2.1.2

// Errors of keys that do not go with others.
var (
	ErrTwice   = errors.New("the zone has this key already")
	ErrTag     = errors.New("another key of the zone has the same key tag")
	ErrForeign = errors.New("the key belongs to another zone")
	ErrPair    = errors.New("the private key does not belong to the public one")
)

// DNSKEY is a public key as its record holds it.
type DNSKEY struct {
	Flags     uint16
	Algorithm Algorithm
	Public    []byte
}

// RData is the record's data (RFC 4034 section 2.1).
func (k *DNSKEY) RData() []byte {
	b := make([]byte, 0, 4+len(k.Public))
	b = binary.BigEndian.AppendUint16(b, k.Flags)
	b = append(b, protocol, byte(k.Algorithm))
	return append(b, k.Public...)
}

// SEP says whether the key is a KSK by its flags.
func (k *DNSKEY) SEP() bool { return k.Flags&FlagSEP != 0 }

// Tag is the key's tag (RFC 4034 appendix B). It is no name: others may have the same.
func (k *DNSKEY) Tag() uint16 { return KeyTag(k.RData()) }

// KeyTag is the tag of a DNSKEY record with this data (RFC 4034 appendix B).
func KeyTag(rdata []byte) uint16 {
	var sum uint32
	for i, c := range rdata {
		if i%2 == 0 {
			sum += uint32(c) << 8
		} else {
			sum += uint32(c)
		}
	}
	return uint16(sum + sum>>16)
}

// ParseDNSKEY reads a record's data and holds it against what a key of a zone must be: flags that nobody has defined, other
// protocols, revoked keys and keys that are none are errors (ErrKey).
func ParseDNSKEY(rdata []byte) (*DNSKEY, error) {
	if len(rdata) < 5 {
		return nil, fmt.Errorf("%w: it ends early", ErrKey)
	}
	k := &DNSKEY{Flags: binary.BigEndian.Uint16(rdata), Algorithm: Algorithm(rdata[3]), Public: bytes.Clone(rdata[4:])}
	switch {
	case rdata[2] != protocol:
		return nil, fmt.Errorf("%w: the protocol must be 3, not %d", ErrKey, rdata[2])
	case k.Flags&FlagZone == 0:
		return nil, fmt.Errorf("%w: the flags must be 256 or 257, not %d: it is no zone's key", ErrKey, k.Flags)
	case k.Flags&FlagRevoke != 0:
		return nil, fmt.Errorf("%w: it is revoked", ErrKey)
	case k.Flags&^(FlagZone|FlagSEP) != 0:
		return nil, fmt.Errorf("%w: the flags must be 256 or 257, not %d", ErrKey, k.Flags)
	}
	if err := k.Algorithm.check(k.Public); err != nil {
		return nil, err
	}
	return k, nil
}

// Bits is how long the key is, as people compare keys of one algorithm: the modulus of RSA, the order's size of a curve.
func (k *DNSKEY) Bits() int {
	if k.Algorithm == RSASHA256 {
		_, modulus := splitRSA(k.Public)
		return new(big.Int).SetBytes(modulus).BitLen()
	}
	if curve := k.Algorithm.curve(); curve != nil {
		return curve.Params().BitSize
	}
	return len(k.Public) * 8
}

// Clashes says why k cannot stand beside the keys that a zone has: it is one of them, or one of them has its tag and its
// algorithm. Validators may try but few keys of one tag (RFC 8901 section 4, CVE-2023-50387), so signers avoid them.
func (k *DNSKEY) Clashes(others []*DNSKEY) error {
	for _, o := range others {
		switch {
		case o.Algorithm != k.Algorithm:
		case bytes.Equal(o.Public, k.Public):
			return ErrTwice
		case o.Tag() == k.Tag():
			return fmt.Errorf("%w: %d", ErrTag, k.Tag())
		}
	}
	return nil
}

// Key is a key with its private half, which formatting and logging do not show. It is immutable.
type Key struct {
	DNSKEY

	tag     uint16
	private crypto.Signer
	scalar  [p256Size]byte // what private is, where batches can sign by it
	batches bool
}

const hidden = "(private key)"

// Format writes the tag and a placeholder for every verb.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "key %d %s", k.Tag(), hidden) }

// Tag is the key's tag.
func (k *Key) Tag() uint16 { return k.tag }

// makeKey pairs a private key with its record. RSA keys are held against their bounds.
func makeKey(flags uint16, a Algorithm, private crypto.Signer) (*Key, error) {
	public, err := a.encode(private.Public())
	if err != nil {
		return nil, err
	}
	if err := a.check(public); err != nil {
		return nil, err
	}
	k := &Key{DNSKEY: DNSKEY{Flags: flags, Algorithm: a, Public: public}, private: private}
	k.tag = k.DNSKEY.Tag()
	k.scalar, k.batches = scalarOf(private)
	return k, nil
}

// Generate makes a key that stands beside others: neither equal to one of them nor of the same tag.
func Generate(a Algorithm, flags uint16, others []*DNSKEY) (*Key, error) {
	for {
		private, err := a.generate()
		if err != nil {
			return nil, err
		}
		k, err := makeKey(flags, a, private)
		if err != nil || k.Clashes(others) == nil {
			return k, err
		}
	}
}

// Private is the private half as PKCS #8, for whoever keeps it under seal.
func (k *Key) Private() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	if err != nil {
		return nil, fmt.Errorf("encode key %d: %w", k.tag, err)
	}
	return der, nil
}

// ParsePrivate reads what Private gave, for the key of a record. Another key's private half is ErrPair.
func ParsePrivate(public *DNSKEY, der []byte) (*Key, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: the private half cannot be read", ErrKey) // the cause could quote it
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: the private half cannot sign", ErrKey)
	}
	return pair(public, private)
}

// pair wants private to be the other half of public.
func pair(public *DNSKEY, private crypto.Signer) (*Key, error) {
	k, err := makeKey(public.Flags, public.Algorithm, private)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(k.Public, public.Public) {
		return nil, ErrPair
	}
	return k, nil
}

// size is the length of a signature, in octets.
func (k *Key) size() int {
	switch curve := k.Algorithm.curve(); {
	case curve != nil:
		return 2 * ((curve.Params().BitSize + 7) / 8)
	case k.Algorithm == ED25519:
		return ed25519.SignatureSize
	}
	return k.Bits() / 8
}

// sign appends the signature over text.
func (k *Key) sign(dst, text []byte) ([]byte, error) {
	digest := text
	if h := k.Algorithm.hash(); h != 0 {
		w := h.New()
		w.Write(text)
		digest = w.Sum(nil)
	}
	return k.signDigest(dst, digest)
}

// signDigest does so where the text is hashed already, for algorithms that sign a hash.
func (k *Key) signDigest(dst, digest []byte) ([]byte, error) {
	// Without a random source ECDSA is RFC 6979, RSA is PKCS #1 v1.5, and Ed25519 never needs one: equal octets everywhere.
	var random io.Reader
	sig, err := k.private.Sign(random, digest, k.Algorithm.hash())
	if err != nil {
		return nil, fmt.Errorf("sign with key %d: %w", k.tag, err)
	}
	curve := k.Algorithm.curve()
	if curve == nil {
		return append(dst, sig...), nil
	}
	// RFC 6605 section 4: r and s, each as long as the curve's field, in place of ASN.1.
	size := (curve.Params().BitSize + 7) / 8
	var r, s []byte
	in := cryptobyte.String(sig)
	if !in.ReadASN1(&in, asn1.SEQUENCE) || !in.ReadASN1Integer(&r) || !in.ReadASN1Integer(&s) || len(r) > size || len(s) > size {
		return nil, fmt.Errorf("sign with key %d: %w", k.tag, ErrKey)
	}
	dst = append(append(dst, make([]byte, size-len(r))...), r...)
	return append(append(dst, make([]byte, size-len(s))...), s...), nil
}
