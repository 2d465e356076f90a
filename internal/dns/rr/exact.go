package rr

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// parseCAA reads flags, tag and value (RFC 8659 section 4.1.1).
func parseCAA(text string) ([]byte, error) {
	f := splitFields(text)
	if len(f) != 3 {
		return nil, fmt.Errorf("%w: flags, tag and value are wanted", ErrSyntax)
	}
	flags, err := strconv.ParseUint(f[0], 10, 8)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no number up to 255", ErrSyntax, f[0])
	}
	if err := checkTag([]byte(f[1])); err != nil {
		return nil, err
	}
	if len(f[1]) > 255 {
		return nil, fmt.Errorf("%w: the tag is too long", ErrSyntax)
	}
	data := append([]byte{byte(flags), byte(len(f[1]))}, f[1]...)
	return appendText(data, f[2])
}

// parseURI reads priority, weight and target (RFC 7553 section 4).
func parseURI(text string) ([]byte, error) {
	f := splitFields(text)
	if len(f) != 3 {
		return nil, fmt.Errorf("%w: priority, weight and target are wanted", ErrSyntax)
	}
	if !isQuoted(f[2]) {
		return nil, fmt.Errorf("%w: the target must be quoted", ErrSyntax)
	}
	data := make([]byte, 0, 4+len(f[2]))
	for _, s := range f[:2] {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no number up to 65535", ErrSyntax, s)
		}
		data = binary.BigEndian.AppendUint16(data, uint16(n))
	}
	data, err := appendText(data, f[2])
	if err == nil && len(data) == 4 {
		err = fmt.Errorf("%w: the target is empty", ErrSyntax)
	}
	return data, err
}

// parseLOC reads a location (RFC 1876 section 3) whose numbers have no more digits than it can hold.
func parseLOC(text string) ([]byte, error) {
	l, err := ParseLocation(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	angles, at := 2, 0 // still to come, and the number's place in the one at hand
	for s := range strings.FieldsSeq(text) {
		if strings.ContainsAny(s, "NSEWnsew") {
			angles, at = angles-1, 0
			continue
		}
		places := 2
		switch {
		case angles > 0 && at == 2:
			places = 3
		case angles > 0:
			places = 0
		case at == 0:
			s = strings.TrimPrefix(s, "-")
		}
		whole, fraction, dot := strings.Cut(strings.TrimRight(s, "mM"), ".")
		if whole == "" || strings.Trim(whole+fraction, "0123456789") != "" || dot && (fraction == "" || len(fraction) > places) {
			return nil, fmt.Errorf("%w: %q is not a number of %d decimal places", ErrSyntax, s, places)
		}
		at++
	}
	return l.Data(), nil
}

// appendText appends the octets of one field, quoted or bare, that no length goes before.
func appendText(data []byte, s string) ([]byte, error) {
	i := 0
	if s[0] == '"' {
		i = 1
	}
	data, end, err := charString(data, s, i, i == 1)
	if err == nil && (end != len(s) || len(data) > maxRData) {
		err = fmt.Errorf("%w: %q is not one string", ErrSyntax, s)
	}
	return data, err
}

// formatExact writes valid data of parseCAA, parseURI and LOC.
func formatExact(t wire.Type, data []byte) string {
	switch t {
	case wire.TypeCAA:
		end := 2 + int(data[1])
		return strconv.Itoa(int(data[0])) + " " + string(data[2:end]) + " " + QuoteTXT(string(data[end:]))
	case wire.TypeURI:
		return strconv.Itoa(int(binary.BigEndian.Uint16(data))) + " " + strconv.Itoa(int(binary.BigEndian.Uint16(data[2:]))) +
			" " + QuoteTXT(string(data[4:]))
	default:
		return locationOf(data).Text("m")
	}
}
