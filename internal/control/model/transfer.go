package model

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Octets decodes the key's secret. Base64 is taken with or without its padding, and with spaces in it.
func (k *TSIG) Octets() ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.Join(strings.Fields(k.Secret), ""), "="))
}

// TSIGDigest is the length in octets of the digest of a TSIG algorithm that we take (RFC 8945 section 6), 0 for others.
// MD5 is not among them.
func TSIGDigest(algorithm wire.Name) int {
	switch algorithm.Host() {
	case "hmac-sha1":
		return 20
	case "hmac-sha224":
		return 28
	case "hmac-sha256":
		return 32
	case "hmac-sha384":
		return 48
	case "hmac-sha512":
		return 64
	}
	return 0
}

// Access is the ACL as transfers know it.
func (a *ACL) Access() AccessRange { return AccessRange{a.ID, a.Prefix.Masked()} }

// Access reads the TSIG's texts. Errors are *Invalid, and never tell the secret.
func (k *TSIG) Access() (AccessKey, error) {
	n, err := wire.ParseName(k.Name)
	if err != nil {
		return AccessKey{}, &Invalid{Code: CodeTSIGName, Message: fmt.Sprintf("The TSIG's name is not a valid domain name: %v.", err)}
	}
	algo, err := wire.ParseName(k.Algo)
	if err != nil {
		return AccessKey{}, &Invalid{Code: CodeTSIGAlgo, Message: fmt.Sprintf("The TSIG's algorithm is not valid: %v.", err)}
	}
	secret, err := k.Octets()
	if err != nil || len(secret) == 0 {
		return AccessKey{}, &Invalid{Code: CodeTSIGSecret, Message: "The TSIG's secret is not valid base64."}
	}
	return AccessKey{ID: k.ID, Name: n, Algorithm: algo, Secret: secret, Next: k.Successor}, nil
}

// defaultPort is where a peer without a port hears NOTIFY.
const defaultPort = 53

// Access is the peer as transfers and NOTIFY know it.
func (p *Peer) Access() AccessPeer {
	out := AccessPeer{
		ID: p.ID, Name: p.Name, Key: p.TSIG, Transport: p.Transport, ClientKeys: p.ClientKeys, Stripped: p.Stripped,
		ClientNames: p.ClientNames, Authority: p.Authority, Notify: p.Notify,
	}
	if p.IP.IsValid() {
		port := p.Port
		if port == 0 {
			port = defaultPort
		}
		out.Addr = netip.AddrPortFrom(p.IP.Unmap(), port)
	}
	return out
}
