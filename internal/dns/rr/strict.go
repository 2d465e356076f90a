package rr

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

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

// Keys of RFC 9460 section 14.3.2 and RFC 9461 with rules of their own.
const (
	keyMandatory     = 0
	keyALPN          = 1
	keyNoDefaultALPN = 2
	keyPath          = 7
)

// checkService: RFC 9460 section 2.2 and 7. The library has checked each value's own form and the order of keys.
func checkService(data []byte) error {
	n, _ := nameLen(data[2:])
	values := map[int][]byte{}
	last := -1
	for p := data[2+n:]; len(p) > 0; {
		if len(p) < 4 || len(p) < 4+int(binary.BigEndian.Uint16(p[2:])) {
			return fmt.Errorf("%w: a parameter ends early", ErrSyntax)
		}
		key, end := int(binary.BigEndian.Uint16(p)), 4+int(binary.BigEndian.Uint16(p[2:]))
		if key <= last {
			return fmt.Errorf("%w: a parameter comes twice or out of order", ErrSyntax)
		}
		values[key], last, p = p[4:end], key, p[end:]
	}
	if alpn, ok := values[keyALPN]; ok && !isALPN(alpn) {
		return fmt.Errorf("%w: alpn has an empty or unfinished name", ErrSyntax)
	}
	if values[keyNoDefaultALPN] != nil && values[keyALPN] == nil {
		return fmt.Errorf("%w: no-default-alpn needs alpn", ErrSyntax)
	}
	if path, ok := values[keyPath]; ok && !isPathTemplate(path) {
		return fmt.Errorf("%w: dohpath must be a path with a variable dns", ErrSyntax)
	}
	if m, ok := values[keyMandatory]; ok {
		return checkMandatory(m, values)
	}
	return nil
}

func isALPN(v []byte) bool {
	if len(v) == 0 {
		return false
	}
	for len(v) > 0 {
		n, ok := stringLen(v)
		if !ok || n == 1 {
			return false
		}
		v = v[n:]
	}
	return true
}

// isPathTemplate: RFC 9461 section 5.
func isPathTemplate(v []byte) bool {
	if !utf8.Valid(v) || !bytes.HasPrefix(v, []byte("/")) {
		return false
	}
	found := false
	for s := string(v); s != ""; {
		open := strings.IndexAny(s, "{}")
		if open < 0 {
			break
		}
		end := strings.IndexAny(s[open+1:], "{}")
		if s[open] != '{' || end < 0 || s[open+1+end] != '}' {
			return false
		}
		expr := strings.TrimLeft(s[open+1:open+1+end], "+#./;?&")
		found = found || slices.Contains(strings.Split(expr, ","), "dns")
		s = s[open+1+end+1:]
	}
	return found
}

// checkMandatory: keys in order, present, and not this one itself (RFC 9460 section 8).
func checkMandatory(m []byte, values map[int][]byte) error {
	if len(m) == 0 || len(m)%2 != 0 {
		return fmt.Errorf("%w: mandatory is empty or unfinished", ErrSyntax)
	}
	last := keyMandatory
	for ; len(m) > 0; m = m[2:] {
		key := int(binary.BigEndian.Uint16(m))
		if key <= last {
			return fmt.Errorf("%w: mandatory names a key twice, out of order, or itself", ErrSyntax)
		}
		if _, ok := values[key]; !ok {
			return fmt.Errorf("%w: mandatory names a key that is absent", ErrSyntax)
		}
		last = key
	}
	return nil
}
