package rr

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

func readHex(dst []byte, s *scanner) ([]byte, error) {
	f := s.rest()
	b, err := hex.DecodeString(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is not hexadecimal", ErrSyntax, f)
	}
	return append(dst, b...), nil
}

func writeLower(dst, _, part []byte) []byte { return hex.AppendEncode(dst, part) }

func writeUpper(dst, _, part []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range part {
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}

func readBase64(dst []byte, s *scanner) ([]byte, error) {
	f := s.rest()
	b, err := base64.StdEncoding.Strict().DecodeString(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is not base64", ErrSyntax, f)
	}
	return append(dst, b...), nil
}

func writeBase64(dst, _, part []byte) []byte { return base64.StdEncoding.AppendEncode(dst, part) }

// readNSAP reads the address of an NSAP, in which dots do not count (RFC 1706 section 6).
func readNSAP(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	digits, ok := strings.CutPrefix(strings.ToLower(f), "0x")
	b, err := hex.DecodeString(strings.ReplaceAll(digits, ".", ""))
	if err != nil || !ok || len(b) == 0 {
		return nil, fmt.Errorf("%w: %q is no address in hexadecimal", ErrSyntax, f)
	}
	return append(dst, b...), nil
}

func writeNSAP(dst, _, part []byte) []byte { return hex.AppendEncode(append(dst, "0x"...), part) }

// readSalt reads the salt of NSEC3 (RFC 5155 section 3.3), a hyphen for none.
func readSalt(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	if f == "-" {
		return append(dst, 0), nil
	}
	b, err := hex.DecodeString(f)
	if err != nil || len(b) == 0 || len(b) > 255 {
		return nil, fmt.Errorf("%w: %q is no salt in hexadecimal", ErrSyntax, f)
	}
	return append(append(dst, byte(len(b))), b...), nil
}

func writeSalt(dst, head, part []byte) []byte {
	if len(part) == 1 {
		return append(dst, '-')
	}
	return writeUpper(dst, head, part[1:])
}

// sizeHash: the hash of a name is not empty (RFC 5155 section 3.1.6).
func sizeHash(data []byte) (int, error) {
	n, err := sizeString(data)
	if err == nil && n == 1 {
		return 0, errShort
	}
	return n, err
}

func base32Hex() *base32.Encoding { return base32.HexEncoding.WithPadding(base32.NoPadding) }

func readHash(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	b, err := base32Hex().DecodeString(strings.ToUpper(f))
	if err != nil || len(b) == 0 || len(b) > 255 {
		return nil, fmt.Errorf("%w: %q is no hash in base32", ErrSyntax, f)
	}
	return append(append(dst, byte(len(b))), b...), nil
}

func writeHash(dst, _, part []byte) []byte { return base32Hex().AppendEncode(dst, part[1:]) }

// readEUI reads pairs of digits with hyphens between them (RFC 7043 section 3.2).
func readEUI(octets int) func([]byte, *scanner) ([]byte, error) {
	return func(dst []byte, s *scanner) ([]byte, error) {
		f, err := s.want()
		if err != nil {
			return nil, err
		}
		groups := strings.Split(f, "-")
		b, err := hex.DecodeString(strings.Join(groups, ""))
		for _, g := range groups {
			if err != nil || len(groups) != octets || len(g) != 2 {
				return nil, fmt.Errorf("%w: %q is not %d pairs of hexadecimal digits", ErrSyntax, f, octets)
			}
		}
		return append(dst, b...), nil
	}
}

func writeEUI(dst, _, part []byte) []byte {
	for i, c := range part {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, []byte{c})
	}
	return dst
}

// readLocator reads four groups of up to four digits (RFC 6742 section 2.1.2).
func readLocator(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	groups := strings.Split(f, ":")
	for _, g := range groups {
		n, err := strconv.ParseUint(g, 16, 16)
		if err != nil || len(g) > 4 || len(groups) != 4 {
			return nil, fmt.Errorf("%w: %q is not four groups of hexadecimal digits", ErrSyntax, f)
		}
		dst = appendNumber(dst, n, 2)
	}
	return dst, nil
}

func writeLocator(dst, _, part []byte) []byte {
	for i := 0; i < len(part); i += 2 {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = hex.AppendEncode(dst, part[i:i+2])
	}
	return dst
}
