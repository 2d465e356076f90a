package rr

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// checkOdd is checkStrict for types that hardly anybody uses, and every server checks.
func checkOdd(t wire.Type, data []byte) error {
	switch t {
	case typeNXT:
		return checkOldBitmap(data)
	case typeWKS:
		return checkServices(data[5:])
	case wire.TypeKEY:
		return checkOldKey(data)
	case typeRKEY:
		if data[0] != 0 || data[1] != 0 {
			return fmt.Errorf("%w: the flags must be zero", ErrSyntax)
		}
	case typeATMA:
		if data[0] == 1 && len(bytes.Trim(data[1:], "0123456789")) > 0 {
			return fmt.Errorf("%w: an address of format 1 is digits", ErrSyntax)
		}
	case wire.TypeCERT:
		if data[0] == 0 && data[1] == 0 { // RFC 4398 section 2.1
			return fmt.Errorf("%w: the certificate type 0 is reserved", ErrSyntax)
		}
	case typeA6:
		return checkA6(data)
	case typeIPSECKEY:
		return checkIPSECKEY(data)
	case typeAMTRELAY:
		return checkRelay(data)
	case typeHIP:
		return checkHIP(data)
	}
	return nil
}

// checkServices: the bit map of RFC 1035 section 3.4.2 has a bit for each of 65,536 ports and ends with its last one.
func checkServices(bits []byte) error {
	if len(bits) > 65536/8 || len(bits) > 0 && bits[len(bits)-1] == 0 {
		return fmt.Errorf("%w: the bit map of services is too long, or ends in nothing", ErrSyntax)
	}
	return nil
}

// checkOldBitmap: RFC 2535 section 5.2, a bit for each type below 128, none for zero, and no octets of zeros at the end.
func checkOldBitmap(data []byte) error {
	n, _ := nameLen(data)
	if bits := data[n:]; len(bits) > 16 || len(bits) > 0 && (bits[0]&0x80 != 0 || bits[len(bits)-1] == 0) {
		return fmt.Errorf("%w: the bit map of types is malformed", ErrSyntax)
	}
	return nil
}

// checkOldKey: flags say whether there is a key (RFC 2535 section 3.1.2).
func checkOldKey(data []byte) error {
	const noKey = 0xc0
	if (data[0]&noKey == noKey) != (len(data) == 4) {
		return fmt.Errorf("%w: the flags do not say whether there is a key", ErrSyntax)
	}
	return checkPrivateKey(data)
}

// checkA6: RFC 2874 section 3.1.1, the length of a prefix, the address behind it padded with zeros, and a name for the
// prefix if there is one.
func checkA6(data []byte) error {
	prefix := int(data[0])
	size := (128 - prefix + 7) / 8
	if prefix > 128 || len(data) < 1+size {
		return fmt.Errorf("%w: the address does not fit its prefix", ErrSyntax)
	}
	suffix, name := data[1:1+size], data[1+size:]
	if size > 0 && suffix[0]>>(8-prefix%8) != 0 && prefix%8 != 0 {
		return fmt.Errorf("%w: the address has bits of the prefix", ErrSyntax)
	}
	if n, ok := nameLen(name); prefix > 0 && (!ok || n != len(name)) || prefix == 0 && len(name) > 0 {
		return fmt.Errorf("%w: a name is wanted for a prefix, and for that alone", ErrSyntax)
	}
	return nil
}

// endpointLen is the length of an address or name of a kind that IPSECKEY (RFC 4025 section 2.3) and AMTRELAY (RFC 8777
// section 4.2.3) share.
func endpointLen(kind byte, data []byte) (n int, ok bool) {
	switch kind {
	case 0:
		return 0, true
	case 1:
		return 4, len(data) >= 4
	case 2:
		return 16, len(data) >= 16
	case 3:
		return nameLen(data)
	}
	return 0, false
}

// checkIPSECKEY: RFC 4025 section 2. Algorithm 0 says that there is no key.
func checkIPSECKEY(data []byte) error {
	n, ok := endpointLen(data[1], data[3:])
	if !ok {
		return fmt.Errorf("%w: the gateway is not of its kind", ErrSyntax)
	}
	if (data[2] == 0) != (3+n == len(data)) {
		return fmt.Errorf("%w: there is a key exactly if there is an algorithm", ErrSyntax)
	}
	return nil
}

// checkRelay: the first bit of AMTRELAY's kind is no part of it.
func checkRelay(data []byte) error {
	if n, ok := endpointLen(data[1]&0x7f, data[2:]); !ok || 2+n != len(data) {
		return fmt.Errorf("%w: the relay is not of its kind", ErrSyntax)
	}
	return nil
}

// checkHIP: RFC 8005 section 5, a tag and a key with their lengths, and names of rendezvous servers.
func checkHIP(data []byte) error {
	tag, key := int(data[0]), int(binary.BigEndian.Uint16(data[2:]))
	if tag == 0 || key == 0 || len(data) < 4+tag+key {
		return fmt.Errorf("%w: the host identity or its tag is empty or cut", ErrSyntax)
	}
	for servers := data[4+tag+key:]; len(servers) > 0; {
		n, ok := nameLen(servers)
		if !ok {
			return fmt.Errorf("%w: a rendezvous server is no name", ErrSyntax)
		}
		servers = servers[n:]
	}
	return nil
}
