package wire

import (
	"errors"
	"strings"
)

// Name is a domain name in uncompressed wire form (RFC 1035 section 3.1), letters folded to lower case, held in a
// string: it is comparable, a map key, and ends in the root's zero octet. The empty string is "no name"; Root is the
// root.
type Name string

// Root is the name of the root zone.
const Root Name = "\x00"

// Limits of RFC 1035 section 2.3.4, in octets; MaxName counts length octets and the root.
const (
	MaxName  = 255
	MaxLabel = 63
)

// Errors of names read from text or from a message.
var (
	ErrNameTooLong  = errors.New("name is longer than 255 octets")
	ErrLabelTooLong = errors.New("label is longer than 63 octets")
	ErrLabelEmpty   = errors.New("name has an empty label")
	ErrEscape       = errors.New("name has a bad escape")
)

// ParseName reads a name in presentation format (RFC 1035 section 5.1, escapes \X and \DDD). A final dot is optional:
// every name is taken as absolute. Letters are folded; no IDNA mapping happens here.
func ParseName(s string) (Name, error) {
	if s == "." {
		return Root, nil
	}
	buf := make([]byte, 0, len(s)+2)
	buf = append(buf, 0)
	label := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case '.':
			if err := closeLabel(buf, label); err != nil {
				return "", err
			}
			label = len(buf)
			buf = append(buf, 0)
			continue
		case '\\':
			b, n, err := Unescape(s[i+1:])
			if err != nil {
				return "", err
			}
			c, i = b, i+n
		}
		buf = append(buf, lower(c))
		if len(buf) > MaxName {
			return "", ErrNameTooLong
		}
	}
	if label != len(buf)-1 || label == 0 {
		if err := closeLabel(buf, label); err != nil {
			return "", err
		}
		buf = append(buf, 0)
	}
	if len(buf) > MaxName {
		return "", ErrNameTooLong
	}
	return Name(buf), nil
}

// MustName is ParseName for constants and tests; it panics on bad input.
func MustName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic("wire: " + s + ": " + err.Error())
	}
	return n
}

func closeLabel(buf []byte, at int) error {
	n := len(buf) - at - 1
	if n == 0 {
		return ErrLabelEmpty
	}
	if n > MaxLabel {
		return ErrLabelTooLong
	}
	buf[at] = byte(n)
	return nil
}

// Unescape reads what follows a backslash (RFC 1035 section 5.1): the octet, and how many characters spelled it.
func Unescape(s string) (byte, int, error) {
	if s == "" {
		return 0, 0, ErrEscape
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1, nil
	}
	if len(s) < 3 {
		return 0, 0, ErrEscape
	}
	v := 0
	for i := range 3 {
		d := s[i]
		if d < '0' || d > '9' {
			return 0, 0, ErrEscape
		}
		v = v*10 + int(d-'0')
	}
	if v > 255 {
		return 0, 0, ErrEscape
	}
	return byte(v), 3, nil
}

// lowerTable folds ASCII upper case; DNS compares names so (RFC 4343).
//
//nolint:gochecknoglobals // table
var lowerTable = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if i >= 'A' && i <= 'Z' {
			t[i] = byte(i) + 'a' - 'A'
		}
	}
	return t
}()

func lower(c byte) byte { return lowerTable[c] }

// String gives the presentation format with the final dot; special and unprintable octets are escaped.
func (n Name) String() string {
	if n == "" {
		return ""
	}
	if n == Root {
		return "."
	}
	var b strings.Builder
	b.Grow(len(n))
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		if l := string(n[i+1 : i+1+int(n[i])]); isPlain(l) {
			b.WriteString(l)
		} else {
			writeLabel(&b, l)
		}
		b.WriteByte('.')
	}
	return b.String()
}

// isPlain says of nearly all labels that nothing in them is escaped, which is quicker than to look for what is.
func isPlain(l string) bool {
	for i := range len(l) {
		if c := l[i] | 0x20; (c < 'a' || c > 'z') && (l[i] < '0' || l[i] > '9') && l[i] != '-' && l[i] != '_' {
			return false
		}
	}
	return true
}

// Host is String without the final dot: the form that the API shows. The root stays ".".
func (n Name) Host() string {
	s := n.String()
	if len(s) > 1 {
		return s[:len(s)-1]
	}
	return s
}

func writeLabel(b *strings.Builder, l string) {
	for i := range len(l) {
		switch c := l[i]; {
		case strings.IndexByte(`."();@$\`, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c <= ' ' || c >= 0x7f:
			b.WriteByte('\\')
			b.WriteByte('0' + c/100)
			b.WriteByte('0' + c/10%10)
			b.WriteByte('0' + c%10)
		default:
			b.WriteByte(c)
		}
	}
}

// Labels yields the labels from the leftmost to the one below the root, without length octets.
func (n Name) Labels() func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
			if !yield(string(n[i+1 : i+1+int(n[i])])) {
				return
			}
		}
	}
}

// CountLabels is the number of labels, the root not counted.
func (n Name) CountLabels() int {
	c := 0
	for i := 0; i < len(n) && n[i] != 0; i += int(n[i]) + 1 {
		c++
	}
	return c
}

// Parent cuts the leftmost label off; the root's parent is the root.
func (n Name) Parent() Name {
	if len(n) <= 1 {
		return Root
	}
	return n[int(n[0])+1:]
}

// Within says whether n is zone or below it.
func (n Name) Within(zone Name) bool {
	if !strings.HasSuffix(string(n), string(zone)) {
		return false
	}
	for i := 0; i <= len(n)-len(zone); i += int(n[i]) + 1 {
		if i == len(n)-len(zone) {
			return true
		}
	}
	return false
}

// IsWildcard says whether the leftmost label is a lone asterisk (RFC 4592 section 2.1.1).
func (n Name) IsWildcard() bool { return len(n) > 2 && n[0] == 1 && n[1] == '*' }
