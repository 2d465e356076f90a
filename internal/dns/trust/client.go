package trust

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Client is what a client of one connection has shown. One goroutine at a time may ask it: it remembers what it has worked out, for a
// transfer asks before each of its pieces.
type Client struct {
	leaf  *x509.Certificate
	above *x509.CertPool
	now   func() time.Time
	found map[question]verdict
}

type question struct{ names, authority string }

// verdict is whether a client is who it is asked to be, and until when that can be true.
type verdict struct {
	yes   bool
	until time.Time
}

// remembered bounds what a Client remembers: peers at one address that have authorities of their own.
const remembered = 16

// Shown reads what the client of a connection has shown: nil for nothing. key and name are the digest of its key, which TLS has
// proved that it has, and what its certificate calls it, which nothing has proved.
func Shown(st *tls.ConnectionState, now func() time.Time) (c wire.TLSClient, key, name string) {
	if len(st.PeerCertificates) == 0 {
		return nil, "", ""
	}
	out := &Client{leaf: st.PeerCertificates[0], above: x509.NewCertPool(), now: now}
	for _, other := range st.PeerCertificates[1:] {
		out.above.AddCert(other)
	}
	return out, Digest(out.leaf), nameOf(out.leaf)
}

// Is says whether the client's certificate has one of the names, which are separated by spaces, is for clients, and is good now under
// an authority. One that is not readable is nobody's.
func (c *Client) Is(names, authority string) bool {
	q, now := question{names, authority}, c.now()
	v, known := c.found[q]
	if !known {
		v = c.verify(q, now)
		if c.found == nil || len(c.found) >= remembered {
			c.found = map[question]verdict{}
		}
		c.found[q] = v
	}
	return v.yes && !now.After(v.until)
}

func (c *Client) verify(q question, now time.Time) verdict {
	named := false
	for n := range strings.FieldsSeq(q.names) {
		named = named || c.leaf.VerifyHostname(strings.TrimSuffix(n, ".")) == nil
	}
	roots, err := Authority(q.authority)
	if !named || err != nil {
		return verdict{}
	}
	chains, err := c.leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: c.above, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return verdict{}
	}
	v := verdict{yes: true}
	for _, chain := range chains { // good as long as one of them is
		if ends := earliest(chain); ends.After(v.until) {
			v.until = ends
		}
	}
	return v
}

func earliest(chain []*x509.Certificate) time.Time {
	ends := chain[0].NotAfter
	for _, c := range chain {
		if c.NotAfter.Before(ends) {
			ends = c.NotAfter
		}
	}
	return ends
}

// Claimed is a client that is taken at its word, for who asks what would happen.
type Claimed string

// Is says whether the name is one of these.
func (c Claimed) Is(names, _ string) bool {
	for n := range strings.FieldsSeq(names) {
		if c != "" && strings.EqualFold(strings.TrimSuffix(n, "."), strings.TrimSuffix(string(c), ".")) {
			return true
		}
	}
	return false
}
