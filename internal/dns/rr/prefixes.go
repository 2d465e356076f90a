package rr

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

var errPrefix = fmt.Errorf("%w: it is not a list of address prefixes as in RFC 3123", ErrSyntax)

// sizePrefixes walks APL data: of each address no octets are there but those up to the last that is not zero (RFC 3123
// section 4).
func sizePrefixes(data []byte) (int, error) {
	for rest := data; len(rest) > 0; {
		if len(rest) < 4 {
			return 0, errPrefix
		}
		octets, n := familyLen(rest), int(rest[3]&0x7f)
		if octets == 0 || int(rest[2]) > 8*octets || n > octets || len(rest) < 4+n || n > 0 && rest[3+n] == 0 {
			return 0, errPrefix
		}
		rest = rest[4+n:]
	}
	return len(data), nil
}

// familyLen is the length of an address of the family that an item begins with, 0 for an unknown one.
func familyLen(item []byte) int {
	switch numberOf(item[:2]) {
	case 1:
		return 4
	case 2:
		return 16
	}
	return 0
}

// readPrefixes reads items [!]family:address/prefix to the end.
func readPrefixes(dst []byte, s *scanner) ([]byte, error) {
	for f, ok := s.next(); ok; f, ok = s.next() {
		f, negated := strings.CutPrefix(f, "!")
		family, prefix, _ := strings.Cut(f, ":")
		address, bits, _ := strings.Cut(prefix, "/")
		a, err := netip.ParseAddr(address)
		n, bad := strconv.ParseUint(bits, 10, 8)
		if err != nil || bad != nil || a.Zone() != "" || int(n) > a.BitLen() || family != map[bool]string{true: "1", false: "2"}[a.Is4()] {
			return nil, fmt.Errorf("%w: %q", errPrefix, f)
		}
		octets := bytes.TrimRight(a.AsSlice(), "\x00")
		length := byte(len(octets))
		if negated {
			length |= 0x80
		}
		dst = append(append(dst, 0, family[0]-'0', byte(n), length), octets...)
	}
	return dst, nil
}

func writePrefixes(dst, _, part []byte) []byte {
	for first := true; len(part) > 0; first = false {
		if !first {
			dst = append(dst, ' ')
		}
		n := int(part[3] & 0x7f)
		if part[3]&0x80 != 0 {
			dst = append(dst, '!')
		}
		address := make([]byte, familyLen(part))
		copy(address, part[4:4+n])
		dst = append(dst, '0'+part[1], ':')
		dst = append(writeAddress(dst, nil, address), '/')
		dst = strconv.AppendUint(dst, uint64(part[2]), 10)
		part = part[4+n:]
	}
	return dst
}
