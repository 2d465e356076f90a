package dnssec

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"math/big"

	"filippo.io/bigmod"
	"filippo.io/nistec"
)

// Signatures of ECDSA P-256, many at a time. Each needs the inverse of its nonce modulo the curve's order, which takes a third of the time
// of a signature; many inverses are one and some products (Montgomery's trick). The nonces are those of RFC 6979, and so the signatures
// are, octet for octet, those that crypto/ecdsa makes without a random source: a test holds the two against each other. All that touches a
// secret runs in constant time: points are multiplied by nistec, numbers by bigmod, which are crypto's own. The one inverse is
// another's: that of the product times a random number, which tells nothing of the product, however long it takes. In constant time it
// would be as dear as a signature, of which a change has four.

const p256Size = 32 // octets of a number modulo the curve's order

//nolint:gochecknoglobals // constants in all but name
var (
	p256Order  = mustModulus(p256Params.N.Bytes())
	p256Params = elliptic.P256().Params()
)

func mustModulus(b []byte) *bigmod.Modulus {
	m, err := bigmod.NewModulus(b)
	if err != nil {
		panic(err) // of a constant
	}
	return m
}

// batch are signatures that are still to be made, by keys of algorithm 13. yield is called after each, for others who wait for a core.
type batch struct {
	list  []unsigned
	yield func()
}

// unsigned is one of them: what is signed, and where r and s belong.
type unsigned struct {
	key    *Key
	digest [sha256.Size]byte
	out    []byte // of 64 octets
}

func (b *batch) add(k *Key, text, out []byte) {
	b.list = append(b.list, unsigned{k, sha256.Sum256(text), out})
}

// sign makes all of them.
func (b *batch) sign() error {
	defer func() { b.list = b.list[:0] }()
	if len(b.list) == 0 {
		return nil
	}
	return b.signMany()
}

// half is a signature of which the nonce's inverse is missing.
type half struct{ k, before, s *bigmod.Nat }

// signMany fills in signatures (FIPS 186-5 section 6.4.1).
func (b *batch) signMany() error {
	list := b.list
	halves := make([]half, len(list))
	product := number().SetUint(1).ExpandFor(p256Order)
	for i := range list {
		u := &list[i]
		h, err := u.begin()
		if err != nil {
			return err
		}
		h.before = copyOf(product) // of the nonces before
		product.Mul(h.k, p256Order)
		halves[i] = h
		b.yield()
	}
	inverse, err := inverseOf(product)
	if err != nil {
		return fmt.Errorf("sign with key %d: %w", list[0].key.tag, err)
	}
	for i := len(list) - 1; i >= 0; i-- {
		h := &halves[i]
		h.s.Mul(h.before.Mul(inverse, p256Order), p256Order) // before is 1/k now
		inverse.Mul(h.k, p256Order)
		if h.s.IsZero() == 1 {
			return fmt.Errorf("sign with key %d: %w", list[i].key.tag, ErrKey)
		}
		copy(list[i].out[p256Size:], h.s.Bytes(p256Order))
	}
	return nil
}

// begin writes r, and gives the nonce and the rest of s.
func (u *unsigned) begin() (h half, err error) {
	fault := func() error { return fmt.Errorf("sign with key %d: %w", u.key.tag, ErrKey) }
	e, err := number().SetOverflowingBytes(u.digest[:], p256Order)
	if err != nil {
		return h, fault()
	}
	nonces := newNonces(&u.key.scalar, e.Bytes(p256Order))
	for h.k == nil || h.k.IsZero() == 1 {
		h.k, err = number().SetBytes(nonces.next(), p256Order)
		if err != nil { // it is not below the order, once in 2^32 times
			h.k = nil
		}
	}
	point, err := nistec.NewP256Point().ScalarBaseMult(h.k.Bytes(p256Order))
	if err != nil {
		return h, fault()
	}
	x, err := point.BytesX()
	if err != nil {
		return h, fault()
	}
	r, err := number().SetOverflowingBytes(x, p256Order)
	if err != nil || r.IsZero() == 1 {
		return h, fault()
	}
	copy(u.out, r.Bytes(p256Order))
	d, err := number().SetBytes(u.key.scalar[:], p256Order)
	if err != nil {
		return h, fault()
	}
	h.s = r.Mul(d, p256Order).Add(e, p256Order)
	return h, nil
}

// inverseOf is 1/x; x is not zero.
func inverseOf(x *bigmod.Nat) (*bigmod.Nat, error) {
	var random [p256Size]byte
	blind := number().ExpandFor(p256Order)
	for blind.IsZero() == 1 {
		_, _ = rand.Read(random[:]) // it never fails
		var err error
		if blind, err = blind.SetOverflowingBytes(random[:], p256Order); err != nil {
			return nil, ErrKey
		}
	}
	masked := new(big.Int).SetBytes(copyOf(x).Mul(blind, p256Order).Bytes(p256Order))
	masked.ModInverse(masked, p256Params.N)
	inverse, err := number().SetBytes(masked.FillBytes(random[:]), p256Order)
	if err != nil {
		return nil, ErrKey
	}
	return inverse.Mul(blind, p256Order), nil
}

func number() *bigmod.Nat { return bigmod.NewNat() }

func copyOf(x *bigmod.Nat) *bigmod.Nat {
	return number().ExpandFor(p256Order).Add(x, p256Order)
}

// scalarOf gives the number that a private key of P-256 is; false for other keys.
func scalarOf(private any) (d [p256Size]byte, ok bool) {
	k, ok := private.(*ecdsa.PrivateKey)
	if !ok || k.Curve != elliptic.P256() {
		return d, false
	}
	var same *ecdh.PrivateKey
	same, err := k.ECDH()
	return d, err == nil && copy(d[:], same.Bytes()) == p256Size
}

// nonces are the numbers that RFC 6979 section 3.2 makes of a key and a digest, with HMAC-SHA256.
type nonces struct {
	k, v  [sha256.Size]byte
	again bool
}

func newNonces(d *[p256Size]byte, digest []byte) *nonces {
	n := &nonces{}
	for i := range n.v {
		n.v[i] = 1
	}
	var text [sha256.Size + 1 + 2*p256Size]byte
	for _, b := range []byte{0, 1} {
		at := copy(text[:], n.v[:])
		text[at] = b
		at += 1 + copy(text[at+1:], d[:])
		copy(text[at:], digest)
		n.k = hmacSHA256(&n.k, text[:])
		n.v = hmacSHA256(&n.k, n.v[:])
	}
	return n
}

// next is the next one; the first is good but once in 2^32 times.
func (n *nonces) next() []byte {
	if n.again {
		var text [sha256.Size + 1]byte
		copy(text[:], n.v[:])
		n.k = hmacSHA256(&n.k, text[:])
		n.v = hmacSHA256(&n.k, n.v[:])
	}
	n.again = true
	n.v = hmacSHA256(&n.k, n.v[:])
	return n.v[:]
}

// hmacSHA256 is HMAC (RFC 2104) with a key of 32 octets over few octets: crypto/hmac allocates for what it is.
func hmacSHA256(key *[sha256.Size]byte, text []byte) [sha256.Size]byte {
	const inner, outer = 0x36, 0x5c
	var room [sha256.BlockSize + sha256.Size + 1 + 2*p256Size]byte
	pad := func(b byte) {
		for i := range sha256.BlockSize {
			room[i] = b
		}
		for i, c := range key {
			room[i] ^= c
		}
	}
	pad(inner)
	n := copy(room[sha256.BlockSize:], text)
	sum := sha256.Sum256(room[:sha256.BlockSize+n])
	pad(outer)
	n = copy(room[sha256.BlockSize:], sum[:])
	return sha256.Sum256(room[:sha256.BlockSize+n])
}
