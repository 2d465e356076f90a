package model

import (
	"encoding/base64"
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
