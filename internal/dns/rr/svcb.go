package rr

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Keys of service parameters (RFC 9460 section 14.3.2, RFC 9461, RFC 9540).
const (
	keyMandatory     = 0
	keyALPN          = 1
	keyNoDefaultALPN = 2
	keyPort          = 3
	keyIPv4Hint      = 4
	keyECH           = 5
	keyIPv6Hint      = 6
	keyPath          = 7
	keyOHTTP         = 8
	keyInvalid       = 65535
)

// paramKeys are the names of keys. ohttp is younger than most servers: it is read, and written as key8.
//
//nolint:gochecknoglobals // a table
var paramKeys = map[string]int{
	"mandatory": keyMandatory, "alpn": keyALPN, "no-default-alpn": keyNoDefaultALPN, "port": keyPort, "ipv4hint": keyIPv4Hint,
	"ech": keyECH, "ipv6hint": keyIPv6Hint, "dohpath": keyPath, "ohttp": keyOHTTP,
}

// parseKey reads a key's name; generic says that it is key and a number, whose value is octets (RFC 9460 section 2.1).
func parseKey(name string) (key int, generic, ok bool) {
	if key, ok := paramKeys[name]; ok {
		return key, false, true
	}
	digits, isKey := strings.CutPrefix(name, "key")
	n, err := strconv.ParseUint(digits, 10, 16)
	if !isKey || err != nil || n == keyInvalid || len(digits) > 1 && digits[0] == '0' {
		return 0, false, false
	}
	return int(n), true, true
}

func keyName(key int) string {
	for name, n := range paramKeys {
		if n == key && key != keyOHTTP {
			return name
		}
	}
	return "key" + strconv.Itoa(key)
}

// readParams reads service parameters to the end, in any order, and appends them in that of their keys.
func readParams(dst []byte, s *scanner) ([]byte, error) {
	values := map[int][]byte{}
	for {
		name, text, ok, err := s.param()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		key, generic, ok := parseKey(name)
		if _, twice := values[key]; !ok || twice {
			return nil, fmt.Errorf("%w: %q is no parameter, or comes twice", ErrSyntax, name)
		}
		if !generic {
			if text, ok = paramValue(key, string(text)); !ok {
				return nil, fmt.Errorf("%w: the value of %s is not in its form", ErrSyntax, name)
			}
		}
		if len(text) > maxRData {
			return nil, errLong
		}
		values[key] = text
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		dst = binary.BigEndian.AppendUint16(dst, uint16(key))
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(values[key])))
		dst = append(dst, values[key]...)
	}
	return dst, nil
}

// param takes a key and the octets of its value, which is quoted or bare, or absent.
func (s *scanner) param() (name string, value []byte, ok bool, err error) {
	if !s.more() {
		return "", nil, false, nil
	}
	end := strings.IndexAny(s.text, "= \t")
	if end < 0 {
		end = len(s.text)
	}
	name, s.text = s.text[:end], s.text[end:]
	if !strings.HasPrefix(s.text, "=") {
		return name, nil, true, nil
	}
	at, quoted := 1, strings.HasPrefix(s.text, `="`)
	if quoted {
		at = 2
	}
	value, end, err = charString([]byte{}, s.text, at, quoted)
	if err != nil {
		return "", nil, false, err
	}
	s.text = s.text[end:]
	if s.text != "" && s.text[0] != ' ' && s.text[0] != '\t' {
		return "", nil, false, fmt.Errorf("%w: a blank is wanted behind the value of %s", ErrSyntax, name)
	}
	return name, value, true, nil
}

// paramValue reads the text of a value, whose escapes are gone.
func paramValue(key int, text string) (value []byte, ok bool) {
	switch key {
	case keyMandatory:
		return mandatoryValue(text)
	case keyALPN:
		return alpnValue(text)
	case keyPort:
		n, err := strconv.ParseUint(text, 10, 16)
		return appendNumber(nil, n, 2), err == nil
	case keyIPv4Hint, keyIPv6Hint:
		return hintValue(text, key == keyIPv4Hint)
	case keyECH:
		value, err := base64.StdEncoding.Strict().DecodeString(text)
		return value, err == nil
	case keyNoDefaultALPN, keyOHTTP:
		return nil, text == ""
	default:
		return []byte(text), true
	}
}

func mandatoryValue(text string) (value []byte, ok bool) {
	var keys []int
	for name := range strings.SplitSeq(text, ",") {
		key, _, ok := parseKey(name)
		if !ok {
			return nil, false
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		value = binary.BigEndian.AppendUint16(value, uint16(key))
	}
	return value, true
}

// alpnValue reads a list in which a backslash stands before a comma or a backslash that is meant (RFC 9460 appendix A.1);
// NSD puts one before quotes, too.
func alpnValue(text string) (value []byte, ok bool) {
	at := 0
	value = append(value, 0)
	end := func() bool {
		n := len(value) - at - 1
		value[at] = byte(n)
		return n > 0 && n <= 255
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch c {
		case ',':
			if !end() {
				return nil, false
			}
			at = len(value)
			c = 0 // the length of the next
		case '\\':
			if i++; i == len(text) {
				return nil, false
			}
			c = text[i]
		}
		value = append(value, c)
	}
	return value, end()
}

func hintValue(text string, four bool) (value []byte, ok bool) {
	for f := range strings.SplitSeq(text, ",") {
		a, err := netip.ParseAddr(f)
		if err != nil || a.Zone() != "" || a.Is4() != four {
			return nil, false
		}
		value = append(value, a.AsSlice()...)
	}
	return value, true
}

func writeParams(dst, _, part []byte) []byte {
	for first := true; len(part) >= 4; first = false {
		key, end := int(binary.BigEndian.Uint16(part)), 4+int(binary.BigEndian.Uint16(part[2:]))
		if !first {
			dst = append(dst, ' ')
		}
		dst = append(append(dst, keyName(key)...), '=')
		dst = appendQuoted(dst, paramText(key, part[4:end]))
		part = part[end:]
	}
	return dst
}

// paramText is the text of a valid value, without the escapes of a character-string.
func paramText(key int, value []byte) []byte {
	var out []byte
	comma := func() {
		if len(out) > 0 {
			out = append(out, ',')
		}
	}
	switch key {
	case keyMandatory:
		for ; len(value) > 0; value = value[2:] {
			comma()
			out = append(out, keyName(int(binary.BigEndian.Uint16(value)))...)
		}
	case keyALPN:
		for ; len(value) > 0; value = value[1+int(value[0]):] {
			comma()
			for _, c := range value[1 : 1+int(value[0])] {
				if c == ',' || c == '\\' {
					out = append(out, '\\')
				}
				out = append(out, c)
			}
		}
	case keyPort:
		out = writeNumber(nil, nil, value)
	case keyIPv4Hint, keyIPv6Hint:
		size := 4
		if key == keyIPv6Hint {
			size = 16
		}
		for ; len(value) > 0; value = value[size:] {
			comma()
			out = writeAddress(out, nil, value[:size])
		}
	case keyECH:
		out = writeBase64(nil, nil, value)
	default:
		return value
	}
	return out
}

// checkService: RFC 9460 sections 2.2 and 7.
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
		if !isParam(key, p[4:end]) {
			return fmt.Errorf("%w: the value of %s is malformed", ErrSyntax, keyName(key))
		}
		values[key], last, p = p[4:end], key, p[end:]
	}
	if values[keyNoDefaultALPN] != nil && values[keyALPN] == nil {
		return fmt.Errorf("%w: no-default-alpn needs alpn", ErrSyntax)
	}
	if m, ok := values[keyMandatory]; ok {
		return checkMandatory(m, values)
	}
	return nil
}

// isParam says whether a value has the form of its key.
func isParam(key int, v []byte) bool {
	switch key {
	case keyALPN:
		return isALPN(v)
	case keyNoDefaultALPN, keyOHTTP:
		return len(v) == 0
	case keyPort:
		return len(v) == 2
	case keyIPv4Hint:
		return len(v) > 0 && len(v)%4 == 0
	case keyIPv6Hint:
		return len(v) > 0 && len(v)%16 == 0
	case keyPath:
		return isPathTemplate(v)
	}
	return key != keyInvalid
}

func isALPN(v []byte) bool {
	if len(v) == 0 {
		return false
	}
	for len(v) > 0 {
		n, err := sizeString(v)
		if err != nil || n == 1 {
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
