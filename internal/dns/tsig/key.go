package tsig

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Key is a shared secret under a name. It is immutable once made.
type Key struct {
	Name      wire.Name
	Algorithm Algorithm
	Secret    Secret
}

// Secret is a key's octets. Formatting, logging and marshalling show none of them, wherever the secret is held.
type Secret []byte

const hidden = "(secret)"

// Format writes a placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue is the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText is the placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Algorithm is the wire name of an HMAC algorithm (RFC 8945 section 6).
type Algorithm wire.Name

// The algorithms that are known. HMACMD5 is taken only where an operator insists.
const (
	HMACSHA1   Algorithm = "\x09hmac-sha1\x00"
	HMACSHA224 Algorithm = "\x0bhmac-sha224\x00"
	HMACSHA256 Algorithm = "\x0bhmac-sha256\x00"
	HMACSHA384 Algorithm = "\x0bhmac-sha384\x00"
	HMACSHA512 Algorithm = "\x0bhmac-sha512\x00"
	HMACMD5    Algorithm = "\x08hmac-md5\x07sig-alg\x03reg\x03int\x00"
)

// Errors of keys made from text.
var (
	ErrAlgorithm = errors.New("unknown TSIG algorithm")
	ErrSecret    = errors.New("the TSIG secret is empty or not base64")
)

// ParseAlgorithm reads an algorithm's name, with or without its final dot, in any case. HMAC-MD5 is an error unless
// allowMD5.
func ParseAlgorithm(text string, allowMD5 bool) (Algorithm, error) {
	n, err := wire.ParseName(text)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrAlgorithm, err)
	}
	a := Algorithm(n)
	if a.Size() == 0 || a == HMACMD5 && !allowMD5 {
		return "", ErrAlgorithm
	}
	return a, nil
}

// Size is the digest's length in octets, 0 for an algorithm that is not known.
func (a Algorithm) Size() int {
	if h := a.hash(); h != nil {
		return h().Size()
	}
	return 0
}

// String is the algorithm's name with its final dot.
func (a Algorithm) String() string { return wire.Name(a).String() }

func (a Algorithm) hash() func() hash.Hash {
	switch a {
	case HMACSHA1:
		return sha1.New
	case HMACSHA224:
		return sha256.New224
	case HMACSHA256:
		return sha256.New
	case HMACSHA384:
		return sha512.New384
	case HMACSHA512:
		return sha512.New
	case HMACMD5:
		return md5.New
	}
	return nil
}

// NewKey makes a key from what an operator types: a domain name, an algorithm's name, and a secret in base64.
func NewKey(name, algorithm, secret string, allowMD5 bool) (*Key, error) {
	n, err := wire.ParseName(name)
	if err != nil {
		return nil, fmt.Errorf("TSIG name: %w", err)
	}
	a, err := ParseAlgorithm(algorithm, allowMD5)
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(secret)
	if err != nil || len(raw) == 0 {
		// The cause would quote the secret.
		return nil, ErrSecret
	}
	return &Key{Name: n, Algorithm: a, Secret: raw}, nil
}

// String names the key and never its secret.
func (k *Key) String() string {
	if k == nil {
		return ""
	}
	return k.Name.String()
}

// Equal says whether two keys are the same; nil is like nil alone.
func (k *Key) Equal(other *Key) bool {
	if k == nil || other == nil {
		return k == other
	}
	return k.Name == other.Name && k.Algorithm == other.Algorithm &&
		subtle.ConstantTimeCompare(k.Secret, other.Secret) == 1
}

// LogValue is String: a log never sees the secret.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// mac makes the keyed hash; the algorithm of a Key is always a known one.
func (k *Key) mac() hash.Hash { return hmac.New(k.Algorithm.hash(), k.Secret) }
