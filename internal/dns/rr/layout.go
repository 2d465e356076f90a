package rr

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// layouts gives the fields of types as their text has them, one letter each: 1, 2 a number of so many octets, n a name, s
// a character-string, and at the end h hexadecimal digits or b base64, in which blanks do not count.
//
//nolint:gochecknoglobals // a table
var layouts = map[wire.Type]string{
	wire.TypeAFSDB: "2n", wire.TypeHINFO: "ss", wire.TypeKX: "2n", wire.TypeNAPTR: "22sssn", wire.TypeOPENPGPKEY: "b",
	wire.TypeRP: "nn", wire.TypeSMIMEA: "111h", wire.TypeSSHFP: "11h", wire.TypeTLSA: "111h",
	typeDHCID: "b", typeLP: "2n", typeMINFO: "nn", typePX: "2nn", typeRT: "2n",
}

// parseLayout reads text by its type's layout.
func parseLayout(t wire.Type, text string, origin wire.Name) (data []byte, err error) {
	layout := layouts[t]
	f := splitFields(text)
	for i := range len(layout) {
		if i >= len(f) {
			return nil, fmt.Errorf("%w: %d fields are wanted", ErrSyntax, len(layout))
		}
		switch kind := layout[i]; kind {
		case 'h', 'b':
			if data, err = appendBinary(data, kind, strings.Join(f[i:], "")); err != nil {
				return nil, err
			}
			f = f[:i+1]
		default:
			if data, err = appendField(data, kind, f[i], origin); err != nil {
				return nil, err
			}
		}
	}
	if len(f) > len(layout) {
		return nil, fmt.Errorf("%w: %q is left over", ErrSyntax, f[len(layout)])
	}
	if err := Valid(t, data); err != nil {
		return nil, err
	}
	return data, Canonical(t, data)
}

func appendField(data []byte, kind byte, s string, origin wire.Name) ([]byte, error) {
	switch kind {
	case '1', '2':
		bits := int(kind-'0') * 8
		n, err := strconv.ParseUint(s, 10, bits)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no number up to %d", ErrSyntax, s, 1<<bits-1)
		}
		if kind == '1' {
			return append(data, byte(n)), nil
		}
		return binary.BigEndian.AppendUint16(data, uint16(n)), nil
	case 's':
		at := len(data)
		data, err := appendText(append(data, 0), s)
		if n := len(data) - at - 1; err == nil && n <= 255 {
			data[at] = byte(n)
			return data, nil
		}
		if err == nil {
			err = fmt.Errorf("%w: a string is longer than 255 octets", ErrSyntax)
		}
		return nil, err
	default:
		n, err := AbsoluteName(s, origin)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
		}
		return append(data, n...), nil
	}
}

func appendBinary(data []byte, kind byte, s string) ([]byte, error) {
	if kind == 'h' {
		b, err := hex.DecodeString(s)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is not hexadecimal", ErrSyntax, s)
		}
		return append(data, b...), nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is not base64", ErrSyntax, s)
	}
	return append(data, b...), nil
}
