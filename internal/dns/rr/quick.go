package rr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// quick parses without the library the types that fill zone files, for an import of a million records is mostly these,
// and those that the library does not read or write exactly: it drops backslashes in CAA and URI, rounds LOC, and takes bad
// escapes and unfinished data in those with layouts. ok is false for other types.
func quick(t wire.Type, text string, origin wire.Name) (data []byte, ok bool, err error) {
	switch t {
	case wire.TypeA, wire.TypeAAAA:
		data, err = parseAddr(t, text)
	case wire.TypeNS, wire.TypeCNAME, wire.TypePTR, wire.TypeDNAME:
		data, err = parseNames(text, origin, 0)
	case wire.TypeMX:
		data, err = parseNames(text, origin, 1)
	case wire.TypeSRV:
		data, err = parseNames(text, origin, 3)
	case wire.TypeTXT, typeSPF:
		data, err = parseStrings(text)
	case wire.TypeCAA:
		data, err = parseCAA(text)
	case wire.TypeURI:
		data, err = parseURI(text)
	case wire.TypeLOC:
		data, err = parseLOC(text)
	default:
		if layouts[t] == "" {
			return nil, false, nil
		}
		data, err = parseLayout(t, text, origin)
	}
	return data, true, err
}

func parseAddr(t wire.Type, text string) ([]byte, error) {
	a, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil || a.Zone() != "" || (t == wire.TypeA) != a.Is4() {
		return nil, fmt.Errorf("%w: %q is no address of its family", ErrSyntax, text)
	}
	return a.AsSlice(), nil
}

// parseNames reads some 16-bit numbers and one name.
func parseNames(text string, origin wire.Name, numbers int) ([]byte, error) {
	f := splitFields(text)
	if len(f) != numbers+1 {
		return nil, fmt.Errorf("%w: %d fields are wanted", ErrSyntax, numbers+1)
	}
	var data []byte
	for _, s := range f[:numbers] {
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no number up to 65535", ErrSyntax, s)
		}
		data = binary.BigEndian.AppendUint16(data, uint16(n))
	}
	name, err := AbsoluteName(f[numbers], origin)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	return append(data, name...), nil
}

// splitFields takes text apart at blanks that are neither quoted nor escaped.
func splitFields(text string) []string {
	out := make([]string, 0, 4)
	for {
		text = strings.TrimLeft(text, " \t")
		if text == "" {
			return out
		}
		n := fieldLen(text)
		out, text = append(out, text[:n]), text[n:]
	}
}

// fieldLen is the length of the field that s begins with: to its closing quote, or to a blank or a quote. The caller has
// seen to it that quotes are closed.
func fieldLen(s string) int {
	quoted := s[0] == '"'
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case i == 0:
		case c == '"' && quoted:
			return i + 1
		case !quoted && (c == ' ' || c == '\t' || c == '"'):
			return i
		}
	}
	return len(s)
}

// errRelative is a relative name where nobody knows to what.
var errRelative = errors.New("the name is relative, and there is no origin")

// AbsoluteName reads a name as zone files write it: @ is the origin, and what has no final dot is below the origin.
// Characters that are not ASCII are mapped to A-labels. Without an origin a relative name is an error.
func AbsoluteName(text string, origin wire.Name) (wire.Name, error) {
	if text == "@" && origin != "" {
		return origin, nil
	}
	if hasBareQuote(text) {
		return "", wire.ErrEscape
	}
	if !isASCII(text) {
		var err error
		if text, err = ToASCII(text); err != nil {
			return "", err
		}
	}
	n, err := wire.ParseName(text)
	switch {
	case err != nil || absolute(text):
		return n, err
	case origin == "":
		return "", errRelative
	case len(n)-1+len(origin) > wire.MaxName:
		return "", wire.ErrNameTooLong
	}
	return n[:len(n)-1] + origin, nil
}

// hasBareQuote finds a quote that is not escaped: the text is a string then, not a name.
func hasBareQuote(text string) bool {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return true
		}
	}
	return false
}

// absolute says whether text ends in a dot that is not escaped.
func absolute(text string) bool {
	if !strings.HasSuffix(text, ".") {
		return false
	}
	slashes := 0
	for i := len(text) - 2; i >= 0 && text[i] == '\\'; i-- {
		slashes++
	}
	return slashes%2 == 0
}

// parseStrings reads character-strings, quoted or bare (RFC 1035 section 5.1).
func parseStrings(text string) ([]byte, error) {
	var data []byte
	for i := 0; ; {
		for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
			i++
		}
		if i == len(text) {
			break
		}
		quoted := text[i] == '"'
		if quoted {
			i++
		}
		at := len(data)
		data = append(data, 0)
		var err error
		if data, i, err = charString(data, text, i, quoted); err != nil {
			return nil, err
		}
		n := len(data) - at - 1
		if n > 255 {
			return nil, fmt.Errorf("%w: a string is longer than 255 octets", ErrSyntax)
		}
		data[at] = byte(n)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrSyntax)
	}
	if len(data) > maxRData {
		return nil, fmt.Errorf("%w: it is longer than 65,535 octets", ErrSyntax)
	}
	return data, nil
}

// charString appends one string's octets and says where the text goes on.
func charString(data []byte, text string, i int, quoted bool) ([]byte, int, error) {
	for i < len(text) {
		switch c := text[i]; {
		case c == '"' && quoted:
			return data, i + 1, nil
		case !quoted && (c == ' ' || c == '\t' || c == '"'):
			return data, i, nil // a quote begins another string
		case c == '\\':
			b, n, ok := unescape(text[i+1:])
			if !ok {
				return nil, 0, fmt.Errorf("%w: a bad escape", ErrSyntax)
			}
			data = append(data, b)
			i += n + 1
		default:
			data = append(data, c)
			i++
		}
	}
	return data, i, nil
}

func unescape(s string) (b byte, n int, ok bool) {
	if s == "" {
		return 0, 0, false
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1, true
	}
	if len(s) < 3 {
		return 0, 0, false
	}
	v, err := strconv.ParseUint(s[:3], 10, 8)
	return byte(v), 3, err == nil
}

// quickFormat is FormatData for quick's types; ok is false for others and for data without their shape.
func quickFormat(t wire.Type, data []byte) (string, bool) {
	numbers := 0
	switch t {
	case wire.TypeA, wire.TypeAAAA:
		a, ok := netip.AddrFromSlice(data)
		return a.String(), ok && (t == wire.TypeA) == a.Is4()
	case wire.TypeTXT:
		s, err := SplitTXT(data)
		return QuoteTXT(s...), err == nil && len(s) > 0
	case wire.TypeCAA, wire.TypeURI, wire.TypeLOC:
		if Valid(t, data) != nil {
			return "", false
		}
		return formatExact(t, data), true
	case wire.TypeNS, wire.TypeCNAME, wire.TypePTR, wire.TypeDNAME:
	case wire.TypeMX:
		numbers = 1
	case wire.TypeSRV:
		numbers = 3
	default:
		return "", false
	}
	if len(data) < 2*numbers+1 {
		return "", false
	}
	name, err := wire.NameFromWire(data[2*numbers:])
	if err != nil {
		return "", false
	}
	var b strings.Builder
	for i := range numbers {
		b.WriteString(strconv.Itoa(int(binary.BigEndian.Uint16(data[2*i:]))))
		b.WriteByte(' ')
	}
	b.WriteString(name.String())
	return b.String(), true
}

// SplitTXT gives the character-strings of TXT RDATA.
func SplitTXT(data []byte) ([]string, error) {
	var s []string
	for len(data) > 0 {
		n := int(data[0])
		if len(data) < n+1 {
			return nil, fmt.Errorf("%w: a string ends early", ErrSyntax)
		}
		s = append(s, string(data[1:n+1]))
		data = data[n+1:]
	}
	return s, nil
}

// JoinTXT makes TXT RDATA of octets, cut after every 255; an empty text is one empty string.
func JoinTXT(text string) []byte {
	data := make([]byte, 0, len(text)+len(text)/255+1)
	for {
		n := min(len(text), 255)
		data = append(data, byte(n))
		data = append(data, text[:n]...)
		if text = text[n:]; text == "" {
			return data
		}
	}
}

// QuoteTXT writes character-strings as quoted presentation format, separated by spaces.
func QuoteTXT(s ...string) string {
	var b strings.Builder
	for i, t := range s {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteByte('"')
		for j := range len(t) {
			switch c := t[j]; {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < ' ' || c >= 0x7f:
				fmt.Fprintf(&b, "\\%03d", c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('"')
	}
	return b.String()
}
