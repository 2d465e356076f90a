package rr

import (
	"bytes"
	"fmt"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// checkStrict holds RDATA of the right shape against what its RFC demands of the values. It is for the sake of those who
// follow us: a secondary that checks them refuses the whole transfer for one bad record.
func checkStrict(t wire.Type, data []byte) error {
	switch t {
	case wire.TypeDS, wire.TypeCDS, typeDLV, typeTA:
		return checkDigest(int(data[3]), len(data)-4, map[int]int{1: 20, 2: 32, 4: 48})
	case wire.TypeSSHFP:
		return checkDigest(int(data[1]), len(data)-2, map[int]int{1: 20, 2: 32})
	case typeZONEMD:
		if len(data) < 6+12 {
			return fmt.Errorf("%w: the digest is too short", ErrSyntax)
		}
		return checkDigest(int(data[5]), len(data)-6, map[int]int{1: 48, 2: 64})
	case wire.TypeNSEC3:
		salt := 5 + int(data[4])
		return checkDigest(int(data[0]), int(data[salt]), map[int]int{1: 20})
	case wire.TypeRRSIG:
		return checkSigner(data)
	case wire.TypeDNSKEY, wire.TypeCDNSKEY:
		return checkPrivateKey(data)
	case wire.TypeCAA:
		return checkTag(data[2 : 2+int(data[1])])
	case wire.TypeLOC:
		return checkLocation(data)
	case wire.TypeNAPTR:
		return checkNAPTR(data)
	case typeX25:
		return checkX25(data[1:])
	case wire.TypeSVCB, wire.TypeHTTPS:
		return checkService(data)
	default:
		return checkOdd(t, data)
	}
}

func checkDigest(kind, n int, sizes map[int]int) error {
	if want, ok := sizes[kind]; ok && n != want {
		return fmt.Errorf("%w: a digest of type %d is %d octets long, not %d", ErrSyntax, kind, want, n)
	}
	return nil
}

// checkSigner: a signer is no deeper than what it signs (RFC 4034 section 3.1.3).
func checkSigner(data []byte) error {
	n, _ := nameLen(data[18:])
	if signer, err := wire.NameFromWire(data[18 : 18+n]); err != nil || signer.CountLabels() > int(data[3]) {
		return fmt.Errorf("%w: the signer's name has more labels than the name that is signed", ErrSyntax)
	}
	return nil
}

// checkPrivateKey: a key of a private algorithm begins with that algorithm's name (RFC 4034 appendix A.1.1).
func checkPrivateKey(data []byte) error {
	const privateDNS = 253
	if data[3] != privateDNS {
		return nil
	}
	if n, ok := nameLen(data[4:]); !ok || 4+n == len(data) {
		return fmt.Errorf("%w: the key does not begin with the name of its algorithm", ErrSyntax)
	}
	return nil
}

// checkTag: RFC 8659 section 4.1.
func checkTag(tag []byte) error {
	for _, c := range tag {
		if l := c | 0x20; (l < 'a' || l > 'z') && (c < '0' || c > '9') {
			return fmt.Errorf("%w: the tag must be letters and digits", ErrSyntax)
		}
	}
	if len(tag) == 0 {
		return fmt.Errorf("%w: the tag is empty", ErrSyntax)
	}
	return nil
}

// checkX25: RFC 1183 section 3.1.
func checkX25(number []byte) error {
	if len(number) < 4 || len(bytes.Trim(number, "0123456789")) > 0 {
		return fmt.Errorf("%w: it must be four or more digits", ErrSyntax)
	}
	return nil
}

// checkLocation: RFC 1876 section 2. Sizes are a digit and a power of ten; zero has no power.
func checkLocation(data []byte) error {
	for _, p := range data[1:4] {
		if p>>4 > 9 || p&15 > 9 || p>>4 == 0 && p != 0 {
			return fmt.Errorf("%w: %#02x is no size", ErrSyntax, p)
		}
	}
	if data[0] != 0 || !locationOf(data).valid() {
		return fmt.Errorf("%w: %w", ErrSyntax, ErrLocation)
	}
	return nil
}

func checkNAPTR(data []byte) error {
	s := data[4:]
	s = s[1+int(s[0]):] // flags
	s = s[1+int(s[0]):] // services
	return checkSubstitution(s[1 : 1+int(s[0])])
}
