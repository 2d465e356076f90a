package model

import "github.com/headwaterdns/headwater/internal/dns/wire"

var tsigDigests = map[wire.Name]int{
	wire.MustName("hmac-sha1"):   20,
	wire.MustName("hmac-sha224"): 28,
	wire.MustName("hmac-sha256"): 32,
	wire.MustName("hmac-sha384"): 48,
	wire.MustName("hmac-sha512"): 64,
}

// TSIGDigest is the length in octets of the digest of a TSIG algorithm that we take (RFC 8945 section 6), 0 for others.
// MD5 is not among them.
func TSIGDigest(algorithm wire.Name) int { return tsigDigests[algorithm] }
