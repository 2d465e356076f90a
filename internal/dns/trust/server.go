package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Server is who is expected where we are the client. Without a name and without keys anybody will do.
type Server struct {
	Name      string // that its certificate must have; empty: any
	Authority string // which must have signed it, in PEM; empty: one of the system's
	Keys      string // digests of keys of which it must have one, separated by spaces; empty: any
}

// ALPN is the protocol that clients of DNS over TLS ask for (RFC 7858 section 3.1 does not demand it, RFC 9103 section 7.1 does of
// transfers).
const ALPN = "dot"

// Errors of servers that are not who they should be.
var (
	ErrNobody = errors.New("the server has shown no certificate")
	ErrKey    = errors.New("the server's certificate has another key")
)

// Config is for one connection to the server: TLS 1.3 and the protocol "dot", as for transfers. own gives the certificate that we show
// to a server that asks for one; nil: none.
func (s Server) Config(own func() *tls.Certificate) *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{ALPN}, ServerName: s.Name,
		// verify does it: keys may stand alone, and so may names.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection:   s.verify,
	}
	if own != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if have := own(); have != nil {
				return have, nil
			}
			return &tls.Certificate{}, nil
		}
	}
	return c
}

func (s Server) verify(st tls.ConnectionState) error {
	if s.Name == "" && s.Keys == "" {
		return nil
	}
	if len(st.PeerCertificates) == 0 {
		return ErrNobody
	}
	leaf := st.PeerCertificates[0]
	if s.Keys != "" && !slices.Contains(strings.Fields(s.Keys), Digest(leaf)) {
		return ErrKey
	}
	if s.Name == "" {
		return nil
	}
	options := x509.VerifyOptions{DNSName: strings.TrimSuffix(s.Name, "."), Intermediates: x509.NewCertPool()}
	for _, c := range st.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	if s.Authority != "" {
		roots, err := Authority(s.Authority)
		if err != nil {
			return fmt.Errorf("the peer's authority: %w", err)
		}
		options.Roots = roots
	}
	_, err := leaf.Verify(options)
	return err
}
