package rr

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Errors of record data in presentation format.
var (
	ErrSyntax = errors.New("bad record data")
	ErrMeta   = errors.New("the type is for queries or messages, not for records of a zone")
)

// maxRData is the longest RDATA, in octets.
const maxRData = 65535

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
	if data, ok, err := quick(t, text, origin); ok {
		return data, err
	}
	text, err := absoluteNames(t, text, origin)
	if err != nil {
		return nil, err
	}
	// A known owner, so that only the data can be at fault.
	parser := dns.NewZoneParser(strings.NewReader(". 1 IN "+typeName(t)+" "+text+"\n"), origin.String(), "")
	record, ok := parser.Next()
	if err := parser.Err(); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrSyntax, reason(err))
	}
	if !ok {
		return nil, fmt.Errorf("%w: it is empty", ErrSyntax)
	}
	return pack(t, record)
}

// typeName writes types that the library does not know as TYPEnnn, whatever we call them.
func typeName(t wire.Type) string {
	if s, ok := dns.TypeToString[uint16(t)]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// reason takes the library's position (of a text that nobody saw) off its message.
func reason(err error) string {
	s := strings.TrimPrefix(err.Error(), "dns: ")
	if i := strings.LastIndex(s, " at line: "); i >= 0 {
		s = s[:i]
	}
	return s
}

func pack(t wire.Type, record dns.RR) ([]byte, error) {
	buf := make([]byte, dns.Len(record)+64)
	end, err := dns.PackRR(record, buf, 0, nil, false)
	if errors.Is(err, dns.ErrBuf) {
		buf = make([]byte, 2*maxRData)
		end, err = dns.PackRR(record, buf, 0, nil, false)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrSyntax, reason(err))
	}
	const head = 1 + 10 // the root as owner, type, class, ttl, length
	data := bytes.Clone(buf[head:end])
	if len(data) > maxRData {
		return nil, fmt.Errorf("%w: it is longer than 65,535 octets", ErrSyntax)
	}
	if err := Valid(t, data); err != nil {
		return nil, err
	}
	return data, Canonical(t, data)
}

// oneRecord refuses text that the library would read past: it could bring a second record or silently lose its end.
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

// Canonical folds the names in RDATA that RFC 4034 section 6.2 and RFC 6840 section 5.1 name, in place.
func Canonical(t wire.Type, data []byte) error {
	if err := wire.Canonical(t, data); err != nil {
		return fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	return nil
}

// Valid checks that data is well-formed RDATA of its type: every length and name in it, nothing left over, and the values
// that a secondary would refuse (checkStrict).
func Valid(t wire.Type, data []byte) error {
	if len(data) > maxRData {
		return fmt.Errorf("%w: it is longer than 65,535 octets", ErrSyntax)
	}
	if err := checkShape(t, data); err != nil {
		return err
	}
	if isPlain(t) {
		return checkStrict(t, data)
	}
	record, err := unpack(t, data)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrSyntax, reason(err))
	}
	// What the library reads and would write differently is malformed in a way that it tolerates.
	buf := make([]byte, len(data)+64)
	end, err := dns.PackRR(record, buf, 0, nil, false)
	if err != nil || !bytes.Equal(buf[11:end], data) {
		return fmt.Errorf("%w: it is not in the form of its type", ErrSyntax)
	}
	if err := checkStrict(t, data); err != nil {
		return err
	}
	return Canonical(t, bytes.Clone(data)) // the names in it are there
}

// unpack reads the data as the library's record.
func unpack(t wire.Type, data []byte) (dns.RR, error) {
	head := dns.RR_Header{Name: ".", Rrtype: uint16(t), Class: dns.ClassINET, Rdlength: uint16(len(data))}
	record, off, err := dns.UnpackRRWithHeader(head, data, 0)
	if err != nil {
		return nil, err
	}
	if off != len(data) {
		return nil, errors.New("octets are left over")
	}
	return record, nil
}

// FormatData writes RDATA in presentation format, with absolute names. Data of types that nobody knows, or that does not
// have its type's shape, comes in the form of RFC 3597 section 5.
func FormatData(t wire.Type, data []byte) string {
	if s, ok := quickFormat(t, data); ok {
		return s
	}
	record, err := unpack(t, data)
	if _, unknown := record.(*dns.RFC3597); err != nil || unknown || len(data) == 0 {
		return generic(data)
	}
	text := strings.TrimPrefix(record.String(), record.Header().String())
	// The library writes some odd data in a way that it does not read back; nothing may be lost on the way out.
	folded := bytes.Clone(data)
	if again, err := ParseData(t, text, wire.Root); err != nil || Canonical(t, folded) != nil || !bytes.Equal(again, folded) {
		return generic(data)
	}
	return text
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

// parseGeneric reads the form of RFC 3597 section 5. The library drops octets that its own idea of the type has no room
// for.
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
