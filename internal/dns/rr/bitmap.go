package rr

import (
	"fmt"
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// errBitmap is a type bit map that is not as RFC 4034 section 4.1.2 has it: windows rise, none is empty or ends in zeros.
var errBitmap = fmt.Errorf("%w: the bit map of types is malformed", ErrSyntax)

func sizeBitmap(data []byte) (int, error) {
	last := -1
	for rest := data; len(rest) > 0; {
		if len(rest) < 2 {
			return 0, errBitmap
		}
		window, n := int(rest[0]), int(rest[1])
		if window <= last || n == 0 || n > 32 || len(rest) < 2+n || rest[1+n] == 0 {
			return 0, errBitmap
		}
		last, rest = window, rest[2+n:]
	}
	return len(data), nil
}

func sizeSomeBitmap(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, errShort
	}
	return sizeBitmap(data)
}

// readBitmap reads types, in any order, to the end.
func readBitmap(dst []byte, s *scanner) ([]byte, error) {
	var types []wire.Type
	for f, ok := s.next(); ok; f, ok = s.next() {
		t, err := wire.ParseType(f)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no record type", ErrSyntax, f)
		}
		types = append(types, t)
	}
	slices.Sort(types)
	return AppendBitmap(dst, types), nil
}

// AppendBitmap appends the bit map of types that rise (RFC 4034 section 4.1.2).
func AppendBitmap(dst []byte, types []wire.Type) []byte {
	window, at := -1, 0
	for _, t := range types {
		if w := int(t >> 8); w != window {
			window, at = w, len(dst)
			dst = append(dst, byte(w), 0)
		}
		low := int(t & 0xff)
		for len(dst) < at+2+low/8+1 {
			dst = append(dst, 0)
		}
		dst[at+1] = byte(len(dst) - at - 2)
		dst[at+2+low/8] |= 0x80 >> (low % 8)
	}
	return dst
}

func writeBitmap(dst, _, part []byte) []byte {
	for first := true; len(part) > 0; {
		window, n := int(part[0]), int(part[1])
		for i := range 8 * n {
			if part[2+i/8]&(0x80>>(i%8)) == 0 {
				continue
			}
			if !first {
				dst = append(dst, ' ')
			}
			first = false
			dst = append(dst, wire.Type(window<<8|i).String()...)
		}
		part = part[2+n:]
	}
	return dst
}
