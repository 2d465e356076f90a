package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
)

// Algorithm is a DNSSEC algorithm number (the IANA registry of RFC 9904).
type Algorithm uint8

// The algorithms that zones can be signed with here. All make the same signature whenever they sign the same octets.
const (
	RSASHA256       Algorithm = 8  // RFC 5702
	ECDSAP256SHA256 Algorithm = 13 // RFC 6605
	ECDSAP384SHA384 Algorithm = 14 // RFC 6605
	ED25519         Algorithm = 15 // RFC 8080
)

// Bounds of RSA moduli, in bits. Validators refuse less than 1024 (RFC 5702 section 2 allows 512) and many stop at 4096.
const (
	rsaBits  = 2048
	rsaLeast = 1024
	rsaMost  = 4096
)

// Errors of keys.
var (
	ErrAlgorithm = errors.New("zones cannot be signed with this algorithm; 8, 13, 14 and 15 can be used")
	ErrKey       = errors.New("malformed DNSSEC key")
)

// String is the algorithm's mnemonic, as registrars and BIND write it.
func (a Algorithm) String() string {
	switch a {
	case RSASHA256:
		return "RSASHA256"
	case ECDSAP256SHA256:
		return "ECDSAP256SHA256"
	case ECDSAP384SHA384:
		return "ECDSAP384SHA384"
	case ED25519:
		return "ED25519"
	}
	return fmt.Sprintf("ALGORITHM%d", uint8(a))
}

// Known says whether zones can be signed with the algorithm.
func (a Algorithm) Known() bool {
	return a == RSASHA256 || a == ED25519 || a.curve() != nil
}

// hash is what is hashed before signing; 0 where the algorithm does that itself.
func (a Algorithm) hash() crypto.Hash {
	switch a {
	case RSASHA256, ECDSAP256SHA256:
		return crypto.SHA256
	case ECDSAP384SHA384:
		return crypto.SHA384
	default:
		return 0
	}
}

// curve is the elliptic curve of the algorithms of RFC 6605, nil for others.
func (a Algorithm) curve() elliptic.Curve {
	switch a {
	case ECDSAP256SHA256:
		return elliptic.P256()
	case ECDSAP384SHA384:
		return elliptic.P384()
	default:
		return nil
	}
}

// generate makes a private key. RSA keys have 2048 bits.
func (a Algorithm) generate() (crypto.Signer, error) {
	switch {
	case a == RSASHA256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case a == ED25519:
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return k, err
	case a.curve() != nil:
		return ecdsa.GenerateKey(a.curve(), rand.Reader)
	}
	return nil, ErrAlgorithm
}

// encode gives the public key as a DNSKEY record holds it.
func (a Algorithm) encode(public crypto.PublicKey) ([]byte, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if a != RSASHA256 {
			break
		}
		// RFC 3110 section 2: exponents above 255 octets have a longer length; nobody has them.
		e := big.NewInt(int64(k.E)).Bytes()
		return append(append([]byte{byte(len(e))}, e...), k.N.Bytes()...), nil
	case *ecdsa.PublicKey:
		if a.curve() == nil || a.curve() != k.Curve {
			break
		}
		point, err := k.Bytes()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		return point[1:], nil // RFC 6605 section 4: without the octet that says "uncompressed"
	case ed25519.PublicKey:
		if a == ED25519 {
			return k, nil
		}
	}
	return nil, fmt.Errorf("%w: it is not one of algorithm %d", ErrKey, a)
}

// check says whether b can be a public key of the algorithm, as a DNSKEY record holds it. Of algorithms that we do not sign
// with, nothing is known.
func (a Algorithm) check(b []byte) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrKey, fmt.Sprintf(format, args...))
	}
	switch {
	case a == ED25519:
		if len(b) != ed25519.PublicKeySize {
			return bad("a key of algorithm 15 has 32 octets, not %d", len(b))
		}
	case a.curve() != nil:
		if _, err := ecdsa.ParseUncompressedPublicKey(a.curve(), append([]byte{4}, b...)); err != nil {
			return bad("it is no point of the curve of algorithm %d", a)
		}
	case a == RSASHA256:
		exponent, modulus := splitRSA(b)
		if len(exponent) == 0 || len(modulus) == 0 {
			return bad("an RSA key begins with its exponent (RFC 3110)")
		}
		bits := new(big.Int).SetBytes(modulus).BitLen()
		if bits < rsaLeast || bits > rsaMost {
			return bad("RSA keys have %d to %d bits, not %d", rsaLeast, rsaMost, bits)
		}
	}
	return nil
}

// splitRSA parts an RSA key as RFC 3110 section 2 lays it out; both parts are empty where it is none.
func splitRSA(b []byte) (exponent, modulus []byte) {
	n, e := 1, 0
	if len(b) > 0 {
		e = int(b[0])
	}
	if len(b) > 2 && e == 0 {
		n, e = 3, int(b[1])<<8|int(b[2])
	}
	if e == 0 || len(b) <= n+e {
		return nil, nil
	}
	return b[n : n+e], b[n+e:]
}
