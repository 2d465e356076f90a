package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// AuthorityMost is how many octets an authority may have as text: a few certificates.
const AuthorityMost = 16 << 10

// Errors of what is to be an authority, or a name that a certificate is to have.
var (
	ErrNoCertificate = errors.New("there is no certificate in it, in PEM")
	ErrPrivate       = errors.New("it has something else than certificates; a private key is never asked for")
	ErrLong          = fmt.Errorf("it is longer than %d octets", AuthorityMost)
	ErrName          = errors.New("it is neither the name of a host nor an address")
)

// Authority reads certificates, in PEM, that others are signed by. One that has signed itself, and no other, will do.
func Authority(text string) (*x509.CertPool, error) {
	if len(text) > AuthorityMost {
		return nil, ErrLong
	}
	pool, found := x509.NewCertPool(), false
	for rest := []byte(text); ; found = true {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, ErrPrivate
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("a certificate in it cannot be read: %w", err)
		}
		pool.AddCert(c)
	}
	if !found {
		return nil, ErrNoCertificate
	}
	return pool, nil
}

// CheckName wants the name of a host, or an address, as certificates have them.
func CheckName(name string) error {
	if a, err := netip.ParseAddr(name); err == nil && a.Zone() == "" {
		return nil
	}
	n, err := wire.ParseName(name)
	if err != nil || name == "" || len(n) <= 1 || strings.ContainsAny(name, " \t\r\n\\*:@/") {
		return ErrName
	}
	return nil
}

// Digest names a certificate's key: the SHA-256 digest of its SubjectPublicKeyInfo, in base64 (as RFC 7858 section 4.2 pins keys).
func Digest(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// nameMost is how many octets of a name that a stranger has chosen go into a log or on a page: as many as a domain name can have.
const nameMost = 255

// nameOf is what a certificate calls its holder first; nobody has asked whether that is so.
func nameOf(c *x509.Certificate) string {
	name := c.Subject.CommonName
	switch {
	case len(c.DNSNames) > 0:
		name = c.DNSNames[0]
	case len(c.IPAddresses) > 0:
		name = c.IPAddresses[0].String()
	}
	return strings.ToValidUTF8(name[:min(len(name), nameMost)], "\ufffd")
}
