package rr

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func readNumber(octets int) func([]byte, *scanner) ([]byte, error) {
	return func(dst []byte, s *scanner) ([]byte, error) {
		f, err := s.want()
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(f, 10, 8*octets)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no number up to %d", ErrSyntax, f, 1<<(8*octets)-1)
		}
		return appendNumber(dst, n, octets), nil
	}
}

// appendNumber appends the low octets of n, most significant first.
func appendNumber(dst []byte, n uint64, octets int) []byte {
	for i := octets - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*i)))
	}
	return dst
}

func numberOf(part []byte) (n uint64) {
	for _, c := range part {
		n = n<<8 | uint64(c)
	}
	return n
}

func writeNumber(dst, _, part []byte) []byte { return strconv.AppendUint(dst, numberOf(part), 10) }

func readPeriod(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	n, ok := parseSeconds(f)
	if !ok {
		return nil, fmt.Errorf("%w: %q is no number of seconds", ErrSyntax, f)
	}
	return binary.BigEndian.AppendUint32(dst, n), nil
}

// timeForm is YYYYMMDDHHmmSS, in UTC (RFC 4034 section 3.2).
const timeForm = "20060102150405"

func readTime(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	if len(f) == len(timeForm) {
		t, err := time.Parse(timeForm, f)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no time", ErrSyntax, f)
		}
		return binary.BigEndian.AppendUint32(dst, uint32(t.Unix())), nil
	}
	n, err := strconv.ParseUint(f, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no time", ErrSyntax, f)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n)), nil
}

func writeTime(dst, _, part []byte) []byte {
	return time.Unix(int64(binary.BigEndian.Uint32(part)), 0).UTC().AppendFormat(dst, timeForm)
}

func readAddress(dst []byte, s *scanner) ([]byte, error)  { return appendAddress(dst, s, true) }
func readAddress6(dst []byte, s *scanner) ([]byte, error) { return appendAddress(dst, s, false) }

func appendAddress(dst []byte, s *scanner, four bool) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	a, err := netip.ParseAddr(f)
	if err != nil || a.Zone() != "" || a.Is4() != four {
		return nil, fmt.Errorf("%w: %q is no address of its family", ErrSyntax, f)
	}
	if four {
		b := a.As4()
		return append(dst, b[:]...), nil
	}
	b := a.As16()
	return append(dst, b[:]...), nil
}

func writeAddress(dst, _, part []byte) []byte {
	a, _ := netip.AddrFromSlice(part)
	return a.AppendTo(dst)
}

// algorithms are the mnemonics of DNSSEC algorithms (RFC 4034 appendix A.1 and the IANA registry), spelt as the servers of the
// field read them. CERT has them, too.
//
//nolint:gochecknoglobals // a table
var algorithms = map[string]byte{
	"RSAMD5": 1, "DH": 2, "DSA": 3, "RSASHA1": 5, "NSEC3DSA": 6, "DSA-NSEC3-SHA1": 6, "NSEC3RSASHA1": 7, "RSASHA1-NSEC3-SHA1": 7,
	"RSASHA256": 8, "RSASHA512": 10, "ECCGOST": 12, "ECC-GOST": 12, "ECDSAP256SHA256": 13, "ECDSAP384SHA384": 14, "ED25519": 15,
	"ED448": 16, "INDIRECT": 252, "PRIVATEDNS": 253, "PRIVATEOID": 254,
}

func readAlgorithm(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	if n, ok := algorithms[strings.ToUpper(f)]; ok {
		return append(dst, n), nil
	}
	n, err := strconv.ParseUint(f, 10, 8)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no algorithm", ErrSyntax, f)
	}
	return append(dst, byte(n)), nil
}

// writeAlgorithm writes the mnemonics that all spell alike.
func writeAlgorithm(dst, head, part []byte) []byte {
	switch n := part[0]; n {
	case 1, 2, 3, 5, 8, 10, 13, 14, 15, 16:
		for name, number := range algorithms {
			if number == n {
				return append(dst, name...)
			}
		}
	}
	return writeNumber(dst, head, part)
}

// certificates are the types of RFC 4398 section 2.1.
//
//nolint:gochecknoglobals // a table
var certificates = map[string]uint16{
	"PKIX": 1, "SPKI": 2, "PGP": 3, "IPKIX": 4, "ISPKI": 5, "IPGP": 6, "ACPKIX": 7, "IACPKIX": 8, "URI": 253, "OID": 254,
}

func readCertificate(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	if n, ok := certificates[strings.ToUpper(f)]; ok {
		return binary.BigEndian.AppendUint16(dst, n), nil
	}
	n, err := strconv.ParseUint(f, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no type of certificate", ErrSyntax, f)
	}
	return binary.BigEndian.AppendUint16(dst, uint16(n)), nil
}

func writeCertificate(dst, head, part []byte) []byte {
	for name, number := range certificates {
		if number == binary.BigEndian.Uint16(part) {
			return append(dst, name...)
		}
	}
	return writeNumber(dst, head, part)
}

// readScheme reads the scheme of a DSYNC (RFC 9859 section 2.3): NOTIFY, or a number.
func readScheme(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(f, "NOTIFY") {
		return append(dst, 1), nil
	}
	n, err := strconv.ParseUint(f, 10, 8)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no scheme", ErrSyntax, f)
	}
	return append(dst, byte(n)), nil
}

func readType(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	t, err := wire.ParseType(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no record type", ErrSyntax, f)
	}
	return binary.BigEndian.AppendUint16(dst, uint16(t)), nil
}

func writeType(dst, _, part []byte) []byte {
	return append(dst, wire.Type(binary.BigEndian.Uint16(part)).String()...)
}
