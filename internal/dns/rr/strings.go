package rr

import (
	"fmt"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func sizeString(data []byte) (int, error) {
	if len(data) == 0 || int(data[0]) >= len(data) {
		return 0, errShort
	}
	return int(data[0]) + 1, nil
}

func sizeMaybe(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	return sizeString(data)
}

func sizeStrings(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, errShort
	}
	n := 0
	for n < len(data) {
		k, err := sizeString(data[n:])
		if err != nil {
			return 0, err
		}
		n += k
	}
	return n, nil
}

// readString reads one character-string, quoted or bare (RFC 1035 section 5.1).
func readString(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	return appendString(dst, f)
}

func appendString(dst []byte, field string) ([]byte, error) {
	at := len(dst)
	dst, err := appendText(append(dst, 0), field)
	if err != nil {
		return nil, err
	}
	n := len(dst) - at - 1
	if n > 255 {
		return nil, fmt.Errorf("%w: a string is longer than 255 octets", ErrSyntax)
	}
	dst[at] = byte(n)
	return dst, nil
}

func readMaybe(dst []byte, s *scanner) ([]byte, error) {
	f, ok := s.next()
	if !ok {
		return dst, nil
	}
	return appendString(dst, f)
}

func readStrings(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	for ok := true; err == nil && ok; f, ok = s.next() {
		dst, err = appendString(dst, f)
	}
	return dst, err
}

// readTag reads the tag of a CAA, which has no quotes and no escapes (RFC 8659 section 4.1.1).
func readTag(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	if err := checkTag([]byte(f)); err != nil {
		return nil, err
	}
	if len(f) > 255 {
		return nil, fmt.Errorf("%w: the tag is too long", ErrSyntax)
	}
	return append(append(dst, byte(len(f))), f...), nil
}

// readText reads one field that no length goes before.
func readText(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	return appendText(dst, f)
}

// readTarget reads the target of a URI (RFC 7553 section 4.4).
func readTarget(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	if !isQuoted(f) {
		return nil, fmt.Errorf("%w: the target must be quoted", ErrSyntax)
	}
	return appendText(dst, f)
}

func writeString(dst, _, part []byte) []byte { return appendQuoted(dst, part[1:]) }

func writeStrings(dst, _, part []byte) []byte {
	for at := 0; at < len(part); {
		if at > 0 {
			dst = append(dst, ' ')
		}
		end := at + 1 + int(part[at])
		dst, at = appendQuoted(dst, part[at+1:end]), end
	}
	return dst
}

func writeTag(dst, _, part []byte) []byte { return append(dst, part[1:]...) }

func writeText(dst, _, part []byte) []byte { return appendQuoted(dst, part) }

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

// charString appends one string's octets and says where the text goes on.
func charString(data []byte, text string, i int, quoted bool) ([]byte, int, error) {
	for i < len(text) {
		switch c := text[i]; {
		case c == '"' && quoted:
			return data, i + 1, nil
		case !quoted && (c == ' ' || c == '\t' || c == '"'):
			return data, i, nil // a quote begins another string
		case c == '\\':
			b, n, err := wire.Unescape(text[i+1:])
			if err != nil {
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
	var b []byte
	for i, t := range s {
		if i > 0 {
			b = append(b, ' ')
		}
		b = appendQuoted(b, []byte(t))
	}
	return string(b)
}

// appendQuoted appends octets in quotes; what is no printable ASCII is escaped.
func appendQuoted(dst, octets []byte) []byte {
	dst = append(dst, '"')
	for _, c := range octets {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
