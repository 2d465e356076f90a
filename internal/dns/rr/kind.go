package rr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// kind is what a part of RDATA can be: how long it is, and its text.
type kind struct {
	// size is the length of the part that data begins with; it fails where the octets are none of this kind.
	size func(data []byte) (int, error)
	// read appends the part that the text goes on with to dst, which holds the record's parts before it.
	read func(dst []byte, s *scanner) ([]byte, error)
	// write appends the text of a part that size has passed; head is what stands before it in the record. A kind without
	// read and write has no text: its types are written as in RFC 3597.
	write func(dst, head, part []byte) []byte
}

// kindOf is what the letters of forms stand for. Letters that are wider than what is left of a record (b, h, m, S and others)
// stand at the end of a form only.
//
//nolint:gochecknoglobals // a table
var kindOf = [...]kind{
	'1': {fixed(1), readNumber(1), writeNumber},
	'2': {fixed(2), readNumber(2), writeNumber},
	'4': {fixed(4), readNumber(4), writeNumber},
	't': {fixed(4), readPeriod, writeNumber}, // seconds, or BIND's form with units
	'd': {fixed(4), readTime, writeTime},     // a point in time (RFC 4034 section 3.2)
	'c': {fixed(2), readCertificate, writeCertificate},
	'k': {fixed(1), readAlgorithm, writeNumber},
	'K': {fixed(1), readAlgorithm, writeAlgorithm},
	'N': {fixed(1), readScheme, writeNumber},
	'y': {fixed(2), readType, writeType},
	'a': {fixed(4), readAddress, writeAddress},
	'A': {fixed(16), readAddress6, writeAddress},
	'e': {fixed(6), readEUI(6), writeEUI},
	'E': {fixed(8), readEUI(8), writeEUI},
	'l': {fixed(8), readLocator, writeLocator},
	'L': {fixed(16), readLocation, writeLocation},
	'n': {sizeName, readName, writeName},
	's': {sizeString, readString, writeString},
	'u': {sizeMaybe, readMaybe, writeStrings}, // a character-string, or the end
	'S': {sizeStrings, readStrings, writeStrings},
	'g': {sizeString, readTag, writeTag},
	'q': {sizeRest, readTarget, writeText},
	'Q': {sizeAny, readText, writeText},
	'h': {sizeRest, readHex, writeLower},
	'U': {sizeRest, readHex, writeUpper},
	'z': {sizeRest, readNSAP, writeNSAP},
	'b': {sizeRest, readBase64, writeBase64},
	'B': {sizeAny, readBase64, writeBase64},
	'x': {sizeString, readSalt, writeSalt},
	'o': {sizeHash, readHash, writeHash},
	'm': {sizeBitmap, readBitmap, writeBitmap},
	'M': {sizeSomeBitmap, readBitmap, writeBitmap},
	'p': {sizeAny, readParams, writeParams}, // checkService looks into them
	'!': {sizePrefixes, readPrefixes, writePrefixes},
	'I': {sizeAny, readGateway, writeGateway}, // checkIPSECKEY looks into it
	'R': {sizeRest, readRelay, writeRelay},
	'H': {sizeIdentity, readIdentity, writeIdentity}, // checkHIP looks into it
	'*': {size: sizeAny},
	'+': {size: sizeRest},
}

var (
	errShort = fmt.Errorf("%w: it ends early or has a bad length", ErrSyntax)
	errLeft  = fmt.Errorf("%w: octets are left over", ErrSyntax)
)

func fixed(n int) func([]byte) (int, error) {
	return func(data []byte) (int, error) {
		if len(data) < n {
			return 0, errShort
		}
		return n, nil
	}
}

func sizeAny(data []byte) (int, error) { return len(data), nil }

func sizeRest(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, errShort
	}
	return len(data), nil
}

func sizeName(data []byte) (int, error) {
	n, ok := nameLen(data)
	if !ok {
		return 0, errShort
	}
	return n, nil
}

// nameLen is the length of the uncompressed name at the start of data, if there is one.
func nameLen(data []byte) (n int, ok bool) {
	n, err := wire.NameLen(data)
	return n, err == nil
}

// checkShape walks RDATA by its type's parts; types without a form pass.
func checkShape(t wire.Type, data []byte) error {
	form, ok := forms[t]
	if !ok {
		return nil
	}
	for i := range len(form) {
		n, err := kindOf[form[i]].size(data)
		if err != nil {
			return err
		}
		data = data[n:]
	}
	if len(data) > 0 {
		return errLeft
	}
	return nil
}

// hasText says whether all parts of a type have a text of their own.
func hasText(t wire.Type) bool {
	form := forms[t]
	return form != "" && kindOf[form[len(form)-1]].read != nil
}

// readForm reads the text of a type that has one.
func readForm(t wire.Type, text string, origin wire.Name) (data []byte, err error) {
	s := scanner{text: text, origin: origin}
	for _, letter := range []byte(forms[t]) {
		if data, err = kindOf[letter].read(data, &s); err != nil {
			return nil, err
		}
	}
	if f, ok := s.next(); ok {
		return nil, fmt.Errorf("%w: %q is left over", ErrSyntax, f)
	}
	return data, nil
}

// appendForm appends the text of valid data of a type that has one.
func appendForm(dst []byte, t wire.Type, data []byte) []byte {
	at := 0
	for _, letter := range []byte(forms[t]) {
		k := &kindOf[letter]
		n, err := k.size(data[at:])
		if err != nil {
			return dst // valid data has all its parts
		}
		before := len(dst)
		if at > 0 {
			dst = append(dst, ' ')
		}
		begun := len(dst)
		if dst = k.write(dst, data[:at], data[at:at+n]); len(dst) == begun {
			dst = dst[:before] // a part that may be absent is
		}
		at += n
	}
	return dst
}

// scanner goes through the text of one record, in which quotes are closed.
type scanner struct {
	text   string
	origin wire.Name
}

// next takes the next field, with its quotes and escapes; a quote begins a field and ends one.
func (s *scanner) next() (field string, ok bool) {
	if !s.more() {
		return "", false
	}
	n := fieldLen(s.text)
	field, s.text = s.text[:n], s.text[n:]
	return field, true
}

// more says whether there is another field.
func (s *scanner) more() bool {
	s.text = strings.TrimLeft(s.text, " \t")
	return s.text != ""
}

var errFields = fmt.Errorf("%w: there are fewer fields than the type has", ErrSyntax)

// want is next where a field must be.
func (s *scanner) want() (string, error) {
	f, ok := s.next()
	if !ok {
		return "", errFields
	}
	return f, nil
}

// rest takes all that is left, without the blanks between its fields.
func (s *scanner) rest() string {
	first, ok := s.next()
	if !ok {
		return ""
	}
	second, more := s.next()
	if !more {
		return first
	}
	var b strings.Builder
	b.WriteString(first)
	for ; more; second, more = s.next() {
		b.WriteString(second)
	}
	return b.String()
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

func readName(dst []byte, s *scanner) ([]byte, error) {
	f, err := s.want()
	if err != nil {
		return nil, err
	}
	n, err := AbsoluteName(f, s.origin)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	return append(dst, n...), nil
}

func writeName(dst, _, part []byte) []byte {
	n, err := wire.NameFromWire(part)
	if err != nil {
		return dst // sizeName has passed it
	}
	return append(dst, n.String()...)
}

// errRelative is a relative name where nobody knows to what.
var errRelative = errors.New("the name is relative, and there is no origin")
