package rr

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Errors of record data in presentation format.
var (
	ErrSyntax = errors.New("bad record data")
	ErrMeta   = errors.New("the type is for queries or messages, not for records of a zone")
)

// maxRData is the longest RDATA, in octets.
const maxRData = 65535

var errLong = fmt.Errorf("%w: it is longer than 65,535 octets", ErrSyntax)

// ParseData reads one record's data in presentation format and gives its canonical, uncompressed wire form. Relative names
// are completed with origin. Every type can be written as in RFC 3597 section 5. Text that would go on to a second
// record (a line break, a parenthesis, a comment outside of quotes) is refused.
func ParseData(t wire.Type, text string, origin wire.Name) ([]byte, error) {
	text = strings.Trim(text, " \t")
	if IsMeta(t) {
		return nil, ErrMeta
	}
	if err := oneRecord(text); err != nil {
		return nil, err
	}
	if isGeneric(t, text) {
		return parseGeneric(t, text)
	}
	if !hasText(t) {
		return nil, fmt.Errorf("%w: data of %s is written as in RFC 3597", ErrSyntax, t)
	}
	data, err := readForm(t, text, origin)
	if err != nil {
		return nil, err
	}
	if err := Valid(t, data); err != nil {
		return nil, err
	}
	return data, nil
}

// oneRecord refuses text that a reader of files would read past: it could bring a second record or silently lose its end.
func oneRecord(text string) error {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '\n' || c == '\r' && !quoted:
			return fmt.Errorf("%w: it has a line break", ErrSyntax)
		case quoted:
		case c == ';' || c == '(' || c == ')':
			return fmt.Errorf("%w: %q must be quoted or escaped", ErrSyntax, c)
		}
	}
	if quoted {
		return fmt.Errorf("%w: a quote is not closed", ErrSyntax)
	}
	return nil
}

// IsMeta says whether a type can never be a zone's record (RFC 6895 section 3.1: OPT, and 128 to 255).
func IsMeta(t wire.Type) bool {
	return t == 0 || t == wire.TypeOPT || t >= 128 && t <= 255 || t == 65535
}

// Canonical folds the names in RDATA, in place: those that RFC 4034 section 6.2 and RFC 6840 section 5.1 name, and those of other types, as
// reading their text does: one record must not be two, because it came once as text and once in octets.
func Canonical(t wire.Type, data []byte) error {
	if err := wire.Canonical(t, data); err != nil {
		return fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	upper := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	if slices.ContainsFunc(data, upper) && hasText(t) && t.HasMnemonic() && Valid(t, data) == nil {
		text := appendForm(nil, t, data)
		if again, err := ParseData(t, string(text), wire.Root); err == nil && len(again) == len(data) {
			copy(data, again)
		}
	}
	return nil
}

// Valid checks that data is well-formed RDATA of its type: every length and name in it, nothing left over, and the values
// that a secondary would refuse (checkStrict).
func Valid(t wire.Type, data []byte) error {
	if len(data) > maxRData {
		return errLong
	}
	if err := checkShape(t, data); err != nil {
		return err
	}
	return checkStrict(t, data)
}

// FormatData writes RDATA in presentation format, with absolute names. Data of types that not everybody knows (they have no
// mnemonic in wire), or that is not valid, comes in the form of RFC 3597 section 5.
func FormatData(t wire.Type, data []byte) string {
	if hasText(t) && t.HasMnemonic() && Valid(t, data) == nil {
		if text := appendForm(nil, t, data); len(text) > 0 {
			return string(text)
		}
	}
	return generic(data)
}

// isGeneric says whether text is in the form of RFC 3597 section 5. A TXT record may begin with an escaped number sign.
func isGeneric(t wire.Type, text string) bool {
	rest, ok := strings.CutPrefix(text, `\#`)
	if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return false
	}
	if t != wire.TypeTXT {
		return true
	}
	f := strings.Fields(rest)
	return len(f) > 0 && strings.Trim(f[0], "0123456789") == ""
}

// parseGeneric reads the form of RFC 3597 section 5.
func parseGeneric(t wire.Type, text string) ([]byte, error) {
	f := strings.Fields(text)
	if f[0] != `\#` || len(f) < 2 {
		return nil, fmt.Errorf("%w: a length is wanted after \\#", ErrSyntax)
	}
	n, err := strconv.ParseUint(f[1], 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no length", ErrSyntax, f[1])
	}
	data, err := hex.DecodeString(strings.Join(f[2:], ""))
	if err != nil || len(data) != int(n) {
		return nil, fmt.Errorf("%w: %d octets in hexadecimal are wanted", ErrSyntax, n)
	}
	if err := Valid(t, data); err != nil {
		return nil, err
	}
	return data, Canonical(t, data)
}

func generic(data []byte) string {
	if len(data) == 0 {
		return `\# 0`
	}
	return `\# ` + strconv.Itoa(len(data)) + " " + strings.ToUpper(hex.EncodeToString(data))
}
