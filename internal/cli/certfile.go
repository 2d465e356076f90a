package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
	"github.com/headwaterdns/headwater/internal/secretkey"
)

// pair is a certificate and its key, in FILE.pem and FILE.key.
type pair struct {
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// template is a certificate for so many days. It is good from an hour ago on: clocks differ.
func template(name string, days int) (*x509.Certificate, error) {
	if days < 1 || days > 36500 {
		return nil, errDays
	}
	now := time.Now().UTC().Truncate(time.Second)
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, days),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}, nil
}

// named adds names and addresses that clients verify; they look at nothing else (RFC 9525 section 6.3).
func named(t *x509.Certificate, names []string) error {
	for _, n := range names {
		if a, err := netip.ParseAddr(n); err == nil {
			t.IPAddresses = append(t.IPAddresses, a.AsSlice())
			continue
		}
		host := strings.TrimSuffix(n, ".")
		if _, err := wire.ParseName(strings.TrimPrefix(host, "*.")); err != nil || strings.ContainsAny(host, " /\\:@") || host == "" {
			return fmt.Errorf("%q is neither a name nor an address", n)
		}
		t.DNSNames = append(t.DNSNames, host)
	}
	return nil
}

// open reads the authority.
func (c *certBy) open() (*pair, error) {
	by, err := readPair(c.CAFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w; make one with headwater cert ca, or name it by --ca", err)
	case err != nil:
		return nil, err
	case !by.cert.IsCA:
		return nil, fmt.Errorf("%s.pem: %w", c.CAFile, errNoCA)
	}
	return by, nil
}

// make signs a certificate, by an authority or by itself, and writes it. What is there is not overwritten unless it is renewed; then
// its key stays, so that whoever pins the key goes on.
func (c *certOut) make(file string, t *x509.Certificate, by *pair) (*pair, error) {
	made := &pair{file: strings.TrimPrefix(file, "*.")} // a file with an asterisk is a nuisance
	if c.Out != "" {
		made.file = c.Out
	}
	if by != nil && t.NotAfter.After(by.cert.NotAfter) {
		return nil, fmt.Errorf("%s.pem, until %s: %w", by.file, by.cert.NotAfter.Format(time.DateOnly), errCAShort)
	}
	if err := c.takeKey(made); err != nil {
		return nil, err
	}
	parent, signer := t, made.key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &made.key.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	if made.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	if err := secretkey.WriteFile(made.file+".pem", pemOf("CERTIFICATE", der)); err != nil {
		return nil, err
	}
	return made, os.Chmod(made.file+".pem", 0o644) //nolint:gosec // a certificate is for everybody
}

// takeKey makes a key and writes it, or reads the one that is renewed.
func (c *certOut) takeKey(p *pair) (err error) {
	if c.Renew {
		was, err := readPair(p.file)
		if err == nil {
			p.key = was.key
		}
		return err
	}
	for _, end := range []string{".pem", ".key"} {
		if _, err := os.Lstat(p.file + end); err == nil {
			return fmt.Errorf("%s%s is there already: say --renew for another certificate with the same key, or --out for another file", p.file, end)
		}
	}
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return err
	}
	return secretkey.WriteFile(p.file+".key", pemOf("PRIVATE KEY", der))
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func readPair(file string) (*pair, error) {
	p := &pair{file: file}
	var err error
	if p.cert, err = readCert(file + ".pem"); err != nil {
		return nil, err
	}
	der, err := readPEM(file+".key", "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%s.key: %w", file, err)
	}
	var ok bool
	if p.key, ok = key.(*ecdsa.PrivateKey); !ok || !p.key.PublicKey.Equal(p.cert.PublicKey) {
		return nil, fmt.Errorf("%s.key is not the ECDSA key of %[1]s.pem", file)
	}
	return p, nil
}

func readCert(file string) (*x509.Certificate, error) {
	der, err := readPEM(file, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return cert, nil
}

// readPEM reads the first block of a kind.
func readPEM(file, kind string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for {
		block, rest := pem.Decode(text)
		switch {
		case block == nil:
			return nil, fmt.Errorf("%s has no %s", file, strings.ToLower(kind))
		case block.Type == kind:
			return block.Bytes, nil
		}
		text = rest
	}
}

// pin is how a peer's client_keys name a key.
func pin(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}
